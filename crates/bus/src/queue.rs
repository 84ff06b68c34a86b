use std::io;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sangam_types::Wall;
use tokio::sync::oneshot;

use crate::frame::{Change, Salt};
use crate::table::Table;
use crate::{JournalOptions, JournalStats, WallClock};

/// Answers one flush.
pub(crate) type Flushed = oneshot::Sender<io::Result<()>>;

/// What callers and the writer share: the records that live, and the frames that are to be written.
pub(crate) struct Queue {
    pub(crate) clock: WallClock,
    pub(crate) options: JournalOptions,
    pub(crate) salt: Salt,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) table: Table,
    pub(crate) stats: JournalStats,
    frames: Vec<u8>,
    flushes: Vec<Flushed>,
    closing: bool,
    ended: bool,
}

/// What the writer has to do next.
pub(crate) struct Batch {
    /// Whole frames, to be written at once.
    pub(crate) frames: Vec<u8>,
    /// Who waits for them.
    pub(crate) flushes: Vec<Flushed>,
    /// Whether nothing follows.
    pub(crate) is_last: bool,
}

impl Queue {
    pub(crate) fn new(
        clock: WallClock,
        options: JournalOptions,
        salt: Salt,
        table: Table,
        stats: JournalStats,
    ) -> Self {
        let state = Mutex::new(State { table, stats, ..State::default() });
        Self { clock, options, salt, state, wake: Condvar::new() }
    }

    /// What lives now. Nothing panics while it is held, so a poisoned lock still holds a whole table.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = state.table.expire((self.clock)());
        state.stats.expired += expired;
        state
    }

    pub(crate) fn put(&self, area: &str, key: &str, value: Bytes, expires: Wall) {
        let mut state = self.state();
        if !self.options.fits(area, key, &value) {
            state.stats.dropped_too_large += 1;
        } else if state.table.bytes_with(area, key, &value) > self.options.bytes_max {
            state.stats.dropped_full += 1;
        } else if self.enqueue(&mut state, Change::Put { area, key, value: &value, expires }) {
            state.table.put(area, key, value, expires);
            state.stats.puts += 1;
        }
    }

    pub(crate) fn remove(&self, area: &str, key: &str) {
        let mut state = self.state();
        if state.table.contains(area, key) && self.enqueue(&mut state, Change::Remove { area, key }) {
            state.table.remove(area, key);
            state.stats.removes += 1;
        }
    }

    /// `false`: too much waits, the change is dropped.
    fn enqueue(&self, state: &mut State, change: Change<'_>) -> bool {
        if state.frames.len() + change.frame_bytes() > self.options.queue_bytes_max {
            state.stats.dropped_queue_full += 1;
            return false;
        }
        self.salt.encode(change, &mut state.frames);
        self.wake.notify_one();
        true
    }

    pub(crate) fn flush(&self, flushed: Flushed) {
        let mut state = self.state();
        if !state.ended {
            state.flushes.push(flushed);
            self.wake.notify_one();
        }
    }

    /// The writer is no more, however it ended: nobody waits for it.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.flushes.clear();
    }

    /// Has the writer write what waits and end.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.wake.notify_one();
    }

    /// Waits until there is something to do, or until `deadline`.
    pub(crate) fn next(&self, deadline: Option<Instant>) -> Batch {
        let mut state = self.state();
        while state.frames.is_empty() && state.flushes.is_empty() && !state.closing {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        state.take()
    }

    /// The frames that wait now. Who waits for them goes on waiting.
    pub(crate) fn take_frames(&self) -> Vec<u8> {
        mem::take(&mut self.state().frames)
    }
}

impl State {
    fn take(&mut self) -> Batch {
        Batch { frames: mem::take(&mut self.frames), flushes: mem::take(&mut self.flushes), is_last: self.closing }
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.frames.len()
    }
}
