use sangam_mesh_proto::mesh::{Event, Input, Options, Source};
use sangam_mesh_proto::{DescriptionKind::Offer, Failure, LinkState, Profile::Sangam};

use crate::bench::{Bench, closed, id, marked, secs};

#[test]
fn a_peer_that_left_every_source_is_forgotten() {
    let mut bench = Bench::new("m", Options { links_wanted: 0, ..Options::default() });
    bench.see_at("a", Sangam, Source::Mdns);
    bench.see_at("a", Sangam, Source::Rendezvous(0));
    bench.feed(Input::Left { peer: id("a"), source: Source::Mdns });
    assert_eq!(bench.mesh.peers().count(), 1);
    bench.feed(Input::Left { peer: id("a"), source: Source::Rendezvous(0) });
    assert_eq!(bench.mesh.peers().count(), 0);
    assert!(bench.told().contains(&Event::Forgotten(id("a"))));
}

#[test]
fn a_linked_peer_is_not_forgotten_whatever_the_sources_say() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.feed(Input::Left { peer: id("z"), source: Source::Rendezvous(0) });
    bench.pass(secs(3600.0));
    assert_eq!(bench.mesh.link_of(&id("z")), Some((link, LinkState::Open)));
    bench.is(link, LinkState::Closed(Failure::ClosedByPeer));
    assert_eq!(bench.mesh.peers().count(), 0, "it said goodbye");
}

#[test]
fn a_peer_of_which_nothing_is_heard_is_forgotten_in_time() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.pass(secs(3600.0));
    bench.is(link, LinkState::Closed(Failure::Silence));
    bench.pass(secs(500.0));
    assert_eq!(bench.mesh.peers().count(), 1, "for ten minutes it may come back");
    bench.pass(secs(120.0));
    assert_eq!(bench.mesh.peers().count(), 0);
    bench.did();
    bench.pass(secs(3600.0));
    assert_eq!(bench.did(), []);
}

#[test]
fn peers_are_bounded_and_whoever_was_heard_of_longest_ago_makes_room() {
    let mut bench = Bench::new("m", Options { peers_max: 3, links_wanted: 1, ..Options::default() });
    bench.linked("z", Sangam);
    for peer in ["a", "b", "c"] {
        bench.pass(secs(1.0));
        bench.see(peer, Sangam);
    }
    let known: Vec<String> = bench.mesh.peers().map(|peer| peer.peer.to_string()).collect();
    assert_eq!(known, ["b", "c", "z"]);
}

#[test]
fn we_are_no_peer_of_ours() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("m", Sangam);
    bench.hear("m", Sangam, marked(Offer, "x", 1, 1, 1, "new"));
    bench.feed(Input::Dial(id("m")));
    assert_eq!((bench.did(), bench.mesh.peers().count()), (vec![], 0));
}

#[test]
fn of_two_links_with_one_node_under_two_ids_both_ends_keep_the_same() {
    let mut bench = Bench::new("m", Options::default());
    let (one, other) = (bench.linked("y", Sangam), bench.linked("z", Sangam));
    bench.feed(Input::Identified { link: one, peer: id("z") });
    let surplus = closed(&bench.did());
    assert_eq!(surplus.len(), 1);
    assert!([(one, Failure::Replaced), (other, Failure::Replaced)].contains(&surplus[0]));
    bench.pass(secs(60.0));
    assert_eq!(bench.did(), [], "nor is it dialled again under its other id");
}
