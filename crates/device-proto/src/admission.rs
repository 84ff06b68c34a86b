//! Who is served when not everybody can be: by what an Inform is about, before it is parsed.

mod class;

pub use class::Class;

use std::time::Duration;

/// How much there is to do. Whatever has no bound of its own is 0 of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sessions that are open, and how many may be.
    pub sessions: (u64, u64),
    /// Rows that wait for the store's writer, and how many may.
    pub queue: (u64, u64),
    /// How long the oldest of these waits, and how long it may.
    pub lag: (Duration, Duration),
    /// How long we run.
    pub up: Duration,
    /// Devices that are enrolled.
    pub fleet: u64,
}

impl Load {
    /// The fullest of all, in parts per thousand; a bound of 0 is full.
    #[must_use]
    pub fn permille(&self) -> u32 {
        let part = |of: u128, max: u128| of.saturating_mul(1_000).checked_div(max).unwrap_or(1_000);
        let parts = [
            part(self.sessions.0.into(), self.sessions.1.into()),
            part(self.queue.0.into(), self.queue.1.into()),
            part(self.lag.0.as_millis(), self.lag.1.as_millis()),
        ];
        u32::try_from(parts.into_iter().max().unwrap_or_default()).unwrap_or(u32::MAX)
    }
}

/// When which class is shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionRules {
    /// By class, from [`Class::Routine`] to [`Class::Operator`]: the load in parts per thousand at which it is shed. Each at least
    /// as high as the one before, whatever stands here.
    pub shed_at_permille: [u32; Class::ALL.len()],
    /// The shortest time after which a device shall come again.
    pub retry_first: Duration,
    /// The longest.
    pub retry_max: Duration,
    /// Devices a second that are let in while we are new; the others are spread over as long as the fleet takes at this rate.
    pub restart_rate: u64,
    /// How long we are new: the thresholds are half as high at first and rise to what they are.
    pub restart_window: Duration,
}

impl Default for AdmissionRules {
    /// 70 %, 80 %, 85 %, 95 %, 100 %; 10 seconds to 10 minutes; 1,000 a second, 30 seconds.
    fn default() -> Self {
        Self {
            shed_at_permille: [700, 800, 850, 950, 1_000],
            retry_first: Duration::from_secs(10),
            retry_max: Duration::from_secs(600),
            restart_rate: 1_000,
            restart_window: Duration::from_secs(30),
        }
    }
}

/// What becomes of a session that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is served.
    Admit,
    /// It is answered with 503.
    Shed {
        /// `Retry-After`, whole seconds.
        retry_after_secs: u32,
    },
}

impl AdmissionRules {
    /// Decides; `random` is any number, for the jitter of those that are shed.
    #[must_use]
    pub fn decide(&self, load: &Load, class: Class, random: u64) -> Admission {
        let permille = load.permille();
        if permille < self.shed_at(load, class) {
            return Admission::Admit;
        }
        Admission::Shed { retry_after_secs: self.retry_after(load, class, permille, random) }
    }

    /// The load at which a class is shed now.
    #[must_use]
    pub fn shed_at(&self, load: &Load, class: Class) -> u32 {
        let upto = &self.shed_at_permille[..=class as usize];
        let threshold = upto.iter().copied().max().unwrap_or_default();
        // Who waits for an operator is not held up by our being new.
        if class == Class::Operator || load.up >= self.restart_window {
            return threshold;
        }
        let window = self.restart_window.as_millis().max(1);
        let share = 500 + 500 * load.up.as_millis() / window;
        u32::try_from(u128::from(threshold) * share / 1_000).unwrap_or(threshold)
    }

    /// From the shortest time to its double and, the more load there is, to the longest: no two come back together.
    fn retry_after(&self, load: &Load, class: Class, permille: u32, random: u64) -> u32 {
        let (first, most) = (secs(self.retry_first).max(1), secs(self.retry_max).max(1));
        // How much above its threshold: one that was just about shed comes soon.
        let over = permille.saturating_sub(self.shed_at(load, class)).min(1_000);
        let mut spread = first.saturating_add(most.saturating_sub(first).saturating_mul(u64::from(over)) / 1_000);
        if load.up < self.restart_window {
            spread = spread.max(load.fleet / self.restart_rate.max(1));
        }
        // The more a class counts, the sooner it may come.
        let spread = (spread >> (class as u32)).max(1);
        let jitter = u64::try_from((u128::from(random) * u128::from(spread)) >> 64).unwrap_or_default();
        u32::try_from(first.saturating_add(jitter).min(most.max(first))).unwrap_or(u32::MAX)
    }
}

fn secs(duration: Duration) -> u64 {
    duration.as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(sessions: u64) -> Load {
        let up = Duration::from_secs(3_600);
        Load {
            sessions: (sessions, 1_000),
            queue: (0, 1),
            lag: (Duration::ZERO, Duration::from_secs(1)),
            up,
            fleet: 100_000,
        }
    }

    fn is_admitted(load: &Load, class: Class) -> bool {
        AdmissionRules::default().decide(load, class, 0) == Admission::Admit
    }

    #[test]
    fn routine_sessions_are_shed_first_and_those_an_operator_waits_for_last() {
        let admitted = |sessions| Class::ALL.map(|class| is_admitted(&load(sessions), class));
        assert_eq!(admitted(699), [true; 5]);
        assert_eq!(admitted(700), [false, true, true, true, true]);
        assert_eq!(admitted(850), [false, false, false, true, true]);
        assert_eq!(admitted(950), [false, false, false, false, true]);
        assert_eq!(admitted(1_000), [false; 5]);
    }

    #[test]
    fn the_fullest_of_all_counts() {
        let mut lagging = load(0);
        lagging.lag.0 = Duration::from_millis(750);
        assert!(!is_admitted(&lagging, Class::Routine) && is_admitted(&lagging, Class::Boot));
        let mut queueing = load(0);
        queueing.queue = (9, 10);
        assert!(!is_admitted(&queueing, Class::Change) && is_admitted(&queueing, Class::Result));
        assert_eq!(Load { queue: (0, 0), ..load(0) }.permille(), 1_000, "no room is full");
    }

    #[test]
    fn while_we_are_new_less_is_taken_and_the_rest_is_spread_over_what_the_fleet_takes() {
        let mut new = load(400);
        new.up = Duration::ZERO;
        assert!(!is_admitted(&new, Class::Routine) && is_admitted(&new, Class::Result));
        assert!(is_admitted(&Load { sessions: (999, 1_000), ..new }, Class::Operator));
        new.up = Duration::from_secs(15);
        assert!(is_admitted(&new, Class::Routine), "half of the window: three quarters of the threshold");
        new.up = Duration::ZERO;
        let retries = |random| match AdmissionRules::default().decide(&new, Class::Routine, random) {
            Admission::Shed { retry_after_secs } => retry_after_secs,
            Admission::Admit => 0,
        };
        assert_eq!((retries(0), retries(u64::MAX)), (10, 109), "100,000 devices at 1,000 a second");
    }

    proptest! {
        #[test]
        fn whoever_counts_more_is_never_shed_before_whoever_counts_less(
            sessions in 0_u64..2_000, up in 0_u64..60, random: u64, thresholds: [u32; 5],
        ) {
            let rules = AdmissionRules { shed_at_permille: thresholds, ..AdmissionRules::default() };
            let load = Load { up: Duration::from_secs(up), ..load(sessions) };
            let admitted = Class::ALL.map(|class| rules.decide(&load, class, random) == Admission::Admit);
            prop_assert!(admitted.is_sorted(), "{admitted:?}");
        }

        #[test]
        fn a_retry_is_within_its_bounds(
            sessions in 0_u64..10_000, up in 0_u64..60, fleet: u64, random: u64, class in 0_usize..5,
        ) {
            let rules = AdmissionRules::default();
            let load = Load { up: Duration::from_secs(up), fleet, ..load(sessions) };
            if let Admission::Shed { retry_after_secs } = rules.decide(&load, Class::ALL[class], random) {
                prop_assert!((10..=600).contains(&retry_after_secs), "{retry_after_secs}");
            }
        }
    }
}
