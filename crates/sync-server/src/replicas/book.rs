use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use sangam_sync_proto::Name;
use sangam_sync_proto::rows::Replica;

/// When a replica was last heard of is written anew only after this, in milliseconds: it matters in days.
const SEEN_STEP_MS: u64 = 10_000;

/// The replicas of one database, and which of them are not written as they are.
#[derive(Debug, Default)]
pub(super) struct Book {
    replicas: BTreeMap<Name, Entry>,
    dirty: HashSet<Name>,
    /// The database was emptied: a cursor says nothing if its replica has not shaken hands since.
    greeted_alone: bool,
}

#[derive(Debug)]
struct Entry {
    resume: u64,
    seen_ms: u64,
    client: Name,
    /// It was told to begin anew: what it presents before its next handshake is of before.
    anew: bool,
}

impl Book {
    pub(super) fn loaded(replicas: Vec<Replica>) -> Self {
        let entries = replicas.into_iter().map(|replica| {
            let entry = Entry { resume: replica.resume, seen_ms: replica.seen_ms, client: replica.client, anew: false };
            (replica.device, entry)
        });
        Self { replicas: entries.collect(), ..Self::default() }
    }

    pub(super) fn of_another_life() -> Self {
        Self { greeted_alone: true, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.replicas.len()
    }

    pub(super) fn resume(&self, device: &Name) -> Option<u64> {
        self.replicas.get(device).map(|entry| entry.resume)
    }

    /// A handshake: its resume point may also go back.
    pub(super) fn greeted(&mut self, now: Replica) {
        let Replica { device, resume, seen_ms, client } = now;
        if let Some(entry) = self.replicas.get_mut(&device) {
            entry.anew = false;
            let changed = entry.resume != resume || entry.client != client;
            if !changed && seen_ms < entry.seen_ms.saturating_add(SEEN_STEP_MS) {
                return;
            }
            (entry.resume, entry.seen_ms, entry.client) = (resume, seen_ms, client);
        } else {
            self.replicas.insert(Name::clone(&device), Entry { resume, seen_ms, client, anew: false });
        }
        self.dirty.insert(device);
    }

    /// A cursor in a pull: the highest counts.
    pub(super) fn presented(&mut self, device: &Name, cursor: u64, seen_ms: u64) {
        if let Some(entry) = self.replicas.get_mut(device) {
            let heard = seen_ms >= entry.seen_ms.saturating_add(SEEN_STEP_MS);
            let moved = cursor > entry.resume && !entry.anew;
            if !heard && !moved {
                return;
            }
            if moved {
                entry.resume = cursor;
            }
            entry.seen_ms = entry.seen_ms.max(seen_ms);
        } else if self.greeted_alone {
            return;
        } else {
            let entry = Entry { resume: cursor, seen_ms, client: "".into(), anew: false };
            self.replicas.insert(Name::clone(device), entry);
        }
        self.dirty.insert(Name::clone(device));
    }

    pub(super) fn reset(&mut self, device: &str) -> bool {
        let Some(entry) = self.replicas.get_mut(device) else { return false };
        (entry.resume, entry.anew) = (0, true);
        self.dirty.insert(device.into());
        true
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    pub(super) fn dirty(&self, max: usize) -> Vec<Replica> {
        let dirty = self.dirty.iter().take(max);
        dirty.filter_map(|device| self.replicas.get(device).map(|entry| entry.replica(device))).collect()
    }

    /// They are on the disk; those that have moved on since are not yet.
    pub(super) fn written(&mut self, replicas: &[Replica]) {
        for replica in replicas {
            let now = self.replicas.get(&replica.device).map(|entry| entry.replica(&replica.device));
            if now.is_none_or(|now| now == *replica) {
                self.dirty.remove(&replica.device);
            }
        }
    }

    pub(super) fn resume_min(&self, seen_ms: u64) -> Option<u64> {
        self.replicas.values().filter(|entry| entry.seen_ms >= seen_ms).map(|entry| entry.resume).min()
    }

    pub(super) fn list(&self, after: Option<&str>, limit: usize) -> (Vec<Replica>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.replicas.range::<str, _>((from, Bound::Unbounded));
        let listed = rest.by_ref().take(limit).map(|(device, entry)| entry.replica(device)).collect();
        (listed, rest.next().is_some())
    }

    pub(super) fn forget_oldest(&mut self, count: usize) {
        let mut ages: Vec<(u64, Name)> =
            self.replicas.iter().map(|(device, entry)| (entry.seen_ms, Name::clone(device))).collect();
        ages.sort_unstable();
        for (_, device) in ages.into_iter().take(count) {
            self.replicas.remove(&device);
            self.dirty.remove(&device);
        }
    }
}

impl Entry {
    fn replica(&self, device: &Name) -> Replica {
        Replica {
            device: Name::clone(device),
            resume: self.resume,
            seen_ms: self.seen_ms,
            client: Name::clone(&self.client),
        }
    }
}
