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
}
