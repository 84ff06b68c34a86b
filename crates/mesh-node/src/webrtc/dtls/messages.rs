use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::chunk::{Acknowledgement, Chunk, chunks, is_within};
use crate::webrtc::repeat::Timers;

/// Packets with messages that are kept until they are acknowledged; what is sent beyond is left to the association, and kept once
/// that says it again.
const KEPT_MAX: usize = 64;

/// Packets that are said again at a time: where an acknowledgement takes longer than a pause, so many are said for nothing.
const ROUND_MAX: usize = 4;

/// The part of a pause after which it is looked what is due.
const ROUNDS_PER_PAUSE: u32 = 2;

/// The part of a pause beyond which a round is late.
const LATE: u32 = 4;

/// Says packets with messages again that have not come, each after a pause, first those that have waited for longest.
///
/// The association finds out by later ones what was lost, or when its timer is over, of a second at least; then it says one packet
/// again, and if that or what acknowledges it is lost, waits twice as long, up to a minute (RFC 9260 §6.3.3). Where a third of all
/// packets is lost each way, so are three of five such exchanges, and a few in a row are all that is ever on the way.
#[derive(Debug)]
pub(super) struct Messages {
    pause: Duration,
    repeats: usize,
    /// By the last number in each.
    kept: VecDeque<Packet>,
    /// The last number that was sent.
    newest: Option<u32>,
    came: Came,
    round: Option<Instant>,
    /// What may be said in this round.
    left: usize,
}

#[derive(Debug)]
struct Packet {
    last: u32,
    bytes: Vec<u8>,
    /// When it is said again; none until the time was told.
    at: Option<Instant>,
    left: usize,
}

/// What the last acknowledgement said.
#[derive(Debug, Default)]
struct Came {
    up_to: u32,
    blocks: Vec<(u16, u16)>,
}

impl Messages {
    pub(super) fn new(timers: Timers) -> Self {
        Self {
            // An acknowledgement may be put off for 200 ms (RFC 9260 §6.2).
            pause: timers.pause_max,
            repeats: timers.repeats,
            kept: VecDeque::new(),
            newest: None,
            came: Came::default(),
            round: None,
            left: 0,
        }
    }

    /// A packet with messages was sent by the association; `last` is the last of their numbers.
    pub(super) fn sent(&mut self, packet: &[u8], last: u32) {
        let is_new = self.newest.is_none_or(|newest| !is_within(last, newest));
        if is_new {
            self.newest = Some(last);
        } else {
            // It may bundle what went in several packets before.
            let said: Vec<u32> = numbers(packet).collect();
            self.kept.retain(|kept| !numbers(&kept.bytes).all(|number| said.contains(&number)));
        }
        if self.kept.len() >= KEPT_MAX || self.repeats == 0 {
            return;
        }
        let place = self.kept.partition_point(|kept| is_within(kept.last, last));
        self.kept.insert(place, Packet { last, bytes: packet.to_vec(), at: None, left: self.repeats });
    }

    /// The peer says what has come.
    pub(super) fn acknowledged(&mut self, what: Acknowledgement<'_>) {
        while self.kept.front().is_some_and(|kept| is_within(kept.last, what.up_to)) {
            self.kept.pop_front();
        }
        self.came.up_to = what.up_to;
        self.came.blocks.clear();
        self.came.blocks.extend(what.blocks());
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Nothing is said again.
    pub(super) fn end(&mut self) {
        self.kept.clear();
        self.repeats = 0;
    }

    /// When the time is to be told, at the latest; `now` is when it was told last.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let waits = self.kept.iter().any(|kept| kept.left > 0);
        waits.then(|| self.round.unwrap_or(now + self.pause / ROUNDS_PER_PAUSE))
    }

    /// The next packet to say again now.
    pub(super) fn due(&mut self, now: Instant) -> Option<&[u8]> {
        if self.round.is_none_or(|round| round <= now) {
            self.begin_round(now);
        }
        self.left = self.left.checked_sub(1)?;
        let due = self.kept.iter_mut().filter(|kept| kept.left > 0 && kept.at.is_some_and(|at| at <= now));
        let Some(packet) = due.min_by_key(|kept| kept.at) else {
            self.left = 0;
            return None;
        };
        packet.at = Some(now + self.pause);
        packet.left -= 1;
        Some(&packet.bytes)
    }

    /// A round that is told late says nothing: there is more to do than time to do it, and answers may have come and wait.
    fn begin_round(&mut self, now: Instant) {
        let late = self.round.map_or(Duration::ZERO, |round| now.duration_since(round));
        self.left = if late > self.pause / LATE { 0 } else { ROUND_MAX };
        self.round = Some(now + self.pause / ROUNDS_PER_PAUSE);
        self.kept.retain(|packet| self.came.is_missing(&packet.bytes));
        for packet in self.kept.iter_mut().filter(|packet| packet.at.is_none()) {
            packet.at = Some(now + self.pause);
        }
    }
}

impl Came {
    /// Whether a packet has a message that has not come.
    fn is_missing(&self, packet: &[u8]) -> bool {
        numbers(packet).any(|number| {
            let beyond = number.wrapping_sub(self.up_to);
            let is_in = |(first, last): &(u16, u16)| (u32::from(*first)..=u32::from(*last)).contains(&beyond);
            !self.blocks.iter().any(is_in)
        })
    }
}

/// Of the messages in a packet.
fn numbers(packet: &[u8]) -> impl Iterator<Item = u32> {
    chunks(packet).filter_map(Chunk::message)
}
