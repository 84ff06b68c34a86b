use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, header};
use sangam_engineio_proto::{CloseReason, Packet};
use sangam_net::http::{Client, HttpOptions, Scheme, serve};
use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use sangam_socketio::engine::{Clock, Engine, EngineOptions, EngineSnapshot};
use sangam_socketio::upper::{Forbidden, Lower, Opening, SessionWaker, Upper, UpperFactory};
use sangam_types::{Frame, Mono, Text};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, short enough to fail a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the sessions of a test have in common.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) ends: Mutex<Vec<CloseReason>>,
    wakers: Mutex<Vec<SessionWaker>>,
    /// Wakes meant for the session, which may be woken at any other time too.
    wakes: AtomicU32,
    /// Whether the session was writable when it was asked to make a note of it.
    noted: AtomicBool,
}

pub(crate) struct Echoes(pub(crate) Arc<Seen>);

/// Answers each message with itself. Some words do something else.
pub(crate) struct Echo(Arc<Seen>);

impl UpperFactory for Echoes {
    type Upper = Echo;

    fn open(&self, opening: Opening) -> Result<Echo, Forbidden> {
        if opening.headers.contains_key("x-test-forbidden") {
            return Err(Forbidden(Text::from_static("not you")));
        }
        assert_eq!(opening.address().port(), 40_000);
        assert_eq!(opening.sid.as_str().len(), 20);
        self.0.wakers.lock().unwrap().push(opening.waker);
        Ok(Echo(Arc::clone(&self.0)))
    }
}

fn message(text: &str) -> Frame {
    Packet::Message(Frame::Text(Text::from(text))).encode()
}

impl Upper for Echo {
    fn received(&mut self, _: Mono, frame: Frame, lower: &mut dyn Lower) {
        let Frame::Text(text) = &frame else { return lower.send(Packet::Message(frame).encode()) };
        let words: Vec<&str> = text.as_str().split(' ').collect();
        match words[..] {
            ["close"] => {
                lower.send(message("bye"));
                lower.close();
            }
            ["count", to] => (0..to.parse().unwrap()).for_each(|n: u32| lower.send(message(&n.to_string()))),
            ["bytes", len] => lower.send(message(&"x".repeat(len.parse().unwrap()))),
            ["quiet", ..] => {}
            ["note"] => self.0.noted.store(lower.is_writable(), Ordering::SeqCst),
            ["writable"] => lower.send(message(&lower.is_writable().to_string())),
            _ => lower.send(Packet::Message(frame).encode()),
        }
    }

    fn woken(&mut self, _: Mono, lower: &mut dyn Lower) {
        for _ in 0..self.0.wakes.swap(0, Ordering::SeqCst) {
            lower.send(message("woken"));
        }
    }

    fn deadline(&self) -> Option<Mono> {
        None
    }

    fn closed(&mut self, _: Mono, reason: CloseReason) {
        self.0.ends.lock().unwrap().push(reason);
    }
}

pub(crate) struct TestServer {
    pub(crate) engine: Engine<Echoes>,
    pub(crate) addr: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

impl TestServer {
    pub(crate) async fn start(options: EngineOptions) -> Self {
        let seen = Arc::<Seen>::default();
        let engine = Engine::new(options, Echoes(Arc::clone(&seen)), Clock::since(Instant::now()));
        let router = engine.router("/socket.io").layer(from_fn(stand_in_for_the_front));
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let front = TcpFront::bind(addr, Tls::Off, FrontOptions::default(), LiveRules::default()).unwrap();
        let addr = front.local_addr();
        tokio::spawn(serve(front, router, HttpOptions::default(), CancellationToken::new()));
        Self { engine, addr, seen }
    }

    pub(crate) async fn http(&self) -> Http {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        Http { stream: BufReader::new(stream) }
    }

    /// One request on a connection of its own.
    pub(crate) async fn request(&self, method: &str, query: &str, headers: &str, body: &str) -> Answer {
        self.http().await.request(method, query, headers, body).await
    }

    /// A session over polling: its id.
    pub(crate) async fn poll_session(&self) -> String {
        let answer = self.request("GET", "EIO=4&transport=polling", "", "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let open: Value = serde_json::from_str(answer.body.strip_prefix('0').unwrap()).unwrap();
        open["sid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn poll(&self, sid: &str) -> Answer {
        self.request("GET", &format!("EIO=4&transport=polling&sid={sid}"), "", "").await
    }

    pub(crate) async fn post(&self, sid: &str, body: &str) -> Answer {
        self.request("POST", &format!("EIO=4&transport=polling&sid={sid}"), "", body).await
    }

    /// Wakes the first session.
    pub(crate) fn wake(&self) {
        self.seen.wakes.fetch_add(1, Ordering::SeqCst);
        self.seen.wakers.lock().unwrap()[0].wake();
    }

    /// A poll that waits, which the session knows.
    pub(crate) async fn waiting_poll(&self, sid: &str) -> Http {
        let mut http = self.http().await;
        http.send("GET", &format!("EIO=4&transport=polling&sid={sid}"), "", "").await;
        while !self.seen.noted.load(Ordering::SeqCst) {
            assert_eq!(self.post(sid, "4note").await.status, 200);
        }
        http
    }

    pub(crate) async fn try_open(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
        let mut request = format!("ws://{}/socket.io/?{query}", self.addr).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, _) = connect_async(request).await?;
        Ok(Socket { stream })
    }

    /// A session over a WebSocket, and its handshake.
    pub(crate) async fn socket_session(&self) -> (Socket, Value) {
        let mut socket = self.try_open("EIO=4&transport=websocket", &[]).await.unwrap();
        let open = socket.text().await;
        (socket, serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap())
    }

    /// Status, content type and body of a refused WebSocket.
    pub(crate) async fn refusal(&self, query: &str, headers: &[(&'static str, &str)]) -> (u16, String, HeaderMap) {
        let Err(Error::Http(response)) = self.try_open(query, headers).await else { panic!("it was not refused") };
        let body = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
        (response.status().as_u16(), body, response.headers().clone())
    }

    pub(crate) async fn until(&self, what: impl Fn(&EngineSnapshot) -> bool) {
        let reached = async {
            while !what(&self.engine.stats()) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "{:?}", self.engine.stats());
    }

    pub(crate) async fn until_ended(&self, reason: CloseReason) {
        self.until(|it| it.closed.contains(&(reason, 1))).await;
        assert_eq!(*self.seen.ends.lock().unwrap(), [reason]);
    }
}

/// Headers say who a test's client is: an address in `x-test-from`.
async fn stand_in_for_the_front(mut request: Request, next: Next) -> Response {
    let from = request.headers().get("x-test-from").map(|it| it.to_str().unwrap().parse().unwrap());
    let origin = request.headers().get(header::ORIGIN);
    let client = Client {
        addr: SocketAddr::new(from.unwrap_or(IpAddr::from([127, 0, 0, 1])), 40_000),
        local: SocketAddr::from(([127, 0, 0, 1], 8_080)),
        scheme: Scheme::Http,
        trusted_loopback: from.is_none(),
        origin_allowed: origin.is_none_or(|it| it == "https://page.example"),
    };
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// A client's HTTP connection.
pub(crate) struct Http {
    pub(crate) stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The values of a header, joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<&str> = lines.filter(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

impl Http {
    pub(crate) async fn send(&mut self, method: &str, query: &str, headers: &str, body: &str) {
        let len = body.len();
        let request = format!(
            "{method} /socket.io/?{query} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len}\r\n{headers}\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    pub(crate) async fn request(&mut self, method: &str, query: &str, headers: &str, body: &str) -> Answer {
        self.send(method, query, headers, body).await;
        self.answer().await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("the server said nothing")
    }

    async fn read(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: String::new() };
        let len = answer.header("content-length").map_or(0, |len| len.parse().unwrap());
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }
}

/// A client's WebSocket.
pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<Message, Error> {
        let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        next.expect("the server said nothing").unwrap_or(Err(Error::ConnectionClosed))
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await.unwrap() {
            Message::Text(text) => text.to_string(),
            other => panic!("no text but {other:?}"),
        }
    }

    /// The close that the server sends, after whatever else it had to say.
    pub(crate) async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            if let Message::Close(frame) = self.next().await.unwrap() {
                return frame;
            }
        }
    }
}
