//! A JSON signaling server (IF.swarm's messages, and what ours adds): one WebSocket, opened again whenever it is lost.

mod message;
mod socket;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{PeerId, Profile, Signal, Via};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use self::message::{Heard, Registered};
use self::socket::Socket;
use super::backoff::Backoff;
use super::context::{Context, count, is_node_id};
use super::{Discovered, Report, Server};

/// Longest for a message to be taken, and for `registered` to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Silence after which the connection is pinged.
const SILENCE: Duration = Duration::from_secs(15);
/// How long the answer to a ping may take before the connection is given up. A NAT that has forgotten us tells nobody.
const PONG: Duration = Duration::from_secs(2);
/// How long a new connection may take: after this long a handshake's repetitions are too far apart to wait for.
const OPENING: Duration = Duration::from_secs(3);
/// A connection that lasted this long worked: the next loss is the first.
const SETTLED: Duration = Duration::from_secs(10);
/// Links that one message tells of: as many as the server reads.
const REPORTS_PER_MESSAGE: usize = 64;
/// Who was seen is told again after this long, so that nobody forgets those who are there.
const RETELL: Duration = Duration::from_secs(60);

/// The way to one server.
pub(super) struct Signaling {
    is_up: AtomicBool,
    is_ours: AtomicBool,
    /// The connection is to be tried now, or looked for at once.
    check: Notify,
    queue: mpsc::Sender<Outgoing>,
    reports: mpsc::Sender<Report>,
}

/// A signal on its way to the server.
#[derive(Debug)]
pub(super) struct Outgoing {
    to: PeerId,
    signal: Signal,
    since: Instant,
}

impl Signaling {
    /// Starts the connection; it ends when the node stops.
    pub(super) fn start(
        context: &Arc<Context>,
        index: u8,
        server: Server,
        tls: TlsConnector,
        tasks: &mut JoinSet<()>,
    ) -> Arc<Self> {
        let (queue, outgoing) = mpsc::channel(context.options.signaling_queue_max.max(1));
        let (reports, told) = mpsc::channel(context.options.reports_max.max(1));
        let (is_up, is_ours) = (AtomicBool::new(false), AtomicBool::new(false));
        let way = Arc::new(Self { is_up, is_ours, check: Notify::new(), queue, reports });
        let connection = Connection {
            context: Arc::clone(context),
            way: Arc::clone(&way),
            source: Source::Signaling(index),
            index,
            server,
            tls,
            outgoing,
            reports: told,
            held: None,
            received: None,
            agents: HashSet::new(),
        };
        tasks.spawn(connection.run());
        way
    }

    /// The network may have changed.
    pub(super) fn check(&self) {
        self.check.notify_one();
    }

    /// Whether the server took us in and has room for one more signal.
    pub(super) fn send(&self, to: &PeerId, signal: &Signal) -> bool {
        let outgoing = Outgoing { to: to.clone(), signal: signal.clone(), since: Instant::now() };
        self.is_up.load(Ordering::Relaxed) && self.queue.try_send(outgoing).is_ok()
    }

    /// Whether the server took us in and takes reports of links.
    pub(super) fn takes_reports(&self) -> bool {
        self.is_up.load(Ordering::Relaxed) && self.is_ours.load(Ordering::Relaxed)
    }

    /// Whether there was room for one more.
    pub(super) fn report(&self, report: Report) -> bool {
        self.reports.try_send(report).is_ok()
    }
}

struct Connection {
    context: Arc<Context>,
    way: Arc<Signaling>,
    source: Source,
    index: u8,
    server: Server,
    tls: TlsConnector,
    outgoing: mpsc::Receiver<Outgoing>,
    reports: mpsc::Receiver<Report>,
    /// Taken from the queue and not sent: the connection was lost with it.
    held: Option<Outgoing>,
    /// Messages that came behind the last `registered`, as the server counts them (`resume`).
    received: Option<u64>,
    agents: HashSet<PeerId>,
}

/// A connection is over: why, in words.
struct Ended(String);

/// What a WebSocket gives.
type Frame = Option<Result<Message, tokio_tungstenite::tungstenite::Error>>;

/// What is due on a connection, and when.
struct Clocks {
    /// Until `registered` has come.
    registered_by: Option<Instant>,
    renew_at: Option<Instant>,
    retell_at: Instant,
    silent_at: Instant,
    was_pinged: bool,
}

impl Clocks {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            registered_by: Some(now + PATIENCE),
            renew_at: None,
            retell_at: now + RETELL,
            silent_at: now + SILENCE,
            was_pinged: false,
        }
    }

    fn heard(&mut self) {
        (self.silent_at, self.was_pinged) = (Instant::now() + SILENCE, false);
    }

    /// Whether there is a ping to be sent now.
    fn ping(&mut self) -> bool {
        let is_new = !std::mem::replace(&mut self.was_pinged, true);
        if is_new {
            self.silent_at = Instant::now() + PONG;
        }
        is_new
    }

    fn next(&self) -> Instant {
        let always = self.retell_at.min(self.silent_at);
        [self.registered_by, self.renew_at].into_iter().flatten().fold(always, Instant::min)
    }
}

impl Connection {
    async fn run(mut self) {
        let context = Arc::clone(&self.context);
        let mut backoff = Backoff::new(context.options.retry_first, context.options.retry_max);
        let mut was_told = false;
        loop {
            let Ended(why) = self.connection(&mut backoff).await;
            if context.stop.is_cancelled() {
                return;
            }
            let was_up = self.way.is_up.swap(false, Ordering::Relaxed);
            if was_up || !was_told {
                was_told = true;
                context.tell_source(self.source, false, &why).await;
            }
            self.give_up_old().await;
            tokio::select! {
                slept = context.sleep(backoff.fail()) => if slept.is_none() { return },
                () = self.way.check.notified() => {}
            }
        }
    }

    async fn connection(&mut self, backoff: &mut Backoff) -> Ended {
        let bytes_max = self.context.options.answer_bytes_max;
        let opening = timeout(OPENING, socket::open(&self.server, &self.tls, bytes_max));
        let opened = tokio::select! {
            opened = opening => opened,
            () = self.context.stop.cancelled() => return Ended("the node stops".to_owned()),
        };
        let mut socket = match opened {
            Ok(Ok(socket)) => socket,
            Ok(Err(why)) => return Ended(why),
            Err(_) => return Ended("no WebSocket in 3 s".to_owned()),
        };
        match self.register(&mut socket, self.received).await {
            Ok(()) => self.talk(&mut socket, backoff).await,
            Err(ended) => ended,
        }
    }

    async fn register(&self, socket: &mut Socket, received: Option<u64>) -> Result<(), Ended> {
        let agent_id = self.context.us.borrow().agent_id.clone();
        say(socket, message::register(&agent_id, received)).await
    }

    /// From the `register` to the end of the connection.
    async fn talk(&mut self, socket: &mut Socket, backoff: &mut Backoff) -> Ended {
        let mut clocks = Clocks::new();
        let mut registered_at = None;
        loop {
            match self.step(socket, &mut clocks).await {
                Ok(true) => _ = registered_at.get_or_insert_with(Instant::now),
                Ok(false) => {}
                Err(ended) => {
                    // Two with one id would put each other out without a pause.
                    if registered_at.is_some_and(|at: Instant| at.elapsed() > SETTLED) {
                        backoff.reset();
                    }
                    return ended;
                }
            }
        }
    }

    /// Whatever comes next; whether it was the answer to `register`.
    async fn step(&mut self, socket: &mut Socket, clocks: &mut Clocks) -> Result<bool, Ended> {
        let is_up = clocks.registered_by.is_none();
        if let Some(held) = self.held.take_if(|_| is_up) {
            self.pass_on(socket, held).await?;
        }
        let mut reports = Vec::new();
        tokio::select! {
            () = self.context.stop.cancelled() => {
                // Without this code the server would wait for us to come back before it tells the others.
                let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                let _closed = timeout(Duration::from_secs(1), socket.close(Some(goodbye))).await;
                return Err(Ended("the node stops".to_owned()));
            }
            frame = socket.next() => {
                clocks.heard();
                let Some(text) = self.text_of(socket, frame).await? else { return Ok(false) };
                match self.heard(&text).await {
                    Some(Heard::Registered(registered)) => {
                        (clocks.registered_by, clocks.renew_at) = (None, renewal(&registered));
                        self.registered(registered).await;
                        return Ok(true);
                    }
                    // The answer to `register` that is a refusal.
                    Some(Heard::Error(why)) if !is_up => return Err(Ended(why)),
                    Some(_) | None => {}
                }
            }
            outgoing = self.outgoing.recv(), if is_up => {
                let outgoing = outgoing.ok_or_else(|| Ended("the node stops".to_owned()))?;
                self.pass_on(socket, outgoing).await?;
            }
            _ = self.reports.recv_many(&mut reports, REPORTS_PER_MESSAGE), if is_up => {
                say(socket, message::report(&reports)).await?;
            }
            () = self.way.check.notified() => if clocks.ping() {
                say(socket, Message::Ping(Bytes::new())).await?;
            },
            () = sleep_until(clocks.next()) => self.tick(socket, clocks).await?,
        }
        Ok(false)
    }

    /// A message's text; `None`: it has none. Pings are answered by the library while the socket is read; the answer must leave.
    async fn text_of(&mut self, socket: &mut Socket, frame: Frame) -> Result<Option<String>, Ended> {
        match frame {
            Some(Ok(Message::Text(text))) => Ok(Some(text.to_string())),
            Some(Ok(Message::Binary(bytes))) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Some(Ok(Message::Ping(_))) => match timeout(PATIENCE, socket.flush()).await {
                Ok(Ok(())) => Ok(None),
                Ok(Err(_)) | Err(_) => Err(Ended("the connection was lost".to_owned())),
            },
            Some(Ok(Message::Close(frame))) => {
                // Closed on purpose: there is nothing to come back to.
                self.received = None;
                let said = frame.map(|frame| format!(": {} {}", u16::from(frame.code), frame.reason));
                Err(Ended(format!("closed by the server{}", said.unwrap_or_default())))
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Err(error)) => Err(Ended(error.to_string())),
            None => Err(Ended("the connection was lost".to_owned())),
        }
    }

    /// Does what is due.
    async fn tick(&mut self, socket: &mut Socket, clocks: &mut Clocks) -> Result<(), Ended> {
        let now = Instant::now();
        if clocks.registered_by.is_some_and(|by| by <= now) {
            return Err(Ended("the server did not answer `register`".to_owned()));
        }
        if clocks.renew_at.take_if(|at| *at <= now).is_some() {
            self.register(socket, None).await?;
        }
        if clocks.retell_at <= now {
            clocks.retell_at = now + RETELL;
            self.retell().await;
        }
        if clocks.silent_at <= now {
            if !clocks.ping() {
                return Err(Ended("the server fell silent".to_owned()));
            }
            say(socket, Message::Ping(Bytes::new())).await?;
        }
        Ok(())
    }

    /// What the connection itself does not mind is told from here.
    async fn heard(&mut self, text: &str) -> Option<Heard> {
        let Some(heard) = message::read(text) else {
            self.count_one();
            count(&self.context.counters.malformed);
            return None;
        };
        if !matches!(heard, Heard::Registered(_)) {
            self.count_one();
        }
        match heard {
            Heard::Joined(agent) => self.joined(agent).await,
            Heard::Left(agent) => {
                self.agents.remove(&agent);
                self.context.left(agent, self.source).await;
            }
            Heard::Signal { from, signal } if !self.context.is_ours(from.as_str()) => {
                self.context.signal(from, Via::Signaling(self.index), signal).await;
            }
            Heard::NotFound(agent) => self.not_found(agent).await,
            Heard::Signal { .. } | Heard::Other => {}
            Heard::Registered(_) => return Some(heard),
            Heard::Error(ref why) => {
                tracing::warn!(server = %self.server.url, why, "the signaling server refused a message");
                return Some(heard);
            }
        }
        None
    }

    fn count_one(&mut self) {
        self.received = self.received.map(|received| received + 1);
    }

    async fn registered(&mut self, registered: Registered) {
        let Registered { agents, resumed, is_ours, ice, .. } = registered;
        self.way.is_ours.store(is_ours, Ordering::Relaxed);
        self.received = match (resumed, is_ours) {
            (Some(true), _) => self.received,
            // Every server of ours says `protocol`; one that does not counts nothing.
            (_, true) => Some(0),
            (_, false) => None,
        };
        let present: HashSet<PeerId> = agents.iter().take(self.context.options.peers_max).cloned().collect();
        let gone: Vec<PeerId> = self.agents.difference(&present).cloned().collect();
        for agent in gone {
            self.agents.remove(&agent);
            self.context.left(agent, self.source).await;
        }
        if !self.way.is_up.swap(true, Ordering::Relaxed) {
            self.context.tell_source(self.source, true, "").await;
        }
        for agent in agents {
            self.joined(agent).await;
        }
        if let Some((servers, expires_at)) = ice {
            self.context.tell(Discovered::IceServers { servers, expires_at, from: self.source }).await;
        }
    }

    async fn joined(&mut self, agent: PeerId) {
        if self.context.is_ours(agent.as_str()) {
            return;
        }
        if self.agents.len() >= self.context.options.peers_max && !self.agents.contains(&agent) {
            return count(&self.context.counters.beyond_bounds);
        }
        self.agents.insert(agent.clone());
        let profile = profile_of(&agent);
        self.context.seen(agent, self.source, None, profile).await;
    }

    async fn retell(&mut self) {
        for agent in self.agents.clone() {
            let profile = profile_of(&agent);
            self.context.seen(agent, self.source, None, profile).await;
        }
    }

    async fn not_found(&mut self, agent: PeerId) {
        self.agents.remove(&agent);
        self.context.left(agent.clone(), self.source).await;
        count(&self.context.counters.undeliverable);
        self.context.tell(Discovered::Undeliverable { to: agent, signal: None }).await;
    }

    async fn pass_on(&mut self, socket: &mut Socket, outgoing: Outgoing) -> Result<(), Ended> {
        if outgoing.since.elapsed() > self.context.options.signaling_patience {
            self.undeliverable(outgoing).await;
            return Ok(());
        }
        let agent_id = self.context.us.borrow().agent_id.clone();
        let sent = say(socket, message::signal(&agent_id, outgoing.to.as_str(), &outgoing.signal)).await;
        if sent.is_err() {
            self.held = Some(outgoing);
        }
        sent
    }

    /// What waits is told back when it has waited long enough.
    async fn give_up_old(&mut self) {
        let patience = self.context.options.signaling_patience;
        while let Some(outgoing) = self.held.take().or_else(|| self.outgoing.try_recv().ok()) {
            if outgoing.since.elapsed() <= patience {
                self.held = Some(outgoing);
                return;
            }
            self.undeliverable(outgoing).await;
        }
    }

    async fn undeliverable(&self, outgoing: Outgoing) {
        count(&self.context.counters.undeliverable);
        self.context.tell(Discovered::Undeliverable { to: outgoing.to, signal: Some(outgoing.signal) }).await;
    }
}

/// A key for an id is what nodes like ours register; agents and browsers have names.
fn profile_of(agent: &PeerId) -> Profile {
    if is_node_id(agent.as_str()) { Profile::Sangam } else { Profile::Agent }
}

/// Credentials are asked for again when four fifths of their time have passed. `None`: never, or in a time that no clock here can name.
fn renewal(registered: &Registered) -> Option<Instant> {
    let lifetime = registered.ttl?;
    Instant::now().checked_add(lifetime.mul_f64(0.8).max(Duration::from_secs(5)))
}

async fn say(socket: &mut Socket, message: Message) -> Result<(), Ended> {
    match timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Ended(error.to_string())),
        Err(_) => Err(Ended("the server takes nothing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_outlast_every_clock_are_not_asked_for_again() {
        let renewed = |ttl: u64| match message::read(&format!(r#"{{"type":"registered","ttl":{ttl}}}"#)) {
            Some(Heard::Registered(registered)) => renewal(&registered).is_some(),
            other => panic!("{other:?}"),
        };
        assert!(renewed(100) && !renewed(u64::MAX) && !renewed(0));
    }
}
