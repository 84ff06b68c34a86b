use clap::ValueEnum;

use crate::bench::measure::{self, Measure as _};

/// What is measured, in this order.
pub(super) struct Plan {
    rounds: u16,
    pub(super) measures: Vec<Measure>,
    pub(super) connects: u32,
    pub(super) links: u32,
    pub(super) settle_millis: u32,
    /// Round trips of the way, milliseconds.
    pub(super) round_trips: &'static [u32],
    pub(super) warm_up_millis: u32,
    pub(super) transfer_millis: u32,
}

/// One question, with a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Time from the offer to an open channel
    Connect,
    /// Memory of a link that does nothing
    Idle,
    /// Rate and CPU of a link that is kept full, by round trip
    Transfer,
}

impl measure::Measure for Measure {
    const BENCH: &'static str = "mesh";
}

impl Plan {
    /// All measures, unless some are named.
    pub(super) fn full(rounds: u16, only: &[Measure]) -> Self {
        Self {
            rounds,
            measures: Measure::wanted(only),
            connects: 20,
            links: 100,
            settle_millis: 3_000,
            round_trips: &[0, 20, 100],
            warm_up_millis: 3_000,
            transfer_millis: 5_000,
        }
    }

    pub(super) fn smoke(only: &[Measure]) -> Self {
        Self {
            connects: 1,
            links: 1,
            settle_millis: 0,
            round_trips: &[20],
            warm_up_millis: 200,
            transfer_millis: 500,
            ..Self::full(1, only)
        }
    }

    /// Memory hardly spreads.
    pub(super) fn rounds_of(&self, measure: Measure) -> u16 {
        self.rounds.min(if measure == Measure::Idle { 2 } else { u16::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_measured_and_memory_twice_at_most() {
        let plan = Plan::full(5, &[]);
        let rounds: Vec<u16> = plan.measures.iter().map(|measure| plan.rounds_of(*measure)).collect();
        assert_eq!(rounds, [5, 2, 5]);
        assert_eq!(Plan::smoke(&[Measure::Transfer]).measures, [Measure::Transfer]);
    }

    #[test]
    fn each_table_has_its_place() {
        measure::check_sections::<Measure>();
    }
}
