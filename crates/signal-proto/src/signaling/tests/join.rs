use super::*;

#[test]
fn a_newcomer_learns_who_is_there_in_the_order_in_which_they_joined() {
    let mut world = World::room(&["b", "a"]);
    world.connect(3, HOME);
    world.join(3, "c");
    world.expect(&["3 < joined c [b,a]", "1,2 < arrived c"]);
}

#[test]
fn joining_under_the_same_id_again_is_answered_without_a_second_join() {
    let mut world = World::room(&["a", "b"]);
    world.join(1, "a");
    world.expect(&["1 < joined a again [b]"]);
}

#[test]
fn a_socket_may_have_several_ids_and_all_leave_with_it() {
    let mut world = World::room(&["a", "b"]);
    world.join(1, "a2");
    world.expect(&["1 < joined a2 [a,b]", "2 < arrived a2"]);
    world.disconnect(1);
    world.expect(&["2 < left a", "2 < left a2"]);
    world.send(2, Offer, "a", "x");
    world.expect(&[r#"2 < refused PeerNotFound { to: "a" }"#]);
}

#[test]
fn a_socket_has_a_bounded_number_of_ids() {
    let mut world = World::with(Options { ids_per_socket_max: 2, ..Options::default() });
    world.seat(&["a"]);
    world.join(1, "b");
    world.take();
    world.join(1, "c");
    world.expect(&["1 < refused TooManyIds { max: 2 }"]);
    world.join(1, "b");
    world.expect(&["1 < joined b again [a]"]);
}

#[test]
fn from_the_same_address_the_newest_socket_wins_and_keeps_the_place() {
    let mut world = World::room(&["a", "b"]);
    world.connect(3, HOME);
    world.join(3, "a");
    world.expect(&["1 close Replaced", "3 < joined a again [b]", "2 < arrived a"]);
    world.disconnect(1);
    world.expect(&[]);
    world.connect(4, HOME);
    world.join(4, "d");
    world.expect(&["4 < joined d [a,b]", "3,2 < arrived d"]);
}

#[test]
fn a_socket_that_loses_one_of_its_ids_stays_open_for_the_others() {
    let mut world = World::room(&["a", "b"]);
    world.join(1, "a2");
    world.connect(3, HOME);
    world.take();
    world.join(3, "a");
    world.expect(&["3 < joined a again [b,a2]", "2,1 < arrived a"]);
}

#[test]
fn from_elsewhere_a_holder_that_answers_keeps_its_id() {
    let mut world = World::room(&["a"]);
    world.connect(2, ELSEWHERE);
    world.join(2, "a");
    world.expect(&["1 ping"]);
    world.pass(SECOND);
    world.pong(1);
    world.expect(&[r#"2 < refused IdInUse { participant: ParticipantId("a") }"#]);
    world.pass(5 * SECOND);
    world.expect(&[]);
}

#[test]
fn from_elsewhere_a_holder_that_does_not_answer_within_two_seconds_loses_its_id() {
    let mut world = World::room(&["a", "b"]);
    world.connect(3, ELSEWHERE);
    world.join(3, "a");
    world.pass(2 * SECOND);
    world.expect(&["1 ping", "1 close Silent", "3 < joined a [b]", "2 < arrived a"]);
}

#[test]
fn a_second_claim_on_an_id_is_refused_at_once() {
    let mut world = World::room(&["a"]);
    world.connect(2, ELSEWHERE);
    world.connect(3, [192, 0, 2, 3]);
    world.join(2, "a");
    world.join(2, "a");
    world.join(3, "a");
    world.expect(&["1 ping", r#"3 < refused IdInUse { participant: ParticipantId("a") }"#]);
}

#[test]
fn a_claim_ends_with_its_socket() {
    let mut world = World::room(&["a"]);
    world.connect(2, ELSEWHERE);
    world.join(2, "a");
    world.disconnect(2);
    world.take();
    world.pass(5 * SECOND);
    world.expect(&[]);
    assert_eq!(world.core.stats().claims, 0);
}

#[test]
fn an_id_stays_its_owners_until_its_grace_period_ends() {
    let mut world = World::room(&["a"]);
    world.disconnect(1);
    world.connect(2, ELSEWHERE);
    world.join(2, "a");
    world.pass(9 * SECOND);
    world.expect(&[]);
    world.pass(SECOND);
    world.expect(&["2 < joined a []"]);
    assert_eq!(world.core.stats(), Stats { sockets: 1, rooms: 1, sessions: 1, participants: 1, ..Stats::default() });
}

#[test]
fn an_owner_that_comes_back_in_its_grace_period_has_its_id_at_once() {
    let mut world = World::room(&["a"]);
    world.disconnect(1);
    world.connect(2, ELSEWHERE);
    world.join(2, "a");
    world.connect(3, HOME);
    world.join(3, "a");
    world.expect(&[r#"2 < refused IdInUse { participant: ParticipantId("a") }"#, "3 < joined a []"]);
}

#[test]
fn a_holder_that_leaves_while_it_is_asked_has_its_grace_period() {
    let mut world = World::room(&["a"]);
    world.connect(2, ELSEWHERE);
    world.join(2, "a");
    world.pass(SECOND);
    world.disconnect(1);
    world.take();
    world.pass(9 * SECOND);
    world.expect(&[]);
    world.pass(SECOND);
    world.expect(&["2 < joined a []"]);
}

#[test]
fn grace_periods_are_bounded() {
    let mut world = World::with(Options { graces_max: 1, ..Options::default() });
    world.seat(&["a", "b"]);
    world.disconnect(1);
    world.disconnect(2);
    world.connect(3, ELSEWHERE);
    world.join(3, "b");
    world.expect(&["2 < left a", "no grace b", "3 < joined b []"]);
}

#[test]
fn with_no_grace_period_an_id_is_free_at_once() {
    let mut world = World::with(Options { grace: Duration::ZERO, ..Options::default() });
    world.seat(&["a"]);
    world.disconnect(1);
    world.connect(2, ELSEWHERE);
    world.join(2, "a");
    world.expect(&["2 < joined a []"]);
}

#[test]
fn a_silent_socket_is_pinged_and_then_closed() {
    let mut world = World::room(&["a", "b"]);
    for _ in 0..9 {
        world.pass(5 * SECOND);
        world.pong(2);
    }
    world.expect(&["1 ping", "1 close Silent", "2 < left a"]);
}

#[test]
fn a_socket_that_talks_is_not_even_pinged() {
    let mut world = World::room(&["a", "b"]);
    for _ in 0..20 {
        world.pass(10 * SECOND);
        world.send(1, Candidate, "nobody", "c");
    }
    assert!(!world.take().contains(&"1 ping".to_owned()));
    assert_eq!(world.core.stats().participants, 1);
}

#[test]
fn the_next_deadline_is_known_after_every_input() {
    let mut world = World::new();
    assert_eq!(world.core.poll_output(), Output::Wait(None));
    world.connect(1, HOME);
    let Output::Wait(Some(deadline)) = world.core.poll_output() else { panic!("a socket has a deadline") };
    assert_eq!(deadline, crate::Deadline { at: Mono::ZERO + 25 * SECOND, reason: "silence" });
    world.disconnect(1);
    assert_eq!(world.core.poll_output(), Output::Wait(None));
}
