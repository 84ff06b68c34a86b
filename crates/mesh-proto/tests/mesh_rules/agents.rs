use sangam_mesh_proto::mesh::{Action, Gathering, Input, Options, Source};
use sangam_mesh_proto::{
    DescriptionKind::{Answer, Offer},
    Failure, LinkState,
    Profile::Agent,
    Signal,
};

use crate::bench::{Bench, candidate, closed, id, sdp, secs, sent_description};

const SERVER: Source = Source::Signaling(0);

#[test]
fn an_agent_is_waited_for_and_then_dialled_once() {
    let mut bench = Bench::new("m", Options::default());
    bench.see_at("z", Agent, SERVER);
    bench.pass(secs(2.9));
    assert_eq!(bench.offered(), None);
    bench.pass(secs(0.2));
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    let offer = bench.did().iter().find_map(sent_description).unwrap();
    assert!(!offer.sdp.contains("a=sangam"), "{}", offer.sdp);
    bench.pass(secs(60.0));
    assert_eq!(bench.did(), [Action::Close { link, why: Failure::NoAnswer }], "and never again");
}

#[test]
fn an_agent_that_takes_a_session_and_not_its_channel_is_dialled_three_times() {
    let mut bench = Bench::new("m", Options::default());
    bench.see_at("z", Agent, SERVER);
    for n in 0..3 {
        bench.pass(secs(6.0));
        let link = bench.offered().unwrap();
        bench.describe(link, Offer, &format!("our{n}"));
        bench.hear("z", Agent, sdp(Answer, &format!("their{n}"), "AA"));
        bench.did();
        bench.has_path(link);
        bench.pass(secs(10.0));
        assert_eq!(closed(&bench.acts), [(link, Failure::Handshake)]);
    }
    bench.pass(secs(60.0));
    assert_eq!(bench.offered(), None);
}

#[test]
fn an_agent_is_not_dialled_where_that_is_switched_off() {
    let mut bench = Bench::new("m", Options { dial_agents: false, ..Options::default() });
    bench.see_at("z", Agent, SERVER);
    bench.pass(secs(60.0));
    assert_eq!(bench.offered(), None);
    bench.hear("z", Agent, sdp(Offer, "x", "AA"));
    assert!(bench.answered().is_some());
}

#[test]
fn the_second_offer_of_an_agent_is_a_new_session() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("z", Agent, sdp(Offer, "x", "AA"));
    let first = bench.answered().unwrap();
    bench.describe(first, Answer, "our1");
    bench.did();
    bench.pass(secs(5.0));
    bench.hear("z", Agent, sdp(Offer, "y", "BB"));
    assert_eq!(closed(&bench.acts), [(first, Failure::Replaced)]);
    let second = bench.answered().unwrap();
    bench.is(second, LinkState::Open);
    assert_eq!(bench.mesh.link_of(&id("z")), Some((second, LinkState::Open)));
}

#[test]
fn an_agent_is_not_answered_twice() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("z", Agent, sdp(Offer, "x", "AA"));
    let link = bench.answered().unwrap();
    bench.describe(link, Answer, "our1");
    bench.did();
    bench.hear("z", Agent, sdp(Offer, "x", "AA"));
    assert_eq!(bench.did(), []);
}

#[test]
fn candidates_follow_to_an_agent_and_no_end_of_them() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("z", Agent, sdp(Offer, "x", "AA"));
    let Some(Action::Answer { link, gathering: Gathering::Trickle, .. }) = bench.did().pop() else { panic!() };
    bench.describe(link, Answer, "our1");
    bench.did();
    bench.feed(Input::Gathered { link, candidate: candidate(None) });
    bench.feed(Input::GatheringDone { link, ufrag: None });
    assert!(matches!(bench.did()[..], [Action::Send { signal: Signal::Candidate(_), .. }]));
}

#[test]
fn with_an_agent_that_fell_silent_only_ice_is_restarted_and_again() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Agent);
    bench.is(link, LinkState::Interrupted);
    for n in 0..4 {
        bench.pass(secs(9.0));
        let did = bench.did();
        assert!(did.contains(&Action::Restart { link, gathering: Gathering::Trickle }), "{did:?}");
        assert_eq!(did.iter().filter(|act| matches!(act, Action::Close { .. } | Action::Offer { .. })).count(), 0);
        bench.describe(link, Offer, &format!("again{n}"));
        bench.did();
    }
    bench.is(link, LinkState::Open);
    bench.pass(secs(30.0));
    assert_eq!(bench.did(), []);
}

#[test]
fn an_agent_that_left_and_came_back_is_a_new_one() {
    let mut bench = Bench::new("m", Options::default());
    bench.see_at("z", Agent, SERVER);
    bench.pass(secs(3.1));
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.hear("z", Agent, sdp(Answer, "their1", "AA"));
    bench.is(link, LinkState::Open);
    bench.did();
    bench.feed(Input::Left { peer: id("z"), source: SERVER });
    assert_eq!(bench.did(), [], "its link stands");
    bench.see_at("z", Agent, SERVER);
    bench.pass(secs(2.0));
    assert_eq!(bench.did(), []);
    bench.is(link, LinkState::Interrupted);
    bench.pass(secs(1.1));
    assert_eq!(closed(&bench.acts), [(link, Failure::Silence)]);
    assert!(bench.offered().is_some());
}
