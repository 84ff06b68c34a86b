use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt as _;
use sangam_mesh_proto::mesh::{Input, Options};

use crate::node::Kind;
use crate::world::{Weather, World};

const SETTLE: Duration = Duration::from_secs(10);
const LARGE: usize = 80;
const AGENT: Kind = Kind::Agent { dials: true, renews: true };
const SILENT_AGENT: Kind = Kind::Agent { dials: false, renews: true };
const BAD: Weather = Weather { loss: 0.2, repeats: 0.1, delay_max_ms: 400 };

#[allow(clippy::disallowed_methods, reason = "how long a test searches is set from outside")]
fn seeds(few: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("SANGAM_MESH_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..asked.unwrap_or(few)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A small mesh of ours, all linked.
fn settled(seed: u64, nodes: usize) -> World {
    let mut world = World::new(seed, &vec![Kind::Ours; nodes], Options::default());
    world.run(secs(20));
    assert_eq!(world.missing(&world.pairs()), [], "seed {seed}");
    world
}

fn assert_heals(world: &mut World, seed: u64) {
    world.run(SETTLE);
    assert_eq!(world.missing(&world.pairs()), [], "seed {seed}: not linked ten seconds after the last fault");
    world.assert_no_leftovers();
}

/// Nothing is tried any more where everything stands.
fn assert_quiet(world: &mut World, seed: u64) {
    world.run(secs(15));
    let (before, links) = (world.attempts(), world.linked_pairs());
    world.run(secs(60));
    assert_eq!(world.attempts(), before, "seed {seed}: a mesh that is whole goes on dialling");
    assert_eq!(world.linked_pairs(), links, "seed {seed}");
}

#[test]
fn a_mesh_of_ours_is_whole_after_ten_seconds_and_then_quiet() {
    for seed in seeds(20) {
        let mut world = World::new(seed, &[Kind::Ours; 6], Options::default());
        world.run(secs(1));
        assert_heals(&mut world, seed);
        assert_quiet(&mut world, seed);
        for node in &world.nodes {
            let most = node.account.made_with.values().max().copied().unwrap_or(0);
            assert!(most <= 4, "seed {seed}: {most} sessions with one peer where nothing was lost");
        }
    }
}

#[test]
fn a_path_that_is_cut_for_half_a_minute_comes_back() {
    for seed in seeds(15) {
        let mut world = settled(seed, 5);
        world.cut.insert((1, 3));
        world.run(secs(30));
        assert!(!world.is_linked(1, 3));
        world.cut.clear();
        assert_heals(&mut world, seed);
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn a_host_that_is_cut_off_for_half_a_minute_comes_back() {
    for seed in seeds(15) {
        let mut world = settled(seed, 5);
        world.isolated.insert(2);
        world.run(secs(30));
        world.isolated.clear();
        assert_heals(&mut world, seed);
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn a_host_that_slept_for_a_minute_comes_back() {
    for seed in seeds(15) {
        let mut world = settled(seed, 5);
        world.sleep(2, secs(60));
        world.run(secs(60));
        assert_heals(&mut world, seed);
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn a_peer_that_crashed_comes_back() {
    for seed in seeds(15) {
        let mut world = settled(seed, 5);
        let down = world.some(9000);
        world.crash(2, down);
        world.run(down);
        assert_heals(&mut world, seed);
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn a_network_change_moves_the_links_and_costs_none() {
    for seed in seeds(15) {
        let mut world = settled(seed, 5);
        let before = world.attempts();
        for node in [1, 2] {
            world.feed(node, Input::NetworkChanged);
        }
        assert_heals(&mut world, seed);
        assert_eq!(world.attempts(), before, "seed {seed}: a new session where new credentials would do");
    }
}

#[test]
fn a_signaling_server_that_restarts_harms_nobody() {
    for seed in seeds(15) {
        let mut world = settled(seed, 5);
        world.server_down = true;
        world.cut.insert((0, 1));
        world.run(secs(20));
        assert_eq!(world.missing(&world.pairs()), [(0, 1)], "seed {seed}");
        world.cut.clear();
        world.server_down = false;
        assert_heals(&mut world, seed);
    }
}

/// Whatever can happen, for a minute and a half.
fn torment(world: &mut World) {
    for _ in 0..30 {
        let node = world.dice.random_range(0..world.nodes.len());
        let other = world.dice.random_range(0..world.nodes.len());
        let time = world.some(12_000);
        match world.dice.random_range(0..8) {
            0 if world.nodes[node].runs() => world.crash(node, secs(1) + time),
            1 if world.nodes[node].runs() && world.nodes[node].kind == Kind::Ours => world.sleep(node, time),
            2 if node != other => drop(world.cut.insert((node.min(other), node.max(other)))),
            // An agent that loses its server once never comes back.
            3 if !matches!(world.nodes[node].kind, Kind::Agent { .. }) => drop(world.isolated.insert(node)),
            4 => world.feed(node, Input::NetworkChanged),
            5 => world.server_down = !world.server_down,
            6 => world.cut.clear(),
            _ => world.isolated.clear(),
        }
        let time = world.some(6000);
        world.run(time);
    }
    world.cut.clear();
    world.isolated.clear();
    world.server_down = false;
    // Whoever is down or asleep comes back.
    world.run(secs(13));
}

#[test]
fn whatever_happens_in_any_weather_ours_are_linked_ten_seconds_after() {
    for seed in seeds(40) {
        let mut world = settled(seed, 5);
        world.weather = BAD;
        torment(&mut world);
        world.weather = Weather { loss: 0.0, ..BAD };
        assert_heals(&mut world, seed);
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn among_originals_too_whatever_happens_ours_and_synapse_are_linked_again() {
    for seed in seeds(20) {
        let kinds = [Kind::Ours, Kind::Synapse, Kind::Ours, AGENT, Kind::Ours];
        let mut world = World::new(seed, &kinds, Options::default());
        world.run(secs(20));
        world.weather = BAD;
        torment(&mut world);
        world.weather = Weather { loss: 0.0, ..BAD };
        world.run(SETTLE);
        let ours = BTreeSet::from([(0, 2), (0, 4), (2, 4)]);
        assert_eq!(world.missing(&ours), [], "seed {seed}");
        // An offer to a Synapse-NG node that was lost is noticed by the answer that does not come, and it polls.
        world.run(secs(10));
        let synapse = BTreeSet::from([(0, 1), (1, 2), (1, 4)]);
        assert_eq!(world.missing(&synapse), [], "seed {seed}");
        world.assert_no_leftovers();
    }
}

#[test]
fn ours_find_each_other_while_a_fifth_of_all_signals_is_lost() {
    let (mut missing, mut all) = (0, 0);
    for seed in seeds(20) {
        let mut world = World::new(seed, &[Kind::Ours; 6], Options::default());
        world.weather = BAD;
        world.run(secs(40));
        missing += world.missing(&world.pairs()).len();
        all += world.pairs().len();
        assert_quiet(&mut world, seed);
    }
    assert!(missing * 50 <= all, "{missing} of {all} pairs are not linked");
}

#[test]
fn synapse_nodes_are_linked_after_crashes_on_either_side() {
    for seed in seeds(20) {
        let kinds = [Kind::Ours, Kind::Synapse, Kind::Ours, Kind::Synapse, Kind::Ours];
        let mut world = World::new(seed, &kinds, Options::default());
        world.run(secs(30));
        assert_eq!(world.missing(&world.pairs()), [], "seed {seed}");
        for node in [1, 2] {
            world.crash(node, secs(3));
            world.run(secs(3));
            assert_heals(&mut world, seed);
        }
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn agents_are_linked_and_live() {
    for seed in seeds(20) {
        let kinds = [Kind::Ours, AGENT, Kind::Ours, SILENT_AGENT];
        let mut world = World::new(seed, &kinds, Options::default());
        world.run(secs(20));
        assert_eq!(world.missing(&world.pairs()), [], "seed {seed}");
        assert_eq!(world.deaths, 0, "seed {seed}: an agent died of what it was sent");
        world.cut.insert((0, 1));
        world.cut.insert((0, 3));
        world.run(secs(30));
        world.cut.clear();
        assert_heals(&mut world, seed);
        for node in [1, 3] {
            world.crash(node, secs(2));
            world.run(secs(2));
            assert_heals(&mut world, seed);
        }
        assert_eq!(world.deaths, 0, "seed {seed}");
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn agents_that_take_new_sessions_are_linked_with_a_node_that_was_started_anew() {
    for seed in seeds(20) {
        let mut world = World::new(seed, &[Kind::Ours, AGENT, Kind::Ours, SILENT_AGENT], Options::default());
        world.run(secs(20));
        assert_eq!(world.missing(&world.pairs()), [], "seed {seed}");
        for pause in [1, 20] {
            world.crash(0, secs(pause));
            world.run(secs(pause));
            assert_heals(&mut world, seed);
        }
        assert_eq!(world.deaths, 0, "seed {seed}");
        assert_quiet(&mut world, seed);
    }
}

#[test]
fn a_large_mesh_is_connected_bounded_and_even() {
    for seed in seeds(1) {
        let mut world = World::new(seed, &[Kind::Ours; LARGE], Options::default());
        world.run(secs(30));
        assert!(world.is_connected(), "seed {seed}");
        let degrees: Vec<usize> = (0..LARGE).map(|node| world.degree(node)).collect();
        assert!(degrees.iter().all(|degree| (8..=20).contains(degree)), "seed {seed}: {degrees:?}");
        let before = world.linked_pairs();
        for node in 0..LARGE / 2 {
            for other in LARGE / 2..LARGE {
                world.cut.insert((node, other));
            }
        }
        world.run(secs(30));
        world.cut.clear();
        world.run(SETTLE);
        assert!(world.is_connected(), "seed {seed}");
        let degrees: Vec<usize> = (0..LARGE).map(|node| world.degree(node)).collect();
        let room = |pair: &(usize, usize)| degrees[pair.0] < 20 && degrees[pair.1] < 20;
        let missing: Vec<(usize, usize)> = world.missing(&before).into_iter().filter(room).collect();
        assert_eq!(missing, [], "seed {seed}: links that did not return though there is room");
        assert!(degrees.iter().all(|degree| *degree <= 20), "seed {seed}: {degrees:?}");
    }
}

#[test]
fn nothing_is_left_of_peers_that_said_goodbye() {
    for seed in seeds(15) {
        let mut world = settled(seed, 6);
        for node in 1..6 {
            world.stop(node);
        }
        // A minute they are still listed; ten minutes after they are forgotten.
        world.run(secs(60 + 600 + 20));
        let node = &world.nodes[0];
        assert!(node.account.is_closed(), "seed {seed}");
        assert!(node.pcs.is_empty(), "seed {seed}");
        assert_eq!(node.mesh().unwrap().peers().count(), 0, "seed {seed}");
        assert_eq!(node.wait, None, "seed {seed}: there is nothing to wait for");
    }
}
