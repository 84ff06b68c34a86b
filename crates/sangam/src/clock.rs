//! The one place that reads clocks for the cores.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sangam_types::{Mono, Now, Wall};

/// Both clocks. Monotonic time counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn now(self) -> Now {
        Now { mono: Mono::from_start(self.started.elapsed()), wall: wall_now() }
    }
}

/// The time of day. A clock before 1970 counts as 1970.
pub(crate) fn wall_now() -> Wall {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall::from_unix_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
