use super::*;

fn names(world: &World, after: Option<&str>) -> Vec<String> {
    world.core.rooms(world.now.mono, after).map(|room| room.room.to_string()).collect()
}

#[test]
fn rooms_are_seen_in_the_order_of_their_names_and_from_any_name_on() {
    let mut world = World::new();
    world.connect(1, HOME);
    for name in ["c", "a", "b/1"] {
        world.join_in(name, 1, "x", SOLE);
    }
    assert_eq!(names(&world, None), ["a", "b/1", "c"]);
    assert_eq!(names(&world, Some("a")), ["b/1", "c"]);
    assert_eq!(names(&world, Some("b")), ["b/1", "c"]);
    assert_eq!(names(&world, Some("c")), [""; 0]);
}

#[test]
fn a_room_is_seen_with_its_counts_and_sizes() {
    let mut world = World::room(&["a"]);
    world.enter(2, "b", SHARED);
    world.tell(1, Topic::Verse, "four");
    world.timer(1, TimerOrder::Start(60 * SECOND));
    world.lock(None, true);
    world.lose(2);
    let timer = TimerView { remaining: 60 * SECOND, active: true, paused: false };
    let expected = RoomView {
        room: room(MAIN),
        participants: 2,
        absent: 1,
        locked: true,
        timer: Some(timer),
        verse_bytes: Some(4),
        queue_bytes: None,
    };
    assert_eq!(world.core.room_view(world.now.mono, MAIN), Some(expected));
    assert_eq!(world.core.room_view(world.now.mono, "nowhere"), None);
}

#[test]
fn members_are_seen_in_the_order_of_joining_with_when_they_joined_and_left() {
    let mut world = World::new();
    world.pass(SECOND);
    world.enter(1, "b", SHARED);
    world.pass(SECOND);
    world.enter(2, "a", POLLED);
    world.pass(SECOND);
    world.lose(1);
    let at = |seconds: u32| Mono::ZERO + seconds * SECOND;
    let members: Vec<MemberView> = world.core.members(MAIN, 0).collect();
    let seen: Vec<_> = members.iter().map(|it| (it.id.as_str(), it.joined_at, it.absent_since)).collect();
    assert_eq!(seen, [("b", at(1), Some(at(3))), ("a", at(2), None)]);
    assert_eq!((members[0].presence, &members[0].sockets), (Presence::Shared, &vec![SocketId(1)]));
    let later: Vec<MemberView> = world.core.members(MAIN, members[0].place).collect();
    assert_eq!(later, members[1..]);
    assert_eq!(world.core.members("nowhere", 0).count(), 0);
    assert!(world.core.is_member(MAIN, "a") && !world.core.is_member(MAIN, "c") && !world.core.is_member("x", "a"));
}

#[test]
fn the_operator_ends_a_session_without_being_there() {
    let mut world = World::room(&["a", "b"]);
    world.feed(Input::End { by: None, room: room(MAIN), reason: Some("over".into()) });
    world.feed(Input::End { by: None, room: room(MAIN), reason: None });
    world.expect(&["1,2 < ended: over"]);
    assert_eq!(world.core.room_view(world.now.mono, MAIN), None);
}
