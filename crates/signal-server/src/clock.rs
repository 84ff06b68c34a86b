use std::time::{Duration, Instant, SystemTime};

use sangam_types::{Mono, Now, Wall};

/// Both clocks, read for the core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(self) -> Now {
        Now { mono: self.mono(), wall: wall() }
    }

    pub(crate) fn mono(self) -> Mono {
        Mono::from_start(self.start.elapsed())
    }

    /// The same clock for the sessions of Socket.IO.
    pub(crate) fn of_engine(self) -> sangam_socketio::engine::Clock {
        sangam_socketio::engine::Clock::since(self.start)
    }

    /// The runtime's name for an instant of ours.
    pub(crate) fn instant(self, at: Mono) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + at.since_start())
    }
}

/// A clock before 1970 reads as 1970.
pub(crate) fn wall() -> Wall {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Wall::default() + since_epoch
}
