use std::time::{Duration, Instant, SystemTime};

use sangam_types::{Mono, Now, Wall};

/// Reads both clocks. All relay threads share one beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn read(self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono::from_start(self.start.elapsed()), wall: Wall::from_unix_millis(millis) }
    }
}
