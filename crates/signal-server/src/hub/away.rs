use std::collections::{BTreeMap, BTreeSet};

use sangam_signal_proto::{Departure, Input, SocketId};
use sangam_types::Mono;

use super::log::Log;
use super::{Hub, Peer};

/// JSON agents whose connection is lost and who may come back as if nothing had been. The core is not told of the loss:
/// what is for them stands in their logs meanwhile.
#[derive(Debug)]
pub(super) struct Away {
    /// When each is given up.
    until: BTreeMap<SocketId, Mono>,
    /// The same, the next first.
    order: BTreeSet<(Mono, SocketId)>,
    /// Of an agent whose place is being taken by another of the same owner.
    inherited: Option<Box<Log>>,
    log_bytes_max: usize,
}

impl Away {
    pub(super) fn new(log_bytes_max: usize) -> Self {
        let (until, order) = (BTreeMap::new(), BTreeSet::new());
        Self { until, order, inherited: None, log_bytes_max }
    }

    pub(super) fn new_log(&self) -> Log {
        Log::new(self.log_bytes_max)
    }

    /// When the next is given up.
    pub(super) fn next(&self) -> Option<Mono> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Sets what the next agent that is answered inherits; gives what it was.
    pub(super) fn inherit(&mut self, log: Option<Box<Log>>) -> Option<Box<Log>> {
        std::mem::replace(&mut self.inherited, log)
    }

    fn expect(&mut self, socket: SocketId, until: Mono) {
        self.until.insert(socket, until);
        self.order.insert((until, socket));
    }

    pub(super) fn forget(&mut self, socket: SocketId) {
        if let Some(until) = self.until.remove(&socket) {
            self.order.remove(&(until, socket));
        }
    }
}

impl Hub {
    /// Notes that a connection is lost. True if it is an agent's that is expected back.
    pub(super) fn goes_away(&mut self, socket: SocketId) -> bool {
        let until = self.clock.mono() + self.options.presence_grace;
        let Some(Peer::Agent(agent)) = self.peers.get_mut(&socket) else { return false };
        let is_expected = agent.go_away();
        if is_expected {
            self.away.expect(socket, until);
        }
        is_expected
    }

    pub(super) fn note_pong(&mut self, socket: SocketId) {
        if let Some(Peer::Agent(agent)) = self.peers.get_mut(&socket) {
            agent.note_pong();
        }
    }

    /// Those who had their time leave.
    pub(super) fn give_up_away(&mut self) {
        let now = self.clock.mono();
        while let Some((_, socket)) = self.away.order.first().copied().filter(|(at, _)| *at <= now) {
            self.give_up(socket);
        }
    }

    pub(super) fn give_up(&mut self, socket: SocketId) {
        self.take_peer(socket);
        self.feed_and_drain(Input::Disconnected { socket, departure: Departure::Said });
    }
}
