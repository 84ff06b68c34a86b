use sangam_mesh_proto::mesh::{Action, Event, Input, Options};
use sangam_mesh_proto::{
    DescriptionKind::{Answer, Offer},
    Failure, LinkState,
    Profile::{Sangam, Unknown},
};

use crate::bench::{Bench, closed, id, marked, sdp, secs, sent_description, session_of};

#[test]
fn a_new_session_takes_the_place_of_the_open_link_when_it_is_open_itself() {
    let mut bench = Bench::new("m", Options::default());
    let old = bench.linked("z", Sangam);
    bench.hear("z", Sangam, marked(Offer, "new1", 99, 6, 1, "new"));
    let new = bench.answered().unwrap();
    assert_eq!(bench.mesh.link_of(&id("z")), Some((old, LinkState::Open)));
    bench.describe(new, Answer, "our9");
    bench.did();
    bench.told();
    bench.is(new, LinkState::Open);
    assert_eq!(closed(&bench.did()), [(old, Failure::Replaced)]);
    assert_eq!(bench.mesh.link_of(&id("z")), Some((new, LinkState::Open)));
    let told = bench.told();
    let down = told.iter().position(|event| matches!(event, Event::Down { link, .. } if *link == old));
    let up = told.iter().position(|event| matches!(event, Event::Up { link, again: true, .. } if *link == new));
    assert!(down.unwrap() < up.unwrap());
}

#[test]
fn a_new_session_that_leads_nowhere_costs_the_open_link_nothing() {
    let mut bench = Bench::new("m", Options::default());
    let old = bench.linked("z", Sangam);
    bench.hear("z", Sangam, marked(Offer, "forged", 99, 6, 1, "new"));
    let new = bench.answered().unwrap();
    bench.describe(new, Answer, "our9");
    bench.did();
    bench.pass(secs(10.1));
    assert_eq!(closed(&bench.did()), [(new, Failure::NoPath)]);
    assert_eq!(bench.mesh.link_of(&id("z")), Some((old, LinkState::Open)));
}

#[test]
fn a_new_session_takes_the_place_of_a_silent_link_at_once() {
    let mut bench = Bench::new("m", Options::default());
    let old = bench.linked("z", Sangam);
    bench.is(old, LinkState::Interrupted);
    bench.hear("z", Sangam, marked(Offer, "new1", 99, 6, 1, "new"));
    assert_eq!(closed(&bench.acts), [(old, Failure::Replaced)]);
    assert!(bench.answered().is_some());
}

#[test]
fn a_restart_keeps_the_link() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    let session = session_of(&bench.acts.iter().find_map(sent_description).unwrap());
    bench.hear("z", Sangam, bench.answer_to("z", Sangam, "their1"));
    bench.is(link, LinkState::Open);
    bench.did();
    let restart = marked(Offer, "their2", session, 5, 11, "restart");
    bench.hear("z", Sangam, restart.clone());
    assert!(matches!(&bench.did()[..], [Action::Reanswer { link: l, offer, .. }] if *l == link && *offer == restart));
    bench.describe(link, Answer, "our2");
    let answer = bench.acts.iter().find_map(sent_description).unwrap();
    assert!(answer.sdp.contains("answer:their2\r\n"), "{}", answer.sdp);
}

#[test]
fn without_marks_the_fingerprints_tell_a_restart_from_a_new_session() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Unknown);
    bench.hear("z", Unknown, sdp(Offer, "their2", "z"));
    assert!(matches!(bench.did()[..], [Action::Reanswer { link: l, .. }] if l == link));
    bench.hear("z", Unknown, sdp(Offer, "their3", "other"));
    assert_ne!(bench.answered().unwrap(), link);
}

#[test]
fn a_restart_of_a_session_we_lost_is_answered_with_an_offer_of_ours() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("a", Sangam, marked(Offer, "old9", 4, 5, 9, "restart"));
    assert!(bench.offered().is_some(), "without patience: the peer is there, and waits for what cannot come");
}

#[test]
fn what_was_overtaken_or_comes_twice_changes_nothing() {
    let mut bench = Bench::new("m", Options::default());
    let first = marked(Offer, "their1", 1, 5, 1, "new");
    bench.hear("z", Sangam, first.clone());
    let one = bench.answered().unwrap();
    bench.describe(one, Answer, "our1");
    let told = bench.did();
    bench.hear("z", Sangam, first.clone());
    assert_eq!(bench.did(), told, "the answer may have been lost: it is told again");
    bench.hear("z", Sangam, marked(Offer, "their2", 2, 5, 2, "new"));
    assert!(bench.answered().is_some());
    bench.told();
    bench.hear("z", Sangam, first);
    assert_eq!(bench.did(), []);
    assert_eq!(bench.told(), [Event::SignalDropped { peer: id("z") }]);
}

#[test]
fn an_offer_of_the_life_before_the_last_is_dropped() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear("z", Sangam, marked(Offer, "a1", 1, 5, 4, "new"));
    bench.hear("z", Sangam, marked(Offer, "b1", 2, 6, 1, "new"));
    bench.did();
    bench.hear("z", Sangam, marked(Offer, "a2", 3, 5, 5, "new"));
    assert_eq!(bench.did(), []);
}

#[test]
fn an_answer_that_comes_late_is_dropped() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let first = bench.offered().unwrap();
    bench.describe(first, Offer, "our1");
    let late = bench.answer_to("z", Sangam, "their1");
    bench.pass(secs(15.0));
    let second = bench.mesh.link_of(&id("z")).unwrap().0;
    assert_ne!(first, second);
    bench.describe(second, Offer, "our2");
    bench.did();
    bench.told();
    bench.hear("z", Sangam, late);
    assert_eq!(bench.did(), [], "it is for another offer");
    assert_eq!(bench.told(), [Event::SignalDropped { peer: id("z") }]);
}

#[test]
fn an_answer_without_an_offer_is_dropped() {
    let mut bench = Bench::new("m", Options::default());
    bench.linked("z", Unknown);
    bench.hear("z", Unknown, sdp(Answer, "x", "z"));
    assert_eq!(bench.did(), []);
    assert_eq!(bench.told(), [Event::SignalDropped { peer: id("z") }]);
}

#[test]
fn nothing_a_driver_says_of_a_link_that_is_gone_matters() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.feed(Input::Hang(id("z")));
    bench.did();
    bench.told();
    bench.describe(link, Offer, "our1");
    bench.is(link, LinkState::Open);
    bench.feed(Input::Refused { link, why: Failure::Description });
    assert_eq!((bench.did(), bench.told()), (vec![], vec![]));
    assert_eq!(bench.mesh.peer_of(link), None);
}
