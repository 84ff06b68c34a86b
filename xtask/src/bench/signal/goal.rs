use std::fmt;

use crate::bench::spread::Spread;

/// What the middle reading of a row is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Of our readings to Node's.
    RatioAtMost(f64),
}

impl Goal {
    /// What the middle one is, if it is not good enough. No reading misses no goal.
    pub(super) fn missed_by(self, ours: &[f64], node: &[f64]) -> Option<f64> {
        let (spread, is_met): (_, fn(f64, f64) -> bool) = match self {
            Self::AtMost(_) => (Spread::of(ours.to_vec()), |median, goal| median <= goal),
            Self::AtLeast(_) => (Spread::of(ours.to_vec()), |median, goal| median >= goal),
            Self::RatioAtMost(_) => (Spread::of_ratios(ours, node), |median, goal| median <= goal),
        };
        spread.map(|spread| spread.median()).filter(|&median| !is_met(median, self.figure()))
    }

    fn figure(self) -> f64 {
        match self {
            Self::AtMost(figure) | Self::AtLeast(figure) | Self::RatioAtMost(figure) => figure,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(figure) => write!(f, "at most {figure}"),
            Self::AtLeast(figure) => write!(f, "at least {figure}"),
            Self::RatioAtMost(figure) => write!(f, "ratio at most {figure}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_held_to_the_goal_from_the_right_side() {
        let (ours, node) = ([1.0, 2.0, 9.0], [4.0, 4.0, 4.0]);
        assert_eq!(Goal::AtMost(2.0).missed_by(&ours, &node), None);
        assert_eq!(Goal::AtMost(1.5).missed_by(&ours, &node), Some(2.0));
        assert_eq!(Goal::AtLeast(2.5).missed_by(&ours, &node), Some(2.0));
        assert_eq!(Goal::RatioAtMost(0.5).missed_by(&ours, &node), None);
        assert_eq!(Goal::RatioAtMost(0.4).missed_by(&ours, &node), Some(0.5));
        assert_eq!(Goal::RatioAtMost(0.4).missed_by(&ours, &[]), None);
    }

    #[test]
    fn what_never_came_misses_a_goal() {
        assert_eq!(Goal::AtMost(10.0).missed_by(&[1.0, f64::INFINITY, f64::INFINITY], &[]), Some(f64::INFINITY));
    }
}
