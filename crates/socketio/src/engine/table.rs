use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::polling::Gate;
use super::sid::Sid;

/// Sessions by their id. Looked into for the requests of polling, for upgrades and by a drain; never for a message.
#[derive(Debug)]
pub(crate) struct Table {
    shards: [Mutex<HashMap<Sid, Entry>>; SHARDS],
}

/// Few enough to cost nothing, enough that threads seldom meet and that a growing map is a small one.
const SHARDS: usize = 32;

/// How a session is reached.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) wake: Arc<Notify>,
    /// Where requests go while it polls; `None` when a WebSocket carries it.
    pub(crate) gate: Option<Arc<Gate>>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    pub(crate) fn insert(&self, sid: Sid, entry: Entry) {
        self.shard(sid).insert(sid, entry);
    }

    pub(crate) fn find(&self, sid: Sid) -> Option<Entry> {
        self.shard(sid).get(&sid).cloned()
    }

    /// A WebSocket carries the session from now on.
    pub(crate) fn upgraded(&self, sid: Sid) {
        if let Some(entry) = self.shard(sid).get_mut(&sid) {
            entry.gate = None;
        }
    }

    pub(crate) fn remove(&self, sid: Sid) {
        self.shard(sid).remove(&sid);
    }

    /// Wakes every session.
    pub(crate) fn wake_all(&self) {
        for shard in &self.shards {
            lock(shard).values().for_each(|entry| entry.wake.notify_one());
        }
    }

    fn shard(&self, sid: Sid) -> MutexGuard<'_, HashMap<Sid, Entry>> {
        lock(&self.shards[sid.shard(SHARDS)])
    }
}

fn lock(shard: &Mutex<HashMap<Sid, Entry>>) -> MutexGuard<'_, HashMap<Sid, Entry>> {
    // Nothing that may panic runs while a shard is held.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
