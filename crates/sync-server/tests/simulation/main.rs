//! Up to eight unmodified clients, a network that loses, repeats and reorders, clocks that are wrong, queues that are lost and numbers
//! that are used again, beside the real rules and the real SQLite store on a disk that is cut off before and after it synced; and
//! a model that says what must come of it. One thread of control, one seed: what fails, fails again.
//!
//! `SANGAM_SIMULATION_SEED=4711 cargo test -p sangam-sync-server --test simulation one_seed` plays one seed again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod dice;
mod mutants;
mod over_the_wire;
mod server;
mod wire;
mod world;

use std::ops::AddAssign;

use mutants::Mutant;

/// Something happened that must not happen.
#[derive(Debug)]
struct Violation(String);

impl Violation {
    fn new(what: String) -> Self {
        Self(what)
    }
}

/// What was played, so that a simulation in which nothing happens is noticed.
#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    groups: usize,
    accepted: usize,
    repeated: usize,
    conflicts: usize,
    cuts: usize,
    uncertain: usize,
    sweeps: usize,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.groups += other.groups;
        self.accepted += other.accepted;
        self.repeated += other.repeated;
        self.conflicts += other.conflicts;
        self.cuts += other.cuts;
        self.uncertain += other.uncertain;
        self.sweeps += other.sweeps;
    }
}

/// Seeds of one test; there are [`SHARES`] of them, so that all cores have work.
const SEEDS: u64 = 625;
const SHARES: u64 = 16;

fn share(at: u64) {
    let mut stats = Stats::default();
    for seed in at * SEEDS..(at + 1) * SEEDS {
        match world::run(seed, None) {
            Ok(played) => stats += played,
            Err(Violation(what)) => panic!("seed {seed}: {what}"),
        }
    }
    println!("{stats:?}");
    let seeds = usize::try_from(SEEDS).unwrap();
    for (what, count) in [
        ("groups", stats.groups),
        ("accepted", stats.accepted),
        ("repeated", stats.repeated),
        ("conflicts", stats.conflicts),
        ("cuts", stats.cuts),
        ("uncertain", stats.uncertain),
        ("sweeps", stats.sweeps),
    ] {
        assert!(count > seeds / 8, "{count} {what}: hardly any");
    }
    assert!(at < SHARES);
}

macro_rules! shares {
    ($($name:ident: $at:literal),*) => {$(
        #[test]
        fn $name() {
            share($at);
        }
    )*};
}

shares!(
    nothing_is_lost_in_the_seeds_from_0: 0,
    nothing_is_lost_in_the_seeds_from_625: 1,
    nothing_is_lost_in_the_seeds_from_1250: 2,
    nothing_is_lost_in_the_seeds_from_1875: 3,
    nothing_is_lost_in_the_seeds_from_2500: 4,
    nothing_is_lost_in_the_seeds_from_3125: 5,
    nothing_is_lost_in_the_seeds_from_3750: 6,
    nothing_is_lost_in_the_seeds_from_4375: 7,
    nothing_is_lost_in_the_seeds_from_5000: 8,
    nothing_is_lost_in_the_seeds_from_5625: 9,
    nothing_is_lost_in_the_seeds_from_6250: 10,
    nothing_is_lost_in_the_seeds_from_6875: 11,
    nothing_is_lost_in_the_seeds_from_7500: 12,
    nothing_is_lost_in_the_seeds_from_8125: 13,
    nothing_is_lost_in_the_seeds_from_8750: 14,
    nothing_is_lost_in_the_seeds_from_9375: 15
);

#[test]
fn one_seed_plays_again_as_it_was() {
    let seed = std::env::var("SANGAM_SIMULATION_SEED").map_or(4_711, |seed| seed.parse().unwrap());
    let plays = [0, 1].map(|_| format!("{:?}", world::run(seed, None)));
    assert_eq!(plays[0], plays[1]);
    assert!(plays[0].starts_with("Ok"), "{}", plays[0]);
}

#[test]
fn every_mistake_that_a_server_could_make_is_found_out() {
    for mutant in mutants::ALL {
        let found = (0..400).find_map(|seed| Some((seed, world::run(seed, Some(mutant)).err()?)));
        let (seed, Violation(what)) = found.unwrap_or_else(|| panic!("{mutant:?} is not found out"));
        println!("{mutant:?}: seed {seed}: {}", what.chars().take(160).collect::<String>());
    }
}

#[test]
fn no_mutant_is_left_out() {
    assert!(mutants::ALL.len() >= 5 && mutants::ALL.contains(&Mutant::AcknowledgeEarly));
}
