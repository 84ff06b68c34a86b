use std::time::Instant;

use crate::webrtc::repeat::{Repeat, Timers};

const APPLICATION_DATA: u8 = 23;

/// The datagrams of a flight beyond which it is not repeated here.
const DATAGRAMS_MAX: usize = 16;

/// Says our last flight of the handshake again, datagram for datagram, as the network itself might. The stack's own timer
/// doubles with each repetition, without a bound: where most flights are lost it soon waits for seconds. And nobody repeats the
/// last flight of all by himself (RFC 6347 §4.2.4).
///
/// Nothing is repeated before the peer was heard: until there is a path, packets pile up.
#[derive(Debug)]
pub(super) struct Flight {
    timers: Timers,
    heard: bool,
    over: bool,
    /// Nothing was sent since the flight was taken down.
    complete: bool,
    datagrams: Vec<Repeat>,
    /// The moment up to which they are to be said again.
    due: Option<Instant>,
}

impl Flight {
    /// The first repetition of a flight is left to the stack.
    pub(super) fn new(timers: Timers) -> Self {
        let timers = Timers { pause: timers.pause_max, ..timers };
        Self { timers, heard: false, over: false, complete: true, datagrams: Vec::new(), due: None }
    }

    /// A packet came from the peer.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// The stack sent a datagram. The first after a pause begins a flight, or begins it anew.
    pub(super) fn sent(&mut self, datagram: &[u8]) {
        if self.over || datagram.first() == Some(&APPLICATION_DATA) {
            return;
        }
        if self.complete {
            self.datagrams.clear();
        }
        self.complete = false;
        if self.datagrams.len() < DATAGRAMS_MAX {
            self.datagrams.push(Repeat::new(self.timers, datagram));
        }
    }

    /// Our side of the handshake is done; the server's last flight may still be lost.
    pub(super) fn connected(&mut self, client: bool) {
        if client {
            self.end();
        }
    }

    /// The peer has all it needs.
    pub(super) fn end(&mut self) {
        self.over = true;
        self.datagrams = Vec::new();
    }

    /// When the time is to be told, at the latest; `now` is when it was told last. The stack has nothing to send.
    pub(super) fn next(&mut self, now: Instant) -> Option<Instant> {
        self.complete = true;
        self.due = None;
        let heard = self.datagrams.iter().filter(|_| self.heard);
        heard.filter_map(|datagram| datagram.next(now)).min()
    }

    /// Time has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.due = self.heard.then_some(now);
    }

    /// The next datagram to say again now.
    pub(super) fn again(&mut self) -> Option<&[u8]> {
        let now = self.due?;
        self.datagrams.iter_mut().find_map(|datagram| datagram.take(now))
    }
}
