use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use sangam_types::Wall;

use crate::table::Table;
use crate::{Journal, JournalError, JournalOptions, JournalStats, Record, WallClock};

/// A journal that lasts as long as the process: for tests, and where there is no data directory.
pub struct MemoryJournal {
    clock: WallClock,
    options: JournalOptions,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    table: Table,
    stats: JournalStats,
}

impl MemoryJournal {
    /// An empty one. Of the options, those of records and of `bytes_max` count.
    #[must_use]
    pub fn new(clock: WallClock, options: JournalOptions) -> Self {
        Self { clock, options, held: Mutex::default() }
    }

    /// What it holds and has done.
    #[must_use]
    pub fn stats(&self) -> JournalStats {
        let held = self.held();
        JournalStats { records: held.table.len(), bytes: held.table.bytes(), ..held.stats }
    }

    /// What lives now. Nothing panics while it is held, so a poisoned lock still holds a whole table.
    fn held(&self) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = held.table.expire((self.clock)());
        held.stats.expired += expired;
        held
    }
}

impl Journal for MemoryJournal {
    fn put(&self, area: &'static str, key: &str, value: Bytes, expires: Wall) {
        let mut held = self.held();
        if !self.options.fits(area, key, &value) {
            held.stats.dropped_too_large += 1;
        } else if held.table.bytes_with(area, key, &value) > self.options.bytes_max {
            held.stats.dropped_full += 1;
        } else {
            held.table.put(area, key, value, expires);
            held.stats.puts += 1;
        }
    }

    fn remove(&self, area: &'static str, key: &str) {
        let mut held = self.held();
        held.stats.removes += u64::from(held.table.remove(area, key));
    }

    fn load(&self, area: &'static str) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        ready(Ok(self.held().table.load(area))).boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        ready(Ok(())).boxed()
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
