use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use futures_util::{SinkExt as _, StreamExt as _};
use prometheus_client::registry::Registry;
use sangam_control::{Members, RoomWithMembers, Rooms};
use sangam_net::http::{Client, Scheme};
use sangam_signal_server::{Deps, Options, SignalServer};
use sangam_telemetry::metrics::signal::SignalMetrics;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes, short enough to fail a test.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server whose visitors are on its own machine, and its rooms.
pub(crate) struct Operated {
    pub(crate) rooms: Arc<dyn Rooms>,
    addr: SocketAddr,
    registry: Registry,
    serving: tokio::task::JoinHandle<()>,
}

impl Operated {
    /// A server that believes of its visitors that they are trusted.
    pub(crate) async fn start(options: Options) -> Self {
        Self::with(options, true).await
    }

    pub(crate) async fn with(options: Options, trusted_loopback: bool) -> Self {
        let mut registry = Registry::default();
        let metrics = Arc::new(SignalMetrics::register(&mut registry));
        let deps = Deps { metrics, journal: None, revocations: None };
        let server = SignalServer::start(options, deps).await.unwrap();
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let client = Client {
            addr: SocketAddr::new(loopback, 1),
            local: SocketAddr::new(loopback, 2),
            scheme: Scheme::Http,
            trusted_loopback,
            origin_allowed: true,
        };
        let (rooms, router) = (server.rooms(), server.router().layer(Extension(client)));
        let listener = TcpListener::bind((loopback, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { rooms, addr, registry, serving }
    }

    pub(crate) async fn try_open(&self, path: &str) -> Result<Visitor, Error> {
        let (stream, _) = connect_async(format!("ws://{}{path}", self.addr)).await?;
        Ok(Visitor { stream })
    }

    /// An agent of the JSON dialect, registered.
    pub(crate) async fn agent(&self, room: &str, id: &str) -> Visitor {
        let mut visitor = self.try_open(&format!("/r/{room}/ws")).await.unwrap();
        visitor.send(&format!(r#"{{"type":"register","agent_id":"{id}"}}"#)).await;
        visitor.until(r#"{"type":"registered""#).await;
        visitor
    }

    /// A Socket.IO client that has joined.
    pub(crate) async fn page(&self, query: &str, session: &str, id: &str) -> Visitor {
        let path = format!("/socket.io/?EIO=4&transport=websocket{query}");
        let mut visitor = self.try_open(&path).await.unwrap();
        visitor.until("0{").await;
        visitor.send("40").await;
        visitor.until("40{").await;
        let object = format!(r#"{{"sessionId":"{session}","participantId":"{id}","participantName":"Page {id}"}}"#);
        visitor.send(&format!(r#"42["join-session",{object}]"#)).await;
        visitor.until(r#"42["session-joined""#).await;
        visitor
    }

    /// A node that has asked whether something is there for it.
    pub(crate) async fn node(&self, room: &str, id: &str) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request = format!("GET /r/{room}/signal/poll/{id} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    pub(crate) async fn find(&self, room: &str) -> RoomWithMembers {
        self.rooms.find(room.to_owned(), Members { after: 0, limit: 100 }).await.unwrap()
    }

    /// Waits until a room is as it should be.
    pub(crate) async fn until_room(&self, room: &str, is_so: impl Fn(&RoomWithMembers) -> bool) -> RoomWithMembers {
        let reached = async {
            loop {
                let found = self.find(room).await;
                if is_so(&found) {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("the room does not become so")
    }

    /// The value of one line of the exposition, zero if it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }
}

impl Drop for Operated {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Whoever has a WebSocket.
pub(crate) struct Visitor {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Visitor {
    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The next text that begins so; whatever comes before is passed over.
    pub(crate) async fn until(&mut self, start: &str) -> String {
        let found = async {
            loop {
                match self.stream.next().await.expect("the server hung up").unwrap() {
                    Message::Text(text) if text.starts_with(start) => return text.to_string(),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("nothing that begins with {start}"))
    }

    /// The object of the next Socket.IO event of that name, without its time.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let text = self.until(&format!(r#"42["{name}""#)).await;
        let mut event: Value = serde_json::from_str(&text[2..]).unwrap();
        let mut object = event[1].take();
        object.as_object_mut().unwrap().remove("timestamp");
        object
    }
}
