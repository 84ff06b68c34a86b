use super::*;
use crate::api::RoomScope;

const NONE: Rights = Rights { rooms: RoomScope::All, join: false, signal: false, timer: false, moderate: false };

#[test]
fn rooms_do_not_hear_each_other() {
    let mut world = World::room(&["a"]);
    world.connect(2, HOME);
    world.join_in("other", 2, "a", SOLE);
    world.connect(3, HOME);
    world.join_in("other", 3, "b", SOLE);
    world.send_in("other", 3, "", Offer, Some("a"), "o");
    world.send_in(MAIN, 1, "", Offer, Some("b"), "o");
    world.expect(&[
        "2 < joined a []",
        "3 < joined b [a]",
        "2 < arrived b",
        "2 < Offer b>a o",
        r#"1 < refused PeerNotFound { to: "b" }"#,
    ]);
    assert_eq!(world.core.stats().sessions, 2);
}

#[test]
fn a_socket_in_two_rooms_leaves_both() {
    let mut world = World::room(&["a", "b"]);
    world.join_in("other", 1, "a", SHARED);
    world.connect(3, HOME);
    world.join_in("other", 3, "c", SHARED);
    world.take();
    world.disconnect(1);
    world.expect(&["2 < left a", "3 < left a"]);
}

#[test]
fn a_lost_socket_leaves_at_once_where_it_cannot_return() {
    let mut world = World::room(&["a", "b"]);
    world.join_in("other", 1, "a", SHARED);
    world.connect(3, HOME);
    world.join_in("other", 3, "c", SHARED);
    world.take();
    world.lose(1);
    world.expect(&["2 < left a"]);
    world.pass_with(&[2, 3], 12);
    world.expect(&["3 < left a", "1 close Lost"]);
}

#[test]
fn nobody_does_anything_in_a_room_without_being_in_it() {
    let mut world = World::room(&["a"]);
    world.connect(2, HOME);
    world.join_in("other", 2, "b", SOLE);
    world.take();
    world.send(2, Offer, "a", "o");
    world.send_to_all(2, Candidate, "c");
    world.tell(2, Topic::Verse, "v");
    world.timer(2, TimerOrder::Start(SECOND));
    world.leave(2, None);
    world.end(2);
    world.kick(Some(2), "a");
    world.lock(Some(2), true);
    world.poll(2, "b");
    world.feed(Input::Recall { socket: SocketId(2), room: room(MAIN) });
    let taken = world.take();
    assert_eq!(taken, vec!["2 < refused NotInRoom"; 10]);
}

#[test]
fn a_socket_leaves_the_ids_it_names_and_only_its_own() {
    let mut world = World::room(&["a", "b"]);
    world.join(1, "a2");
    world.join(1, "a3");
    world.take();
    world.leave(1, Some("a2"));
    world.leave(1, Some("b"));
    world.leave(1, None);
    world.expect(&["1,2 < left a2", "1 < refused NotInRoom", "2 < left a", "2 < left a3"]);
}

#[test]
fn rights_are_asked_for_everything() {
    let mut world = World::room(&["a"]);
    let rights = Rights { join: true, ..NONE };
    world.connect_with(2, HOME, rights.clone());
    world.connect_with(3, HOME, NONE);
    world.connect_with(4, HOME, Rights { rooms: RoomScope::Only(room("other")), ..Rights::ALL });
    world.join(2, "b");
    world.join(3, "c");
    world.join(4, "d");
    world.take();
    world.send(2, Offer, "a", "o");
    world.tell(2, Topic::Reading, "r");
    world.timer(2, TimerOrder::Pause);
    world.end(2);
    world.kick(Some(2), "a");
    world.lock(Some(2), true);
    world.join(3, "c");
    world.poll(3, "c");
    world.leave(4, None);
    let refused = |socket: u64, right: &str| format!("{socket} < refused NotAllowed {{ right: {right} }}");
    let expected = [
        (2, "Signal"),
        (2, "Signal"),
        (2, "Timer"),
        (2, "Moderate"),
        (2, "Moderate"),
        (2, "Moderate"),
        (3, "Join"),
        (3, "Join"),
        (4, "Room"),
    ];
    assert_eq!(world.take(), expected.map(|(socket, right)| refused(socket, right)));
}

#[test]
fn rooms_and_participants_are_bounded() {
    let mut world = World::with(Options { rooms_max: 1, participants_max: 2, ..Options::default() });
    world.seat(&["a", "b"]);
    world.enter(3, "c", SOLE);
    world.join_in("other", 3, "c", SOLE);
    world.disconnect(1);
    world.join(3, "c");
    world.expect(&[
        "3 < refused RoomFull { max: 2 }",
        "3 < refused TooManyRooms { max: 1 }",
        "2 < left a",
        "3 < joined c [b]",
        "2 < arrived c",
    ]);
}

#[test]
fn ids_are_bounded_over_all_rooms() {
    let mut world = World::with(Options { ids_per_socket_max: 2, ..Options::default() });
    world.seat(&["a"]);
    world.join_in("one", 1, "a", SOLE);
    world.join_in("two", 1, "a", SOLE);
    world.expect(&["1 < joined a []", "1 < refused TooManyIds { max: 2 }"]);
    assert_eq!(world.core.stats().rooms, 2);
}

#[test]
fn a_room_is_forgotten_when_nobody_may_return() {
    let mut world = World::room(&["a"]);
    world.tell(1, Topic::Verse, "v");
    world.timer(1, TimerOrder::Start(3_600 * SECOND));
    world.disconnect(1);
    assert_eq!((world.core.stats().rooms, world.core.stats().sessions), (1, 0));
    world.pass(10 * SECOND);
    assert_eq!(world.core.stats(), Stats::default());
    assert_eq!(world.core.poll_output(), Output::Wait(None));
}

#[test]
fn a_signal_without_a_receiver_goes_to_all_others_each_on_its_own_way() {
    let mut world = World::room(&["a", "b"]);
    world.enter(3, "c", RETURNING);
    world.enter(4, "w", WHOLE);
    world.send(2, Offer, "a", "media b");
    world.lose(3);
    world.take();
    world.send_to_all(1, Offer, "media a");
    world.send_to_all(1, Candidate, "1");
    world.expect(&["drop Offer GlareLost", "glare b a FirstStands", "drop Candidate GlareLost"]);
    world.enter(5, "c", RETURNING);
    world.pass(3 * SECOND);
    world.expect(&[
        "5 < joined c again [a,b,w]",
        "5 < Offer a>all media a",
        "5 < Candidate a>all 1",
        "4 < Offer a>all media a+1",
    ]);
}

#[test]
fn a_signal_to_all_others_is_bounded_as_any() {
    let mut world = World::with(Options { peers_max: 1, ..Options::default() });
    world.seat(&["a", "b", "c"]);
    world.send_to_all(1, Offer, "o");
    world.expect(&["2 < Offer a>all o", "1 < refused TooManyPeers { max: 1 }"]);
}

#[test]
fn names_are_shown_and_bounded() {
    let mut world = World::with(Options { name_bytes_max: 4, ..Options::default() });
    world.seat(&["a"]);
    world.connect(2, HOME);
    for name in [Some("Radhika"), Some("Hari"), None] {
        let (socket, room, participant) = (SocketId(2), room(MAIN), id("b"));
        world.feed(Input::Join { socket, room, participant, name: name.map(Text::from), traits: SHARED });
    }
    world.feed(Input::Recall { socket: SocketId(1), room: room(MAIN) });
    world.expect(&[
        "2 < refused TooLarge { max: 4 }",
        "2 < joined b [a]",
        "1 < arrived b(Hari)",
        "2 < joined b again [a]",
        "1 < recalled [a,b(Hari)]",
    ]);
}

#[test]
fn who_arrives_is_told_with_everybody_there() {
    let mut world = World::room(&["b", "a"]);
    world.connect(3, HOME);
    world.join(3, "c");
    let members = world.done.iter().find_map(|it| match it {
        Output::Deliver { notice: Notice::Arrived { members, .. }, .. } => Some(members.clone()),
        _ => None,
    });
    assert_eq!(members.as_deref(), Some(&[id("b"), id("a"), id("c")][..]));
}

#[test]
fn a_join_is_one_answer_and_one_notice_however_many_are_there() {
    let mut world = World::new();
    for socket in 1..=200 {
        world.enter(socket, &socket.to_string(), SHARED);
        let delivered = world.done.drain(..).filter(|it| matches!(it, Output::Deliver { .. }));
        assert_eq!(delivered.count(), if socket == 1 { 1 } else { 2 });
    }
}
