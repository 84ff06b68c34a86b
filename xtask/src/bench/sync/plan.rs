use clap::ValueEnum;

use crate::bench::measure::{self, Measure as _};

/// What is measured, in this order, and how much of it.
pub(super) struct Plan {
    rounds: u16,
    pub(super) measures: Vec<Measure>,
    /// Before anything counts.
    pub(super) warm_up_millis: u64,
    /// How long whatever takes its time counts.
    pub(super) millis: u64,
    /// Operations of the database that one replica reads in pages of 1,000.
    pub(super) pull_operations: u64,
    /// Operations of the database that is first read in pages of 100.
    pub(super) first_operations: u64,
    /// Operations that pouchdb-server holds when it is read: it takes minutes for more.
    pub(super) pouch_operations: u64,
    pub(super) crowd_replicas: u64,
    pub(super) crowd_operations: u64,
    pub(super) listeners: u64,
    /// As many as pouchdb-server can serve at all.
    pub(super) listeners_few: u64,
    pub(super) writes_per_second: u64,
    pub(super) idle_listeners: u64,
    /// Longer than it takes until each was told once that the server is there.
    pub(super) idle_millis: u64,
    pub(super) cycle_replicas: u64,
    /// Entities of the large database.
    pub(super) entities: u64,
    pub(super) entities_few: u64,
}

/// One question, with a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Measure {
    /// Push, one operation a request, 64 devices
    #[value(name = "w1")]
    PushOne,
    /// Push, 100 operations a request, 8 devices
    #[value(name = "w2")]
    PushMany,
    /// One device reads a large database, 1,000 operations a page
    #[value(name = "w3")]
    Pull,
    /// A first sync as clients do it, 100 operations a page
    #[value(name = "w4")]
    First,
    /// 100 new devices at once
    #[value(name = "w5")]
    Crowd,
    /// Listeners that hear of writes
    #[value(name = "w6")]
    Fanout,
    /// Listeners to which nothing is said
    #[value(name = "w7")]
    Idle,
    /// Handshakes and empty pulls
    #[value(name = "w8")]
    Cycle,
    /// Push into a large database against a small one
    #[value(name = "w9")]
    Large,
    /// Restart after SIGKILL with the large database
    #[value(name = "w10")]
    Restart,
    /// Bytes on the disk for each operation
    #[value(name = "w11")]
    Disk,
}

impl measure::Measure for Measure {
    const BENCH: &'static str = "sync";
}

impl Plan {
    /// Entities of the large database, unless told otherwise: two minutes to put in at the rate that we aim at.
    pub(super) const ENTITIES: u64 = 10_000_000;

    /// All measures, unless some are named.
    pub(super) fn full(rounds: u16, only: &[Measure], entities: u64) -> Self {
        Self {
            rounds,
            measures: Measure::wanted(only),
            warm_up_millis: 1_000,
            millis: 4_000,
            pull_operations: 1_000_000,
            first_operations: 100_000,
            pouch_operations: 20_000,
            crowd_replicas: 100,
            crowd_operations: 10_000,
            listeners: 1_000,
            listeners_few: 50,
            writes_per_second: 50,
            idle_listeners: 10_000,
            idle_millis: 35_000,
            cycle_replicas: 1_000,
            entities,
            entities_few: 10_000,
        }
    }

    /// A few of each: shows that the measurement works.
    pub(super) fn smoke(only: &[Measure]) -> Self {
        Self {
            warm_up_millis: 50,
            millis: 500,
            pull_operations: 2_000,
            first_operations: 2_000,
            pouch_operations: 2_000,
            crowd_replicas: 3,
            crowd_operations: 2_000,
            listeners: 10,
            listeners_few: 3,
            idle_listeners: 20,
            idle_millis: 200,
            cycle_replicas: 10,
            entities_few: 2_000,
            ..Self::full(1, only, 4_000)
        }
    }

    /// Memory hardly spreads, and fan-out and restarts are many readings in one.
    pub(super) fn rounds_of(&self, measure: Measure) -> u16 {
        self.rounds.min(match measure {
            Measure::Idle | Measure::Disk => 1,
            Measure::Fanout | Measure::Restart => 2,
            _ => u16::MAX,
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
        let plan = Plan::full(5, &[], 1);
        let rounds: Vec<u16> = plan.measures.iter().map(|measure| plan.rounds_of(*measure)).collect();
        assert_eq!(rounds, [5, 5, 5, 5, 5, 2, 1, 5, 5, 2, 1]);
        assert_eq!(Plan::smoke(&[]).rounds_of(Measure::Fanout), 1);
    }

    #[test]
    fn what_is_filled_comes_in_whole_requests_of_four_replicas() {
        for plan in [Plan::full(1, &[], Plan::ENTITIES), Plan::smoke(&[])] {
            for count in [plan.pull_operations, plan.first_operations, plan.crowd_operations, plan.entities_few] {
                assert_eq!(count % 2_000, 0, "{count}");
            }
        }
    }
}
