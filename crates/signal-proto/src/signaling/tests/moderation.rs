use super::*;

#[test]
fn when_a_session_ends_all_are_told_and_may_join_anew() {
    let mut world = World::new();
    world.enter(1, "a", SHARED);
    world.enter(2, "b", SOLE);
    world.connect(3, ELSEWHERE);
    world.join(3, "b");
    world.tell(1, Topic::Verse, "v");
    world.take();
    world.end(1);
    world.expect(&["1,2 < ended: done", r#"3 < refused IdInUse { participant: ParticipantId("b") }"#]);
    assert_eq!(world.core.stats(), Stats { sockets: 3, ..Stats::default() });
    world.join(3, "b");
    world.join_as(1, "a", SHARED);
    world.expect(&["3 < joined b []", "1 < joined a [b]", "3 < arrived a"]);
}

#[test]
fn who_is_kicked_hears_it_and_the_others_hear_why() {
    let mut world = World::room(&["a", "b"]);
    let (by, room, participant) = (Some(SocketId(1)), room(MAIN), id("b"));
    world.feed(Input::Kick { by, room, participant, reason: Some("noise".into()) });
    world.expect(&["2 < kicked b: noise", "1 < left b: noise"]);
    world.kick(Some(1), "b");
    world.kick(None, "b");
    world.expect(&[r#"1 < refused PeerNotFound { to: "b" }"#]);
    world.send(2, Offer, "a", "o");
    world.expect(&["2 < refused NotInRoom"]);
}

#[test]
fn the_operator_kicks_and_locks_without_being_there() {
    let mut world = World::room(&["a", "b"]);
    world.kick(None, "b");
    world.lock(None, true);
    world.feed(Input::Lock { by: None, room: room("nowhere"), locked: true });
    world.expect(&["2 < kicked b", "1 < left b", "1 < locked true"]);
}

#[test]
fn nobody_new_joins_a_locked_room_but_who_may_return_does() {
    let mut world = World::room(&["a", "b"]);
    world.enter(3, "c", RETURNING);
    world.lock(Some(1), true);
    world.lose(3);
    world.disconnect(2);
    world.take();
    world.enter(4, "c", RETURNING);
    world.enter(5, "b", SOLE);
    world.enter(6, "d", SOLE);
    world.connect(7, ELSEWHERE);
    world.join(7, "a");
    world.expect(&[
        "4 < joined c again [a]",
        "5 < joined b [a,c]",
        "1,4 < arrived b",
        "6 < refused RoomLocked",
        "7 < refused RoomLocked",
    ]);
    world.lock(Some(1), false);
    world.join(6, "d");
    world.expect(&["1,4,5 < locked false", "6 < joined d [a,c,b]", "1,4,5 < arrived d"]);
}

#[test]
fn who_was_kicked_from_a_locked_room_stays_out() {
    let mut world = World::room(&["a", "b"]);
    world.lock(Some(1), true);
    world.kick(Some(1), "b");
    world.take();
    world.join(2, "b");
    world.expect(&["2 < refused RoomLocked"]);
}
