use sangam_mesh_proto::mesh::{Action, Gathering, Input, Options};
use sangam_mesh_proto::{DescriptionKind::Offer, Failure, LinkState, Profile::Synapse, Signal};

use crate::bench::{Bench, candidate, closed, id, sdp, secs, sent_description};

#[test]
fn synapse_is_dialled_at_once_with_a_whole_description_and_without_marks() {
    let mut bench = Bench::new("z", Options::default());
    bench.see("a", Synapse);
    let Some(Action::Offer { link, gathering, .. }) = bench.did().pop() else { panic!("no offer") };
    assert!(matches!(gathering, Gathering::Whole { .. }));
    bench.describe(link, Offer, "our1");
    let offer = bench.did().iter().find_map(sent_description).unwrap();
    assert!(!offer.sdp.contains("sangam"), "{}", offer.sdp);
}

#[test]
fn synapse_is_never_sent_a_candidate() {
    let mut bench = Bench::new("z", Options::default());
    bench.see("a", Synapse);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.did();
    bench.feed(Input::Gathered { link, candidate: candidate(None) });
    bench.feed(Input::GatheringDone { link, ufrag: None });
    assert_eq!(bench.did(), []);
}

#[test]
fn synapse_is_offered_a_fresh_session_when_it_does_not_answer_and_never_the_same_twice() {
    let mut bench = Bench::new("z", Options::default());
    bench.see("a", Synapse);
    let first = bench.offered().unwrap();
    bench.describe(first, Offer, "our1");
    bench.did();
    bench.pass(secs(8.9));
    assert_eq!(bench.did(), []);
    bench.pass(secs(1.0));
    assert_eq!(closed(&bench.acts), [(first, Failure::NoAnswer)]);
    assert!(bench.offered().is_some());
}

#[test]
fn a_silent_link_with_synapse_is_replaced_by_a_new_session_not_restarted() {
    let mut bench = Bench::new("z", Options::default());
    let link = bench.linked("a", Synapse);
    bench.feed(Input::NetworkChanged);
    bench.pass(secs(1.0));
    assert_eq!(bench.did(), []);
    bench.is(link, LinkState::Interrupted);
    bench.pass(secs(1.1));
    assert_eq!(closed(&bench.acts), [(link, Failure::Silence)]);
    assert!(bench.offered().is_some());
}

#[test]
fn the_offer_of_a_synapse_node_that_was_started_anew_is_answered_beside_the_old_link() {
    let mut bench = Bench::new("a", Options::default());
    let old = bench.linked("z", Synapse);
    bench.hear("z", Synapse, sdp(Offer, "new1", "CC"));
    let new = bench.answered().unwrap();
    bench.is(new, LinkState::Open);
    assert_eq!(closed(&bench.did()), [(old, Failure::Replaced)]);
    assert!(!bench.acts.iter().any(|act| matches!(act, Action::Send { signal: Signal::Candidate(_), .. })));
    assert_eq!(bench.mesh.link_of(&id("z")), Some((new, LinkState::Open)));
}
