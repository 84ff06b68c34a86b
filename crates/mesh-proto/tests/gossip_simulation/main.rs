//! Many nodes, links that are slow, full and break, nodes that die and nodes that come late; from a seed, in virtual time.
//! What every receiver got is compared with what was published.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

mod figures;
mod settled;
mod wire;
mod world;

use std::time::Duration;

use sangam_mesh_proto::gossip::Options;
use world::{Plan, World};

/// Two hundred nodes with four to eight links each.
fn large(seed: u64) -> Plan {
    Plan {
        seed,
        nodes: 200,
        degree: 4,
        degree_max: 8,
        deaths: 20,
        late: 10,
        messages: 240,
        large_messages: 4,
        span: Duration::from_secs(40),
        options: Options::default(),
        ..Plan::default()
    }
}

/// A dozen nodes in which everything happens more often.
fn small(seed: u64) -> Plan {
    Plan { seed, ..Plan::default() }
}

#[test]
fn two_hundred_nodes_hear_each_message_once_though_a_tenth_of_them_dies() {
    let mut world = World::new(large(1));
    world.run();
    world.assert_heard_once();
    world.assert_nothing_is_left_over();
    let (sent, flooding) = (world.sent_bytes(), world.flooding_bytes());
    println!("{sent} bytes, flooding {flooding}");
    assert!(sent * 2 < flooding, "{sent} bytes are not half of the {flooding} that flooding costs");
}

#[test]
fn a_dozen_nodes_hear_each_message_once_whatever_breaks() {
    for seed in 0..60 {
        let mut world = World::new(small(seed));
        world.run();
        world.assert_heard_once();
        world.assert_nothing_is_left_over();
    }
}

#[test]
fn queues_that_hold_two_frames_lose_nothing() {
    for seed in 100..120 {
        let options = Options {
            waiting_bytes_max: 2_500,
            frame_bytes_max: 1_200,
            ids_max: 8,
            partial_bytes_max: 300_000,
            ..Options::default()
        };
        let mut world = World::new(Plan { options, queue_bytes: 2_500, resets_per_mille: 1, ..small(seed) });
        world.run();
        world.assert_heard_once();
        world.assert_nothing_is_left_over();
    }
}

#[test]
fn a_seed_gives_the_same_world_each_time() {
    let trace = |seed| {
        let mut world = World::new(small(seed));
        world.run();
        (world.sent_bytes(), world.trace())
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
