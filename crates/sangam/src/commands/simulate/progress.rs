use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sangam_fleet::{CpeProgress, Progress, SyncProgress, UspProgress};

/// How far a fleet is, on standard error: a bar on a terminal, a line now and then elsewhere, nothing beside JSON.
pub(super) struct Bar {
    shown: Shown,
    /// Whole periods of [`LINE_EVERY`] that a line was written for.
    lines: AtomicU64,
}

/// How far, and what there is to say of it.
pub(super) struct Far {
    elapsed: Duration,
    total: Duration,
    words: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Lines,
    Bar,
}

/// Back to the start of the line, and the line emptied.
const CLEAR: &str = "\r\x1b[K";
const WIDTH: usize = 24;
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Bar {
    pub(super) fn new(json: bool) -> Self {
        let shown = match (json, stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar,
            (false, false) => Shown::Lines,
        };
        Self { shown, lines: AtomicU64::new(0) }
    }

    pub(super) fn show(&self, progress: &Far) {
        match self.shown {
            Shown::Nothing => {}
            Shown::Bar => write(&format!("{CLEAR}{} {}", bar(progress), progress.words)),
            Shown::Lines => {
                let line = progress.elapsed.as_secs() / LINE_EVERY.as_secs();
                if self.lines.fetch_max(line, Ordering::Relaxed) < line {
                    write(&format!("{}\n", progress.words));
                }
            }
        }
    }

    pub(super) fn clear(&self) {
        if self.shown == Shown::Bar {
            write(CLEAR);
        }
    }
}

fn write(text: &str) {
    let mut terminal = stderr();
    // Nobody is served by a fleet that fails because its progress cannot be shown.
    drop(terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()));
}

fn bar(progress: &Far) -> String {
    let done = (progress.elapsed.as_secs_f64() / progress.total.as_secs_f64().max(f64::MIN_POSITIVE)).min(1.0);
    let full = (done * WIDTH as f64) as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH - full))
}

impl From<Progress> for Far {
    fn from(progress: Progress) -> Self {
        let Progress { phase, elapsed, total, joined, participants, sent, delivered, outstanding } = progress;
        let what = format!(
            "{joined} of {participants} in their rooms, {sent} sent, {delivered} delivered, {outstanding} on the way"
        );
        Self::new(phase, elapsed, total, &what)
    }
}

impl From<SyncProgress> for Far {
    fn from(progress: SyncProgress) -> Self {
        let SyncProgress { phase, elapsed, total, online, devices, accepted, conflicts, waiting } = progress;
        let what = format!(
            "{online} of {devices} devices online, {accepted} changes accepted, {conflicts} conflicts, {waiting} waiting"
        );
        Self::new(phase, elapsed, total, &what)
    }
}

impl From<CpeProgress> for Far {
    fn from(progress: CpeProgress) -> Self {
        let CpeProgress { phase, elapsed, total, booted, devices, open, complete, failed } = progress;
        let what =
            format!("{booted} of {devices} devices heard, {open} sessions open, {complete} complete, {failed} failed");
        Self::new(phase, elapsed, total, &what)
    }
}

impl From<UspProgress> for Far {
    fn from(progress: UspProgress) -> Self {
        let UspProgress { phase, elapsed, total, heard, devices, connected, failed, delivered } = progress;
        let what = format!(
            "{heard} of {devices} agents heard from the controller, {connected} connected, {failed} connections failed, {delivered} notifications taken"
        );
        Self::new(phase, elapsed, total, &what)
    }
}

impl Far {
    pub(super) fn new(phase: &str, elapsed: Duration, total: Duration, what: &str) -> Self {
        let words = format!("{phase} {} of {} s, {what}", elapsed.as_secs(), total.as_secs());
        Self { elapsed, total, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_time_is_over() {
        let mut progress = Far::from(Progress {
            phase: "chatting",
            elapsed: Duration::from_secs(5),
            total: Duration::from_secs(10),
            joined: 3,
            participants: 4,
            sent: 7,
            delivered: 6,
            outstanding: 1,
        });
        assert_eq!(bar(&progress), "[############------------]");
        assert_eq!(progress.words, "chatting 5 of 10 s, 3 of 4 in their rooms, 7 sent, 6 delivered, 1 on the way");
        progress.elapsed = Duration::from_secs(60);
        assert!(!bar(&progress).contains('-'));
    }
}
