use std::time::Instant;

use super::chunk::{Chunk, chunks, is_within};
use super::messages::Messages;
use crate::webrtc::repeat::{Repeat, Timers};

/// Packets of the association's own that wait for an answer at once.
const WAITING_MAX: usize = 16;

/// Says SCTP packets again that the peer has not answered. Receivers expect each of them more than once (RFC 9260 §5.2, §6.2):
/// the association's own timer, of three seconds at first and one at least (§16), does the same later, and later each time.
///
/// That is what opens the association or a channel (RFC 8832 §5), and [`Messages`].
#[derive(Debug)]
pub(super) struct Unanswered {
    timers: Timers,
    waiting: Vec<Waiting>,
    messages: Messages,
}

/// A packet that the peer has not answered.
#[derive(Debug)]
struct Waiting {
    asks: Request,
    repeat: Repeat,
}

/// What opens an association or a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Init,
    CookieEcho,
    /// By its number.
    Channel(u32),
}

impl Unanswered {
    pub(super) fn new(timers: Timers) -> Self {
        Self { timers, waiting: Vec::new(), messages: Messages::new(timers) }
    }

    /// A packet was sent for the first time, or because the association's own timer said so.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        // Of several requests the last stands for all.
        let last = chunks(packet).filter(|chunk| chunk.message().is_some() || Request::of(*chunk).is_some()).last();
        let Some(last) = last else { return };
        match (last.message(), Request::of(last)) {
            (Some(number), _) => self.messages.sent(packet, number),
            (None, Some(asks)) => self.wait_for(asks, packet),
            (None, None) => {}
        }
    }

    fn wait_for(&mut self, asks: Request, packet: &[u8]) {
        self.waiting.retain(|waiting| waiting.asks != asks);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(Waiting { asks, repeat: Repeat::new(self.timers, packet) });
        }
    }

    /// A packet came from the peer.
    pub(super) fn received(&mut self, packet: &[u8]) {
        if self.waiting.is_empty() && self.messages.is_empty() {
            return;
        }
        for answer in chunks(packet) {
            self.waiting.retain(|waiting| !waiting.asks.is_answered_by(answer));
            if let Chunk::Acknowledgement(what) = answer {
                self.messages.acknowledged(what);
            }
        }
    }

    /// Nothing is said again.
    pub(super) fn end(&mut self) {
        self.waiting.clear();
        self.messages.end();
    }

    /// When the time is to be told, at the latest; `now` is when it was told last.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let requests = self.waiting.iter().filter_map(|waiting| waiting.repeat.next(now)).min();
        [requests, self.messages.next(now)].into_iter().flatten().min()
    }

    /// The next packet to say again now.
    pub(super) fn due(&mut self, now: Instant) -> Option<&[u8]> {
        let request = self.waiting.iter_mut().find_map(|waiting| waiting.repeat.take(now));
        request.or_else(|| self.messages.due(now))
    }
}

impl Request {
    fn of(chunk: Chunk<'_>) -> Option<Self> {
        match chunk {
            Chunk::Init => Some(Self::Init),
            Chunk::CookieEcho => Some(Self::CookieEcho),
            Chunk::Channel(number) => Some(Self::Channel(number)),
            _ => None,
        }
    }

    fn is_answered_by(self, answer: Chunk<'_>) -> bool {
        match (self, answer) {
            (Self::Init, Chunk::InitAck) | (Self::CookieEcho, Chunk::CookieAck) => true,
            (Self::Channel(number), Chunk::Acknowledgement(what)) => is_within(number, what.up_to),
            _ => false,
        }
    }
}
