use clap::ValueEnum;

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

impl Measure {
    const ALL: [Self; 3] = [Self::Connect, Self::Idle, Self::Transfer];

    /// As the generator and `--only` call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Idle => "idle",
            Self::Transfer => "transfer",
        }
    }

    /// Its marks in docs/BENCHMARKS.md.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Connect => "mesh-connect",
            Self::Idle => "mesh-idle",
            Self::Transfer => "mesh-transfer",
        }
    }
}

impl Plan {
    /// All measures, unless some are named.
    pub(super) fn full(rounds: u16, only: &[Measure]) -> Self {
        let is_wanted = |measure: &Measure| only.is_empty() || only.contains(measure);
        Self {
            rounds,
            measures: Measure::ALL.into_iter().filter(is_wanted).collect(),
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
    fn what_is_named_is_measured_in_the_usual_order_and_memory_twice_at_most() {
        assert_eq!(Plan::full(5, &[]).measures, Measure::ALL);
        let plan = Plan::full(5, &[Measure::Transfer, Measure::Idle]);
        assert_eq!(plan.measures, [Measure::Idle, Measure::Transfer]);
        assert_eq!(Measure::ALL.map(|measure| plan.rounds_of(measure)), [5, 2, 5]);
    }
}
