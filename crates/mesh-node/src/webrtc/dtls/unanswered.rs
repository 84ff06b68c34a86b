use std::time::Instant;

use crate::webrtc::repeat::{Repeat, Timers};

/// Packets that wait for an answer at once: an association's own, and the messages of a few channels.
const WAITING_MAX: usize = 16;

/// Packets with messages under way beyond which nothing is done for them: later ones show the association what was lost.
const THIN_MAX: usize = 4;

/// Says SCTP packets again that the peer has not answered. Receivers expect each of them more than once (RFC 9260 §5.2, §6.2):
/// the association's own timer, of three seconds at first and one at least (§16), does the same later, and later each time.
///
/// That is what opens the association or a channel (RFC 8832 §5), and messages while few are under way: where nothing follows, a
/// lost one is noticed by that timer alone.
#[derive(Debug)]
pub(super) struct Unanswered {
    timers: Timers,
    waiting: Vec<Waiting>,
    /// More is under way than is repeated, up to this number.
    thick: Option<u32>,
}

/// A packet that the peer has not answered.
#[derive(Debug)]
struct Waiting {
    asks: Chunk,
    repeat: Repeat,
}

impl Unanswered {
    pub(super) fn new(timers: Timers) -> Self {
        Self { timers, waiting: Vec::new(), thick: None }
    }

    /// A packet was sent for the first time, or because the association's own timer said so.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        // Of several numbers the last stands for all.
        let Some(asks) = chunks(packet).filter(|chunk| chunk.is_request()).last() else { return };
        if let (Chunk::Message(number), Some(thick)) = (asks, &mut self.thick) {
            *thick = number;
            return;
        }
        self.waiting.retain(|waiting| waiting.asks != asks);
        if self.waiting.len() >= WAITING_MAX {
            return;
        }
        let repeat = match asks {
            // An acknowledgement may be put off for 200 ms (RFC 9260 §6.2).
            Chunk::Message(_) => Repeat::leisurely(self.timers.after(self.timers.pause_max), packet),
            _ => Repeat::new(self.timers, packet),
        };
        self.waiting.push(Waiting { asks, repeat });
        self.mind_thick();
    }

    fn mind_thick(&mut self) {
        let messages: Vec<u32> = self.waiting.iter().filter_map(|waiting| waiting.asks.message()).collect();
        if messages.len() > THIN_MAX {
            self.thick = messages.last().copied();
            self.waiting.retain(|waiting| waiting.asks.message().is_none());
        }
    }

    /// A packet came from the peer.
    pub(super) fn received(&mut self, packet: &[u8]) {
        if self.waiting.is_empty() && self.thick.is_none() {
            return;
        }
        for answer in chunks(packet) {
            self.waiting.retain(|waiting| !waiting.asks.is_answered_by(answer));
            self.thick = self.thick.filter(|last| !Chunk::Message(*last).is_answered_by(answer));
        }
    }

    /// Nothing is said again.
    pub(super) fn end(&mut self) {
        self.waiting.clear();
    }

    /// When the time is to be told, at the latest; `now` is when it was told last.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.waiting.iter().filter_map(|waiting| waiting.repeat.next(now)).min()
    }

    /// The next packet to say again now.
    pub(super) fn due(&mut self, now: Instant) -> Option<&[u8]> {
        self.waiting.iter_mut().find_map(|waiting| waiting.repeat.take(now))
    }
}

/// What a chunk asks for or answers (RFC 9260 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Init,
    InitAck,
    CookieEcho,
    CookieAck,
    /// A message that opens a channel or acknowledges that, with its number.
    Channel(u32),
    /// Any other message, or a part of it.
    Message(u32),
    /// All up to this number have come.
    Acknowledged(u32),
    Other,
}

impl Chunk {
    /// Data Channel Establishment Protocol (RFC 8832 §8.1).
    const DCEP: u32 = 50;

    fn read(kind: u8, value: &[u8]) -> Self {
        match kind {
            0 => match (word(value, 0), word(value, 8)) {
                (Some(number), Some(Self::DCEP)) => Self::Channel(number),
                (Some(number), Some(_)) => Self::Message(number),
                _ => Self::Other,
            },
            1 => Self::Init,
            2 => Self::InitAck,
            3 => word(value, 0).map_or(Self::Other, Self::Acknowledged),
            10 => Self::CookieEcho,
            11 => Self::CookieAck,
            _ => Self::Other,
        }
    }

    fn is_request(self) -> bool {
        matches!(self, Self::Init | Self::CookieEcho | Self::Channel(_) | Self::Message(_))
    }

    fn message(self) -> Option<u32> {
        if let Self::Message(number) = self { Some(number) } else { None }
    }

    fn is_answered_by(self, answer: Self) -> bool {
        match (self, answer) {
            (Self::Init, Self::InitAck) | (Self::CookieEcho, Self::CookieAck) => true,
            // Serial numbers (RFC 1982).
            (Self::Channel(number) | Self::Message(number), Self::Acknowledged(up_to)) => {
                up_to.wrapping_sub(number) < 1 << 31
            }
            _ => false,
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// The chunks of a packet; ends where it is malformed.
fn chunks(packet: &[u8]) -> impl Iterator<Item = Chunk> {
    const HEAD_BYTES: usize = 12;
    let mut rest = packet.get(HEAD_BYTES..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let chunk = Chunk::read(rest[0], rest.get(4..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(chunk)
    })
}
