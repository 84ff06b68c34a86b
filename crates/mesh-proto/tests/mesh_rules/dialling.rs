use sangam_mesh_proto::mesh::{Action, Event, Input, Options};
use sangam_mesh_proto::{
    DescriptionKind::Answer, DescriptionKind::Offer, Failure, LinkState, PeerId, Profile::Sangam, Profile::Unknown,
};

use crate::bench::{Bench, closed, id, marked, secs};

fn offers(actions: &[Action]) -> Vec<PeerId> {
    let offer = |act: &Action| if let Action::Offer { peer, .. } = act { Some(peer.clone()) } else { None };
    actions.iter().filter_map(offer).collect()
}

#[test]
fn the_smaller_id_dials_at_once_and_the_larger_after_a_while() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    assert_eq!(offers(&bench.did()), [id("z")]);
    bench.see("a", Sangam);
    bench.pass(secs(1.9));
    assert_eq!(offers(&bench.did()), []);
    bench.pass(secs(0.2));
    assert_eq!(offers(&bench.did()), [id("a")]);
}

#[test]
fn nobody_of_whom_nothing_is_known_is_waited_for() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("a", Unknown);
    assert_eq!(offers(&bench.did()), [id("a")]);
}

#[test]
fn no_more_are_dialled_than_links_are_wanted_and_one_that_fails_makes_way_for_another() {
    let mut bench = Bench::new("m", Options { links_wanted: 3, ..Options::default() });
    for n in 0..50 {
        bench.see(&format!("z{n}"), Sangam);
    }
    bench.pass(secs(0.1));
    let first = offers(&bench.did());
    assert_eq!(first.len(), 3);
    bench.pass(secs(11.0));
    let second = offers(&bench.did());
    assert!((3..=4).contains(&second.len()), "three by chance, and the next in the ring beyond them");
    assert!(second.iter().filter(|peer| first.contains(peer)).count() < 2, "{first:?} {second:?}");
}

#[test]
fn the_next_in_the_ring_is_dialled_though_there_are_links_enough() {
    let mut bench = Bench::new("m", Options { links_wanted: 1, ..Options::default() });
    bench.linked("z", Sangam);
    bench.see("n", Sangam);
    bench.pass(secs(0.1));
    assert_eq!(offers(&bench.did()), [id("n")]);
    bench.see("o", Sangam);
    bench.pass(secs(0.1));
    assert_eq!(offers(&bench.did()), []);
}

#[test]
fn strangers_are_refused_when_there_are_too_many_links() {
    let mut bench = Bench::new("m", Options { links_wanted: 1, links_max: 1, ..Options::default() });
    let link = bench.linked("z", Sangam);
    bench.hear("a", Sangam, marked(Offer, "x", 1, 9, 1, "new"));
    assert_eq!(bench.did(), []);
    assert!(bench.told().contains(&Event::Refused { peer: id("a"), why: Failure::ClosedByUs }));
    bench.hear("z", Sangam, marked(Offer, "y", 2, 9, 1, "new"));
    assert!(bench.answered().is_some(), "who is linked already is no stranger");
    assert_eq!(bench.mesh.link_of(&id("z")), Some((link, LinkState::Open)));
}

#[test]
fn a_link_that_is_silent_for_good_makes_way_for_a_stranger() {
    let options = Options { links_wanted: 1, links_max: 1, restart_timeout: secs(60.0), ..Options::default() };
    let mut bench = Bench::new("m", options);
    let link = bench.linked("z", Sangam);
    bench.is(link, LinkState::Interrupted);
    bench.hear("a", Sangam, marked(Offer, "x", 1, 9, 1, "new"));
    assert_eq!(bench.answered(), None, "it may come back");
    bench.pass(secs(60.5));
    bench.did();
    bench.hear("a", Sangam, marked(Offer, "x", 1, 9, 1, "new"));
    assert!(bench.answered().is_some());
}

#[test]
fn an_application_may_dial_beyond_the_bound_and_hang_up() {
    let mut bench = Bench::new("m", Options { links_wanted: 1, links_max: 1, ..Options::default() });
    bench.linked("z", Sangam);
    bench.feed(Input::Dial(id("a")));
    let link = bench.offered().unwrap();
    bench.feed(Input::Hang(id("a")));
    assert_eq!(closed(&bench.did()), [(link, Failure::ClosedByUs)]);
    bench.hear("a", Sangam, marked(Offer, "x", 1, 9, 1, "new"));
    assert_eq!(bench.did(), [], "whom the application hung up on is not answered");
    bench.feed(Input::Dial(id("a")));
    assert!(bench.offered().is_some());
}

#[test]
fn attempts_follow_each_other_with_pauses_that_double_up_to_a_bound() {
    let mut bench = Bench::new("m", Options::default());
    bench.feed(Input::Dial(id("z")));
    let mut starts = Vec::new();
    for _ in 0..8 {
        bench.feed(Input::Refused { link: bench.mesh.link_of(&id("z")).unwrap().0, why: Failure::Description });
        let failed = bench.now.mono;
        while bench.mesh.link_of(&id("z")).is_none() {
            bench.pass(secs(0.01));
        }
        starts.push(bench.now.mono.saturating_since(failed).as_secs_f64());
    }
    for (n, pause) in starts.iter().enumerate() {
        let most = (0.5 * f64::from(1 << n)).min(5.0);
        assert!((most / 2.0 - 0.02..=most + 0.02).contains(pause), "{starts:?}");
    }
}

#[test]
fn an_offer_to_one_of_us_is_told_again_until_it_is_answered() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    let told = bench.did();
    bench.pass(secs(1.6));
    assert_eq!(bench.did(), told);
    bench.pass(secs(7.5));
    assert_eq!(closed(&bench.did()), [(link, Failure::NoAnswer)]);
}

#[test]
fn a_peer_that_no_route_leads_to_fails_at_once() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.did();
    bench.feed(Input::Undeliverable { to: id("z") });
    assert_eq!(closed(&bench.did()), [(link, Failure::Unreachable)]);
}

#[test]
fn a_node_that_stops_closes_every_link_and_does_nothing_more() {
    let mut bench = Bench::new("m", Options::default());
    let open = bench.linked("z", Sangam);
    bench.see("y", Sangam);
    bench.pass(secs(0.1));
    let tried = bench.offered().unwrap();
    bench.feed(Input::Stop);
    let mut ended = closed(&bench.did());
    ended.sort_by_key(|(link, _)| *link);
    assert_eq!(ended, [(open, Failure::ClosedByUs), (tried, Failure::ClosedByUs)]);
    bench.see("x", Sangam);
    bench.pass(secs(60.0));
    assert_eq!(bench.did(), []);
}

#[test]
fn a_peer_that_is_known_by_a_signal_of_no_use_is_sought_like_any_other() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("z", Sangam, marked(Answer, "x", 1, 9, 1, "answer:gone"));
    bench.pass(secs(2.1));
    assert_eq!(offers(&bench.did()), [id("z")]);
}

#[test]
fn a_few_are_dialled_at_a_time_and_the_next_when_one_of_them_is_linked_or_takes_long() {
    let options = Options { links_wanted: 8, dials_max: 2, dial_pace: secs(2.0), ..Options::default() };
    let mut bench = Bench::new("m", options);
    for n in 0..50 {
        bench.see(&format!("z{n}"), Unknown);
    }
    bench.pass(secs(0.1));
    assert_eq!(offers(&bench.did()).len(), 2, "the next in the ring is one of them");
    bench.pass(secs(1.0));
    assert_eq!(offers(&bench.did()), []);
    bench.pass(secs(1.0));
    let acts = bench.did();
    assert_eq!(offers(&acts).len(), 2, "those that take long hold up nobody");
    let last = acts.iter().find_map(|act| if let Action::Offer { link, .. } = act { Some(*link) } else { None });
    bench.is(last.unwrap(), LinkState::Open);
    bench.pass(secs(0.1));
    assert_eq!(offers(&bench.did()).len(), 1, "nor does one that is up");
}

#[test]
fn a_node_that_cannot_keep_up_dials_one_at_a_time_and_rests() {
    let options = Options { links_wanted: 8, dials_max: 8, dial_pace: secs(0.1), ..Options::default() };
    let mut bench = Bench::new("m", options);
    for n in 0..50 {
        bench.see(&format!("z{n}"), Unknown);
    }
    bench.did();
    // Called half a second after it asked to be.
    bench.sleep(secs(0.5));
    assert_eq!(offers(&bench.did()), [], "one is under way");
    bench.pass(secs(1.5));
    assert_eq!(offers(&bench.did()), []);
    bench.pass(secs(1.0));
    assert!(offers(&bench.did()).len() > 2, "it keeps up again");
}

#[test]
fn a_node_that_cannot_keep_up_tells_nothing_again() {
    let mut bench = Bench::new("a", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.did();
    // Due after a second and a half.
    bench.sleep(secs(1.8));
    assert_eq!(bench.did(), []);
    bench.pass(secs(1.6));
    assert!(bench.did().iter().any(|act| matches!(act, Action::Send { .. })), "it keeps up again");
}
