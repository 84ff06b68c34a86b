use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much may wait for a writer: operations and bytes.
#[derive(Debug)]
pub struct Room {
    ops: AtomicUsize,
    bytes: AtomicUsize,
    ops_max: usize,
    bytes_max: usize,
}

/// Room in the queue, taken before a body is read and given back when its push is answered: for bytes at first, for operations
/// too once they are counted.
#[derive(Debug)]
pub struct Admitted {
    room: Arc<Room>,
    ops: usize,
    bytes: usize,
}

impl Room {
    /// Room for so many operations and bytes.
    #[must_use]
    pub fn new(ops_max: usize, bytes_max: usize) -> Self {
        Self { ops: AtomicUsize::new(0), bytes: AtomicUsize::new(0), ops_max, bytes_max }
    }

    /// Takes room for a body; one alone is let in however large it is. Nothing more is let in while as many operations wait as
    /// may; those of bodies that are being read are not known yet and bounded by their bytes.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Admitted> {
        if self.ops.load(Ordering::Acquire) >= self.ops_max {
            return None;
        }
        let more = |now: usize| {
            let then = now.saturating_add(bytes);
            (now == 0 || then <= self.bytes_max).then_some(then)
        };
        self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Admitted { room: Arc::clone(self), ops: 0, bytes })
    }

    /// How full it is, of operations or bytes whichever is more, in per cent.
    #[must_use]
    pub fn percent(&self) -> usize {
        let of = |taken: &AtomicUsize, max: usize| taken.load(Ordering::Acquire).saturating_mul(100) / max.max(1);
        of(&self.ops, self.ops_max).max(of(&self.bytes, self.bytes_max))
    }

    /// Operations and bytes that wait.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.ops.load(Ordering::Acquire), self.bytes.load(Ordering::Acquire))
    }
}

impl Admitted {
    /// Room that was taken in pieces becomes one.
    pub fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.ops += std::mem::take(&mut other.ops);
    }

    /// The operations are counted.
    pub fn count(&mut self, ops: usize) {
        self.room.ops.fetch_add(ops, Ordering::AcqRel);
        self.ops += ops;
    }

    /// Those that were counted.
    #[must_use]
    pub fn ops(&self) -> usize {
        self.ops
    }

    /// Those that were taken.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.room.ops.fetch_sub(self.ops, Ordering::AcqRel);
        self.room.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
