use std::time::{Duration, Instant};

/// How long a relay thread that dies again and again waits for its next start: not at all the first time, then longer
/// each time up to a limit. It is never given up.
#[derive(Debug)]
pub(crate) struct BackOff {
    delay_max: Duration,
    /// Deaths in a row.
    row: u32,
    started: Instant,
}

/// The first wait; each further one is twice as long.
const DELAY_MIN: Duration = Duration::from_millis(100);

/// A thread that has lived this long has begun anew, whatever its predecessors died of.
const STABLE: Duration = Duration::from_secs(30);

impl BackOff {
    pub(crate) fn new(delay_max: Duration, now: Instant) -> Self {
        Self { delay_max, row: 0, started: now }
    }

    pub(crate) fn begin_life(&mut self, now: Instant) {
        self.started = now;
    }

    /// How long to wait after a death.
    pub(crate) fn after_death(&mut self, now: Instant) -> Duration {
        let is_stable = now.saturating_duration_since(self.started) >= STABLE;
        self.row = if is_stable { 1 } else { self.row.saturating_add(1) };
        match self.row {
            1 => Duration::ZERO,
            row => DELAY_MIN.saturating_mul(1_u32 << (row - 2).min(16)).min(self.delay_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_death_costs_no_time_and_each_further_one_twice_the_last_up_to_the_limit() {
        let now = Instant::now();
        let mut back_off = BackOff::new(Duration::from_secs(1), now);
        let delays: Vec<u128> = (0..100).map(|_| back_off.after_death(now).as_millis()).collect();
        assert_eq!(delays[..7], [0, 100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(delays[99], 1_000);
        back_off.begin_life(now);
        assert_eq!(back_off.after_death(now + STABLE), Duration::ZERO, "it had lived");
    }
}
