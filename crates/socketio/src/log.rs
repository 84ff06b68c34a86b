use std::collections::VecDeque;
use std::sync::Arc;

use sangam_types::Mono;

use crate::options::RecoveryOptions;
use crate::outbox::Frames;

/// Whom an event is for: the members of some rooms (of none named: everybody), but not of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) except: Vec<Arc<str>>,
}

impl Target {
    /// Whether a socket of this sid in these rooms is meant.
    pub(crate) fn includes(&self, sid: &str, rooms: &[Arc<str>]) -> bool {
        let is_in = |room: &Arc<str>| **room == *sid || rooms.contains(room);
        (self.rooms.is_empty() || self.rooms.iter().any(is_in)) && !self.except.iter().any(is_in)
    }
}

/// One event that may be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) at: Mono,
    pub(crate) target: Target,
    pub(crate) frames: Frames,
    pub(crate) bytes: usize,
}

/// The events of one namespace that clients who come back may have missed, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The newest event that is no longer here; 0: none.
    floor: u64,
}

/// What an entry costs beside its bytes: the entry itself, names of rooms, shared counts.
const ENTRY_OVERHEAD_BYTES: usize = 256;
/// Room for so many entries is kept when a burst is over.
const KEPT_ENTRIES: usize = 64;

impl Log {
    /// Adds the newest event and returns those that have to go for it, each with whether it was still young.
    pub(crate) fn append(&mut self, entry: Entry, options: &RecoveryOptions) -> Vec<(u64, bool)> {
        let now = entry.at;
        self.bytes += entry.bytes + ENTRY_OVERHEAD_BYTES;
        self.entries.push_back(entry);
        self.prune(now, options)
    }

    /// Drops what is too old or too much, as [`append`](Self::append) does.
    pub(crate) fn prune(&mut self, now: Mono, options: &RecoveryOptions) -> Vec<(u64, bool)> {
        let mut dropped = Vec::new();
        while let Some(oldest) = self.entries.front() {
            let is_young = now.saturating_since(oldest.at) <= options.event_life();
            if is_young && self.entries.len() <= options.log_entries_max && self.bytes <= options.log_bytes_max {
                break;
            }
            dropped.push((oldest.seq, is_young));
            self.floor = oldest.seq;
            self.bytes -= oldest.bytes + ENTRY_OVERHEAD_BYTES;
            self.entries.pop_front();
        }
        if self.entries.capacity() > 4 * self.entries.len() + KEPT_ENTRIES {
            self.entries.shrink_to(2 * self.entries.len() + KEPT_ENTRIES);
        }
        dropped
    }

    /// Puts an event back that a journal kept, in the order of its number.
    pub(crate) fn restore(&mut self, entry: Entry, floor: u64) {
        self.bytes += entry.bytes + ENTRY_OVERHEAD_BYTES;
        self.floor = self.floor.max(floor);
        self.entries.push_back(entry);
    }

    /// The newest event that is no longer here.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// What came after event `seq`; `None` if some of that is no longer here.
    pub(crate) fn after(&self, seq: u64) -> Option<impl Iterator<Item = &Entry>> {
        if seq < self.floor {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.seq <= seq);
        Some(self.entries.range(start..))
    }
}
