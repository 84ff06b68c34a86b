use std::time::Duration;

use super::super::{Input, Options};
use super::bench::Bench;
use crate::channel::Incoming;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_message_reaches_a_subscriber_over_a_node_that_does_not_subscribe() {
    let mut bench = Bench::new(3, &Options::default());
    bench.link(0, 1);
    bench.link(1, 2);
    bench.subscribe(2, "a");
    bench.carry();
    bench.publish(0, "a", "hello");
    bench.carry();
    assert_eq!(bench.heard(2), ["hello"]);
    assert_eq!(bench.delivered[2][0].hops, 2);
    assert_eq!(bench.delivered[2][0].origin.as_str(), "node-0");
    assert!(bench.heard(1).is_empty());
    assert!(bench.heard(0).is_empty());
}

#[test]
fn a_message_that_comes_by_two_ways_is_delivered_once_and_one_way_is_pruned() {
    let mut bench = Bench::new(3, &Options::default());
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        bench.link(a, b);
    }
    for at in 0..3 {
        bench.subscribe(at, "a");
    }
    bench.carry();
    bench.publish(0, "a", "1");
    bench.pass(2 * SECOND);
    assert_eq!(bench.heard(1), ["1"]);
    assert_eq!(bench.heard(2), ["1"]);
    let pruned = (0..3).flat_map(|at| bench.said(at)).filter(|it| *it == Incoming::Prune).count();
    assert!(pruned > 0);
    let duplicates = |bench: &Bench| bench.nodes.iter().map(|node| node.stats().duplicates).sum::<u64>();
    let before = duplicates(&bench);
    let texts: Vec<String> = (2..=9).map(|it| it.to_string()).collect();
    for text in &texts {
        bench.publish(0, "a", text);
        bench.pass(2 * SECOND);
    }
    assert_eq!(bench.heard(2)[1..], texts);
    // One message in many tries all links again.
    assert!(duplicates(&bench) <= before + 2, "the tree has no circle any more");
}

#[test]
fn who_comes_late_gets_what_is_kept_and_nothing_twice() {
    let mut bench = Bench::new(2, &Options::default());
    bench.subscribe(1, "a");
    bench.publish(0, "a", "1");
    bench.publish(0, "a", "2");
    let link = bench.link(0, 1);
    bench.pass(SECOND);
    assert_eq!(bench.heard(1), ["1", "2"]);
    bench.cut(link);
    bench.publish(0, "a", "3");
    bench.link(0, 1);
    bench.pass(SECOND);
    assert_eq!(bench.heard(1), ["1", "2", "3"]);
    bench.pass(Duration::from_secs(200));
    bench.link(0, 1);
    bench.pass(SECOND);
    assert_eq!(bench.heard(1).len(), 3);
}

#[test]
fn a_large_message_is_fetched_in_chunks_from_one_peer() {
    let mut bench = Bench::new(4, &Options::default());
    for (a, b) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
        bench.link(a, b);
    }
    bench.subscribe(3, "a");
    bench.carry();
    let large = "x".repeat(3_000_000);
    bench.publish(0, "a", &large);
    bench.pass(SECOND);
    assert_eq!(bench.heard(3), [large]);
    let chunks = |at: usize| bench.said(at).iter().filter(|it| matches!(it, Incoming::Chunk(_))).count();
    assert_eq!(chunks(1).min(chunks(2)), 0, "only one of the two ways is taken");
}

#[test]
fn a_message_that_finds_no_room_is_told_by_id_and_fetched_when_there_is() {
    let options = Options { waiting_bytes_max: 4_000, room_at_first: 4_000, ..Options::default() };
    let mut bench = Bench::new(2, &options);
    bench.endless = false;
    let link = bench.link(0, 1);
    bench.subscribe(1, "a");
    bench.carry();
    for at in 0..100 {
        bench.publish(0, "a", &format!("{at:0>500}"));
    }
    bench.carry();
    assert!(bench.nodes[0].stats().waiting_bytes <= 4_000 + 600);
    assert!(bench.nodes[0].stats().held_back > 80);
    bench.input(0, Input::Room { link, bytes: 1 << 20 });
    bench.input(1, Input::Room { link, bytes: 1 << 20 });
    bench.pass(5 * SECOND);
    let mut heard = bench.heard(1);
    heard.sort();
    assert_eq!(heard, (0..100).map(|at| format!("{at:0>500}")).collect::<Vec<_>>());
}

#[test]
fn a_branch_carries_both_ways_whoever_publishes() {
    let mut bench = Bench::new(4, &Options::default());
    for (a, b) in [(0, 1), (1, 2), (2, 3), (0, 3), (0, 2), (1, 3)] {
        bench.link(a, b);
    }
    for at in 0..4 {
        bench.subscribe(at, "a");
    }
    bench.carry();
    for round in 0..20 {
        for by in 0..4 {
            bench.publish(by, "a", &format!("{round} by {by}"));
            bench.pass(2 * SECOND);
        }
    }
    // Each by itself, one after the other: nothing has to be asked for by its id.
    let asked: u64 = bench.nodes.iter().map(|node| node.stats().recovered).sum();
    assert_eq!(asked, 0);
    let duplicates: u64 = bench.nodes.iter().map(|node| node.stats().duplicates).sum();
    assert!(duplicates < 80, "{duplicates} of 240 deliveries came twice");
}
