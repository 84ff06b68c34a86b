use std::time::{Duration, Instant};

use super::LinkOptions;
use super::repeat::{Repeat, Timers};
use super::routes::Path;

/// Says connectivity checks again, as they were (RFC 8489 §6.2.1), until they are answered. The stack makes a new check instead,
/// and with each attempt waits longer: the one that nominates a path, or the few that show that the peer still answers, would
/// be lost for seconds.
///
/// Only where the peer was heard: on all other paths there may be nobody.
#[derive(Debug)]
pub(super) struct Checks {
    timers: Timers,
    paths_max: usize,
    heard: Vec<Path>,
    /// The newest of each path.
    waiting: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    path: Path,
    transaction: Transaction,
    heard: bool,
    repeat: Repeat,
}

type Transaction = [u8; 12];

impl Checks {
    pub(super) fn new(options: &LinkOptions) -> Self {
        let (timers, paths_max) = (Timers::new(options), options.paths_max);
        Self { timers, paths_max, heard: Vec::new(), waiting: Vec::new() }
    }

    /// A packet goes to the peer. `round_trip` is that of the path, if it is in use.
    pub(super) fn sent(&mut self, path: Path, packet: &[u8], round_trip: Option<Duration>, now: Instant) {
        let Some((REQUEST, transaction)) = head(packet) else { return };
        self.waiting.retain(|check| check.path != path);
        if self.waiting.len() >= self.paths_max {
            return;
        }
        // There is no haste on a path that works.
        let timers = round_trip.map(|round_trip| self.timers.after(self.timers.pause_max.max(round_trip * 2)));
        let mut repeat = Repeat::new(timers.unwrap_or(self.timers), packet);
        repeat.take(now);
        self.waiting.push(Check { path, transaction, heard: self.heard.contains(&path), repeat });
    }

    /// A packet came from the peer.
    pub(super) fn received(&mut self, path: Path, packet: &[u8]) {
        let Some((kind, transaction)) = head(packet) else { return };
        if !self.heard.contains(&path) && self.heard.len() < self.paths_max {
            self.heard.push(path);
        }
        for check in self.waiting.iter_mut().filter(|check| check.path == path) {
            check.heard = true;
        }
        if kind != REQUEST {
            self.waiting.retain(|check| check.transaction != transaction);
        }
    }

    /// When the next is due.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.waiting.iter().filter(|check| check.heard).filter_map(|check| check.repeat.next(now)).min()
    }

    /// The next check to say again now.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Path, Vec<u8>)> {
        let mut heard = self.waiting.iter_mut().filter(|check| check.heard);
        heard.find_map(|check| Some((check.path, check.repeat.take(now)?.to_vec())))
    }
}

/// Binding request (RFC 8489 §5).
const REQUEST: u16 = 0x0001;

/// Kind and transaction of a STUN message.
fn head(packet: &[u8]) -> Option<(u16, Transaction)> {
    let kind = u16::from_be_bytes([*packet.first()?, *packet.get(1)?]);
    (kind >> 14 == 0).then_some((kind, packet.get(8..20)?.try_into().ok()?))
}
