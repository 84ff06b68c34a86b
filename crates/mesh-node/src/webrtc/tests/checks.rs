use std::time::{Duration, Instant};

use crate::webrtc::LinkOptions;
use crate::webrtc::checks::Checks;
use crate::webrtc::routes::Path;

fn message(kind: u16, transaction: u8) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &[0; 2], &[0x21, 0x12, 0xa4, 0x42], &[transaction; 12]].concat()
}

fn path(last: u8) -> Path {
    (([192, 0, 2, 1], 1).into(), ([192, 0, 2, last], 2).into())
}

fn checks() -> Checks {
    Checks::new(&LinkOptions { repeats_max: 3, paths_max: 2, ..LinkOptions::default() })
}

/// What is said again, and after how many milliseconds.
fn repeats(checks: &mut Checks, begun: Instant) -> Vec<(u64, Path, Vec<u8>)> {
    let (mut now, mut said) = (begun, Vec::new());
    while let Some(next) = checks.next(now) {
        now = next;
        while let Some((path, packet)) = checks.due(now) {
            said.push(((now - begun).as_millis() as u64, path, packet));
        }
    }
    said
}

#[test]
fn a_check_is_said_again_as_it_was_where_the_peer_was_heard() {
    let now = Instant::now();
    let mut checks = checks();
    for last in [7, 8] {
        checks.sent(path(last), &message(1, last), None, now);
    }
    assert_eq!(checks.next(now), None, "nobody was heard");
    checks.received(path(8), &message(1, 99));
    let said = [150, 450, 850].map(|at| (at, path(8), message(1, 8)));
    assert_eq!(repeats(&mut checks, now), said);
}

#[test]
fn a_check_that_was_answered_or_followed_by_another_is_not_said_again() {
    for (answer, said) in [(message(0x0101, 7), 0), (message(0x0111, 7), 0), (message(0x0101, 6), 3)] {
        let now = Instant::now();
        let mut checks = checks();
        checks.received(path(7), &message(1, 99));
        checks.sent(path(7), &message(1, 7), None, now);
        checks.received(path(7), &answer);
        assert_eq!(repeats(&mut checks, now).len(), said);
    }
    let now = Instant::now();
    let mut checks = checks();
    checks.received(path(7), &message(1, 99));
    checks.sent(path(7), &message(1, 7), None, now);
    checks.sent(path(7), &message(1, 8), None, now);
    assert!(repeats(&mut checks, now).iter().all(|(.., packet)| *packet == message(1, 8)));
}

#[test]
fn nothing_is_said_again_before_an_answer_can_be_there() {
    let now = Instant::now();
    let mut checks = checks();
    checks.received(path(7), &message(1, 99));
    checks.sent(path(7), &message(1, 7), Some(Duration::from_millis(450)), now);
    assert_eq!(repeats(&mut checks, now).iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [900, 1800, 2700]);
}

#[test]
fn who_is_told_the_time_late_says_nothing_again_before_another_pause() {
    let now = Instant::now();
    let at = |millis| now + Duration::from_millis(millis);
    let mut checks = checks();
    checks.received(path(7), &message(1, 99));
    checks.sent(path(7), &message(1, 7), None, now);
    assert!(checks.due(at(250)).is_none(), "the answer may have come meanwhile");
    assert_eq!(checks.next(at(250)), Some(at(400)));
    assert!(checks.due(at(410)).is_some());
}

#[test]
fn checks_of_so_many_paths_are_kept_and_nothing_but_checks() {
    let now = Instant::now();
    let mut checks = checks();
    for last in 0..9 {
        checks.received(path(last), &message(0x0101, 99));
        checks.sent(path(last), &message(1, last), None, now);
    }
    assert_eq!(repeats(&mut checks, now).len(), 2 * 3);
    for packet in [&message(0x0101, 7)[..], &[22, 254, 253], &[]] {
        checks.sent(path(0), packet, None, now);
    }
    assert_eq!(repeats(&mut checks, now).len(), 0);
}
