//! What one member of a room got of a numbered series, and what it did not.

/// How a member lost its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server hears of it at once.
    Reset,
    /// The server hears nothing at all.
    Silence,
}

/// Which of the numbers from 0 came, how often, and in what order.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    seen: Vec<bool>,
    duplicates: u64,
    late: u64,
    /// Each cut with the first number that the member had not seen then.
    cuts: Vec<(Cut, usize)>,
}

/// The numbers that never came, by the last cut before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) after_reset: u64,
    pub(crate) after_silence: u64,
    /// Before the first cut.
    pub(crate) otherwise: u64,
}

impl Ledger {
    pub(crate) fn take(&mut self, number: usize) {
        if number < self.seen.len() {
            if self.seen[number] {
                self.duplicates += 1;
            } else {
                self.late += 1;
                self.seen[number] = true;
            }
            return;
        }
        self.seen.resize(number, false);
        self.seen.push(true);
    }

    pub(crate) fn cut(&mut self, cut: Cut) {
        self.cuts.push((cut, self.seen.len()));
    }

    /// Numbers that came more than once, each time but the first.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Numbers that came after a higher one.
    pub(crate) fn out_of_order(&self) -> u64 {
        self.late
    }

    /// Whether every number below `total` came.
    pub(crate) fn is_complete(&self, total: usize) -> bool {
        self.seen.len() >= total && self.seen.iter().all(|&seen| seen)
    }

    /// Those below `total` that did not come.
    pub(crate) fn missing(&self, total: usize) -> Missing {
        let mut missing = Missing::default();
        for number in (0..total).filter(|&number| !self.seen.get(number).is_some_and(|&seen| seen)) {
            match self.cuts.iter().rev().find(|(_, from)| *from <= number) {
                Some((Cut::Reset, _)) => missing.after_reset += 1,
                Some((Cut::Silence, _)) => missing.after_silence += 1,
                None => missing.otherwise += 1,
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_came_whole_lacks_nothing() {
        let mut ledger = Ledger::default();
        (0..5).for_each(|number| ledger.take(number));
        assert!(ledger.is_complete(5) && !ledger.is_complete(6));
        assert_eq!((ledger.duplicates(), ledger.out_of_order(), ledger.missing(5)), (0, 0, Missing::default()));
    }

    #[test]
    fn duplicates_and_late_numbers_are_counted_apart() {
        let mut ledger = Ledger::default();
        [0, 3, 1, 1, 3, 2].into_iter().for_each(|number| ledger.take(number));
        assert_eq!((ledger.duplicates(), ledger.out_of_order()), (2, 2));
        assert!(ledger.is_complete(4));
    }

    #[test]
    fn what_is_missing_counts_for_the_last_cut_before_it() {
        let mut ledger = Ledger::default();
        [0, 2].into_iter().for_each(|number| ledger.take(number));
        ledger.cut(Cut::Reset);
        [5, 6].into_iter().for_each(|number| ledger.take(number));
        ledger.cut(Cut::Silence);
        assert_eq!(ledger.missing(10), Missing { otherwise: 1, after_reset: 2, after_silence: 3 });
        assert!(!ledger.is_complete(7));
    }
}
