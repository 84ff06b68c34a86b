use clap::ValueEnum;

use crate::bench::measure::{self, Measure as _};

/// What is measured, in this order.
pub(super) struct Plan {
    rounds: u16,
    pub(super) measures: Vec<Measure>,
    pub(super) idle_connections: usize,
    pub(super) idle_readings: u32,
    /// Fewer: each of them hears of each other, so that work grows with their square.
    pub(super) product_connections: usize,
    pub(super) echo_connections: usize,
    pub(super) echoes: usize,
    pub(super) room_members: usize,
    pub(super) deliveries: usize,
    pub(super) storm_clients: usize,
    pub(super) storm_limit_seconds: u32,
    pub(super) jitter_clients: usize,
    pub(super) jitter_rooms: usize,
    pub(super) jitter_seconds: u32,
    pub(super) jitter_cut_every_seconds: f64,
    pub(super) jitter_settle_seconds: u32,
}

/// One question, with a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Memory of a connection that does nothing
    Idle,
    /// CPU of a message that comes back to its sender
    Echo,
    /// CPU of a message delivered to a member of a room
    Room,
    /// All clients cut at once: who comes back, when
    Storm,
    /// Clients cut at random while rooms are spoken to: what is missing
    Jitter,
}

impl measure::Measure for Measure {
    const BENCH: &'static str = "signal";
}

impl Plan {
    /// All measures, unless some are named.
    pub(super) fn full(rounds: u16, only: &[Measure]) -> Self {
        Self {
            rounds,
            measures: Measure::wanted(only),
            idle_connections: 5_000,
            idle_readings: 20,
            product_connections: 2_000,
            echo_connections: 50,
            echoes: 100_000,
            room_members: 200,
            deliveries: 100_000,
            storm_clients: 15_000,
            storm_limit_seconds: 120,
            jitter_clients: 500,
            jitter_rooms: 50,
            jitter_seconds: 20,
            jitter_cut_every_seconds: 5.0,
            jitter_settle_seconds: 10,
        }
    }

    pub(super) fn smoke() -> Self {
        Self {
            idle_connections: 20,
            idle_readings: 1,
            product_connections: 10,
            echo_connections: 4,
            echoes: 200,
            room_members: 5,
            deliveries: 100,
            storm_clients: 20,
            storm_limit_seconds: 20,
            jitter_clients: 10,
            jitter_rooms: 2,
            jitter_seconds: 1,
            jitter_cut_every_seconds: 0.5,
            jitter_settle_seconds: 4,
            ..Self::full(1, &[])
        }
    }

    /// Memory hardly spreads, and storms and cuts are many readings in one.
    pub(super) fn rounds_of(&self, measure: Measure) -> u16 {
        self.rounds.min(match measure {
            Measure::Idle => 2,
            Measure::Echo | Measure::Room => u16::MAX,
            Measure::Storm | Measure::Jitter => 3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_has_its_place() {
        measure::check_sections::<Measure>();
    }

    #[test]
    fn slow_measures_take_fewer_rounds() {
        let plan = Plan::full(5, &[]);
        let rounds: Vec<u16> = plan.measures.iter().map(|measure| plan.rounds_of(*measure)).collect();
        assert_eq!(rounds, [2, 5, 5, 3, 3]);
        assert_eq!(Plan::smoke().rounds_of(Measure::Storm), 1);
    }
}
