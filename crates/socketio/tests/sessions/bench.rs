//! A server with one application, an engine that is none, and clients that speak on the wire.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_bus::{Journal, JournalError, Record};
use sangam_engineio_proto::CloseReason;
use sangam_net::http::{Client as HttpClient, Scheme};
use sangam_socketio::upper::{Forbidden, Lower, Opening, SessionWaker, Upper, UpperFactory};
use sangam_socketio::{
    AckId, Application, Arguments, DisconnectReason, Entering, Entry, Event, Gone, Options, RecoveryOptions, Server,
    Session, Socket, SocketIo,
};
use sangam_types::{Frame, Mono, Now, Text, Wall};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// An application that notes what it is told, and does what events name.
#[derive(Default)]
pub(crate) struct Noting(Mutex<Vec<String>>);

impl Noting {
    pub(crate) fn note(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Application for Noting {
    type Guest = ();

    fn open(&self, _opening: &Opening) -> Result<(), Forbidden> {
        Ok(())
    }

    fn enter(&self, entering: &mut Entering<'_, ()>) -> Entry {
        if matches!(entering.namespace, "/" | "/other") { Entry::Accept } else { Entry::invalid_namespace() }
    }

    fn connected(&self, socket: &mut Socket<'_, ()>) {
        self.note(format!("connected {} recovered={}", socket.sid(), socket.recovered()));
    }

    fn event(&self, socket: &mut Socket<'_, ()>, event: Event) {
        let items: Vec<Value> = serde_json::from_str(event.arguments.json()).unwrap();
        let room = items.get(1).and_then(Value::as_str).unwrap_or_default();
        match (&*event.name(), event.id) {
            ("join", _) => {
                if socket.join(room).is_err() {
                    self.note(format!("too many rooms: {room}"));
                }
            }
            ("leave", _) => socket.leave(room),
            ("say", _) => {
                let _reached: usize = socket.to(room).emit(list(json!(["said", room])));
            }
            ("echo", None) => socket.emit(event.arguments.renamed("echoed").unwrap()),
            ("echo", Some(id)) => {
                socket.answer(id, event.arguments.without_name().unwrap());
                socket.emit(list(json!(["answered"])));
            }
            ("maybe", _) => socket.emit_volatile(list(json!(["maybe", "x"]))),
            ("ask", _) => {
                let _ack: AckId = socket.ask(list(json!(["question"])), Duration::from_secs(5));
            }
            ("kick", _) => {
                socket.emit(list(json!(["goodbye"])));
                socket.disconnect();
            }
            ("hard", _) => socket.close_session(),
            ("interrupt", _) => socket.interrupt(),
            (name, _) => self.note(format!("event {name}")),
        }
    }

    fn acknowledged(&self, _socket: &mut Socket<'_, ()>, _ack: AckId, answer: Option<Arguments>) {
        self.note(format!("acknowledged {}", answer.unwrap().json()));
    }

    fn unacknowledged(&self, _socket: &mut Socket<'_, ()>, _ack: AckId) {
        self.note("unacknowledged".to_owned());
    }

    fn disconnected(&self, _guest: &mut (), gone: &Gone, reason: DisconnectReason, recoverable: bool) {
        self.note(format!("disconnected {} {} recoverable={recoverable}", gone.sid, reason.as_str()));
    }

    fn expired(&self, gone: &Gone) {
        self.note(format!("expired {} of {:?}", gone.sid, gone.rooms));
    }
}

/// A server and its time.
pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) application: Arc<Noting>,
    pub(crate) io: SocketIo<Noting>,
    pub(crate) time: Time,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Time(Arc<Mutex<Duration>>);

impl Time {
    pub(crate) fn now(&self) -> Now {
        let passed = *self.0.lock().unwrap();
        Now { mono: Mono::from_start(passed), wall: Wall::from_unix_secs(1_000) + passed }
    }

    pub(crate) fn pass(&self, secs: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(secs);
    }
}

impl Bench {
    pub(crate) fn new(options: Options) -> Self {
        Self::with_journal(options, None, Time::default())
    }

    /// With recovery within 120 s.
    pub(crate) fn recovering() -> Self {
        Self::new(recovering())
    }

    pub(crate) fn with_journal(options: Options, journal: Option<Arc<dyn Journal>>, time: Time) -> Self {
        let clock = time.clone();
        let server = Server::with_clock(options, journal, move || clock.now());
        let application = Arc::new(Noting::default());
        let io = SocketIo::new(application.clone(), server.clone());
        Self { server, application, io, time }
    }

    /// A session without a socket.
    pub(crate) fn open(&self) -> Client {
        let notify = Arc::new(Notify::new());
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let client =
            HttpClient { addr, local: addr, scheme: Scheme::Http, trusted_loopback: false, origin_allowed: true };
        let session = self.io.open(Opening {
            sid: Text::from_static("engine"),
            client,
            headers: Arc::default(),
            uri: "/socket.io/".parse().unwrap(),
            waker: SessionWaker::new(notify.clone()),
            now: self.time.now().mono,
        });
        let lower = Wire { sent: Vec::new(), is_writable: true, queued_bytes: 0, is_closed: false };
        let (sid, pid) = (String::new(), String::new());
        Client { session: session.unwrap(), lower, notify, time: self.time.clone(), sid, pid }
    }

    /// A client in `/`.
    pub(crate) fn client(&self) -> Client {
        self.client_with("0")
    }

    pub(crate) fn client_with(&self, connect: &str) -> Client {
        let mut client = self.open();
        client.say(connect);
        client.meet();
        client
    }

    /// A client that comes back.
    pub(crate) fn back(&self, pid: &str, offset: Option<&str>) -> Client {
        self.client_with(&format!("0{}", json!({ "pid": pid, "offset": offset })))
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.application.take()
    }

    pub(crate) fn pass(&self, secs: u64) {
        self.time.pass(secs);
        self.io.expire();
    }
}

pub(crate) fn recovering() -> Options {
    Options { recovery: Some(RecoveryOptions::default()), ..Options::default() }
}

pub(crate) fn list(value: Value) -> Arguments {
    Arguments::new(Text::from(value.to_string())).unwrap()
}

/// What the session below would have sent.
pub(crate) struct Wire {
    pub(crate) sent: Vec<Frame>,
    pub(crate) is_writable: bool,
    pub(crate) queued_bytes: usize,
    pub(crate) is_closed: bool,
}

impl Lower for Wire {
    fn send(&mut self, packet: Frame) {
        self.sent.push(packet);
    }

    fn is_writable(&self) -> bool {
        self.is_writable
    }

    fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    fn close(&mut self) {
        self.is_closed = true;
    }
}

/// A client and the session that it has.
pub(crate) struct Client {
    pub(crate) session: Session<Noting>,
    pub(crate) lower: Wire,
    notify: Arc<Notify>,
    time: Time,
    pub(crate) sid: String,
    pub(crate) pid: String,
}

impl Client {
    pub(crate) fn say(&mut self, wire: &str) {
        self.session.received(self.time.now().mono, Frame::Text(Text::from(wire)), &mut self.lower);
    }

    /// Turns the session if somebody woke it; says whether.
    pub(crate) fn turn(&mut self) -> bool {
        let is_woken = self.notify.notified().now_or_never().is_some();
        if is_woken {
            self.wake();
        }
        is_woken
    }

    pub(crate) fn wake(&mut self) {
        self.session.woken(self.time.now().mono, &mut self.lower);
    }

    /// What it was sent since it was last asked, without the packet type of the session below.
    pub(crate) fn heard(&mut self) -> Vec<String> {
        self.turn();
        let text = |frame: Frame| match frame {
            Frame::Text(text) => text.as_str().strip_prefix('4').unwrap().to_owned(),
            Frame::Binary(bytes) => format!("{bytes:?}"),
        };
        std::mem::take(&mut self.lower.sent).into_iter().map(text).collect()
    }

    /// Learns its names from the answer to its CONNECT, and leaves the rest.
    pub(crate) fn meet(&mut self) {
        let is_answer = |frame: &Frame| matches!(frame, Frame::Text(text) if text.as_str().starts_with("40{"));
        let Some(at) = self.lower.sent.iter().position(is_answer) else { return };
        let Frame::Text(answer) = self.lower.sent.remove(at) else { return };
        let json = &answer.as_str()[2..];
        let answer: Value = serde_json::from_str(json).unwrap();
        self.sid = answer["sid"].as_str().unwrap().to_owned();
        self.pid = answer["pid"].as_str().unwrap_or_default().to_owned();
    }

    pub(crate) fn lose(mut self) {
        self.session.closed(self.time.now().mono, CloseReason::TransportClose);
    }
}

/// The last string of an event: its offset.
pub(crate) fn offset(event: &str) -> String {
    let list: Value = serde_json::from_str(&event[1..]).unwrap();
    list.as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()
}

/// An event without its offset.
pub(crate) fn bare(event: &str) -> String {
    let mut list: Value = serde_json::from_str(&event[1..]).unwrap();
    list.as_array_mut().unwrap().pop();
    list.to_string()
}

/// An area and a key in it.
type Key = (&'static str, String);

/// A journal that lasts as long as the test.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    records: Mutex<BTreeMap<Key, (Bytes, Wall)>>,
    time: Time,
}

impl Memory {
    pub(crate) fn new(time: &Time) -> Arc<Self> {
        Arc::new(Self { records: Mutex::default(), time: time.clone() })
    }

    /// Loses what was put last into an area, as when the machine stops before it is written.
    pub(crate) fn lose_newest(&self, area: &'static str) {
        let mut records = self.records.lock().unwrap();
        let newest = records.keys().rfind(|(of, _)| *of == area).cloned().unwrap();
        records.remove(&newest);
    }

    pub(crate) fn len(&self, area: &'static str) -> usize {
        self.records.lock().unwrap().keys().filter(|(of, _)| *of == area).count()
    }
}

impl Journal for Memory {
    fn put(&self, area: &'static str, key: &str, value: Bytes, expires: Wall) {
        self.records.lock().unwrap().insert((area, key.to_owned()), (value, expires));
    }

    fn remove(&self, area: &'static str, key: &str) {
        self.records.lock().unwrap().remove(&(area, key.to_owned()));
    }

    fn load(&self, area: &'static str) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        let records = self.records.lock().unwrap();
        let now = self.time.now().wall;
        let alive = records.iter().filter(|((of, _), (_, expires))| *of == area && *expires > now);
        let read = |((_, key), (value, expires)): (&Key, &(Bytes, Wall))| Record {
            key: key.clone(),
            value: value.clone(),
            expires: *expires,
        };
        std::future::ready(Ok(alive.map(read).collect())).boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        std::future::ready(Ok(())).boxed()
    }
}
