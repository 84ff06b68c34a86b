use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use prometheus_client::registry::Registry;
use sangam_net::http::{Client, HttpOptions, Scheme, serve};
use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use sangam_storage::sync::Store;
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_proto::Operation;
use sangam_sync_server::{Deps, Live, Options, Streams, SyncServer};
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::side::{self, NOW, Side, bearer};

/// Longer than anything here takes, short enough to fail a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a socket, with a clock of the test.
pub(crate) struct Server {
    pub(crate) side: Side,
    pub(crate) addr: SocketAddr,
    pub(crate) now_ms: Arc<AtomicU64>,
}

impl Server {
    pub(crate) async fn start(options: Options, live: Live) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open_sync(dir.path(), &SqliteOptions::default()).unwrap();
        Self::over(store, dir, options, live).await
    }

    pub(crate) async fn over(store: Store, dir: TempDir, options: Options, live: Live) -> Self {
        let now_ms = Arc::new(AtomicU64::new(NOW.unix_millis()));
        let clock = Arc::clone(&now_ms);
        let metrics = Arc::new(SyncMetrics::register(&mut Registry::default()));
        let clock = Arc::new(move || Wall::from_unix_millis(clock.load(Ordering::SeqCst)));
        let server = SyncServer::start(options, live, Deps { store, metrics, clock }).await.unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let front = TcpFront::bind(loopback, Tls::Off, FrontOptions::default(), LiveRules::default()).unwrap();
        let addr = front.local_addr();
        let router = server.router().layer(from_fn(stand_in_for_the_front));
        tokio::spawn(serve(front, router, HttpOptions::default(), CancellationToken::new()));
        Self { side: Side::of(server, dir), addr, now_ms }
    }

    pub(crate) async fn plain() -> Self {
        Self::start(Options::default(), side::live()).await
    }

    pub(crate) async fn with(streams: Streams) -> Self {
        Self::start(Options { streams, ..Options::default() }, side::live()).await
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now_ms.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Pushes over HTTP; all of it must be accepted.
    pub(crate) async fn push(&self, db: &str, device: &str, ops: Vec<Operation>) {
        let last = ops.last().map_or(0, |op| op.op_id);
        let answer = self.side.push(&bearer(db, Some(device)), db, device, ops).await.pushed();
        assert_eq!((answer.acknowledged, answer.conflicts.len()), (last, 0));
    }

    /// A stream of that device in database `d`.
    pub(crate) async fn events(&self, device: &str) -> Events {
        self.events_at(&format!("/v1/events?deviceId={device}"), &bearer("d", Some(device)), "").await
    }

    /// `headers`: whole lines.
    pub(crate) async fn events_at(&self, path: &str, authorization: &str, headers: &str) -> Events {
        let events = self.ask(&format!("GET {path} HTTP/1.1\r\nauthorization: {authorization}\r\n{headers}")).await;
        assert_eq!(events.status, 200, "{:?}", events.headers);
        events
    }

    /// Sends the beginning of a request and reads the head of its answer.
    pub(crate) async fn ask(&self, request: &str) -> Events {
        self.ask_over(TcpStream::connect(self.addr).await.unwrap(), request).await
    }

    /// The same on a connection of the test.
    pub(crate) async fn ask_over(&self, stream: TcpStream, request: &str) -> Events {
        let mut stream = BufReader::new(stream);
        let request = format!("{request}host: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let status = line(&mut stream).await;
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        loop {
            let line = line(&mut stream).await;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        Events { stream, status, headers }
    }

    /// The status of a request and its body as JSON.
    pub(crate) async fn refusal(&self, path: &str, authorization: &str) -> (u16, Value) {
        let mut answer = self.ask(&format!("GET {path} HTTP/1.1\r\nauthorization: {authorization}\r\n")).await;
        assert_eq!(answer.headers["content-type"], "application/json");
        let len: usize = answer.headers["content-length"].to_str().unwrap().parse().unwrap();
        let mut body = vec![0; len];
        answer.stream.read_exact(&mut body).await.unwrap();
        (answer.status, serde_json::from_slice(&body).unwrap())
    }

    /// A WebSocket of that device in database `d`; the greeting is read.
    pub(crate) async fn socket(&self, device: &str) -> Socket {
        let mut socket = self.try_socket(&format!("?deviceId={device}"), &bearer("d", Some(device))).await.unwrap();
        assert_eq!(socket.json().await["type"], "subscribed");
        socket
    }

    pub(crate) async fn try_socket(&self, query: &str, authorization: &str) -> Result<Socket, Error> {
        self.try_socket_of(query, &[("authorization", authorization)]).await
    }

    pub(crate) async fn try_socket_of(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
        let mut request = format!("ws://{}/v1/ws{query}", self.addr).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Socket { stream: connect_async(request).await?.0 })
    }
}

/// Tells the server who its client is.
async fn stand_in_for_the_front(mut request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    let client = Client {
        addr: SocketAddr::from(([192, 0, 2, 1], 40_000)),
        local: SocketAddr::from(([198, 51, 100, 9], 8_080)),
        scheme: Scheme::Http,
        trusted_loopback: false,
        origin_allowed: origin.is_none_or(|it| it == "https://page.example"),
    };
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// A client of an event stream that sees its chunks.
pub(crate) struct Events {
    pub(crate) stream: BufReader<TcpStream>,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
}

impl Events {
    /// The next chunk: one event, whole; pings are passed over. `None`: the stream has ended as it should.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            let event = self.chunk().await?;
            assert!(event.ends_with("\n\n") && event.matches("\n\n").count() == 1, "not one event: {event:?}");
            assert!(!event.contains('\r'), "{event:?}");
            if !event.starts_with("event: ping\n") {
                return Some(event);
            }
        }
    }

    pub(crate) async fn chunk(&mut self) -> Option<String> {
        let len = line(&mut self.stream).await;
        let len = usize::from_str_radix(&len, 16).unwrap_or_else(|_| panic!("no chunk: {len:?}"));
        let mut chunk = vec![0; len + 2];
        read_exact(&mut self.stream, &mut chunk).await;
        let text = String::from_utf8(chunk).unwrap();
        (len > 0).then(|| text.strip_suffix("\r\n").unwrap().to_owned())
    }

    /// The next event, which must be of operations: its cursor and theirs.
    pub(crate) async fn operations(&mut self) -> (u64, Vec<u64>) {
        let event = self.next().await.expect("the stream goes on");
        assert!(event.starts_with("event: operations\nid: "), "{event}");
        let data = data(&event);
        let operations = data["operations"].as_array().unwrap();
        assert_eq!(data["count"], operations.len());
        let cursors = operations.iter().map(|op| op["opId"].as_u64().unwrap()).collect();
        (data["cursor"].as_u64().unwrap(), cursors)
    }

    /// Reads the greeting and returns its cursor.
    pub(crate) async fn connected(&mut self) -> u64 {
        let event = self.next().await.expect("the stream goes on");
        assert!(event.starts_with("event: connected\n"), "{event}");
        data(&event)["cursor"].as_u64().unwrap()
    }

    /// The cursors of what comes until `last`.
    pub(crate) async fn cursors_to(&mut self, last: u64) -> Vec<u64> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|heard| *heard < last) {
            heard.extend(self.operations().await.1);
        }
        heard
    }
}

/// The data of an event.
pub(crate) fn data(event: &str) -> Value {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("an event has data");
    serde_json::from_str(data).unwrap()
}

async fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_line(&mut line)).await;
    read.expect("the server said nothing").unwrap();
    line.trim_end_matches(['\r', '\n']).to_owned()
}

async fn read_exact(stream: &mut BufReader<TcpStream>, bytes: &mut [u8]) {
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(bytes)).await;
    read.expect("the server said too little").unwrap();
}

/// A client's WebSocket.
pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<Message, Error> {
        let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        next.expect("the server said nothing").unwrap_or(Err(Error::ConnectionClosed))
    }

    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.next().await.unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("no text but {other:?}"),
            }
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
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

    /// The cursors of operations until `last`.
    pub(crate) async fn cursors_to(&mut self, last: u64) -> Vec<u64> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|heard| *heard < last) {
            let message = self.json().await;
            assert_eq!(message["type"], "operations", "{message}");
            heard.extend(op_ids(&message));
        }
        heard
    }
}

pub(crate) fn op_ids(message: &Value) -> Vec<u64> {
    message["data"]["operations"].as_array().unwrap().iter().map(|op| op["opId"].as_u64().unwrap()).collect()
}
