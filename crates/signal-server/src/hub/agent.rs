use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Utf8Bytes, close_code};
use sangam_signal_proto::{CloseReason, ParticipantId, SocketId};
use sangam_signal_proto::{Input, Notice, Presence, RoomId, Snapshot, Traits};

use super::log::Log;
use super::{Hub, Peer};
use crate::dialect::Said;
use crate::dialect::json::{self, Decoded, Extras, Fault, Wants};
use crate::ice::{Evicted, Via};
use crate::label;
use crate::outbox::{Outbox, Step};

/// Closed because another socket of the same owner took the id. From the range that RFC 6455 §7.4.2 leaves to
/// applications.
const CLOSE_REPLACED: u16 = 4_001;
/// Closed because a ping went unanswered. A client that still hears it may come back at once.
const CLOSE_SILENT: u16 = 4_002;

/// A WebSocket with the JSON dialect.
#[derive(Debug)]
pub(crate) struct Agent {
    /// None while it is away.
    outbox: Option<Arc<Outbox>>,
    via: Via,
    room: RoomId,
    wants: Wants,
    ids: BTreeSet<ParticipantId>,
    /// If it may come back.
    log: Option<Box<Log>>,
}

impl Agent {
    pub(crate) fn new(outbox: Arc<Outbox>, via: Via, room: RoomId) -> Self {
        Self { outbox: Some(outbox), via, room, wants: Wants::default(), ids: BTreeSet::new(), log: None }
    }

    /// False if nobody is there to be told.
    pub(super) fn revoked(&self) -> bool {
        self.end(close_code::POLICY, "token revoked");
        self.outbox.is_some()
    }

    pub(super) fn turn_away(&self, hint: &str) {
        if let Some(outbox) = &self.outbox {
            outbox.close_with(CloseFrame { code: close_code::AWAY, reason: hint.into() });
        }
    }

    fn end(&self, code: u16, reason: &'static str) {
        if let Some(outbox) = &self.outbox {
            outbox.close(code, reason);
        }
    }

    /// Its connection is lost. False if it may not come back on another as if nothing had been.
    pub(super) fn go_away(&mut self) -> bool {
        let (is_there, has_one_id) = (self.outbox.is_some(), self.ids.len() == 1);
        let Some(log) = self.log.as_mut().filter(|_| is_there && has_one_id) else { return false };
        log.note_loss();
        self.outbox = None;
        true
    }

    pub(super) fn note_pong(&mut self) {
        if let Some(log) = &mut self.log {
            log.note_pong();
        }
    }

    fn note(&mut self, step: &Step) {
        match (&mut self.log, step) {
            (Some(log), Step::Text(text)) => log.push(text.clone()),
            (Some(log), Step::Ping) => log.note_ping(),
            (Some(_), Step::Close(_)) | (None, _) => {}
        }
    }
}

/// One notice as agents read it: for those who want to hear of the room, and for those who do not.
#[derive(Debug, Default)]
pub(super) struct Texts {
    with_room: Option<Option<Utf8Bytes>>,
    without: Option<Option<Utf8Bytes>>,
}

impl Texts {
    fn get(&mut self, notice: &Notice<Said>, wants_room: bool) -> Option<Utf8Bytes> {
        let wants_room = wants_room && json::depends_on_room(notice);
        let text = if wants_room { &mut self.with_room } else { &mut self.without };
        text.get_or_insert_with(|| json::encode(notice, wants_room).map(Into::into)).clone()
    }
}

impl Hub {
    pub(super) fn receive(&mut self, socket: SocketId, message: Result<Decoded, Fault>) {
        let Some(Peer::Agent(agent)) = self.peers.get_mut(&socket) else { return };
        let room = agent.room.clone();
        let input = match message {
            Err(fault) => {
                self.metrics.received("faulty");
                return self.push(socket, Step::Text(json::encode_fault(&fault).into()));
            }
            Ok(decoded) => {
                self.metrics.received(received_label(&decoded));
                match decoded {
                    Decoded::Register { id, name, wants } => {
                        agent.wants = wants;
                        self.away.inherit(None);
                        let presence = if wants.resume { Presence::Returning } else { Presence::Sole };
                        let traits = Traits { rolls_back: wants.rollback, wants_whole: false, presence };
                        Input::Join { socket, room, participant: id, name, traits }
                    }
                    Decoded::Signal(signal) => Input::Signal { socket, room, signal },
                    Decoded::Tell(telling) => Input::Tell { socket, room, telling },
                    Decoded::Recall => Input::Recall { socket, room },
                    Decoded::Timer(order) => Input::Timer { socket, room, order },
                    Decoded::Leave => {
                        agent.ids.clear();
                        Input::Leave { socket, room, participant: None }
                    }
                    Decoded::End { reason } => Input::End { by: Some(socket), room, reason },
                    Decoded::Kick { id, reason } => Input::Kick { by: Some(socket), room, participant: id, reason },
                    Decoded::Lock { locked } => Input::Lock { by: Some(socket), room, locked },
                    // Whoever has no id is nobody to believe.
                    Decoded::Report(links) if agent.ids.is_empty() => {
                        return self.metrics.dropped("report", if links.is_empty() { "empty" } else { "unregistered" });
                    }
                    Decoded::Report(links) => {
                        for link in links {
                            self.metrics.link(link.outcome, link.reason, link.path, link.took);
                        }
                        return;
                    }
                    Decoded::Ignored => return,
                }
            }
        };
        self.feed(input);
    }

    pub(super) fn tell_agent(&mut self, socket: SocketId, notice: &Notice<Said>, texts: &mut Texts) {
        let Some(Peer::Agent(agent)) = self.peers.get_mut(&socket) else { return };
        if let Notice::Joined { participant, snapshot, .. } = notice {
            return self.welcome_agent(socket, participant, snapshot);
        }
        if let Notice::Ended { .. } | Notice::Kicked { .. } = notice {
            agent.ids.clear();
        }
        if let Some(text) = texts.get(notice, agent.wants.room) {
            self.push(socket, Step::Text(text));
        }
    }

    /// Answers a `register`. Who is back is told what it missed right after.
    fn welcome_agent(&mut self, socket: SocketId, participant: &ParticipantId, snapshot: &Snapshot<Said>) {
        let Some(Peer::Agent(agent)) = self.peers.get_mut(&socket) else { return };
        agent.ids.insert(participant.clone());
        let Wants { resume, received, .. } = agent.wants;
        let before = self.away.inherit(None).filter(|_| resume);
        let missed = before.as_ref().zip(received).and_then(|(log, received)| log.after(received));
        let since_loss = before.as_ref().filter(|_| received.is_none()).map(|log| log.since_loss());
        let resumed = received.map(|_| missed.is_some());
        if resumed == Some(false) {
            self.metrics.refused("resume_too_late");
        }
        agent.log = match &missed {
            Some(_) => before,
            None => resume.then(|| Box::new(self.away.new_log())),
        };
        let Some(Peer::Agent(agent)) = self.peers.get(&socket) else { return };
        let registered = self.registered(agent, participant, snapshot, resumed);
        for text in std::iter::once(registered).chain(missed.into_iter().flatten()) {
            self.push_unnoted(socket, Step::Text(text));
        }
        for text in since_loss.into_iter().flatten() {
            self.push(socket, Step::Text(text));
        }
    }

    fn registered(
        &self,
        agent: &Agent,
        participant: &ParticipantId,
        snapshot: &Snapshot<Said>,
        resumed: Option<bool>,
    ) -> Utf8Bytes {
        let Agent { wants, via, .. } = agent;
        let (now, name) = (self.clock.now(), participant.as_str());
        let extras = Extras {
            protocol: wants.protocol.then_some(json::PROTOCOL_VERSION),
            server_time: wants.server_time.then_some(now.wall.unix_millis()),
            ice_members: wants.ice_servers.then(|| self.ice.members_for_socket(via, name, now)).flatten(),
            ice_ticket: wants.ice_ticket.then(|| self.ticket(name)),
            room: wants.room,
            resumed,
        };
        json::encode_registered(participant, snapshot, &extras).into()
    }

    fn ticket(&self, name: &str) -> String {
        let (ticket, evicted) = self.ice.issue_ticket(name, self.clock.now());
        if evicted == Evicted::Oldest {
            self.metrics.ticket_forgotten();
        }
        ticket
    }

    pub(super) fn ping_agent(&mut self, socket: SocketId) {
        self.push(socket, Step::Ping);
    }

    pub(super) fn close_agent(&mut self, agent: Agent, reason: CloseReason) {
        match reason {
            CloseReason::Replaced => {
                agent.end(CLOSE_REPLACED, "replaced by a newer connection");
                self.away.inherit(agent.log);
            }
            CloseReason::Silent => agent.end(CLOSE_SILENT, "did not answer a ping"),
            // Nobody is there to be told.
            CloseReason::Lost => {}
        }
    }

    fn push(&mut self, socket: SocketId, step: Step) {
        if let Some(Peer::Agent(agent)) = self.peers.get_mut(&socket) {
            agent.note(&step);
            self.push_unnoted(socket, step);
        }
    }

    /// What the client does not count: the answer to its `register`, and what it is told again.
    fn push_unnoted(&mut self, socket: SocketId, step: Step) {
        let Some(Peer::Agent(agent)) = self.peers.get(&socket) else { return };
        let Some(outbox) = &agent.outbox else {
            if let Step::Ping = step {
                // It keeps its id until it is given up.
                self.alive.push(socket);
            }
            return;
        };
        if outbox.push(step).is_err() {
            self.metrics.closed("slow");
            self.take_peer(socket);
            self.gone.push(socket);
        }
    }
}

fn received_label(decoded: &Decoded) -> &'static str {
    match decoded {
        Decoded::Register { .. } => "register",
        Decoded::Signal(signal) => label::kind(signal.kind),
        Decoded::Tell(_) => "tell",
        Decoded::Recall => "recall",
        Decoded::Timer(_) => "timer",
        Decoded::Leave => "leave",
        Decoded::End { .. } => "end",
        Decoded::Kick { .. } => "kick",
        Decoded::Lock { .. } => "lock",
        Decoded::Report(_) => "report",
        Decoded::Ignored => "unknown",
    }
}
