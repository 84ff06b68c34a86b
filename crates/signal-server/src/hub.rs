mod agent;
mod away;
mod log;
mod node;
mod operator;
mod page;
mod room_file;
mod seats;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sangam_auth::token::TokenIdentity;
use sangam_bus::Journal;
use sangam_signal_proto::{CloseReason, Deadline, Event, Owner, SocketId, Stats};
use sangam_signal_proto::{Departure, Input, Notice, Output, Rights, Signaling};
use sangam_socketio::Server;
use sangam_telemetry::metrics::signal::{RoomFigures, SignalMetrics};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::agent::Agent;
pub(crate) use self::node::{Node, NodeAnswer, NodeRequest};
pub(crate) use self::operator::Order;
pub(crate) use self::page::{Arrival, Hearing};
pub(crate) use self::seats::Memory;

use self::agent::Texts;
use self::away::Away;
use self::page::{Page, Pages, Told};
use crate::clock::Clock;
use crate::dialect::Said;
use crate::dialect::json::{Decoded, Fault};
use crate::dialect::socketio::{GuardOptions, Request};
use crate::ice::Ice;
use crate::label;
use crate::options::Live;

/// What reaches the task that owns the rooms: from one socket in the order in which it happened there.
#[derive(Debug)]
pub(crate) enum Command {
    /// A socket opened.
    Opened { socket: SocketId, owner: Owner, rights: Rights, token: Option<TokenIdentity>, peer: Peer },
    /// An agent sent a message.
    Received { socket: SocketId, message: Result<Decoded, Fault> },
    /// A node asks for something.
    Asked { socket: SocketId, request: NodeRequest },
    /// A Socket.IO client is there.
    Arrived(Box<Arrival>),
    /// It wants something.
    Requested { sid: Arc<str>, request: Box<Request> },
    /// Its connection ended.
    Lost { sid: Arc<str>, epoch: u64, departure: Departure, expected: bool },
    /// It could have come back and did not.
    Expired { sid: Arc<str> },
    /// An agent answered a ping.
    Pong { socket: SocketId },
    /// It is gone.
    Closed { socket: SocketId, departure: Departure },
    /// Tokens were revoked: whose socket was opened with one of them is put out.
    Revoked,
    /// Say how much there is: a check that this task runs.
    Check { answer: oneshot::Sender<Stats> },
    /// An operator wants to see or to do something.
    Ordered(Order),
    /// Close every socket.
    Drain,
}

/// The task that owns the rooms.
pub(crate) struct Hub {
    options: sangam_signal_proto::Options,
    core: Signaling<Said>,
    peers: BTreeMap<SocketId, Peer>,
    /// Whose socket was opened with a token.
    holders: BTreeMap<SocketId, TokenIdentity>,
    live: Arc<ArcSwap<Live>>,
    pages: Pages,
    away: Away,
    guard: GuardOptions,
    server: Server,
    journal: Option<Arc<dyn Journal>>,
    /// Names sockets: shared with those who open them.
    sockets: Arc<AtomicU64>,
    /// Sockets that are gone, of which the core does not know yet.
    gone: Vec<SocketId>,
    /// Sockets that were pinged and are known to be there.
    alive: Vec<SocketId>,
    clock: Clock,
    ice: Arc<Ice>,
    metrics: Arc<SignalMetrics>,
    draining: bool,
    drain_hint: Box<str>,
}

/// What of a socket the core does not know: its wire.
#[derive(Debug)]
pub(crate) enum Peer {
    /// A WebSocket with the JSON dialect.
    Agent(Box<Agent>),
    /// A request of a node that polls.
    Node(Node),
    /// A Socket.IO client.
    Page(Box<Page>),
}

/// What the task that owns the rooms is made from.
pub(crate) struct Ground {
    pub(crate) options: sangam_signal_proto::Options,
    pub(crate) live: Arc<ArcSwap<Live>>,
    /// Of what a JSON agent that may come back was told, as much is kept.
    pub(crate) log_bytes_max: usize,
    pub(crate) guard: GuardOptions,
    /// How long a Socket.IO client may be away.
    pub(crate) recovery: Duration,
    pub(crate) server: Server,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) sockets: Arc<AtomicU64>,
    pub(crate) clock: Clock,
    pub(crate) ice: Arc<Ice>,
    pub(crate) metrics: Arc<SignalMetrics>,
    pub(crate) drain_hint: Box<str>,
}

impl Hub {
    pub(crate) fn new(ground: Ground, memory: Memory) -> Self {
        let Ground {
            options,
            live,
            log_bytes_max,
            guard,
            recovery,
            server,
            journal,
            sockets,
            clock,
            ice,
            metrics,
            drain_hint,
        } = ground;
        // A session that was open when the server before this one ended is good for more than once that long.
        let remembered_until = clock.mono() + recovery * 2;
        let mut hub = Self {
            core: Signaling::new(options.clone()),
            options,
            peers: BTreeMap::new(),
            holders: BTreeMap::new(),
            live,
            pages: Pages::new(remembered_until),
            away: Away::new(log_bytes_max),
            guard,
            server,
            journal,
            sockets,
            gone: Vec::new(),
            alive: Vec::new(),
            clock,
            ice,
            metrics,
            draining: false,
            drain_hint,
        };
        hub.recall(memory);
        hub
    }

    /// Rooms are as they were, and everybody who was in them is away.
    fn recall(&mut self, Memory { rooms, pages }: Memory) {
        let there = rooms.iter().flat_map(|record| {
            let room = record.room.clone();
            record.participants.iter().map(move |participant| (room.clone(), participant.id.clone()))
        });
        let there: BTreeSet<_> = there.collect();
        for room in rooms {
            self.feed_and_drain(Input::Restore(room));
        }
        for (sid, page) in pages {
            self.remember(&sid, page, |seat| there.contains(&(seat.room.clone(), seat.participant.clone())));
        }
    }

    /// Runs until every sender of commands is gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let deadline = self.drain_outputs().map(|deadline| deadline.at);
            let deadline = deadline.into_iter().chain(self.pages.next_expiry()).chain(self.away.next()).min();
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(self.clock.instant(deadline)).await,
                    None => std::future::pending().await,
                }
            };
            let command = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => Some(command),
                    None => return,
                },
                () = due => None,
            };
            match command {
                Some(command) => self.handle(command),
                None => {
                    self.end_expired();
                    self.give_up_away();
                    self.feed(Input::Timeout);
                }
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Opened { peer, .. } if self.draining => peer.turn_away(&self.drain_hint),
            Command::Opened { socket, owner, rights, token, peer } => {
                self.peers.insert(socket, peer);
                self.hold_token(socket, token);
                self.feed(Input::Connected { socket, owner, rights });
            }
            Command::Received { socket, message } => self.receive(socket, message),
            Command::Asked { socket, request } => self.ask(socket, request),
            Command::Arrived(_) | Command::Requested { .. } if self.draining => {}
            Command::Arrived(arrival) => self.arrive(*arrival),
            Command::Requested { sid, request } => self.request(&sid, *request),
            Command::Lost { sid, epoch, departure, expected } => self.lose(&sid, epoch, departure, expected),
            Command::Expired { sid } => self.forget_page(&sid),
            Command::Pong { socket } => {
                self.note_pong(socket);
                self.feed(Input::PongReceived { socket });
            }
            Command::Closed { socket, departure } => match departure {
                // Whoever wants its id is refused, although the ping that asked for it went nowhere.
                Departure::Lost if self.goes_away(socket) => self.feed(Input::PongReceived { socket }),
                Departure::Lost | Departure::Said => {
                    if let Some(peer) = self.take_peer(socket) {
                        peer.part();
                        self.feed(Input::Disconnected { socket, departure });
                    }
                }
            },
            // Whoever asked may have stopped waiting.
            Command::Check { answer } => drop(answer.send(self.core.stats())),
            Command::Ordered(order) => self.carry_out(order),
            Command::Revoked => self.put_out_revoked(),
            Command::Drain => self.drain(),
        }
    }

    fn feed(&mut self, input: Input<Said>) {
        self.core.handle_input(self.clock.now(), input);
    }

    /// For one input that another follows.
    fn feed_and_drain(&mut self, input: Input<Said>) {
        self.feed(input);
        self.drain_outputs();
    }

    fn next_socket(&self) -> SocketId {
        SocketId(self.sockets.fetch_add(1, Ordering::Relaxed))
    }

    /// Does everything the core wants done, and tells it of the sockets that could not take it or that need not be asked.
    fn drain_outputs(&mut self) -> Option<Deadline> {
        let deadline = loop {
            match self.core.poll_output() {
                Output::Deliver { to, notice } => self.deliver(&to, &notice),
                Output::Ping { to } => self.ping(to),
                Output::Close { socket, reason } => self.close(socket, reason),
                Output::Keep(record) => self.keep_room(&record),
                Output::Forget(room) => self.forget_room(&room),
                Output::Event(event) => self.note(&event),
                Output::Wait(deadline) => match self.next_news() {
                    Some(news) => self.feed(news),
                    None => break deadline,
                },
            }
        };
        self.metrics.noted(&figures(&self.core.stats()));
        deadline
    }

    /// What came up while outputs were drained.
    fn next_news(&mut self) -> Option<Input<Said>> {
        if let Some(socket) = self.gone.pop() {
            return Some(Input::Disconnected { socket, departure: Departure::Lost });
        }
        self.alive.pop().map(|socket| Input::PongReceived { socket })
    }

    /// An agent is asked. A node's request is open, and a Socket.IO session has a heartbeat of its own.
    fn ping(&mut self, socket: SocketId) {
        match self.peers.get(&socket) {
            Some(Peer::Agent(_)) => self.ping_agent(socket),
            Some(Peer::Node(_)) => self.alive.push(socket),
            Some(Peer::Page(page)) if page.is_connected() => self.alive.push(socket),
            Some(Peer::Page(_)) | None => {}
        }
    }

    /// What is the same for many is written once.
    fn deliver(&mut self, to: &[SocketId], notice: &Notice<Said>) {
        let (mut texts, mut told) = (Texts::default(), Told::default());
        for socket in to {
            match self.peers.get(socket) {
                Some(Peer::Agent(_)) => self.tell_agent(*socket, notice, &mut texts),
                Some(Peer::Node(_)) => self.tell_node(*socket, notice),
                Some(Peer::Page(_)) => self.tell_page(*socket, notice, &mut told),
                None => {}
            }
        }
        self.send_told(told);
    }

    fn close(&mut self, socket: SocketId, reason: CloseReason) {
        match self.take_peer(socket) {
            Some(Peer::Agent(agent)) => self.close_agent(*agent, reason),
            Some(Peer::Node(node)) => node.part(),
            Some(Peer::Page(page)) => self.close_page(socket, page, reason),
            None => {}
        }
    }

    fn take_peer(&mut self, socket: SocketId) -> Option<Peer> {
        self.holders.remove(&socket);
        self.away.forget(socket);
        let peer = self.peers.remove(&socket);
        if let Some(Peer::Page(page)) = &peer {
            self.pages.forget_expiry(socket, page);
        }
        peer
    }

    /// Remembers with which token a socket was opened. It may have been revoked while the socket was on its way here.
    fn hold_token(&mut self, socket: SocketId, token: Option<TokenIdentity>) {
        self.holders.remove(&socket);
        let Some(token) = token else { return };
        if self.is_revoked(&token) {
            return self.put_out(socket);
        }
        self.holders.insert(socket, token);
    }

    fn is_revoked(&self, token: &TokenIdentity) -> bool {
        let keyring = &self.live.load().access.keyring;
        keyring.as_ref().is_some_and(|it| it.is_revoked(token, self.clock.now().wall))
    }

    fn put_out_revoked(&mut self) {
        let revoked = self.holders.iter().filter(|(_, token)| self.is_revoked(token));
        let sockets: Vec<SocketId> = revoked.map(|(socket, _)| *socket).collect();
        for socket in sockets {
            self.holders.remove(&socket);
            self.put_out(socket);
        }
    }

    /// Ends a socket whose token was revoked.
    fn put_out(&mut self, socket: SocketId) {
        self.metrics.closed("token_revoked");
        match self.peers.get(&socket) {
            // The socket's task says that it is gone once it is.
            Some(Peer::Agent(agent)) => {
                if !agent.revoked() {
                    self.give_up(socket);
                }
            }
            Some(Peer::Page(page)) if page.is_connected() => {
                self.put_out_page(socket, "token_revoked", "Token revoked");
            }
            // It is away, and is asked for its token if it comes back.
            Some(Peer::Page(page)) => {
                let sid = page.sid();
                self.forget_page(&sid);
            }
            Some(Peer::Node(_)) | None => {}
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        // Nobody is told of anybody's leaving: all leave, and all are told so.
        self.core = Signaling::new(self.options.clone());
        self.holders.clear();
        for peer in std::mem::take(&mut self.peers).into_values() {
            peer.turn_away(&self.drain_hint);
        }
    }

    fn note(&self, event: &Event) {
        tracing::debug!(event = label::event(event), details = ?event, "signaling");
        match event {
            Event::Joined { .. }
            | Event::Left { .. }
            | Event::RoomOpened { .. }
            | Event::RoomClosed { .. }
            | Event::Ended { .. }
            | Event::TimerExpired { .. }
            | Event::Kicked { .. }
            | Event::Locked { .. }
            | Event::NotRestored { .. } => self.metrics.happened(label::event(event)),
            Event::Relayed { kind, .. } => self.metrics.relayed(label::kind(*kind)),
            Event::Glare { outcome, .. } => self.metrics.glared(label::glare(*outcome)),
            Event::Dropped { kind, reason } => self.metrics.dropped(label::kind(*kind), label::drop_reason(*reason)),
            Event::Refused { refusal, .. } => self.metrics.refused(label::refusal(refusal)),
            Event::Closed { reason, .. } => self.metrics.closed(label::close(*reason)),
            Event::GraceRefused { .. } => self.metrics.grace_refused(),
        }
    }
}

fn figures(stats: &Stats) -> RoomFigures {
    RoomFigures {
        sockets: stats.sockets,
        rooms: stats.rooms,
        participants: stats.participants,
        absent: stats.absent,
        timers: stats.timers,
        held_bytes: stats.held_bytes,
        mail: stats.mail_len,
        mail_bytes: stats.mail_bytes,
    }
}

impl Peer {
    /// The server is stopping.
    fn turn_away(self, hint: &str) {
        match self {
            Self::Agent(agent) => agent.turn_away(hint),
            Self::Node(node) => node.part(),
            // The sessions below are drained, and what was kept of it is for the next server.
            Self::Page(_) => {}
        }
    }

    /// It is gone by itself.
    fn part(self) {
        if let Self::Node(node) = self {
            node.part();
        }
    }
}
