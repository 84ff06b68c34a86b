use std::time::Duration;

use super::noise::Dice;

/// How long a CPE waits before it tries a session again that failed `failures` times (TR-069 Amendment 6 §3.2.1.1): 5 to 10 s,
/// then twice that each time, from the tenth on 2560 to 5120 s. An ACS that says how long (`Retry-After`) is believed.
pub(super) fn retry_wait(failures: u32, retry_after: Option<Duration>, dice: &mut Dice) -> Duration {
    if let Some(told) = retry_after {
        return told.min(TOLD_MAX);
    }
    let base = SHORTEST * (1 << failures.saturating_sub(1).min(DOUBLINGS_MAX));
    base + dice.within(base)
}

const SHORTEST: Duration = Duration::from_secs(5);
const DOUBLINGS_MAX: u32 = 9;
/// Nobody waits a week because of one header.
const TOLD_MAX: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_in_the_intervals_of_the_standard() {
        let mut dice = Dice::new(&[1]);
        for (failures, from, to) in
            [(1, 5, 10), (2, 10, 20), (3, 20, 40), (9, 1_280, 2_560), (10, 2_560, 5_120), (40, 2_560, 5_120)]
        {
            for _ in 0..100 {
                let wait = retry_wait(failures, None, &mut dice);
                assert!(wait >= Duration::from_secs(from) && wait <= Duration::from_secs(to), "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn an_acs_that_says_how_long_is_believed_up_to_a_day() {
        let mut dice = Dice::new(&[1]);
        let wait = |secs, dice: &mut Dice| retry_wait(3, Some(Duration::from_secs(secs)), dice).as_secs();
        assert_eq!((wait(7, &mut dice), wait(u64::MAX, &mut dice)), (7, 86_400));
    }
}
