use sangam_signal_proto::{Input, Notice, Presence, Refusal, RoomId, Signal, Traits};
use sangam_signal_proto::{ParticipantId, SocketId};
use tokio::sync::oneshot;

use super::{Hub, Peer};
use crate::dialect::Said;
use crate::dialect::rendezvous::{Incoming, Outgoing, mail};
use crate::label;

/// A request of a node that polls: a socket for as long as it takes to answer it.
#[derive(Debug)]
pub(crate) struct Node {
    answer: Option<oneshot::Sender<NodeAnswer>>,
    is_in: bool,
}

/// What a node asks for.
#[derive(Debug)]
pub(crate) enum NodeRequest {
    /// What waits for it, now or as soon as there is something.
    Poll { room: RoomId, node: ParticipantId },
    /// Delivery of a signal.
    Send { room: RoomId, outgoing: Outgoing },
}

/// What it gets.
#[derive(Debug)]
pub(crate) enum NodeAnswer {
    /// The body of a poll's answer.
    Mail(String),
    /// The signal is on its way, or nobody's, which the original does not tell either.
    Taken,
    /// It may not.
    Refused(Refusal),
}

/// As a node joins. An offer that it gets while its own is unanswered takes the place of its own: it begins anew.
const TRAITS: Traits = Traits { rolls_back: true, wants_whole: true, presence: Presence::Polled };

impl Node {
    pub(crate) fn new(answer: oneshot::Sender<NodeAnswer>) -> Self {
        Self { answer: Some(answer), is_in: false }
    }

    /// Nothing came while it waited.
    pub(super) fn part(mut self) {
        self.reply(NodeAnswer::Mail(mail([])));
    }

    fn reply(&mut self, answer: NodeAnswer) {
        if let Some(waiting) = self.answer.take() {
            // Whoever asked may have hung up.
            drop(waiting.send(answer));
        }
    }
}

impl Hub {
    pub(super) fn ask(&mut self, socket: SocketId, request: NodeRequest) {
        match request {
            NodeRequest::Poll { room, node } => {
                self.metrics.received("poll");
                if self.join_node(socket, &room, &node) {
                    self.feed(Input::TakeMail { socket, room, participant: node });
                }
            }
            NodeRequest::Send { room, outgoing } => {
                let Outgoing { from, to, kind, payload } = outgoing;
                self.metrics.received(kind.map_or("unknown", label::kind));
                let sender = Some(from.as_str().into());
                if !self.join_node(socket, &room, &from) {
                    return;
                }
                if let Some(kind) = kind {
                    let to = Some(to.as_str().into());
                    let signal = Signal { kind, from: sender, to, payload: Said::new(payload.into()) };
                    self.feed_and_drain(Input::Signal { socket, room, signal });
                }
                self.answer(socket, NodeAnswer::Taken);
            }
        }
    }

    /// Puts a request's socket into the room under its node's id. False if it may not be there; then it is answered.
    fn join_node(&mut self, socket: SocketId, room: &RoomId, node: &ParticipantId) -> bool {
        let (room, participant) = (room.clone(), node.clone());
        self.feed_and_drain(Input::Join { socket, room, participant, name: None, traits: TRAITS });
        match self.peers.get(&socket) {
            Some(Peer::Node(it)) if it.is_in => true,
            Some(Peer::Node(_)) => {
                // The id is somebody else's, who is asked to give it up. A node does not wait for that.
                self.metrics.refused("id_in_use");
                self.answer(socket, NodeAnswer::Refused(Refusal::IdInUse { participant: node.clone() }));
                false
            }
            _ => false,
        }
    }

    /// Only what answers the request is heard: what happens in the room is not, and signals come as mail.
    pub(super) fn tell_node(&mut self, socket: SocketId, notice: &Notice<Said>) {
        match notice {
            Notice::Joined { .. } => {
                if let Some(Peer::Node(node)) = self.peers.get_mut(&socket) {
                    node.is_in = true;
                }
            }
            Notice::Mail { signals } => {
                let body = mail(signals.iter().filter_map(|signal| self.incoming(signal)));
                self.answer(socket, NodeAnswer::Mail(body));
            }
            // The original takes signals to anybody, there or not.
            Notice::Refused(Refusal::PeerNotFound { .. } | Refusal::PeerIsSelf { .. }) => {}
            Notice::Refused(refusal) => self.answer(socket, NodeAnswer::Refused(refusal.clone())),
            _ => {}
        }
    }

    /// Answers a request, which ends its socket. The participant stays for as long as it goes on asking.
    fn answer(&mut self, socket: SocketId, answer: NodeAnswer) {
        if let Some(Peer::Node(mut node)) = self.take_peer(socket) {
            node.reply(answer);
            self.gone.push(socket);
        }
    }

    /// A payload is an object on this wire. Other wires pass on whatever their clients write, and a node that falls over one
    /// signal loses those that came with it.
    fn incoming<'a>(&self, notice: &'a Notice<Said>) -> Option<Incoming<'a>> {
        let Notice::Signal { kind, from, payload, .. } = notice else { return None };
        if !payload.json().starts_with('{') {
            self.metrics.dropped(label::kind(*kind), "payload_unfit");
            return None;
        }
        Some(Incoming { from, kind: *kind, payload: payload.json() })
    }
}
