use std::time::{Duration, Instant};

use super::LinkOptions;

/// When packets that form a link are said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timers {
    pub(super) pause: Duration,
    pub(super) pause_max: Duration,
    pub(super) repeats: usize,
}

impl Timers {
    pub(super) fn new(options: &LinkOptions) -> Self {
        let pause = options.repeat_pause.clamp(Duration::from_millis(1), Duration::from_secs(60));
        Self { pause, pause_max: options.repeat_pause_max.max(pause), repeats: options.repeats_max }
    }

    /// The same, but not before so long.
    pub(super) fn after(self, pause: Duration) -> Self {
        let pause = self.pause.max(pause);
        Self { pause, pause_max: self.pause_max.max(pause), ..self }
    }
}

/// The part of a pause beyond which a moment is late.
const LATE: u32 = 4;

/// A packet that is said again, less and less often.
#[derive(Debug)]
pub(super) struct Repeat {
    timers: Timers,
    packet: Vec<u8>,
    /// None until the time was told.
    at: Option<Instant>,
    pause: Duration,
    left: usize,
}

impl Repeat {
    pub(super) fn new(timers: Timers, packet: &[u8]) -> Self {
        let (pause, left) = (timers.pause, timers.repeats);
        Self { timers, packet: packet.to_vec(), at: None, pause, left }
    }

    /// When it wants to be told the time; `now` is when that was told last.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        (self.left > 0).then(|| self.at.unwrap_or(now))
    }

    /// The packet, if it is to be said again now. The clock begins with the first moment told. Where that moment is told late,
    /// there is more to do than time to do it: the answer may have come and wait, so a pause follows instead.
    pub(super) fn take(&mut self, now: Instant) -> Option<&[u8]> {
        if self.left == 0 {
            return None;
        }
        let late = match self.at {
            None => return self.put_off(now),
            Some(at) => now.checked_duration_since(at)?,
        };
        if late > self.pause / LATE {
            return self.put_off(now);
        }
        self.left -= 1;
        self.pause = (self.pause * 2).min(self.timers.pause_max);
        self.at = Some(now + self.pause);
        Some(&self.packet)
    }

    fn put_off(&mut self, now: Instant) -> Option<&[u8]> {
        self.at = Some(now + self.pause);
        None
    }
}
