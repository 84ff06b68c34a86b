use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sangam_telemetry::metrics::relay::Labelled;

/// What becomes of relay threads that fail, counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    by_cause: [AtomicU64; Cause::ALL.len()],
    replacements: AtomicU64,
    allocations_lost: AtomicU64,
    /// Superseded threads that still hang.
    hung: AtomicU64,
}

/// Why a relay thread was replaced: each is a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A defect of ours.
    Panic,
    /// It did not turn although it was woken.
    Hang,
    /// The system refused it its readiness queue, a descriptor, or the thread itself.
    Error,
}

impl Cause {
    pub(crate) const ALL: [Self; 3] = [Self::Panic, Self::Hang, Self::Error];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "it panicked",
            Self::Hang => "it hung",
            Self::Error => "the system failed it",
        })
    }
}

impl Failures {
    pub(crate) fn count(&self, cause: Cause) {
        self.by_cause[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_replacement(&self) {
        self.replacements.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_allocations_lost(&self, number: u64) {
        self.allocations_lost.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn show_hung(&self, number: usize) {
        self.hung.store(number as u64, Ordering::Relaxed);
    }

    pub(crate) fn by_cause(&self) -> Labelled {
        Cause::ALL.map(|cause| (cause.as_str(), self.by_cause[cause as usize].load(Ordering::Relaxed))).to_vec()
    }

    pub(crate) fn replacements(&self) -> u64 {
        self.replacements.load(Ordering::Relaxed)
    }

    pub(crate) fn allocations_lost(&self) -> u64 {
        self.allocations_lost.load(Ordering::Relaxed)
    }

    pub(crate) fn hung(&self) -> u64 {
        self.hung.load(Ordering::Relaxed)
    }
}
