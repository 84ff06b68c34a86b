/// Readings of one quantity over several runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    /// `None` without a reading.
    pub(super) fn of(mut readings: Vec<f64>) -> Option<Self> {
        readings.sort_by(f64::total_cmp);
        (!readings.is_empty()).then_some(Self { sorted: readings })
    }

    /// Of each of `ours` to the other of the same round; a round that has no ratio does not count.
    pub(super) fn of_ratios(ours: &[f64], other: &[f64]) -> Option<Self> {
        let pairs = ours.iter().zip(other).filter(|(_, other)| **other > 0.0);
        Self::of(pairs.map(|(ours, other)| ours / other).filter(|ratio| !ratio.is_nan()).collect())
    }

    pub(super) fn min(&self) -> f64 {
        self.sorted[0]
    }

    pub(super) fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// The middle reading; of an even number the mean of the middle two.
    pub(super) fn median(&self) -> f64 {
        let half = self.sorted.len() / 2;
        if self.sorted.len() % 2 == 1 {
            self.sorted[half]
        } else {
            f64::midpoint(self.sorted[half - 1], self.sorted[half])
        }
    }

    pub(super) fn runs(&self) -> usize {
        self.sorted.len()
    }
}

/// Smallest, middle and largest reading for a table; `-` without one.
pub(super) fn cell(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(
        || "-".to_owned(),
        |s| format!("{:.digits$} / **{:.digits$}** / {:.digits$}", s.min(), s.median(), s.max()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let odd = Spread::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.min(), odd.median(), odd.max(), odd.runs()), (1.0, 2.0, 3.0, 3));
        assert_eq!(Spread::of(vec![4.0, 1.0, 2.0, 3.0]).unwrap().median(), 2.5);
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn ratios_are_of_the_same_round_and_none_is_to_nothing() {
        let ratios = Spread::of_ratios(&[1.0, 8.0, 5.0, f64::INFINITY, 9.0], &[2.0, 4.0, 0.0, f64::INFINITY]).unwrap();
        assert_eq!(cell(Some(ratios), 1), "0.5 / **1.2** / 2.0");
        assert_eq!(cell(Spread::of_ratios(&[], &[1.0]), 1), "-");
    }
}
