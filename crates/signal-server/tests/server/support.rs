use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, header};
use prometheus_client::registry::Registry;
use sangam_bus::Journal;
use sangam_control::TokenRevocationWatch;
use sangam_net::http::{Client, Scheme};
use sangam_signal_server::{Deps, Options, SignalServer};
use sangam_telemetry::metrics::signal::SignalMetrics;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes, short enough to fail a test.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address of ours that clients are told to be connected to.
const LOCAL: [u8; 4] = [198, 51, 100, 9];

/// A signaling server with its main routes, and those of any path for the rest.
pub(crate) struct TestServer {
    pub(crate) server: SignalServer,
    pub(crate) addr: SocketAddr,
    registry: Registry,
}

impl TestServer {
    pub(crate) async fn start(options: Options) -> Self {
        Self::start_with(options, None, None).await
    }

    /// What its listener of Socket.IO has is at `/beside`.
    pub(crate) async fn start_with(
        options: Options,
        journal: Option<Arc<dyn Journal>>,
        revocations: Option<TokenRevocationWatch>,
    ) -> Self {
        let mut registry = Registry::default();
        let metrics = Arc::new(SignalMetrics::register(&mut registry));
        let server = SignalServer::start(options, Deps { metrics, journal, revocations }).await.unwrap();
        let router = server.router().nest("/beside", server.socketio_router());
        let router = router.fallback_service(server.any_path_router()).layer(from_fn(stand_in_for_the_front));
        let listener = TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { server, addr, registry }
    }

    pub(crate) async fn open(&self) -> Socket {
        self.try_open("/ws", &[]).await.unwrap().0
    }

    /// A socket of a client at another address.
    pub(crate) async fn open_from(&self, from: &str) -> Socket {
        self.try_open("/ws", &[("x-test-from", from)]).await.unwrap().0
    }

    /// A socket with an id, its answer read.
    pub(crate) async fn agent(&self, id: &str) -> Socket {
        let mut socket = self.open().await;
        socket.register(id, "[]").await;
        socket
    }

    /// A socket with an id in a room, of which it wants to hear.
    pub(crate) async fn agent_in(&self, room: &str, id: &str) -> Socket {
        let (mut socket, _) = self.try_open(&format!("/r/{room}/ws"), &[]).await.unwrap();
        socket.register(id, r#"["room"]"#).await;
        socket
    }

    pub(crate) async fn try_open(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Socket, HeaderMap), Error> {
        let mut request = format!("ws://{}{path}", self.addr).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, response) = connect_async(request).await?;
        Ok((Socket { stream, unread: VecDeque::new() }, response.headers().clone()))
    }

    /// The status and problem code of a refused upgrade.
    pub(crate) async fn refusal(&self, path: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
        let Err(Error::Http(response)) = self.try_open(path, headers).await else {
            panic!("the upgrade was not refused")
        };
        let body = response.body().as_deref().unwrap_or_default();
        let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        (response.status().as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
    }

    /// The value of one line of the exposition, zero if it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a line of the exposition has a value.
    pub(crate) async fn until_metric(&self, name: &str, value: u64) {
        until(&format!("{name} is {value}"), || self.metric(name) == value).await;
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let reached = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "waited in vain until {what}");
}

/// Headers say who a test's client is: an address in `x-test-from`, else the operator on this machine.
async fn stand_in_for_the_front(mut request: Request, next: Next) -> Response {
    let from = request.headers().get("x-test-from").map(|it| it.to_str().unwrap().parse().unwrap());
    let origin = request.headers().get(header::ORIGIN);
    let client = Client {
        addr: SocketAddr::new(from.unwrap_or(IpAddr::from([127, 0, 0, 1])), 40_000),
        local: SocketAddr::from((LOCAL, 8_080)),
        scheme: Scheme::Http,
        trusted_loopback: from.is_none(),
        origin_allowed: origin.is_none_or(|it| it == "https://page.example"),
    };
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// A client's WebSocket.
pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Texts that were read and put back.
    pub(crate) unread: VecDeque<String>,
}

impl Socket {
    /// Takes an id; `want` is a JSON list.
    pub(crate) async fn register(&mut self, id: &str, want: &str) -> String {
        self.send(&format!(r#"{{"type":"register","agent_id":"{id}","want":{want}}}"#)).await;
        let answer = self.text().await;
        assert!(answer.starts_with(&format!(r#"{{"type":"registered","agent_id":"{id}""#)), "{answer}");
        answer
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<Message, Error> {
        let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        next.expect("the server said nothing").unwrap_or(Err(Error::ConnectionClosed))
    }

    /// The next text; pings are answered on the way.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.next().await.unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("no text but {other:?}"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let text = self.text().await;
            assert_eq!(text, expected, "at {caller}");
        }
    }

    /// The close that the server sends, after whatever else it had to say.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        loop {
            match self.next().await.unwrap() {
                Message::Close(frame) => return frame.expect("the server gives a reason"),
                Message::Text(_) | Message::Ping(_) => {}
                other => panic!("no close but {other:?}"),
            }
        }
    }

    /// Fails if anything came before the answer to a question of our own.
    pub(crate) async fn expect_silence(&mut self) {
        self.send("null").await;
        self.expect(r#"{"type":"error","message":"TypeError: Cannot read properties of null (reading 'type')"}"#).await;
    }
}
