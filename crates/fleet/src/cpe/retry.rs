use std::time::Duration;

use super::noise::Dice;

/// How long a CPE waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RetryWaits {
    /// `CWMPRetryMinimumWaitInterval`, 5 s from the standard.
    pub(super) shortest: Duration,
    /// `CWMPRetryIntervalMultiplier`, 2,000 from the standard.
    pub(super) multiplier_thousandths: u64,
}

/// How long a CPE waits before it tries a session again that failed `failures` times (TR-069 Amendment 6 §3.2.1.1): 5 to 10 s,
/// then twice that each time, from the tenth on 2560 to 5120 s, unless the ACS set other times. An ACS that says how long
/// (`Retry-After`) is believed.
pub(super) fn retry_wait(failures: u32, retry_after: Option<Duration>, waits: RetryWaits, dice: &mut Dice) -> Duration {
    if let Some(told) = retry_after {
        return told.min(TOLD_MAX);
    }
    let times = failures.saturating_sub(1).min(STEPS_MAX);
    let factor = waits.multiplier_thousandths.clamp(1_000, 65_535) as f64 / 1_000.0;
    let shortest = waits.shortest.clamp(Duration::from_secs(1), Duration::from_secs(65_535));
    let from = shortest.mul_f64(factor.powi(times as i32).min(FACTOR_MAX)).min(TOLD_MAX);
    from + dice.within(from.mul_f64((factor - 1.0).clamp(0.0, FACTOR_MAX)))
}

const STEPS_MAX: u32 = 9;
const FACTOR_MAX: f64 = 1e6;
/// Nobody waits a week because of one header.
const TOLD_MAX: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: RetryWaits = RetryWaits { shortest: Duration::from_secs(5), multiplier_thousandths: 2_000 };

    #[test]
    fn waits_are_in_the_intervals_of_the_standard() {
        let mut dice = Dice::new(&[1]);
        for (failures, from, to) in
            [(1, 5, 10), (2, 10, 20), (3, 20, 40), (9, 1_280, 2_560), (10, 2_560, 5_120), (40, 2_560, 5_120)]
        {
            for _ in 0..100 {
                let wait = retry_wait(failures, None, STANDARD, &mut dice);
                assert!(wait >= Duration::from_secs(from) && wait <= Duration::from_secs(to), "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn the_acs_may_set_other_times() {
        let mut dice = Dice::new(&[1]);
        let waits = RetryWaits { shortest: Duration::from_secs(1), multiplier_thousandths: 3_000 };
        for (failures, from, to) in [(1, 1, 3), (2, 3, 9), (3, 9, 27)] {
            let wait = retry_wait(failures, None, waits, &mut dice);
            assert!(wait >= Duration::from_secs(from) && wait <= Duration::from_secs(to), "{failures}: {wait:?}");
        }
        let senseless = RetryWaits { shortest: Duration::MAX, multiplier_thousandths: u64::MAX };
        assert!(retry_wait(40, None, senseless, &mut dice) > Duration::from_secs(60_000));
    }

    #[test]
    fn an_acs_that_says_how_long_is_believed_up_to_a_day() {
        let mut dice = Dice::new(&[1]);
        let wait = |secs, dice: &mut Dice| retry_wait(3, Some(Duration::from_secs(secs)), STANDARD, dice).as_secs();
        assert_eq!((wait(7, &mut dice), wait(u64::MAX, &mut dice)), (7, 86_400));
    }
}
