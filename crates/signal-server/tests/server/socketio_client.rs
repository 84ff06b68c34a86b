//! As much of a Socket.IO client as tests need, on a WebSocket: frames as they stand on the wire.

use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Socket, TestServer};

/// A client in the namespace `/`.
pub(crate) struct Io {
    pub(crate) socket: Socket,
    pub(crate) sid: String,
    pid: Option<String>,
    /// Of the last event: what a client shows to get what came after it.
    offset: Option<String>,
}

/// What a client needs to come back.
pub(crate) struct Way {
    pub(crate) sid: String,
    auth: String,
}

/// The transport of a client that is not in a namespace yet.
pub(crate) async fn transport(server: &TestServer, query: &str, headers: &[(&'static str, &str)]) -> Socket {
    let path = format!("/socket.io/?EIO=4&transport=websocket{query}");
    let (mut socket, _) = server.try_open(&path, headers).await.unwrap();
    let open = socket.text().await;
    assert!(open.starts_with("0{"), "{open}");
    socket
}

impl TestServer {
    pub(crate) async fn io(&self) -> Io {
        Io::enter(transport(self, "", &[]).await, "").await.unwrap()
    }

    /// A client that is in a session, its answer read.
    pub(crate) async fn io_in(&self, room: &str, id: &str) -> Io {
        let mut io = self.io().await;
        io.join(room, id).await;
        let (name, answer) = io.event().await;
        assert_eq!((name.as_str(), &answer["sessionId"]), ("session-joined", &Value::from(room)));
        io
    }

    /// One that comes back.
    pub(crate) async fn io_back(&self, way: &Way) -> Io {
        Io::enter(transport(self, "", &[]).await, &way.auth).await.unwrap()
    }
}

impl Io {
    /// Enters `/`. What it missed comes before the answer and is kept for [`Io::event`]. The error is what it is told
    /// if it may not.
    pub(crate) async fn enter(mut socket: Socket, auth: &str) -> Result<Self, Value> {
        socket.send(&format!("40{auth}")).await;
        let mut missed = Vec::new();
        loop {
            let frame = socket.text().await;
            if let Some(refused) = frame.strip_prefix("44") {
                return Err(serde_json::from_str(refused).unwrap());
            }
            let Some(answer) = frame.strip_prefix("40") else {
                missed.push(frame);
                continue;
            };
            let answer: Value = serde_json::from_str(answer).unwrap();
            let text = |name: &str| answer[name].as_str().map(ToOwned::to_owned);
            socket.unread.extend(missed);
            return Ok(Self { socket, sid: text("sid").unwrap(), pid: text("pid"), offset: None });
        }
    }

    pub(crate) async fn emit(&mut self, name: &str, argument: &str) {
        self.socket.send(&format!(r#"42["{name}",{argument}]"#)).await;
    }

    pub(crate) async fn join(&mut self, room: &str, id: &str) {
        self.emit("join-session", &format!(r#"{{"sessionId":"{room}","participantId":"{id}"}}"#)).await;
    }

    /// The next frame that is no heartbeat.
    pub(crate) async fn frame(&mut self) -> Result<String, Option<CloseFrame>> {
        loop {
            if let Some(frame) = self.socket.unread.pop_front() {
                return Ok(frame);
            }
            match self.socket.next().await {
                Ok(Message::Text(text)) if text == "2" => self.socket.send("3").await,
                Ok(Message::Text(text)) => return Ok(text.to_string()),
                Ok(Message::Close(frame)) => return Err(frame),
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) | Error::Io(_)) => {
                    return Err(None);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// The next event: its name and argument.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        let frame = self.frame().await.expect("the session ended");
        let list = frame.strip_prefix("42").unwrap_or_else(|| panic!("no event but {frame}"));
        let mut list: Vec<Value> = serde_json::from_str(list).unwrap();
        if self.pid.is_some() {
            self.offset = list.pop().and_then(|it| it.as_str().map(ToOwned::to_owned));
        }
        let mut list = list.into_iter();
        let name = list.next().and_then(|it| it.as_str().map(ToOwned::to_owned)).unwrap();
        (name, list.next().unwrap_or_default())
    }

    /// The next event is this one; whatever its time is, it stands as 1.
    #[track_caller]
    pub(crate) fn expect(&mut self, name: &str, argument: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let expected: Value = serde_json::from_str(argument).unwrap();
            let (got, mut value) = self.event().await;
            if let Some(timestamp) = value.get_mut("timestamp").filter(|it| it.is_u64()) {
                *timestamp = 1.into();
            }
            assert_eq!((got.as_str(), value), (name, expected), "at {caller}");
        }
    }

    /// The next event is an `error` with this code.
    #[track_caller]
    pub(crate) fn expect_error(&mut self, code: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let (name, value) = self.event().await;
            assert_eq!((name.as_str(), value["code"].as_str()), ("error", Some(code)), "at {caller}");
        }
    }

    /// Fails if anything came before the answer to a question of our own.
    pub(crate) async fn expect_silence(&mut self) {
        self.emit("get-queue", "null").await;
        self.expect_error("payload_missing").await;
    }

    /// Waits for the end of the session: what was said before it, and the close if there was one.
    pub(crate) async fn ended(&mut self) -> (Vec<String>, Option<CloseFrame>) {
        let mut frames = Vec::new();
        loop {
            match self.frame().await {
                Ok(frame) => frames.push(frame),
                Err(close) => return (frames, close),
            }
        }
    }

    /// Cuts the transport, without a word.
    pub(crate) fn cut(self) -> Way {
        let Self { sid, pid, offset, .. } = self;
        let auth = serde_json::json!({ "pid": pid, "offset": offset });
        Way { sid, auth: auth.to_string() }
    }
}

impl Way {
    /// The same with a token.
    pub(crate) fn with_token(&self, token: &str) -> String {
        let mut auth: Value = serde_json::from_str(&self.auth).unwrap();
        auth["token"] = token.into();
        auth.to_string()
    }
}
