use std::time::Duration;

use super::rules::millis;
use super::{Payload, Report, Task, TaskRules, TaskState};

/// What a device answered to the RPC of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has done it.
    Done(Payload),
    /// It does it later and tells when it has.
    Later(Payload),
    /// It has not done it.
    Fault {
        /// The fault's code.
        code: u32,
        /// For people.
        text: Box<str>,
        /// Whether it may be different the next time: the device was busy or short of something.
        again: bool,
    },
}

/// What happens to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Its RPC is about to leave. It leaves once the row that comes of this is durable, and never if the store refuses the row.
    Sending,
    /// Its RPC was not sent after all, for certain: what it was to be sent by was gone.
    NotSent,
    /// The device answered.
    Answered(Answer),
    /// The session ended, or the process did, and no answer had come.
    Lost,
    /// The device tells that it has done what it was to do later, and how: of a transfer by TransferComplete, of an
    /// operation by OperationComplete, of a diagnostic once its results were read; of a reboot that is `unknown` by `M Reboot`.
    Completed(Result<Payload, Report>),
    /// An operator takes it back.
    Cancelled,
    /// Time went on.
    Clock,
}

/// What that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The row is another, to be made durable.
    Changed,
    /// Nothing: it is too early or too late for that, or it was known.
    Ignored,
}

impl Task {
    /// Applies what happened. After [`Step::Changed`] the revision is one more.
    pub fn handle(&mut self, what: Happened, now_ms: u64, rules: &TaskRules) -> Step {
        let before = self.state;
        let step = match (before, what) {
            (TaskState::Queued, Happened::Sending) if self.is_due(now_ms) => self.send(now_ms),
            (TaskState::Queued, Happened::Cancelled) => self.end(TaskState::Cancelled, now_ms),
            (TaskState::Queued, Happened::Clock) if self.is_expired(now_ms) => self.end(TaskState::Expired, now_ms),
            (TaskState::Sent, Happened::NotSent) => self.take_back(),
            (TaskState::Sent, Happened::Answered(answer)) => self.answered(answer, now_ms, rules),
            (TaskState::Sent, Happened::Lost) => self.lost(now_ms, rules),
            (state, Happened::Completed(how)) if state.is_awaiting() => self.completed(how, now_ms, rules),
            (TaskState::Sent | TaskState::Unknown, Happened::Completed(how)) => self.completed(how, now_ms, rules),
            (state, Happened::Clock) if state.is_awaiting() && self.deadline_ms.is_some_and(|at| at <= now_ms) => {
                self.report = Some(Report::of(0, "the device did not tell in time that it was done"));
                self.end(TaskState::Unknown, now_ms)
            }
            (
                TaskState::Queued
                | TaskState::Sent
                | TaskState::AwaitingTransfer
                | TaskState::AwaitingDiagnostics
                | TaskState::AwaitingOperation
                | TaskState::Done
                | TaskState::Failed
                | TaskState::Unknown
                | TaskState::Cancelled
                | TaskState::Expired,
                _,
            ) => Step::Ignored,
        };
        if step == Step::Changed {
            self.revision = self.revision.saturating_add(1);
        }
        step
    }

    /// While it waits for its device: it waits so much longer, as the device was told to begin only then. Counts towards the revision
    /// of the step before.
    pub fn wait_longer(&mut self, by: Duration) {
        self.deadline_ms = self.deadline_ms.map(|at| at.saturating_add(millis(by)));
    }

    /// Whether it may be sent now.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.state == TaskState::Queued && self.not_before_ms <= now_ms && !self.is_expired(now_ms)
    }

    /// When [`Happened::Clock`] has something to do, milliseconds since 1970; `None`: never, as it is now.
    #[must_use]
    pub fn wake_ms(&self) -> Option<u64> {
        match self.state {
            TaskState::Queued => self.expires_ms,
            TaskState::AwaitingTransfer | TaskState::AwaitingDiagnostics | TaskState::AwaitingOperation => {
                self.deadline_ms
            }
            TaskState::Sent
            | TaskState::Done
            | TaskState::Failed
            | TaskState::Unknown
            | TaskState::Cancelled
            | TaskState::Expired => None,
        }
    }

    fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|at| at <= now_ms)
    }

    fn send(&mut self, now_ms: u64) -> Step {
        self.state = TaskState::Sent;
        self.attempts = self.attempts.saturating_add(1);
        self.sent_ms = Some(now_ms);
        Step::Changed
    }

    fn take_back(&mut self) -> Step {
        self.state = TaskState::Queued;
        self.attempts = self.attempts.saturating_sub(1);
        self.sent_ms = None;
        Step::Changed
    }

    fn answered(&mut self, answer: Answer, now_ms: u64, rules: &TaskRules) -> Step {
        match answer {
            Answer::Done(payload) => self.completed(Ok(payload), now_ms, rules),
            Answer::Later(payload) => match TaskState::awaiting(self.kind) {
                None => self.completed(Ok(payload), now_ms, rules),
                Some(awaiting) => {
                    let wait = match awaiting {
                        TaskState::AwaitingDiagnostics => rules.diagnostics_wait,
                        TaskState::AwaitingOperation => rules.operation_wait,
                        _ => rules.transfer_wait,
                    };
                    self.state = awaiting;
                    self.deadline_ms = Some(now_ms.saturating_add(millis(wait)));
                    self.report = Some(reported(payload, rules));
                    Step::Changed
                }
            },
            Answer::Fault { code, text, again } => {
                let report = Report::of(code, &text);
                if again { self.again(report, now_ms, rules) } else { self.completed(Err(report), now_ms, rules) }
            }
        }
    }

    fn lost(&mut self, now_ms: u64, rules: &TaskRules) -> Step {
        if self.kind.is_safe_to_repeat() {
            return self.again(Report::of(0, "the session ended before the device answered"), now_ms, rules);
        }
        self.report = Some(Report::of(0, "the session ended before the device answered; it may have been done"));
        self.end(TaskState::Unknown, now_ms)
    }

    /// Queues it once more, if it may be.
    fn again(&mut self, report: Report, now_ms: u64, rules: &TaskRules) -> Step {
        if self.attempts >= rules.attempts_max {
            return self.completed(Err(report), now_ms, rules);
        }
        self.report = Some(report);
        self.state = TaskState::Queued;
        self.not_before_ms = now_ms.saturating_add(rules.backoff_ms(self.attempts));
        Step::Changed
    }

    fn completed(&mut self, how: Result<Payload, Report>, now_ms: u64, rules: &TaskRules) -> Step {
        let (state, report) = match how {
            Ok(payload) => (TaskState::Done, reported(payload, rules)),
            Err(report) => (TaskState::Failed, report),
        };
        self.report = Some(report);
        self.end(state, now_ms)
    }

    fn end(&mut self, state: TaskState, now_ms: u64) -> Step {
        self.state = state;
        self.deadline_ms = None;
        self.ended_ms = Some(now_ms);
        Step::Changed
    }
}

/// What a device answered, as far as it is kept.
fn reported(payload: Payload, rules: &TaskRules) -> Report {
    if payload.bytes.len() <= rules.report_bytes_max {
        return Report { payload, ..Report::default() };
    }
    Report::of(0, &format!("the answer has {} bytes, which are more than are kept", payload.bytes.len()))
}

/// The task of one device that is to be sent next; `tasks` are those that are not over, in any order.
///
/// By priority, then in the order in which they were made. One that waits for another attempt holds back those of its own
/// priority that were made later: a reboot does not overtake the set before it. One that was not tried yet and is
/// planned for later holds back nothing.
#[must_use]
pub fn next_due(tasks: &[Task], now_ms: u64) -> Option<&Task> {
    let is_tried_again =
        |task: &Task| task.state == TaskState::Queued && task.attempts > 0 && task.not_before_ms > now_ms;
    let holds_back =
        |before: &Task, task: &Task| before.priority == task.priority && before.id < task.id && is_tried_again(before);
    tasks
        .iter()
        .filter(|task| task.is_due(now_ms) && !tasks.iter().any(|before| holds_back(before, task)))
        .min_by_key(|task| (std::cmp::Reverse(task.priority), task.id))
}
