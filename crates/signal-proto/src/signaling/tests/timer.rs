use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_timer_is_told_at_each_tick_and_when_it_runs_out() {
    let mut world = World::room(&["a", "b"]);
    world.timer(1, TimerOrder::Start(12 * SECOND));
    world.pass(5 * SECOND);
    world.pass(5 * SECOND);
    world.expect(&["1,2 < timer 12 runs", "1,2 < timer 7 runs", "1,2 < timer 2 runs"]);
    world.pass(2 * SECOND);
    world.expect(&["1,2 < timer 0 over"]);
    world.pass(10 * SECOND);
    world.expect(&[]);
    assert_eq!(world.core.stats().timers, 0);
}

#[test]
fn pausing_twice_counts_the_whole_pause() {
    let mut world = World::room(&["a"]);
    world.timer(1, TimerOrder::Start(MINUTE));
    world.pass(Duration::from_millis(1_500));
    world.timer(1, TimerOrder::Pause);
    world.pass(6 * SECOND);
    world.timer(1, TimerOrder::Pause);
    world.pass(6 * SECOND);
    world.timer(1, TimerOrder::Resume);
    world.timer(1, TimerOrder::Resume);
    world.expect(&[
        "1 < timer 60 runs",
        "1 < timer 59 paused",
        "1 < timer 59 paused",
        "1 < timer 59 runs",
        "1 < timer 59 runs",
    ]);
    world.pass(Duration::from_millis(3_500));
    world.expect(&["1 < timer 55 runs"]);
}

#[test]
fn a_timer_of_no_length_or_of_more_than_a_day_cannot_be() {
    let mut world = World::room(&["a"]);
    for millis in [0, 999, 86_400_001] {
        world.timer(1, TimerOrder::Start(Duration::from_millis(millis)));
    }
    world.timer(1, TimerOrder::Pause);
    world.timer(1, TimerOrder::Resume);
    world.expect(&[
        "1 < refused BadDuration",
        "1 < refused BadDuration",
        "1 < refused BadDuration",
        "1 < refused NoTimer",
        "1 < refused NoTimer",
    ]);
    world.timer(1, TimerOrder::Start(86_400 * SECOND));
    world.expect(&["1 < timer 86400 runs"]);
}

#[test]
fn a_timer_may_begin_anew() {
    let mut world = World::room(&["a"]);
    world.timer(1, TimerOrder::Start(MINUTE));
    world.pass(3 * SECOND);
    world.timer(1, TimerOrder::Start(4 * SECOND));
    world.pass(4 * SECOND);
    world.expect(&["1 < timer 60 runs", "1 < timer 4 runs", "1 < timer 0 over"]);
    world.timer(1, TimerOrder::Start(MINUTE));
    assert_eq!(world.core.stats().timers, 1);
}

#[test]
fn a_session_may_end_with_its_timer() {
    let mut world = World::with(Options { end_on_expiry: Some("time is up".into()), ..Options::default() });
    world.seat(&["a", "b"]);
    world.timer(1, TimerOrder::Start(2 * SECOND));
    world.pass(2 * SECOND);
    world.expect(&["1,2 < timer 2 runs", "1,2 < timer 0 over", "1,2 < ended: time is up"]);
    assert_eq!(world.core.stats(), Stats { sockets: 2, ..Stats::default() });
}

#[test]
fn without_ticks_a_timer_is_told_when_it_runs_out() {
    let mut world = World::with(Options { timer_tick: Duration::ZERO, ..Options::default() });
    world.seat(&["a"]);
    world.timer(1, TimerOrder::Start(20 * SECOND));
    world.pass(20 * SECOND);
    world.expect(&["1 < timer 20 runs", "1 < timer 0 over"]);
}
