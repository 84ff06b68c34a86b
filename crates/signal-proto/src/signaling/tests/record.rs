use sangam_types::Wall;

use super::*;
use crate::room_record::{ParticipantRecord, RoomRecord, TimerRecord};

/// What is to be kept or forgotten since last asked, and drops the rest.
fn kept(world: &mut World) -> Vec<Output<Words>> {
    let mut done = std::mem::take(&mut world.done);
    done.retain(|it| matches!(it, Output::Keep(_) | Output::Forget(_)));
    done
}

fn participant(text: &str) -> ParticipantRecord {
    ParticipantRecord { id: id(text), name: None, owner: Owner::of_address(HOME.into()) }
}

fn record(participants: &[&str]) -> RoomRecord<Words> {
    RoomRecord {
        room: room(MAIN),
        participants: participants.iter().map(|it| participant(it)).collect(),
        locked: false,
        verse: None,
        queue: None,
        timer: None,
    }
}

#[test]
fn what_a_restart_should_find_is_kept_on_each_change_once() {
    let mut world = World::new();
    world.enter(1, "a", SHARED);
    assert_eq!(kept(&mut world), [Output::Keep(record(&["a"]))]);
    world.enter(2, "b", SHARED);
    assert_eq!(kept(&mut world), [Output::Keep(record(&["a", "b"]))]);
    world.send(1, Offer, "b", "o");
    world.tell(1, Topic::Reading, "r");
    assert_eq!(kept(&mut world), []);
    world.tell(1, Topic::Verse, "v");
    let told = RoomRecord { verse: Some(words("v")), ..record(&["a", "b"]) };
    assert_eq!(kept(&mut world), [Output::Keep(told.clone())]);
    world.lock(None, true);
    world.timer(1, TimerOrder::Start(60 * SECOND));
    let until = Wall::from_unix_secs(60);
    let timed =
        RoomRecord { locked: true, timer: Some(TimerRecord::Runs { duration: 60 * SECOND, until }), ..told.clone() };
    assert_eq!(kept(&mut world), [Output::Keep(RoomRecord { locked: true, ..told }), Output::Keep(timed)]);
    world.pass(5 * SECOND);
    assert_eq!(kept(&mut world), []);
}

#[test]
fn who_comes_back_or_could_not_changes_nothing_that_is_kept() {
    let mut world = World::new();
    world.enter(1, "a", SHARED);
    kept(&mut world);
    world.enter(2, "a", SHARED);
    world.lose(1);
    world.lose(2);
    world.come_back(1);
    world.join_as(1, "a", SHARED);
    world.enter(3, "b", SOLE);
    world.disconnect(3);
    assert_eq!(kept(&mut world), []);
}

#[test]
fn a_room_is_forgotten_outside_when_nobody_could_come_back() {
    let mut world = World::new();
    world.enter(1, "a", SHARED);
    world.enter(2, "b", SOLE);
    kept(&mut world);
    world.leave(1, None);
    assert_eq!(kept(&mut world), [Output::Forget(room(MAIN))]);
    world.enter(3, "c", SOLE);
    assert_eq!(kept(&mut world), []);
    world.join_as(1, "a", SHARED);
    kept(&mut world);
    world.end(1);
    assert_eq!(kept(&mut world), [Output::Forget(room(MAIN))]);
}

#[test]
fn a_restored_room_waits_for_its_participants() {
    let mut world = World::new();
    world.feed(Input::Restore(RoomRecord {
        verse: Some(words("v")),
        timer: Some(TimerRecord::Rests { duration: 60 * SECOND, remaining: 7 * SECOND }),
        ..record(&["a", "b"])
    }));
    world.connect(1, ELSEWHERE);
    world.join_as(1, "b", SHARED);
    world.expect(&[]);
    world.enter(2, "a", SHARED);
    world.expect(&["2 < joined a again [b] verse v timer 7 paused"]);
    world.pass_with(&[1, 2], 12);
    world.expect(&["2 < left b", "1 < joined b [a] verse v timer 7 paused", "2 < arrived b"]);
}

#[test]
fn a_restored_room_that_nobody_returns_to_is_forgotten() {
    let mut world = World::new();
    world.feed(Input::Restore(record(&["a"])));
    kept(&mut world);
    world.pass(12 * SECOND);
    assert_eq!(kept(&mut world), [Output::Forget(room(MAIN))]);
    assert_eq!(world.core.stats(), Stats::default());
    world.feed(Input::Restore(record(&[])));
    assert_eq!(kept(&mut world), [Output::Forget(room(MAIN))]);
}

#[test]
fn a_timer_goes_on_over_a_restart_by_the_walls_clock() {
    let mut world = World::new();
    world.now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_000) };
    let until = Wall::from_unix_secs(1_007);
    world.feed(Input::Restore(RoomRecord {
        timer: Some(TimerRecord::Runs { duration: 60 * SECOND, until }),
        ..record(&["a"])
    }));
    world.enter(1, "a", SHARED);
    world.pass(7 * SECOND);
    world.expect(&["1 < joined a again [] timer 7 runs", "1 < timer 5 runs", "1 < timer 0 over"]);
}

#[test]
fn a_timer_that_ran_out_over_a_restart_has_run_out() {
    let mut world = World::new();
    world.now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_000) };
    let until = Wall::from_unix_secs(900);
    world.feed(Input::Restore(RoomRecord {
        timer: Some(TimerRecord::Runs { duration: 60 * SECOND, until }),
        ..record(&["a"])
    }));
    world.enter(1, "a", SHARED);
    world.expect(&["1 < joined a again [] timer 0 over"]);
}

#[test]
fn who_is_there_is_not_restored() {
    let mut world = World::room(&["a"]);
    world.feed(Input::Restore(RoomRecord { locked: true, ..record(&["a", "b"]) }));
    world.expect(&["not restored main"]);
    world.enter(2, "c", SOLE);
    world.expect(&["2 < joined c [a,b]", "1 < arrived c"]);
}

#[test]
fn rooms_beyond_the_bound_are_not_restored() {
    let mut world = World::with(Options { rooms_max: 0, ..Options::default() });
    world.feed(Input::Restore(record(&["a"])));
    world.expect(&["not restored main"]);
    assert_eq!(kept(&mut world), []);
}
