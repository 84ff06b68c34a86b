use std::time::Duration;

use sangam_cwmp_proto::DateTime;

use super::super::tree::{Slot, is_boolean};
use super::{Context, Device};

impl Device {
    /// When it comes by itself: from `PeriodicInformTime` in steps of `PeriodicInformInterval`; without a time the first step
    /// ends by chance, so that a fleet that was switched on at once does not come at once.
    pub(crate) fn plan_periodic(&mut self, cx: &Context<'_>) {
        let named = cx.world.model(self.facts.number).named;
        let tree = self.tree(cx.world, cx.now);
        let is_on = is_boolean(&tree.value(Slot::fixed(named.periodic_enable))).unwrap_or(true);
        let secs = tree.value(Slot::fixed(named.periodic_interval)).parse().unwrap_or(0_u64);
        let time = DateTime::new(tree.value(Slot::fixed(named.periodic_time))).unix_secs();
        if !is_on || secs == 0 {
            self.periodic_at = None;
            return;
        }
        let wait = match time {
            Some(time) => until_next(cx.now.wall.unix_millis(), time, secs),
            None if self.periodic_at.is_some_and(|at| at <= cx.now.mono) => Duration::from_secs(secs),
            None => self.dice.within(Duration::from_secs(secs)).max(Duration::from_secs(1)),
        };
        self.periodic_at = Some(cx.now.mono + wait);
    }
}

/// From a moment to the next that is a whole number of intervals from `time`.
fn until_next(now_ms: u64, time: i64, secs: u64) -> Duration {
    let (now_ms, span_ms) = (i128::from(now_ms), i128::from(secs) * 1_000);
    let since = (now_ms - i128::from(time) * 1_000).rem_euclid(span_ms);
    Duration::from_millis(u64::try_from(span_ms - since).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_moment_is_a_whole_number_of_intervals_from_the_time() {
        for (now_ms, time, secs, wait_ms) in [
            (10_000, 3, 5, 3_000),
            (13_000, 3, 5, 5_000),
            (12_999, 3, 5, 1),
            (10_000, 1_000, 300, 90_000),
            (10_000, -7, 5, 3_000),
        ] {
            assert_eq!(until_next(now_ms, time, secs), Duration::from_millis(wait_ms), "{now_ms} {time} {secs}");
        }
    }
}
