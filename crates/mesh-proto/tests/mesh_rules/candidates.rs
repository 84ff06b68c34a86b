use sangam_mesh_proto::mesh::{Action, Event, Input, Options};
use sangam_mesh_proto::{
    DescriptionKind::{Answer, Offer},
    LinkId,
    Profile::{Sangam, Unknown},
    Signal,
};

use crate::bench::{Bench, candidate, id, marked, sdp, secs};

fn added(actions: &[Action]) -> Vec<(LinkId, Option<String>)> {
    let add = |act: &Action| match act {
        Action::AddCandidate { link, candidate } => Some((*link, candidate.ufrag.clone())),
        _ => None,
    };
    actions.iter().filter_map(add).collect()
}

#[test]
fn a_candidate_that_comes_before_its_description_waits_for_it() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear_candidate("z", candidate(Some("x")));
    bench.hear_candidate("z", candidate(Some("later")));
    bench.hear_candidate("z", candidate(None));
    assert_eq!(bench.did(), []);
    bench.hear("z", Unknown, sdp(Offer, "x", "AA"));
    let did = bench.did();
    let Action::Answer { link, .. } = did[0] else { panic!("the connection comes first: {did:?}") };
    assert_eq!(added(&did), [(link, Some("x".to_owned())), (link, None)]);
    bench.describe(link, Answer, "our1");
    bench.did();
    bench.hear("z", Unknown, sdp(Offer, "later", "AA"));
    assert_eq!(added(&bench.did()), [(link, Some("later".to_owned()))]);
}

#[test]
fn candidates_of_an_offer_that_waits_for_its_answer_wait_too() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Unknown);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.did();
    bench.hear_candidate("z", candidate(None));
    assert_eq!(bench.did(), []);
    bench.hear("z", Unknown, sdp(Answer, "x", "AA"));
    let did = bench.did();
    assert!(matches!(did[0], Action::Accept { .. }));
    assert_eq!(added(&did), [(link, None)]);
}

#[test]
fn a_candidate_of_an_older_generation_is_dropped() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("z", Unknown, sdp(Offer, "x", "AA"));
    bench.hear("z", Unknown, sdp(Offer, "y", "BB"));
    bench.did();
    bench.told();
    bench.hear_candidate("z", candidate(Some("x")));
    assert_eq!(bench.did(), []);
    assert_eq!(bench.told(), [Event::SignalDropped { peer: id("z") }]);
}

#[test]
fn candidates_that_wait_are_bounded_in_number_and_age() {
    let mut bench = Bench::new("m", Options { early_candidates_max: 3, ..Options::default() });
    for _ in 0..5 {
        bench.hear_candidate("z", candidate(Some("x")));
    }
    let dropped = bench.told().iter().filter(|e| matches!(e, Event::SignalDropped { .. })).count();
    assert_eq!(dropped, 2);
    bench.pass(secs(9.1));
    bench.did();
    bench.hear("z", Unknown, sdp(Offer, "x", "AA"));
    assert_eq!(added(&bench.did()), []);
}

#[test]
fn candidates_that_wait_are_bounded_over_all_peers_and_those_whose_time_is_over_make_room() {
    let options = Options { early_candidates_max: 3, early_candidates_total_max: 4, ..Options::default() };
    let mut bench = Bench::new("m", options);
    let dropped = |bench: &mut Bench, peer: &str| {
        for _ in 0..3 {
            bench.hear_candidate(peer, candidate(Some("x")));
        }
        bench.told().iter().filter(|e| matches!(e, Event::SignalDropped { .. })).count()
    };
    assert_eq!((dropped(&mut bench, "y"), dropped(&mut bench, "z")), (0, 2));
    bench.pass(secs(9.1));
    bench.told();
    assert_eq!(dropped(&mut bench, "z"), 0);
}

#[test]
fn while_a_session_is_replaced_each_candidate_goes_to_its_own() {
    let mut bench = Bench::new("m", Options::default());
    let old = bench.linked("z", Sangam);
    bench.hear("z", Sangam, marked(Offer, "new1", 99, 6, 1, "new"));
    let new = bench.answered().unwrap();
    bench.hear_candidate("z", candidate(Some("their1")));
    bench.hear_candidate("z", candidate(Some("new1")));
    bench.hear_candidate("z", candidate(None));
    let to = [(old, Some("their1".to_owned())), (new, Some("new1".to_owned())), (new, None)];
    assert_eq!(added(&bench.did()), to);
}

#[test]
fn one_of_us_is_told_candidates_and_their_end_and_all_of_it_again() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.feed(Input::Gathered { link, candidate: candidate(Some("our1")) });
    let told = bench.did();
    bench.feed(Input::GatheringDone { link, ufrag: Some("our1".into()) });
    let end = Signal::EndOfCandidates { ufrag: Some("our1".into()) };
    assert!(matches!(&bench.did()[..], [Action::Send { signal, .. }] if *signal == end));
    bench.pass(secs(1.6));
    assert_eq!(bench.did(), told);
}
