use super::*;

const GRACE: Duration = Duration::from_secs(12);

/// Sockets 1 and 2 of `a`, which shares, and socket 3 of `b`.
fn shared() -> World {
    let mut world = World::new();
    world.enter(1, "a", SHARED);
    world.enter(2, "a", SHARED);
    world.enter(3, "b", SHARED);
    world.take();
    world
}

#[test]
fn a_participant_with_two_sockets_arrives_once() {
    let mut world = World::new();
    world.enter(1, "b", SHARED);
    world.take();
    world.enter(2, "a", SHARED);
    world.enter(3, "a", SHARED);
    world.join_as(2, "a", SHARED);
    world.expect(&["2 < joined a [b]", "1 < arrived a", "3 < joined a again [b]", "2 < joined a again [b]"]);
}

#[test]
fn a_signal_reaches_all_sockets_of_its_receiver() {
    let mut world = shared();
    world.send(3, Offer, "a", "o");
    world.send(2, Answer, "b", "an");
    world.expect(&["1,2 < Offer b>a o", "3 < Answer a>b an"]);
}

#[test]
fn a_participant_is_there_until_its_last_socket_says_that_it_goes() {
    let mut world = shared();
    world.disconnect(1);
    world.expect(&[]);
    world.leave(2, Some("a"));
    world.expect(&["3 < left a"]);
}

#[test]
fn a_participant_that_was_lost_is_there_for_its_grace() {
    let mut world = shared();
    world.lose(1);
    world.pass_with(&[2, 3], 30);
    world.expect(&["1 close Lost"]);
    world.lose(2);
    assert_eq!(world.core.stats().absent, 1);
    world.pass(GRACE - SECOND);
    world.expect(&[]);
    world.pass(SECOND);
    world.expect(&["3 < left a", "2 close Lost"]);
    assert_eq!(world.core.stats(), Stats { sockets: 1, rooms: 1, sessions: 1, participants: 1, ..Stats::default() });
}

#[test]
fn a_lost_socket_that_returns_was_never_away_and_was_told_everything() {
    let mut world = shared();
    world.send(1, Offer, "b", "o");
    world.take();
    world.lose(1);
    world.lose(2);
    world.send(3, Answer, "a", "an");
    world.expect(&["1,2 < Answer b>a an"]);
    world.come_back(1);
    world.come_back(2);
    world.pass_with(&[1, 2, 3], 30);
    world.expect(&[]);
    assert_eq!(world.core.stats().mail_len, 0);
    world.pass(26 * SECOND);
    world.expect(&["1 ping", "2 ping", "3 ping"]);
}

#[test]
fn a_new_socket_of_one_that_was_lost_gets_what_was_sent_meanwhile() {
    let mut world = shared();
    world.send(1, Offer, "b", "o");
    world.lose(1);
    world.disconnect(2);
    world.take();
    world.send(3, Answer, "a", "an");
    world.enter(4, "a", SHARED);
    world.expect(&["1 < Answer b>a an", "4 < joined a again [b]", "4 < Answer b>a an"]);
}

#[test]
fn one_that_returns_with_another_socket_gets_its_mail_in_order() {
    let mut world = World::new();
    world.enter(1, "a", RETURNING);
    world.enter(2, "b", SOLE);
    world.take();
    world.lose(1);
    world.send(2, Offer, "a", "o");
    world.send(2, Candidate, "a", "1");
    world.send(2, Candidate, "a", "2");
    world.expect(&[]);
    world.enter(3, "a", RETURNING);
    world.expect(&["3 < joined a again [b]", "3 < Offer b>a o", "3 < Candidate b>a 1", "3 < Candidate b>a 2"]);
    world.pass_with(&[2, 3], 20);
    world.expect(&[]);
}

#[test]
fn one_that_does_not_return_leaves_when_its_grace_ends() {
    let mut world = World::new();
    world.enter(1, "a", RETURNING);
    world.enter(2, "b", SOLE);
    world.take();
    world.lose(1);
    world.send(2, Offer, "a", "o");
    world.pass(GRACE);
    world.expect(&["drop Offer MailExpired", "2 < left a"]);
    world.connect(3, ELSEWHERE);
    world.join(3, "a");
    world.expect(&["3 < joined a [b]", "2 < arrived a"]);
}

#[test]
fn who_says_that_it_goes_has_no_presence_grace() {
    let mut world = World::new();
    world.enter(1, "a", RETURNING);
    world.enter(2, "b", SOLE);
    world.take();
    world.disconnect(1);
    world.expect(&["2 < left a"]);
}

#[test]
fn somebody_else_gets_the_id_of_one_that_was_lost_when_its_grace_ends() {
    let mut world = shared();
    world.lose(1);
    world.lose(2);
    world.connect(4, ELSEWHERE);
    world.join_as(4, "a", SHARED);
    world.pass_with(&[3, 4], 11);
    world.expect(&[]);
    world.pass(SECOND);
    world.expect(&["1 close Silent", "2 close Silent", "3 < left a", "4 < joined a [b]", "3 < arrived a"]);
}

#[test]
fn a_holder_keeps_its_id_if_one_of_its_sockets_answers() {
    let mut world = shared();
    world.connect(4, ELSEWHERE);
    world.join_as(4, "a", SHARED);
    world.expect(&["1 ping", "2 ping"]);
    world.pong(2);
    world.expect(&[r#"4 < refused IdInUse { participant: ParticipantId("a") }"#]);
}

#[test]
fn a_socket_that_returns_keeps_its_id() {
    let mut world = shared();
    world.disconnect(2);
    world.lose(1);
    world.connect(4, ELSEWHERE);
    world.join_as(4, "a", SHARED);
    world.come_back(1);
    world.expect(&[r#"4 < refused IdInUse { participant: ParticipantId("a") }"#]);
}

#[test]
fn a_participant_has_a_bounded_number_of_sockets_and_lost_ones_make_room() {
    let mut world = World::with(Options { sockets_per_participant_max: 2, ..Options::default() });
    for socket in 1..=3 {
        world.enter(socket, "a", SHARED);
    }
    world.lose(1);
    world.join_as(3, "a", SHARED);
    world.expect(&[
        "1 < joined a []",
        "2 < joined a again []",
        "3 < refused TooManySockets { max: 2 }",
        "1 close Lost",
        "3 < joined a again []",
    ]);
}

#[test]
fn a_participant_that_shares_no_more_has_one_socket() {
    let mut world = shared();
    world.join_as(2, "a", RETURNING);
    world.expect(&["1 close Replaced", "2 < joined a again [b]"]);
}

#[test]
fn a_socket_that_falls_silent_is_lost_without_return() {
    let mut world = World::new();
    world.enter(1, "a", SHARED);
    world.enter(2, "b", SHARED);
    world.take();
    world.pass_with(&[2], 45);
    world.expect(&["1 ping", "1 close Silent"]);
    world.come_back(1);
    world.pass_with(&[2], 12);
    world.expect(&["2 < left a"]);
}

#[test]
fn a_claim_that_nobody_can_refuse_any_more_is_decided_at_once() {
    let mut world = shared();
    world.disconnect(2);
    world.connect(4, ELSEWHERE);
    world.join_as(4, "a", SHARED);
    world.take();
    world.kick(None, "a");
    world.expect(&["1 < kicked a", "3 < left a", "4 < joined a [b]", "3 < arrived a"]);
}
