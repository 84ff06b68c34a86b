use std::time::Duration;

use sangam_mesh_proto::gossip::Options;

use crate::world::{Plan, World};

/// The first byte of frames that ask for messages.
const I_WANT: u8 = 0x06;

/// A mesh like those that nodes make of themselves: eight to twenty links each, of 10 ms, that lose nothing. Ten messages of
/// 200 bytes in a second, said by anybody; the first forty seconds do not count.
fn quiet(seed: u64, nodes: usize) -> Plan {
    Plan {
        seed,
        nodes,
        degree: 8.min(nodes - 1),
        degree_max: 20,
        deaths: 0,
        late: 0,
        messages: 600,
        large_messages: 0,
        span: Duration::from_secs(60),
        lost_percent: 0,
        resets_per_mille: 0,
        delay: Some(Duration::from_millis(10)),
        heard_share: 1.0,
        sizes: 200..201,
        settled: Duration::from_secs(40),
        options: Options::default(),
        ..Plan::default()
    }
}

#[test]
fn messages_of_anybody_take_the_tree_s_time_in_a_settled_mesh_of_two_hundred_nodes() {
    let mut world = World::new(quiet(1, 200));
    world.run();
    world.assert_heard_once();
    let figures = world.figures();
    figures.print("two hundred nodes");
    assert!(figures.deliveries() > 30_000);
    // Over five links in the middle, and hardly ever by its id: that takes an eighth of a second for each link.
    assert!(figures.latency(500) <= Duration::from_millis(60), "{:?}", figures.latency(500));
    assert!(figures.latency(990) <= Duration::from_millis(150), "{:?}", figures.latency(990));
    assert!(figures.overhead() < 2.5, "{} bytes are sent for each that is heard", figures.overhead());
    assert!(figures.frames(I_WANT) * 100 < figures.deliveries() as u64, "{} were asked for", figures.frames(I_WANT));
}

#[test]
fn what_a_node_hears_costs_it_the_same_in_a_mesh_of_twenty_and_of_two_hundred() {
    let cost = |nodes| {
        let mut world = World::new(Plan { messages: 60, ..quiet(2, nodes) });
        world.run();
        world.assert_heard_once();
        let figures = world.figures();
        figures.print(&format!("{nodes} nodes, one message a second"));
        figures.overhead()
    };
    let (few, many) = (cost(20), cost(200));
    assert!(many < few * 1.5, "{many} bytes for each that is heard, {few} in a mesh of twenty");
}

#[test]
fn links_that_take_long_do_not_have_everything_sent_thrice() {
    let mut world = World::new(Plan { delay: Some(Duration::from_millis(80)), ..quiet(3, 60) });
    world.run();
    world.assert_heard_once();
    world.figures().print("links of 80 ms");
    assert!(world.figures().overhead() < 4.0, "{} bytes are sent for each that is heard", world.figures().overhead());
}
