use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::ws::{Utf8Bytes, close_code};
use sangam_signal_proto::{
    CloseReason, Deadline, Event, Input, Notice, Output, Owner, Signaling, SocketId, Stats, Traits,
};
use sangam_telemetry::metrics::signal::SignalMetrics;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::dialect::json::{self, Decoded, Extras, Fault, Wants};
use crate::ice::{Evicted, Ice, Via};
use crate::label;
use crate::outbox::{Outbox, Step};

/// Closed because another socket of the same owner took the id. From the range that RFC 6455 §7.4.2 leaves to
/// applications.
const CLOSE_REPLACED: u16 = 4_001;
/// Closed because a ping went unanswered. A client that still hears it may come back at once.
const CLOSE_SILENT: u16 = 4_002;

/// What reaches the task that owns the rooms: from one socket in the order in which it happened there.
#[derive(Debug)]
pub(crate) enum Command {
    /// A socket opened.
    Opened { socket: SocketId, owner: Owner, outbox: Arc<Outbox>, via: Via },
    /// It sent a message.
    Received { socket: SocketId, message: Result<Decoded, Fault> },
    /// It answered a ping.
    Pong { socket: SocketId },
    /// It is gone.
    Closed { socket: SocketId },
    /// Say how much there is: a check that this task runs.
    Check { answer: oneshot::Sender<Stats> },
    /// Close every socket.
    Drain,
}

/// The task that owns the rooms.
pub(crate) struct Hub {
    options: sangam_signal_proto::Options,
    core: Signaling,
    peers: BTreeMap<SocketId, Peer>,
    /// Sockets that read too slowly, of which the core does not know yet.
    overrun: Vec<SocketId>,
    clock: Clock,
    ice: Arc<Ice>,
    metrics: Arc<SignalMetrics>,
    draining: bool,
}

/// What of a socket the core does not know.
struct Peer {
    outbox: Arc<Outbox>,
    via: Via,
    wants: Wants,
}

impl Hub {
    pub(crate) fn new(
        options: sangam_signal_proto::Options,
        clock: Clock,
        ice: Arc<Ice>,
        metrics: Arc<SignalMetrics>,
    ) -> Self {
        let core = Signaling::new(options.clone());
        Self { options, core, peers: BTreeMap::new(), overrun: Vec::new(), clock, ice, metrics, draining: false }
    }

    /// Runs until every sender of commands is gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let deadline = self.drain_outputs();
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(self.clock.instant(deadline.at)).await,
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
                None => self.feed(Input::Timeout),
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Opened { socket, owner, outbox, via } => {
                if self.draining {
                    return outbox.close(close_code::AWAY, "going away");
                }
                self.peers.insert(socket, Peer { outbox, via, wants: Wants::default() });
                self.feed(Input::Connected { socket, owner });
            }
            Command::Received { socket, message } => self.receive(socket, message),
            Command::Pong { socket } => self.feed(Input::PongReceived { socket }),
            Command::Closed { socket } => {
                if self.peers.remove(&socket).is_some() {
                    self.feed(Input::Disconnected { socket });
                }
            }
            // Whoever asked may have stopped waiting.
            Command::Check { answer } => drop(answer.send(self.core.stats())),
            Command::Drain => self.drain(),
        }
    }

    fn receive(&mut self, socket: SocketId, message: Result<Decoded, Fault>) {
        let Some(peer) = self.peers.get_mut(&socket) else { return };
        match message {
            Ok(Decoded::Register { id, wants }) => {
                self.metrics.received("register");
                peer.wants = wants;
                let traits = Traits { rolls_back: wants.rollback };
                self.feed(Input::Register { socket, participant: id, traits });
            }
            Ok(Decoded::Signal(signal)) => {
                self.metrics.received(label::kind(signal.kind));
                self.feed(Input::Signal { socket, signal });
            }
            Ok(Decoded::Ignored) => self.metrics.received("unknown"),
            Err(fault) => {
                self.metrics.received("faulty");
                self.push(socket, Step::Text(json::encode_fault(&fault).into()));
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.core.handle_input(self.clock.now(), input);
    }

    /// Does everything the core wants done, and tells it of the sockets that could not take it.
    fn drain_outputs(&mut self) -> Option<Deadline> {
        let deadline = loop {
            match self.core.poll_output() {
                Output::Deliver { to, notice } => self.deliver(&to, &notice),
                Output::Ping { to } => self.push(to, Step::Ping),
                Output::Close { socket, reason } => self.close(socket, reason),
                Output::Event(event) => self.note(&event),
                Output::Wait(deadline) => match self.overrun.pop() {
                    Some(socket) => self.feed(Input::Disconnected { socket }),
                    None => break deadline,
                },
            }
        };
        let stats = self.core.stats();
        self.metrics.noted(stats.sockets, stats.participants, stats.held_bytes);
        deadline
    }

    fn deliver(&mut self, to: &[SocketId], notice: &Notice) {
        if let ([socket], Notice::Registered { participant, .. }) = (to, notice) {
            let extras = self.extras(*socket, participant.as_str());
            return self.push(*socket, Step::Text(json::encode(notice, &extras).into()));
        }
        let text: Utf8Bytes = json::encode(notice, &Extras::default()).into();
        for socket in to {
            self.push(*socket, Step::Text(text.clone()));
        }
    }

    fn extras(&self, socket: SocketId, name: &str) -> Extras {
        let Some(Peer { wants, via, .. }) = self.peers.get(&socket) else { return Extras::default() };
        let now = self.clock.now();
        Extras {
            protocol: wants.protocol.then_some(json::PROTOCOL_VERSION),
            server_time: wants.server_time.then_some(now.wall.unix_millis()),
            ice_members: wants.ice_servers.then(|| self.ice.members_for_socket(via, name, now)).flatten(),
            ice_ticket: wants.ice_ticket.then(|| self.ticket(name)),
        }
    }

    fn ticket(&self, name: &str) -> String {
        let (ticket, evicted) = self.ice.issue_ticket(name, self.clock.now());
        if evicted == Evicted::Oldest {
            self.metrics.ticket_forgotten();
        }
        ticket
    }

    fn push(&mut self, socket: SocketId, step: Step) {
        let Some(peer) = self.peers.get(&socket) else { return };
        if peer.outbox.push(step).is_err() {
            self.metrics.closed("slow");
            self.peers.remove(&socket);
            self.overrun.push(socket);
        }
    }

    fn close(&mut self, socket: SocketId, reason: CloseReason) {
        let Some(peer) = self.peers.remove(&socket) else { return };
        match reason {
            CloseReason::Replaced => peer.outbox.close(CLOSE_REPLACED, "replaced by a newer connection"),
            CloseReason::Silent => peer.outbox.close(CLOSE_SILENT, "did not answer a ping"),
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        // Nobody is told of anybody's leaving: all leave, and all are told so.
        self.core = Signaling::new(self.options.clone());
        for peer in std::mem::take(&mut self.peers).into_values() {
            peer.outbox.close(close_code::AWAY, "going away");
        }
    }

    fn note(&self, event: &Event) {
        tracing::debug!(event = label::event(event), details = ?event, "signaling");
        match event {
            Event::Registered { .. } | Event::Left { .. } => {}
            Event::Relayed { kind, .. } => self.metrics.relayed(label::kind(*kind)),
            Event::Glare { outcome, .. } => self.metrics.glared(label::glare(*outcome)),
            Event::Dropped { kind, reason } => self.metrics.dropped(label::kind(*kind), label::drop_reason(*reason)),
            Event::Refused { refusal, .. } => self.metrics.refused(label::refusal(refusal)),
            Event::Closed { reason, .. } => self.metrics.closed(label::close(*reason)),
            Event::GraceRefused { .. } => self.metrics.grace_refused(),
        }
    }
}
