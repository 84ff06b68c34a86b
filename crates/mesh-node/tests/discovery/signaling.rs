use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use sangam_mesh_node::discovery::{Discovered, Options, Report, Server};
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{Failure, Profile, Signal, Via};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::originals::{Seeker, node_id, offer, options, us};

/// A server whose sockets the test holds in its hand.
struct Hall {
    url: String,
    sockets: mpsc::UnboundedReceiver<WebSocket>,
}

impl Hall {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let (take, sockets) = mpsc::unbounded_channel();
        let router = Router::new().route(
            "/",
            any(move |upgrade: WebSocketUpgrade| async move {
                upgrade.on_upgrade(move |socket| async move {
                    take.send(socket).ok();
                })
            }),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, sockets }
    }

    fn options(&self) -> Options {
        Options { signaling: vec![Server { url: self.url.clone(), token: None }], ..options() }
    }

    /// The next socket, its `register` and an answer with these members.
    async fn register(&mut self, answer: Value) -> (WebSocket, Value) {
        let mut socket = self.sockets.recv().await.unwrap();
        let register = hear(&mut socket).await;
        let mut registered = json!({"type": "registered", "agent_id": register["agent_id"], "connected_agents": []});
        registered.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        say(&mut socket, &registered).await;
        (socket, register)
    }
}

async fn hear(socket: &mut WebSocket) -> Value {
    loop {
        if let Message::Text(text) = socket.recv().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn say(socket: &mut WebSocket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

#[tokio::test]
async fn an_original_server_is_spoken_to_in_its_own_words() {
    let mut hall = Hall::start().await;
    let mut seeker = Seeker::start(hall.options()).await;
    let key = node_id("key");
    let (mut socket, register) = hall.register(json!({"connected_agents": ["agent-b", key.as_str()]})).await;
    assert_eq!((&register["type"], &register["agent_id"]), (&json!("register"), &json!(us().agent_id)));
    assert_eq!(register.get("received"), None);
    for (id, profile) in [("agent-b", Profile::Agent), (key.as_str(), Profile::Sangam)] {
        let seen = seeker.until("an agent", |event| match event {
            Discovered::Seen(sighting) => Some(sighting),
            _ => None,
        });
        let seen = seen.await;
        assert_eq!((seen.peer.as_str(), seen.source, seen.profile), (id, Source::Signaling(0), profile));
    }
    let agent = sangam_mesh_proto::PeerId::new("agent-b").unwrap();
    seeker.discovery.send(&agent, None, None, &offer("s=-"), false);
    // An agent has no word for the end of candidates.
    seeker.discovery.send(&agent, None, None, &Signal::EndOfCandidates { ufrag: None }, false);
    seeker.discovery.send(&agent, None, None, &offer("s=again"), false);
    assert_eq!(
        hear(&mut socket).await,
        json!({"type": "offer", "from": us().agent_id, "to": "agent-b",
               "offer": {"type": "offer", "sdp": "v=0\r\ns=-\r\n"}})
    );
    assert_eq!(hear(&mut socket).await["offer"]["sdp"], "v=0\r\ns=again\r\n");
    socket.send(Message::text("no JSON")).await.unwrap();
    let payload =
        json!({"candidate": "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host", "sdpMid": null, "sdpMLineIndex": null});
    let message = json!({"type": "ice-candidate", "from": "agent-b", "to": "x", "candidate": payload});
    socket.send(Message::Binary(message.to_string().into())).await.unwrap();
    let line = seeker.until("the candidate", |event| match event {
        Discovered::Signal { via: Via::Signaling(0), signal: Signal::Candidate(candidate), .. } => Some(candidate.line),
        _ => None,
    });
    assert_eq!(line.await, "candidate:1 1 UDP 1 192.0.2.1 9 typ host");
    say(&mut socket, &json!({"type": "agent-left", "agent_id": "agent-b"})).await;
    let left = seeker.until("the goodbye", |event| match event {
        Discovered::Left { peer, .. } => Some(peer),
        _ => None,
    });
    assert_eq!(left.await, agent);
}

#[tokio::test]
async fn a_server_of_ours_is_told_what_became_of_links_and_an_original_is_not() {
    let (mut ours, mut original) = (Hall::start().await, Hall::start().await);
    let servers = [&original, &ours].map(|hall| Server { url: hall.url.clone(), token: None });
    let mut seeker = Seeker::start(Options { signaling: servers.to_vec(), ..options() }).await;
    let (mut other, _) = original.register(json!({"connected_agents": ["b"]})).await;
    let (mut socket, _) = ours.register(json!({"protocol": 1})).await;
    for _ in 0..2 {
        seeker.until("a server", |event| matches!(event, Discovered::Source { up: true, .. }).then_some(())).await;
    }
    let agent = sangam_mesh_proto::PeerId::new("b").unwrap();
    seeker.discovery.report(&agent, Report::Failed(Failure::NoPath));
    let took = Duration::from_millis(420);
    seeker.discovery.report(&agent, Report::Established { pair: None, took });
    let mut links = Vec::new();
    while links.len() < 2 {
        let report = hear(&mut socket).await;
        assert_eq!(report["type"], "report");
        links.extend(report["links"].as_array().unwrap().clone());
    }
    let failed = json!({"outcome": "failed", "reason": "no_path"});
    assert_eq!(links, [failed, json!({"outcome": "established", "connect_ms": 420})]);
    // What comes next to the original is no report.
    seeker.discovery.send(&agent, Some(Via::Signaling(0)), None, &offer("s=-"), false);
    assert_eq!(hear(&mut other).await["type"], "offer");
    let figures = seeker.discovery.figures();
    assert_eq!(figures.beyond_bounds, 0);
}

#[tokio::test]
async fn who_comes_back_says_how_much_it_has_received() {
    let mut hall = Hall::start().await;
    let mut seeker = Seeker::start(hall.options()).await;
    let (mut socket, register) = hall.register(json!({"protocol": 1})).await;
    assert!(register["want"].as_array().unwrap().contains(&json!("resume")), "{register}");
    for agent in ["a", "b", "c"] {
        say(&mut socket, &json!({"type": "agent-joined", "agent_id": agent})).await;
    }
    seeker
        .until("the last", |event| matches!(event, Discovered::Seen(seen) if seen.peer.as_str() == "c").then_some(()))
        .await;
    drop(socket);
    let (mut socket, register) =
        hall.register(json!({"protocol": 1, "resumed": true, "connected_agents": ["a", "b", "c"]})).await;
    assert_eq!(register["received"], 3);
    say(&mut socket, &json!({"type": "agent-left", "agent_id": "a"})).await;
    seeker.until("the goodbye", |event| matches!(event, Discovered::Left { .. }).then_some(())).await;
    drop(socket);
    let (socket, register) = hall.register(json!({"protocol": 1, "resumed": false, "connected_agents": ["c"]})).await;
    assert_eq!(register["received"], 4);
    // What it missed it sees by the list.
    let left = seeker.until("the other goodbye", |event| match event {
        Discovered::Left { peer, .. } => Some(peer),
        _ => None,
    });
    assert_eq!(left.await.as_str(), "b");
    drop(socket);
    let (_socket, register) = hall.register(json!({"protocol": 1})).await;
    assert_eq!(register["received"], 0);
}

#[tokio::test]
async fn a_server_that_is_away_is_given_no_signals_and_is_when_it_is_back() {
    let mut hall = Hall::start().await;
    let mut seeker = Seeker::start(hall.options()).await;
    let (socket, _) = hall.register(json!({"protocol": 1, "connected_agents": ["b"]})).await;
    seeker.until("the server", |event| matches!(event, Discovered::Source { up: true, .. }).then_some(())).await;
    drop(socket);
    seeker.until("the loss", |event| matches!(event, Discovered::Source { up: false, .. }).then_some(())).await;
    // While it is away, no signal is given to it in vain.
    let peer = sangam_mesh_proto::PeerId::new("b").unwrap();
    seeker.discovery.send(&peer, Some(Via::Signaling(0)), None, &offer("s=-"), false);
    seeker.until("the refusal", |event| matches!(event, Discovered::Undeliverable { .. }).then_some(())).await;
    let (mut socket, _) = hall.register(json!({"protocol": 1, "connected_agents": ["b"]})).await;
    seeker.until("the server", |event| matches!(event, Discovered::Source { up: true, .. }).then_some(())).await;
    seeker.discovery.send(&peer, Some(Via::Signaling(0)), None, &offer("s=-"), false);
    assert_eq!(hear(&mut socket).await["type"], "offer");
}
