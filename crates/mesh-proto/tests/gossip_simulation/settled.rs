use std::time::Duration;

use sangam_mesh_proto::gossip::Options;

use crate::world::{Plan, World};

/// A mesh like those that nodes make of themselves: eight to twenty links each, of 10 ms, that lose nothing. Ten messages of
/// 200 bytes in a second, said by anybody; the first ten seconds do not count.
fn quiet(seed: u64, nodes: usize) -> Plan {
    Plan {
        seed,
        nodes,
        degree: 8.min(nodes - 1),
        degree_max: 20,
        deaths: 0,
        late: 0,
        messages: 400,
        large_messages: 0,
        span: Duration::from_secs(40),
        lost_percent: 0,
        resets_per_mille: 0,
        delay: Some(Duration::from_millis(10)),
        heard_share: 1.0,
        sizes: 200..201,
        settled: Duration::from_secs(10),
        options: Options::default(),
        ..Plan::default()
    }
}

#[test]
fn a_settled_mesh_of_two_hundred_nodes_hears_at_once() {
    for nodes in [20, 60, 200] {
        let mut world = World::new(quiet(3, nodes));
        world.run();
        world.assert_heard_once();
        world.figures().print(&format!("{nodes} nodes"));
    }
}
