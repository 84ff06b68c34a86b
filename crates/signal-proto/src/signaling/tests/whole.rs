use super::*;

/// `w` takes no candidates by themselves, on socket 1; `a` trickles, on socket 2.
fn whole() -> World {
    let mut world = World::new();
    world.enter(1, "w", WHOLE);
    world.enter(2, "a", SOLE);
    world.take();
    world
}

#[test]
fn a_description_waits_until_its_candidates_are_in_it() {
    let mut world = whole();
    world.send(2, Candidate, "w", "0");
    world.send(2, Offer, "w", "o");
    world.send(2, Candidate, "w", "1");
    world.expect(&[]);
    world.send(2, Candidate, "w", ".");
    world.expect(&["1 < Offer a>w o+0+1+."]);
    world.send(2, Candidate, "w", "2");
    world.expect(&["drop Candidate CandidateLate"]);
}

#[test]
fn a_description_waits_three_seconds_at_most() {
    let mut world = whole();
    world.send(2, Offer, "w", "o");
    world.send(2, Candidate, "w", "1");
    world.pass(2 * SECOND);
    world.expect(&[]);
    world.pass(SECOND);
    world.expect(&["1 < Offer a>w o+1"]);
    assert_eq!(world.core.stats().mail_bytes, 0);
}

#[test]
fn a_description_that_is_whole_does_not_wait() {
    let mut world = whole();
    world.send(2, Offer, "w", "o.");
    world.enter(3, "v", WHOLE);
    world.take();
    world.send(3, Offer, "w", "o");
    world.expect(&["1 < Offer v>w o"]);
}

#[test]
fn what_comes_behind_a_description_that_waits_waits_too() {
    let mut world = whole();
    world.send(1, Offer, "a", "o");
    world.take();
    world.send(2, Answer, "w", "an");
    world.send(2, Offer, "w", "o2.");
    world.expect(&[]);
    world.pass(3 * SECOND);
    world.expect(&["1 < Answer a>w an", "1 < Offer a>w o2."]);
}

#[test]
fn candidates_that_cannot_be_folded_are_dropped() {
    let mut world = whole();
    world.send(2, Offer, "w", "o");
    world.send(2, Candidate, "w", "bad");
    world.send(2, Candidate, "w", ".");
    world.expect(&["drop Candidate CandidateUnfit", "1 < Offer a>w o+."]);
}

#[test]
fn what_a_description_grows_by_is_bounded() {
    let mut world = World::with(Options { mail_bytes_max: 6, ..Options::default() });
    world.enter(1, "w", WHOLE);
    world.enter(2, "a", SOLE);
    world.take();
    world.send(2, Offer, "w", "o");
    world.send(2, Candidate, "w", "123");
    world.send(2, Candidate, "w", "456");
    world.pass(3 * SECOND);
    world.expect(&["drop Candidate MailboxFull", "1 < Offer a>w o+123"]);
}

#[test]
fn a_poller_finds_late_candidates_in_the_description_that_still_waits() {
    let mut world = World::new();
    world.enter(1, "w", Traits { wants_whole: true, ..POLLED });
    world.enter(2, "a", SOLE);
    world.poll(1, "w");
    world.take();
    world.send(2, Offer, "w", "o");
    world.expect(&[]);
    world.pass(3 * SECOND);
    world.expect(&["1 < mail Offer a>w o"]);
    world.send(2, Offer, "w", "o2.");
    world.send(2, Candidate, "w", "1");
    world.poll(1, "w");
    world.expect(&["1 < mail Offer a>w o2.+1"]);
    world.send(2, Candidate, "w", "2");
    world.expect(&["drop Candidate CandidateLate"]);
}

#[test]
fn offers_do_not_cross_where_candidates_cannot_follow() {
    let mut world = whole();
    world.send(1, Offer, "a", "data w");
    world.send(2, Offer, "w", "data a");
    world.expect(&["2 < Offer w>a data w", "drop Offer GlareLost", "glare w a FirstStands"]);
}

#[test]
fn an_absent_receiver_gets_whole_descriptions_when_it_returns() {
    let mut world = World::new();
    world.enter(1, "w", Traits { wants_whole: true, ..RETURNING });
    world.enter(2, "a", SOLE);
    world.lose(1);
    world.take();
    world.send(2, Offer, "w", "o");
    world.send(2, Candidate, "w", "1.");
    world.enter(3, "w", Traits { wants_whole: true, ..RETURNING });
    world.expect(&["3 < joined w again [a]", "3 < Offer a>w o+1."]);
}

#[test]
fn what_waits_of_a_sender_goes_with_it() {
    let mut world = whole();
    world.send(2, Offer, "w", "o");
    world.disconnect(2);
    world.expect(&["drop Offer PeerLeft", "1 < left a"]);
    assert_eq!(world.core.stats().mail_len, 0);
}

#[test]
fn what_waits_for_a_session_is_not_for_the_next() {
    let mut world = whole();
    world.send(2, Offer, "w", "o");
    world.enter(3, "w", WHOLE);
    world.expect(&["drop Offer PeerLeft", "1 close Replaced", "3 < joined w again [a]", "2 < arrived w"]);
}

#[test]
fn descriptions_of_several_senders_wait_each_for_its_own_candidates() {
    let mut world = whole();
    world.enter(3, "b", SOLE);
    world.take();
    world.send(2, Offer, "w", "o");
    world.send(3, Offer, "w", "o");
    world.send(3, Candidate, "w", ".");
    world.expect(&["1 < Offer b>w o+."]);
}
