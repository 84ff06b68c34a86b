use std::fmt;

use super::contender::Contender;
use super::table::Figures;
use crate::bench::spread::Spread;

/// What our middle reading in a row is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Of our readings to those of another, round by round.
    TimesAtLeast(f64, Contender),
}

impl Goal {
    /// The figure that is held to it; `None`: there is none, as something was not measured.
    pub(super) fn figure(self, figures: &Figures) -> Option<f64> {
        let ours = figures.of(Contender::Ours);
        let spread = match self {
            Self::AtMost(_) | Self::AtLeast(_) => Spread::of(ours.to_vec()),
            Self::TimesAtLeast(_, other) => Spread::of_ratios(ours, figures.of(other)),
        };
        spread.map(|spread| spread.median())
    }

    pub(super) fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) | Self::TimesAtLeast(least, _) => figure >= least,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(figure) => write!(f, "at most {figure}"),
            Self::AtLeast(figure) => write!(f, "at least {figure}"),
            Self::TimesAtLeast(figure, other) => write!(f, "at least {figure} × {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_held_to_the_goal_from_the_right_side() {
        let figures = Figures::new([(Contender::Ours, vec![1.0, 2.0, 9.0]), (Contender::Sqlite, vec![4.0, 4.0, 4.0])]);
        let is_met = |goal: Goal| goal.figure(&figures).map(|figure| goal.is_met_by(figure));
        assert_eq!(is_met(Goal::AtMost(2.0)), Some(true));
        assert_eq!(is_met(Goal::AtMost(1.5)), Some(false));
        assert_eq!(is_met(Goal::AtLeast(2.5)), Some(false));
        assert_eq!(is_met(Goal::TimesAtLeast(0.5, Contender::Sqlite)), Some(true));
        assert_eq!(is_met(Goal::TimesAtLeast(0.6, Contender::Sqlite)), Some(false));
    }

    #[test]
    fn who_was_not_measured_is_no_measure_of_a_goal() {
        let figures = Figures::new([(Contender::Ours, vec![1.0])]);
        assert_eq!(Goal::TimesAtLeast(2.0, Contender::Pouch).figure(&figures), None);
        assert_eq!(Goal::AtLeast(1.0).figure(&Figures::new([])), None);
    }
}
