use std::time::Duration;

use super::Drift;
use crate::task::{Task, TaskState};
use crate::{Fingerprint, TaskId};

/// How patiently a device is told again what it does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PursuitRules {
    /// After the first time; twice as long after each one that follows.
    pub retry_first: Duration,
    /// The longest of these. What was tried longer ago than twice this is forgotten.
    pub retry_max: Duration,
}

impl Default for PursuitRules {
    /// Ten minutes to six hours.
    fn default() -> Self {
        Self { retry_first: Duration::from_secs(600), retry_max: Duration::from_secs(6 * 3_600) }
    }
}

/// A task by which a device was told what its profiles want, as far as it decides about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pursued {
    /// Which.
    pub task: TaskId,
    /// What has become of it.
    pub state: TaskState,
    /// What was wanted then.
    pub wanted: Fingerprint,
    /// When it ended, or was made if it has not: milliseconds since 1970.
    pub at_ms: u64,
}

/// What is to be done about what a device is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pursuit {
    /// It is as it shall be.
    Held,
    /// A task is made.
    Set,
    /// It waits in this task already, or is under way in it.
    UnderWay(TaskId),
    /// This task says what is wanted no longer: it is taken back, and then it is looked again.
    Stale(TaskId),
    /// It was told and has not taken it, or has not kept it: not again before this, milliseconds since 1970.
    Later(u64),
}

/// Who ordered a task of a profile, as its row has it: with what was wanted.
#[must_use]
pub fn ordered_by(wanted: Fingerprint) -> Box<str> {
    format!("{MARK}{:016x}", wanted.0).into()
}

/// What was wanted when a task was made; `None`: it was not made for a profile.
#[must_use]
pub fn wanted_of(task: &Task) -> Option<Fingerprint> {
    let wanted = task.ordered_by.strip_prefix(MARK)?;
    u64::from_str_radix(wanted, 16).ok().map(Fingerprint)
}

/// No subject of a token has a space in it.
const MARK: &str = "profiles as of ";

/// Decides what is done. `before` are the tasks that were made for the device's profiles, newest first; `bootstrap`: the device has
/// forgotten everything, so that what was tried before says nothing.
///
/// There is never more than one such task that is not over, and each that follows one for the same waits twice as long.
#[must_use]
pub fn pursue(
    drift: &Drift,
    wanted: Fingerprint,
    before: &[Pursued],
    bootstrap: bool,
    now_ms: u64,
    rules: &PursuitRules,
) -> Pursuit {
    if let Some(live) = before.iter().find(|it| !it.state.is_over()) {
        let is_stale = live.state == TaskState::Queued && (live.wanted != wanted || drift.sets.is_empty());
        return if is_stale { Pursuit::Stale(live.task) } else { Pursuit::UnderWay(live.task) };
    }
    if drift.sets.is_empty() {
        return Pursuit::Held;
    }
    if bootstrap {
        return Pursuit::Set;
    }
    let mut upto = now_ms;
    let in_a_row = before.iter().take_while(|it| {
        let is_near = upto.saturating_sub(it.at_ms) <= millis(rules.retry_max).saturating_mul(2);
        upto = it.at_ms;
        it.wanted == wanted && is_near
    });
    let (Some(last), tries) = (before.first(), in_a_row.count()) else { return Pursuit::Set };
    if tries == 0 {
        return Pursuit::Set;
    }
    let wait = rules.retry_first.saturating_mul(1 << (tries - 1).min(30)).min(rules.retry_max);
    let until_ms = last.at_ms.saturating_add(millis(wait));
    if now_ms >= until_ms { Pursuit::Set } else { Pursuit::Later(until_ms) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileValue;
    use crate::task::{Payload, TaskKind};
    use crate::{DeviceId, ValueKind};

    const RULES: PursuitRules =
        PursuitRules { retry_first: Duration::from_secs(10), retry_max: Duration::from_secs(30) };
    const WANTED: Fingerprint = Fingerprint(7);

    fn differs() -> Drift {
        let value = ProfileValue { path: "Device.A".into(), value: "1".into(), kind: ValueKind::String, hidden: false };
        Drift { sets: vec![value], held: 0 }
    }

    fn was(task: u64, state: TaskState, at_secs: u64) -> Pursued {
        Pursued { task: TaskId(task), state, wanted: WANTED, at_ms: at_secs * 1_000 }
    }

    fn after(before: &[Pursued], now_secs: u64) -> Pursuit {
        pursue(&differs(), WANTED, before, false, now_secs * 1_000, &RULES)
    }

    #[test]
    fn one_task_is_made_and_no_second_while_it_waits_or_is_under_way() {
        assert_eq!(after(&[], 5), Pursuit::Set);
        for state in [TaskState::Queued, TaskState::Sent] {
            assert_eq!(after(&[was(1, state, 5)], 9_999), Pursuit::UnderWay(TaskId(1)));
        }
        assert_eq!(pursue(&Drift::default(), WANTED, &[], true, 0, &RULES), Pursuit::Held);
    }

    #[test]
    fn what_a_device_refuses_or_does_not_keep_is_told_again_after_ever_longer_times() {
        for state in [TaskState::Failed, TaskState::Done, TaskState::Unknown, TaskState::Cancelled] {
            let one = [was(1, state, 100)];
            assert_eq!([after(&one, 109), after(&one, 110)], [Pursuit::Later(110_000), Pursuit::Set], "{state:?}");
            let two = [was(2, state, 110), one[0]];
            assert_eq!([after(&two, 129), after(&two, 130)], [Pursuit::Later(130_000), Pursuit::Set]);
            let three = [was(3, state, 130), two[0], two[1]];
            assert_eq!([after(&three, 159), after(&three, 160)], [Pursuit::Later(160_000), Pursuit::Set]);
        }
    }

    #[test]
    fn what_was_tried_long_ago_or_for_something_else_does_not_count() {
        let old = [was(2, TaskState::Failed, 1_000), was(1, TaskState::Failed, 100)];
        assert_eq!(after(&old, 1_009), Pursuit::Later(1_010_000), "one in a row");
        assert_eq!(after(&[was(1, TaskState::Done, 100)], 161), Pursuit::Set);
        let other = Pursued { wanted: Fingerprint(8), ..was(1, TaskState::Failed, 100) };
        assert_eq!(after(&[other], 100), Pursuit::Set);
    }

    #[test]
    fn a_device_that_forgot_everything_is_told_at_once() {
        let refused = [was(1, TaskState::Failed, 100)];
        assert_eq!(pursue(&differs(), WANTED, &refused, true, 100_000, &RULES), Pursuit::Set);
    }

    #[test]
    fn a_task_that_waits_and_says_what_is_wanted_no_longer_is_taken_back() {
        let queued = Pursued { wanted: Fingerprint(8), ..was(1, TaskState::Queued, 5) };
        assert_eq!(after(&[queued], 5), Pursuit::Stale(TaskId(1)));
        let now_held = [was(1, TaskState::Queued, 5)];
        assert_eq!(pursue(&Drift::default(), WANTED, &now_held, false, 5_000, &RULES), Pursuit::Stale(TaskId(1)));
        let sent = Pursued { state: TaskState::Sent, ..queued };
        assert_eq!(after(&[sent], 5), Pursuit::UnderWay(TaskId(1)));
    }

    #[test]
    fn a_task_tells_what_was_wanted_when_it_was_made() {
        let mut task = Task::new(TaskId(1), DeviceId(1), TaskKind::SetValues, Payload::default(), 0);
        task.ordered_by = "profiles".into();
        assert_eq!(wanted_of(&task), None);
        task.ordered_by = ordered_by(Fingerprint(u64::MAX));
        assert_eq!((wanted_of(&task), task.ordered_by.len()), (Some(Fingerprint(u64::MAX)), 31));
    }
}
