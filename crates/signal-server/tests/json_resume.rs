//! An agent on the JSON WebSocket that loses its connection and comes back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use futures_util::{SinkExt as _, StreamExt as _};
use prometheus_client::registry::Registry;
use sangam_net::http::{Client, Scheme};
use sangam_signal_server::{Deps, Options, SignalServer};
use sangam_telemetry::metrics::signal::SignalMetrics;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes, short enough to fail a test.
const PATIENCE: Duration = Duration::from_secs(10);

async fn serve(options: Options) -> SocketAddr {
    serve_two(options).await[0]
}

/// A server that takes who comes to its second address for somebody from elsewhere.
async fn serve_two(options: Options) -> [SocketAddr; 2] {
    let metrics = Arc::new(SignalMetrics::register(&mut Registry::default()));
    let server = SignalServer::start(options, Deps { metrics, journal: None, revocations: None }).await.unwrap();
    let mut addrs = Vec::new();
    for from in [[127, 0, 0, 1], [192, 0, 2, 1]] {
        let client = Client {
            addr: SocketAddr::from((from, 40_000)),
            local: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            scheme: Scheme::Http,
            trusted_loopback: true,
            origin_allowed: true,
        };
        let listener = TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0)).await.unwrap();
        addrs.push(listener.local_addr().unwrap());
        let router = server.router().layer(Extension(client));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    addrs.try_into().unwrap()
}

struct Agent {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: &'static str,
}

impl Agent {
    async fn connect(addr: SocketAddr, id: &'static str) -> Self {
        let (stream, _) = connect_async(format!("ws://{addr}/ws")).await.unwrap();
        Self { stream, id }
    }

    /// Registers and reads the answer.
    async fn join(addr: SocketAddr, id: &'static str, received: Option<u64>) -> (Self, Value) {
        let mut agent = Self::connect(addr, id).await;
        let mut register = json!({"type": "register", "agent_id": id, "want": ["resume", "room"]});
        if let Some(received) = received {
            register["received"] = received.into();
        }
        agent.send(register).await;
        let registered = agent.next().await;
        assert_eq!(registered["type"], "registered");
        (agent, registered)
    }

    async fn send(&mut self, message: Value) {
        self.stream.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn offer(&mut self, to: &str, number: u64) {
        let message = json!({"type": "offer", "from": self.id, "to": to, "offer": {"number": number}});
        self.send(message).await;
    }

    async fn verse(&mut self, number: u64) {
        self.send(json!({"type": "tell", "topic": "verse", "value": number})).await;
        assert_eq!(self.next().await["value"], number);
    }

    async fn next(&mut self) -> Value {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("the server said nothing");
            match next.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("no text but {other:?}"),
            }
        }
    }

    /// The numbers of the next verses and offers.
    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            let message = self.next().await;
            let number = if message["type"] == "told" { &message["value"] } else { &message["offer"]["number"] };
            numbers.push(number.as_u64().unwrap_or_else(|| panic!("{message}")));
        }
        numbers
    }

    /// Fails if anything came before the answer to a question of our own.
    async fn expect_silence(&mut self) {
        self.send(json!({"type": "recall"})).await;
        assert_eq!(self.next().await["type"], "room");
    }
}

#[tokio::test]
async fn who_comes_back_is_told_what_it_missed_once_and_in_order_and_nobody_heard_that_it_left() {
    let addr = serve(Options::default()).await;
    let (mut other, _) = Agent::join(addr, "other", None).await;
    let (mut lost, _) = Agent::join(addr, "lost", None).await;
    assert_eq!(other.next().await["type"], "agent-joined");
    other.verse(1).await;
    assert_eq!(lost.numbers(1).await, [1]);

    // Without a closing handshake.
    drop(lost);
    other.verse(2).await;
    other.offer("lost", 3).await;
    other.verse(4).await;

    let (mut back, registered) = Agent::join(addr, "lost", Some(1)).await;
    assert_eq!(registered["resumed"], true);
    assert_eq!(back.numbers(3).await, [2, 3, 4]);
    other.verse(5).await;
    assert_eq!(back.numbers(1).await, [5]);
    other.expect_silence().await;
    back.expect_silence().await;
}

#[tokio::test]
async fn what_went_nowhere_before_the_server_noticed_is_told_again() {
    let addr = serve(Options::default()).await;
    let (mut other, _) = Agent::join(addr, "other", None).await;
    // This connection stays open, and what comes on it is not read.
    let (_unnoticed, _) = Agent::join(addr, "lost", None).await;
    assert_eq!(other.next().await["type"], "agent-joined");
    other.verse(1).await;
    other.offer("lost", 2).await;
    other.verse(3).await;

    let (mut back, registered) = Agent::join(addr, "lost", Some(0)).await;
    assert_eq!(registered["resumed"], true);
    assert_eq!(back.numbers(3).await, [1, 2, 3]);
    // And once more, with the count that went on.
    other.verse(4).await;
    let (mut again, registered) = Agent::join(addr, "lost", Some(3)).await;
    assert_eq!(registered["resumed"], true);
    assert_eq!(again.numbers(1).await, [4]);
    other.expect_silence().await;
}

#[tokio::test]
async fn who_missed_more_than_is_kept_is_told_so_and_sees_the_room() {
    let mut options = Options::default();
    options.limits.outgoing_bytes_max = 1_024;
    let addr = serve(options).await;
    let (mut other, _) = Agent::join(addr, "other", None).await;
    let (lost, _) = Agent::join(addr, "lost", None).await;
    assert_eq!(other.next().await["type"], "agent-joined");
    drop(lost);
    for number in 1..=20 {
        other.verse(number).await;
    }
    let (mut back, registered) = Agent::join(addr, "lost", Some(0)).await;
    assert_eq!((&registered["resumed"], &registered["room"]["verse"]), (&false.into(), &20.into()));
    other.verse(21).await;
    assert_eq!(back.numbers(1).await, [21]);
    other.expect_silence().await;
}

#[tokio::test]
async fn who_does_not_come_back_in_time_has_left() {
    let mut options = Options::default();
    options.rooms.presence_grace = Duration::from_millis(50);
    let addr = serve(options).await;
    let (mut other, _) = Agent::join(addr, "other", None).await;
    let (lost, _) = Agent::join(addr, "lost", None).await;
    assert_eq!(other.next().await["type"], "agent-joined");
    drop(lost);
    assert_eq!(other.next().await, json!({"type": "agent-left", "agent_id": "lost"}));
    let (_back, registered) = Agent::join(addr, "lost", Some(0)).await;
    assert_eq!(registered["resumed"], false);
    assert_eq!(other.next().await["type"], "agent-joined");
}

#[tokio::test]
async fn who_says_goodbye_has_left_at_once() {
    let addr = serve(Options::default()).await;
    let (mut other, _) = Agent::join(addr, "other", None).await;
    let (mut gone, _) = Agent::join(addr, "gone", None).await;
    assert_eq!(other.next().await["type"], "agent-joined");
    let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    gone.stream.close(Some(goodbye)).await.unwrap();
    assert_eq!(other.next().await, json!({"type": "agent-left", "agent_id": "gone"}));
}

#[tokio::test]
async fn nobody_from_elsewhere_gets_the_id_of_who_is_away() {
    let [addr, elsewhere] = serve_two(Options::default()).await;
    let (mut other, _) = Agent::join(addr, "other", None).await;
    let (lost, _) = Agent::join(addr, "lost", None).await;
    assert_eq!(other.next().await["type"], "agent-joined");
    drop(lost);
    let mut thief = Agent::connect(elsewhere, "lost").await;
    thief.send(json!({"type": "register", "agent_id": "lost"})).await;
    assert_eq!(thief.next().await["message"], "Error: Agent id lost is in use from another address");
    other.verse(1).await;
    let (mut back, registered) = Agent::join(addr, "lost", Some(0)).await;
    assert_eq!(registered["resumed"], true);
    assert_eq!(back.numbers(1).await, [1]);
}
