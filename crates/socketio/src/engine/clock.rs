use std::time::Instant;

use sangam_types::Mono;

/// The clock of the sessions and of what stands on them.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that reads zero at `start`.
    #[must_use]
    pub const fn since(start: Instant) -> Self {
        Self { start }
    }

    /// Now.
    #[must_use]
    pub fn mono(self) -> Mono {
        Mono::from_start(self.start.elapsed())
    }

    /// The runtime's name for an instant of ours.
    pub(crate) fn instant(self, at: Mono) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + at.since_start())
    }
}
