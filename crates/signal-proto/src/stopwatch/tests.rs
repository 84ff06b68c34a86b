use proptest::prelude::*;
use sangam_types::Wall;

use super::*;

const TICK: Duration = Duration::from_secs(5);

fn at(millis: u64) -> Mono {
    Mono::from_start(Duration::from_millis(millis))
}

#[test]
fn it_is_told_at_multiples_of_the_tick_that_it_has_run() {
    let mut stopwatch = Stopwatch::start(at(0), Duration::from_secs(12)).unwrap();
    assert_eq!(stopwatch.next(at(0), TICK), Some(at(5_000)));
    assert_eq!(stopwatch.next(at(5_000), TICK), Some(at(10_000)));
    assert_eq!(stopwatch.next(at(10_000), TICK), Some(at(12_000)));
    stopwatch.pause(at(6_000));
    assert_eq!(stopwatch.next(at(6_000), TICK), None);
    stopwatch.resume(at(100_000));
    assert_eq!(stopwatch.next(at(100_000), TICK), Some(at(104_000)));
}

#[test]
fn it_runs_out_once() {
    let mut stopwatch = Stopwatch::start(at(0), Duration::from_secs(1)).unwrap();
    assert!(!stopwatch.runs_out(at(999)));
    assert!(stopwatch.runs_out(at(1_000)));
    assert!(!stopwatch.runs_out(at(2_000)));
    stopwatch.resume(at(3_000));
    let over = TimerView { remaining: Duration::ZERO, active: false, paused: false };
    assert_eq!(stopwatch.view(at(3_000)), over);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pause,
    Resume,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Pause), Just(Step::Resume), (0..10_000_u64).prop_map(Step::Pass)]
}

proptest! {
    #[test]
    fn what_is_left_is_what_it_has_not_run(secs in 1..=60_u64, steps in proptest::collection::vec(step(), 0..40)) {
        let mut stopwatch = Stopwatch::start(at(0), Duration::from_secs(secs)).unwrap();
        let (mut now, mut left, mut runs) = (0, secs * 1_000, true);
        for step in steps {
            match step {
                Step::Pause => { stopwatch.pause(at(now)); runs = false; }
                Step::Resume => { stopwatch.resume(at(now)); runs = true; }
                Step::Pass(millis) => {
                    now += millis;
                    left = if runs { left.saturating_sub(millis) } else { left };
                }
            }
            if stopwatch.runs_out(at(now)) {
                prop_assert_eq!(left, 0);
                return Ok(());
            }
            let view = stopwatch.view(at(now));
            prop_assert_eq!(view.remaining.as_secs(), left.div_ceil(1_000));
            prop_assert_eq!((view.active, view.paused), (true, !runs));
            let next = stopwatch.next(at(now), TICK);
            prop_assert_eq!(next.is_some(), runs);
            prop_assert!(next.is_none_or(|next| next > at(now) && next <= at(now) + TICK));
        }
    }

    #[test]
    fn a_record_gives_back_the_same_timer(secs in 1..=60_u64, run in 0..60_000_u64, rests in any::<bool>(), down in 0..9_000_u64) {
        let mut stopwatch = Stopwatch::start(at(0), Duration::from_secs(secs)).unwrap();
        if rests {
            stopwatch.pause(at(run));
        }
        let now = Now { mono: at(run), wall: Wall::from_unix_millis(run) };
        let record = stopwatch.record(now).unwrap();
        let restarted = Now { mono: at(1), wall: Wall::from_unix_millis(run + down) };
        let restored = Stopwatch::restore(restarted, record).unwrap();
        let later = if rests { at(run) } else { at(run + down) };
        prop_assert_eq!(restored.view(at(1)).remaining, stopwatch.view(later).remaining);
    }
}
