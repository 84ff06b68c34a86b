//! When socket.io-client tries again: its manager's back-off with the settings it has by default, and the five attempts
//! that the front ends we serve allow it.

use std::time::Duration;

/// `reconnectionDelay`.
const FIRST: Duration = Duration::from_secs(1);
/// `reconnectionDelayMax`; holds after the delay was spread.
const LONGEST: Duration = Duration::from_secs(5);
/// `randomizationFactor`: a delay may be so much shorter or longer.
const SPREAD: f64 = 0.5;
/// `reconnectionAttempts`.
pub(crate) const ATTEMPTS_MAX: u32 = 5;
/// `timeout`: how long one attempt may take until the transport is open.
pub(crate) const OPEN_MAX: Duration = Duration::from_secs(20);

/// The attempts since the last open transport.
#[derive(Debug, Default)]
pub(crate) struct Reconnect {
    attempts: u32,
}

impl Reconnect {
    /// How long to wait before the next attempt; `None` when there is none left. `chance` is even in 0..1.
    pub(crate) fn next_delay(&mut self, chance: f64) -> Option<Duration> {
        if self.attempts >= ATTEMPTS_MAX {
            return None;
        }
        // At most 2^4.
        let doubled = FIRST * 2_u32.pow(self.attempts);
        self.attempts += 1;
        Some(doubled.mul_f64(1.0 - SPREAD + 2.0 * SPREAD * chance.clamp(0.0, 1.0)).min(LONGEST))
    }

    /// The transport is open: the next loss begins anew.
    pub(crate) fn opened(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(chance: f64) -> Vec<u128> {
        let mut reconnect = Reconnect::default();
        std::iter::from_fn(|| reconnect.next_delay(chance)).map(|delay| delay.as_millis()).collect()
    }

    #[test]
    fn five_delays_double_are_spread_by_half_and_end_at_five_seconds() {
        assert_eq!(millis(0.0), [500, 1_000, 2_000, 4_000, 5_000]);
        assert_eq!(millis(0.5), [1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(millis(1.0), [1_500, 3_000, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn an_open_transport_begins_the_count_anew() {
        let mut reconnect = Reconnect::default();
        while reconnect.next_delay(0.5).is_some() {}
        reconnect.opened();
        assert_eq!(reconnect.next_delay(0.5), Some(FIRST));
    }
}
