use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use sangam_storage::StoreError;
use sangam_storage::devices::{Readers, State, Totals};

/// How many devices there are, as far as it bounds who else is taken: counted in the store now and then, and by each that is new in
/// between. To count at each Inform of a device that nobody knows would make a first storm quadratic.
#[derive(Debug, Default)]
pub(crate) struct Population {
    all: AtomicU64,
    pending: AtomicU64,
}

impl Population {
    /// What the store has at the start; waits for it.
    pub(crate) fn of(readers: &Arc<dyn Readers>) -> Result<(Self, Totals), StoreError> {
        let (answer, answered) = mpsc::channel();
        readers.read(Box::new(move |snapshot| {
            // It is waited for.
            let _: Result<(), _> = answer.send(snapshot.totals());
        }))?;
        let population = Self::default();
        let totals = answered.recv().unwrap_or(Err(StoreError::Busy))?;
        population.count(&totals);
        Ok((population, totals))
    }

    /// What the store has.
    pub(crate) fn count(&self, totals: &Totals) {
        self.all.store(totals.devices.iter().sum(), Ordering::Relaxed);
        self.pending.store(totals.devices[usize::from(State::Pending.code())], Ordering::Relaxed);
    }

    /// One more, in that state.
    pub(crate) fn add(&self, state: State) {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.pending.fetch_add(u64::from(state == State::Pending), Ordering::Relaxed);
    }

    /// Of all.
    pub(crate) fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// That wait for an operator.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_counts_until_all_are_counted_again() {
        let population = Population::default();
        population.count(&Totals { devices: [2, 3, 0], ..Totals::default() });
        population.add(State::Pending);
        population.add(State::Enrolled);
        assert_eq!((population.all(), population.pending()), (7, 3));
        population.count(&Totals { devices: [1, 3, 1], ..Totals::default() });
        assert_eq!((population.all(), population.pending()), (5, 1));
    }
}
