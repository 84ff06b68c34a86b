use super::*;

#[test]
fn everybody_is_told_the_sender_too() {
    let mut world = World::room(&["a", "b"]);
    world.tell(1, Topic::Verse, "1.1");
    world.tell(2, Topic::Queue, "b,a");
    world.tell(1, Topic::Reading, "began");
    world.expect(&["1,2 < told Verse a 1.1", "1,2 < told Queue b b,a", "1,2 < told Reading a began"]);
}

#[test]
fn late_joiners_hear_what_was_told_last_and_may_ask_again() {
    let mut world = World::room(&["a"]);
    world.tell(1, Topic::Verse, "1.1");
    world.tell(1, Topic::Verse, "1.2");
    world.tell(1, Topic::Queue, "a");
    world.tell(1, Topic::Reading, "began");
    world.timer(1, TimerOrder::Start(60 * SECOND));
    world.take();
    world.pass(Duration::from_millis(1_500));
    world.enter(2, "b", SOLE);
    world.feed(Input::Recall { socket: SocketId(2), room: room(MAIN) });
    world.expect(&[
        "2 < joined b [a] verse 1.2 queue a timer 59 runs",
        "1 < arrived b",
        "2 < recalled [a,b] verse 1.2 queue a timer 59 runs",
    ]);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut world = World::with(Options { kept_bytes_max: 4, kept_total_bytes_max: 6, ..Options::default() });
    world.seat(&["a"]);
    world.tell(1, Topic::Verse, "12345");
    world.tell(1, Topic::Verse, "1234");
    world.tell(1, Topic::Queue, "123");
    world.tell(1, Topic::Verse, "123");
    world.tell(1, Topic::Queue, "123");
    world.tell(1, Topic::Reading, "1234567");
    world.expect(&[
        "1 < refused TooLarge { max: 4 }",
        "1 < told Verse a 1234",
        "1 < refused TooLarge { max: 2 }",
        "1 < told Verse a 123",
        "1 < told Queue a 123",
        "1 < told Reading a 1234567",
    ]);
    assert_eq!(world.core.stats().kept_bytes, 6);
}
