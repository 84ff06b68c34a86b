use std::sync::Arc;
use std::time::Instant;

use sangam_types::{Mono, Now, Wall};

/// The one clock of a node, as its machines and its WebRTC stack count time.
#[derive(Clone)]
pub(crate) struct Clock {
    start: Instant,
    wall: Arc<dyn Fn() -> Wall + Send + Sync>,
}

impl Clock {
    pub(crate) fn new(wall: Arc<dyn Fn() -> Wall + Send + Sync>) -> Self {
        Self { start: Instant::now(), wall }
    }

    /// Now, for the machines and for the WebRTC stack.
    pub(crate) fn now(&self) -> (Instant, Now) {
        let instant = Instant::now();
        (instant, Now { mono: Mono::from_start(instant.duration_since(self.start)), wall: (self.wall)() })
    }

    /// A deadline of a machine, for the WebRTC stack's clock.
    pub(crate) fn instant_of(&self, mono: Mono) -> Instant {
        self.start + mono.since_start()
    }
}
