//! One life of a relay thread, from its start to its end or until another takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::figures::Figures;
use crate::quotas::Holds;

/// Names one life of one relay thread. What is shared between threads is taken and given back under this name, so that
/// a thread that was superseded and comes back cannot touch what is its successor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) thread: u16,
    /// Counts the lives of that thread and wraps around: few of 65,536 are ever remembered at once.
    pub(crate) life: u16,
}

/// One life of a relay thread, as it and its supervisor see it.
#[derive(Debug)]
pub(crate) struct Incarnation {
    pub(crate) owner: Owner,
    /// Its figures, which end with it.
    pub(crate) figures: Figures,
    /// What its allocations count towards quotas.
    pub(crate) holds: Holds,
    /// Written once, by the supervisor; in the threads' caches until then.
    superseded: AtomicBool,
}

impl Incarnation {
    pub(crate) fn new(owner: Owner) -> Arc<Self> {
        Arc::new(Self { owner, figures: Figures::new(), holds: Holds::default(), superseded: AtomicBool::new(false) })
    }

    /// Another has taken its place.
    pub(crate) fn supersede(&self) {
        self.superseded.store(true, Ordering::Release);
    }

    /// Whether it must end and leave everything alone.
    pub(crate) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::Acquire)
    }
}
