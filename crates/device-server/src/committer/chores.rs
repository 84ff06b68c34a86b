use std::time::{Duration, Instant};

use sangam_storage::devices::{Change, DeviceId, Row, Sweep};

use super::thread::Worker;
use crate::options::Options;
use crate::seen;

/// So long nothing is written before the log is copied into the file.
const CHECKPOINT_AFTER: Duration = Duration::from_millis(500);
/// When it is tried again if a reader was in the way.
const CHECKPOINT_AGAIN: Duration = Duration::from_secs(5);
/// Devices whose times one write has.
const SEEN_AT_ONCE: usize = 2_000;
/// Devices and rows that one step of a sweep looks at: nobody waits longer for it.
const SWEEP_DEVICES: usize = 64;
const SWEEP_ROWS: usize = 512;
/// Between two steps of a sweep while there is other work.
const SWEEP_PACE: Duration = Duration::from_millis(20);

/// When what is to be done beside changes.
#[derive(Debug)]
pub(super) struct Due {
    seen: Instant,
    seen_interval: Duration,
    sweep: Instant,
    sweep_interval: Duration,
    /// Where the sweep that is under way goes on.
    sweeping: Option<DeviceId>,
    /// `None`: everything is in the file.
    checkpoint: Option<Instant>,
}

impl Due {
    pub(super) fn new(now: Instant, options: &Options) -> Self {
        Self {
            seen: now + options.seen_interval,
            seen_interval: options.seen_interval,
            sweep: now + options.sweep_interval,
            sweep_interval: options.sweep_interval,
            sweeping: None,
            checkpoint: None,
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.checkpoint.map_or(self.seen, |at| at.min(self.seen)).min(self.sweep)
    }

    pub(super) fn wrote(&mut self, now: Instant) {
        self.checkpoint = Some(now + CHECKPOINT_AFTER);
    }
}

impl Worker {
    /// Does one thing that is due, if any is. `busy`: a group was just written and more may wait.
    pub(super) fn chore(&mut self, busy: bool) {
        if self.closed {
            return;
        }
        let now = Instant::now();
        if self.due.seen <= now {
            self.due.seen = now + self.due.seen_interval;
            self.flush_seen();
        } else if self.due.sweep <= now {
            self.sweep(now);
        } else if !busy && self.due.checkpoint.is_some_and(|at| at <= now) {
            self.checkpoint(now);
        }
    }

    /// Writes when devices were seen; whether it could.
    pub(super) fn flush_seen(&mut self) -> bool {
        let seen = self.deps.seen.take(SEEN_AT_ONCE);
        if seen.is_empty() {
            return true;
        }
        let rows: Vec<Row> = seen.iter().map(seen::row).collect();
        let stored = self.store(&mut [Change::from(rows)]);
        if self.deps.seen.len() > 0 {
            self.due.seen = Instant::now();
        }
        if let Err(error) = stored {
            self.deps.seen.back(seen);
            self.due.seen = Instant::now() + self.due.seen_interval;
            self.mend(&error);
            return false;
        }
        true
    }

    fn checkpoint(&mut self, now: Instant) {
        match self.writer.checkpoint() {
            Ok(0) => self.due.checkpoint = None,
            Ok(_) => self.due.checkpoint = Some(now + CHECKPOINT_AGAIN),
            Err(error) => {
                self.due.checkpoint = Some(now + CHECKPOINT_AGAIN);
                self.health.bad(&error, error.must_reopen());
                self.mend(&error);
            }
        }
    }

    fn sweep(&mut self, now: Instant) {
        let order = self.next_sweep();
        match self.writer.sweep(&order) {
            Ok(swept) => {
                self.deps.metrics.swept(swept.dropped);
                for device in &swept.removed {
                    self.deps.seen.changes.note(*device);
                }
                self.due.sweeping = swept.next;
                self.due.sweep = now + if swept.next.is_some() { SWEEP_PACE } else { self.due.sweep_interval };
                self.wrote();
            }
            Err(error) => {
                self.due.sweeping = None;
                self.due.sweep = now + self.due.sweep_interval;
                self.health.bad(&error, error.must_reopen());
                self.mend(&error);
            }
        }
    }

    fn next_sweep(&self) -> Sweep {
        let now_ms = (self.deps.clock)().unix_millis();
        let before = |kept: Duration| now_ms.saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX));
        let keep = &self.options.keep;
        Sweep {
            after: self.due.sweeping.unwrap_or_default(),
            devices_max: SWEEP_DEVICES,
            rows_max: SWEEP_ROWS,
            history_before_ms: before(keep.history),
            history_kept: keep.history_rows,
            events_before_ms: before(keep.events),
            events_kept: keep.events_rows,
            events_total: keep.events_total,
            tasks_before_ms: before(keep.tasks),
            alarms_before_ms: before(keep.alarms),
            diagnostics_before_ms: before(keep.tasks),
            answered_before_ms: before(Duration::from_secs(86_400)),
            grants_before_ms: now_ms,
            pending_before_ms: before(keep.pending),
        }
    }
}
