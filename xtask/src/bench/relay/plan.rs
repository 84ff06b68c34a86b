use std::fmt;

/// What is measured, in this order in each round.
pub(super) struct Plan {
    pub(super) rounds: u16,
    pub(super) millis: u64,
    pub(super) warm_up_millis: u64,
    pub(super) scenarios: Vec<Scenario>,
    pub(super) allocations: usize,
    pub(super) flood_sources: usize,
}

/// One kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scenario {
    pub(super) clients: usize,
    pub(super) payload_bytes: usize,
    pub(super) mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Up,
    Down,
    Echo,
    Pair,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Echo, Self::Pair];

    /// As the generator calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Echo => "echo",
            Self::Pair => "pair",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, payload_bytes, mode } = self;
        write!(f, "{}, {clients} clients, {payload_bytes} bytes", mode.name())
    }
}

impl Plan {
    pub(super) fn full(rounds: u16, millis: u64) -> Self {
        let scenarios = scenarios(&[64, 1_000], &[160, 1_200]);
        Self { rounds, millis, warm_up_millis: 300, scenarios, allocations: 10_000, flood_sources: 5_000 }
    }

    pub(super) fn smoke() -> Self {
        let scenarios = scenarios(&[2], &[160]);
        Self { rounds: 1, millis: 100, warm_up_millis: 20, scenarios, allocations: 64, flood_sources: 64 }
    }
}

fn scenarios(clients: &[usize], payloads: &[usize]) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for &clients in clients {
        for &payload_bytes in payloads {
            scenarios.extend(Mode::ALL.map(|mode| Scenario { clients, payload_bytes, mode }));
        }
    }
    scenarios
}
