use sangam_mesh_proto::mesh::{Action, DialOutcome, Event, Input, Options};
use sangam_mesh_proto::{
    DescriptionKind::{Answer, Offer},
    Failure, LinkState,
    Profile::Agent,
    Profile::Sangam,
    Via,
};

use crate::bench::{Bench, closed, id, marked, sdp, secs, sent_description, session_of};

fn restarts(actions: &[Action]) -> usize {
    actions.iter().filter(|act| matches!(act, Action::Restart { .. })).count()
}

#[test]
fn a_silent_link_is_restarted_first_by_the_smaller_id() {
    for (peer, first, second) in [("z", 0.9, 1.1), ("a", 2.4, 2.6)] {
        let mut bench = Bench::new("m", Options::default());
        let link = bench.linked(peer, Sangam);
        bench.is(link, LinkState::Interrupted);
        bench.pass(secs(first));
        assert_eq!(restarts(&bench.did()), 0);
        bench.pass(secs(second - first));
        assert_eq!(restarts(&bench.did()), 1);
    }
}

#[test]
fn a_link_that_comes_back_by_itself_is_left_alone() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.is(link, LinkState::Interrupted);
    bench.pass(secs(0.5));
    bench.is(link, LinkState::Open);
    bench.pass(secs(30.0));
    assert_eq!(bench.did(), []);
    assert!(matches!(bench.told()[..], [Event::Interrupted { .. }, Event::Up { again: true, .. }]));
}

#[test]
fn a_restart_without_effect_is_followed_by_a_new_session() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.is(link, LinkState::Interrupted);
    bench.pass(secs(1.0));
    bench.describe(link, Offer, "our2");
    let restart = bench.acts.iter().rev().find_map(sent_description).unwrap();
    let answer = marked(Answer, "their2", session_of(&restart), 5, 11, "answer:our2");
    bench.hear("z", Sangam, answer);
    bench.did();
    bench.pass(secs(2.9));
    assert_eq!(bench.did(), []);
    bench.pass(secs(0.2));
    assert_eq!(closed(&bench.acts), [(link, Failure::Silence)]);
    assert!(bench.offered().is_some());
}

#[test]
fn after_the_network_changed_each_link_is_restarted_within_a_fifth_of_a_second() {
    let mut bench = Bench::new("m", Options::default());
    for peer in ["x", "y", "z"] {
        bench.linked(peer, Sangam);
    }
    bench.feed(Input::NetworkChanged);
    let at_once = restarts(&bench.did());
    bench.pass(secs(0.2));
    assert!(at_once < 3);
    assert_eq!(restarts(&bench.did()) + at_once, 3);
}

#[test]
fn a_network_that_changes_again_meanwhile_is_one_more_restart() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.feed(Input::NetworkChanged);
    bench.pass(secs(0.2));
    bench.describe(link, Offer, "our2");
    bench.feed(Input::NetworkChanged);
    let restart = bench.did().iter().rev().find_map(sent_description).unwrap();
    bench.hear("z", Sangam, marked(Answer, "their2", session_of(&restart), 5, 11, "answer:our2"));
    bench.pass(secs(0.2));
    assert_eq!(restarts(&bench.did()), 1);
}

#[test]
fn a_restart_that_is_not_answered_is_told_again_over_the_link_while_that_is_open() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.feed(Input::NetworkChanged);
    bench.pass(secs(0.2));
    bench.describe(link, Offer, "our2");
    bench.did();
    bench.pass(secs(1.6));
    assert!(matches!(&bench.did()[..], [Action::Send { via: Some(Via::Link), .. }]));
    bench.pass(secs(20.0));
    assert_eq!(closed(&bench.did()), [], "an open link is not closed over it");
}

#[test]
fn a_lost_link_is_sought_though_there_are_links_enough() {
    for says_closed in [true, false] {
        let mut bench = Bench::new("m", Options { links_wanted: 1, ..Options::default() });
        bench.linked("n", Sangam);
        bench.hear("z", Sangam, marked(Offer, "their1", 7, 5, 1, "new"));
        let link = bench.answered().unwrap();
        bench.describe(link, Answer, "our1");
        bench.is(link, LinkState::Open);
        bench.did();
        if says_closed {
            bench.is(link, LinkState::Closed(Failure::Silence));
            bench.pass(secs(0.6));
        } else {
            bench.is(link, LinkState::Interrupted);
            bench.pass(secs(4.1));
        }
        assert!(bench.offered().is_some(), "{says_closed}");
    }
}

#[test]
fn a_link_the_peer_closed_is_not_sought_where_there_are_links_enough() {
    let mut bench = Bench::new("m", Options { links_wanted: 1, ..Options::default() });
    bench.linked("n", Sangam);
    bench.hear("z", Sangam, marked(Offer, "their1", 7, 5, 1, "new"));
    let link = bench.answered().unwrap();
    bench.is(link, LinkState::Open);
    bench.did();
    bench.is(link, LinkState::Closed(Failure::ClosedByPeer));
    bench.pass(secs(60.0));
    assert_eq!(bench.did(), []);
}

#[test]
fn a_peer_that_said_goodbye_is_not_dialled_at_once_though_links_are_wanted() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Sangam);
    bench.is(link, LinkState::Closed(Failure::ClosedByPeer));
    bench.pass(secs(4.9));
    assert_eq!(bench.did(), []);
    bench.pass(secs(0.2));
    assert!(bench.offered().is_some());
}

#[test]
fn a_link_that_comes_back_after_long_is_begun_anew_by_the_smaller_id() {
    for (peer, is_ours) in [("z", true), ("a", false)] {
        let mut bench = Bench::new("m", Options { restart_timeout: secs(30.0), ..Options::default() });
        let link = bench.linked(peer, Sangam);
        bench.is(link, LinkState::Interrupted);
        bench.pass(secs(6.1));
        bench.did();
        bench.is(link, LinkState::Open);
        bench.pass(secs(0.1));
        assert_eq!(closed(&bench.acts) == [(link, Failure::Silence)], is_ours);
        assert_eq!(bench.offered().is_some(), is_ours);
    }
}

#[test]
fn who_is_sought_is_dialled_as_soon_as_a_source_is_up() {
    let mut bench = Bench::new("m", Options { retry_first: secs(5.0), ..Options::default() });
    let link = bench.linked("z", Sangam);
    bench.is(link, LinkState::Closed(Failure::Silence));
    bench.pass(secs(1.0));
    assert_eq!(bench.did(), []);
    bench.feed(Input::SourceUp);
    bench.pass(secs(0.2));
    assert!(bench.offered().is_some());
}

#[test]
fn every_wait_ends() {
    for step in 0..3 {
        let mut bench = Bench::new("m", Options::default());
        bench.see("z", Sangam);
        let link = bench.offered().unwrap();
        if step > 0 {
            bench.describe(link, Offer, "our1");
        }
        if step > 1 {
            bench.hear("z", Sangam, bench.answer_to("z", Sangam, "their1"));
        }
        bench.pass(secs(12.0));
        let why = [Failure::Description, Failure::NoAnswer, Failure::NoPath][step];
        let outcome = DialOutcome::Failed(why);
        assert!(bench.told().contains(&Event::Attempted { link, peer: id("z"), outcome }), "{why:?}");
    }
}

#[test]
fn a_path_that_is_found_late_leaves_time_for_the_handshake() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.hear("z", Sangam, bench.answer_to("z", Sangam, "their1"));
    bench.pass(secs(9.0));
    bench.has_path(link);
    bench.pass(secs(3.0));
    bench.has_path(link);
    bench.pass(secs(1.8));
    let outcome = DialOutcome::Failed(Failure::Handshake);
    let failed = Event::Attempted { link, peer: id("z"), outcome };
    assert!(!bench.told().contains(&failed));
    bench.pass(secs(0.4));
    assert!(bench.told().contains(&failed), "and no more than that");
}

#[test]
fn a_restart_that_was_overtaken_while_it_was_made_is_not_told() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("z", Agent);
    bench.feed(Input::NetworkChanged);
    bench.pass(secs(0.2));
    assert_eq!(restarts(&bench.did()), 1);
    bench.hear("z", Agent, sdp(Offer, "their2", "z"));
    assert!(matches!(bench.did()[..], [Action::Reanswer { .. }]));
    bench.describe(link, Offer, "our2");
    assert_eq!(bench.did(), []);
    bench.describe(link, Answer, "our3");
    assert!(bench.did().iter().find_map(sent_description).is_some());
}
