use std::sync::atomic::{AtomicU64, Ordering};

/// What a server has counted since it began, and how much is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Sockets now: a client counts in each of its namespaces.
    pub sockets: u64,
    /// Sessions now that wait for their client to come back.
    pub waiting_sessions: u64,
    /// Sockets that came back as if nothing had been.
    pub recovered: u64,
    /// Clients that could not, for their session was unknown or its time over.
    pub recovery_unknown: u64,
    /// Clients that could not, for what they missed is no longer known, or their offset none of ours.
    pub recovery_outrun: u64,
    /// Sessions whose client came back before its old connection was known to be lost.
    pub superseded: u64,
    /// Sessions whose client did not come back.
    pub expired: u64,
    /// Events dropped from a namespace's log before their time, for want of room.
    pub log_dropped: u64,
    /// Joins refused, for the socket is in as many rooms as it may.
    pub rooms_refused: u64,
    /// Clients closed for reading too slowly.
    pub too_slow: u64,
    /// Volatile packets dropped for a client that could not take them at once.
    pub volatile_dropped: u64,
    /// Records of a journal that could not be read.
    pub records_unreadable: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sockets: AtomicU64,
    pub(crate) waiting_sessions: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) recovery_unknown: AtomicU64,
    pub(crate) recovery_outrun: AtomicU64,
    pub(crate) superseded: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) log_dropped: AtomicU64,
    pub(crate) rooms_refused: AtomicU64,
    pub(crate) too_slow: AtomicU64,
    pub(crate) volatile_dropped: AtomicU64,
    pub(crate) records_unreadable: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            sockets: read(&self.sockets),
            waiting_sessions: read(&self.waiting_sessions),
            recovered: read(&self.recovered),
            recovery_unknown: read(&self.recovery_unknown),
            recovery_outrun: read(&self.recovery_outrun),
            superseded: read(&self.superseded),
            expired: read(&self.expired),
            log_dropped: read(&self.log_dropped),
            rooms_refused: read(&self.rooms_refused),
            too_slow: read(&self.too_slow),
            volatile_dropped: read(&self.volatile_dropped),
            records_unreadable: read(&self.records_unreadable),
        }
    }
}

/// One more.
pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One less.
pub(crate) fn sub(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}
