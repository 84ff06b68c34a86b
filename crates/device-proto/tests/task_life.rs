//! Tasks in any order of what can happen: no RPC that harms when it runs twice runs twice, no task ends twice, none is lost.

use bytes::Bytes;
use proptest::prelude::*;
use sangam_device_proto::task::{
    Answer, Happened, Payload, Report, Step, Task, TaskKind, TaskRules, TaskState, next_due,
};
use sangam_device_proto::{DeviceId, TaskId};

/// Kinds that a device may run twice without harm, said once more.
const HARMLESS: [TaskKind; 8] = [
    TaskKind::GetValues,
    TaskKind::SetValues,
    TaskKind::GetNames,
    TaskKind::GetAttributes,
    TaskKind::SetAttributes,
    TaskKind::Refresh,
    TaskKind::GetMethods,
    TaskKind::GetTransfers,
];

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The next task that is due is marked, made durable, and its RPC leaves.
    Send,
    /// It is marked and made durable, and the process ends before the RPC leaves.
    CrashBeforeTheRpc,
    /// The device runs what it has, and its answer arrives.
    RunAndAnswer,
    /// The device runs what it has, and the session ends before its answer arrives.
    RunAndLose,
    /// The session ends before the device has read anything.
    Lose,
    /// The device refuses what it has: for good, or for now.
    Refuse { again: bool },
    /// The process ends and starts again: `sent` tasks are found in the store.
    Crash,
    /// The device tells that something it does later is done, perhaps again.
    Complete { again: bool },
    /// An operator takes the oldest task back.
    Cancel,
    /// Time goes on.
    Pass { secs: u16 },
    /// The device's answer comes a second time.
    AnswerTwice,
}

/// A device: what it was sent, what it ran and what it will tell.
#[derive(Default)]
struct Device {
    has: Option<TaskId>,
    ran: std::collections::BTreeMap<TaskId, u32>,
    will_tell: Vec<TaskId>,
    told: Vec<TaskId>,
}

struct World {
    /// What is in the store.
    tasks: Vec<Task>,
    /// The task whose RPC is out, as the process knows it.
    out: Option<TaskId>,
    device: Device,
    now_ms: u64,
    rules: TaskRules,
    /// How often a task came to an end, as whoever listens was told.
    ended: std::collections::BTreeMap<TaskId, Vec<TaskState>>,
}

impl World {
    fn new(kinds: &[TaskKind], expires: Option<u64>) -> Self {
        let tasks = (1..).zip(kinds).map(|(id, kind)| {
            let mut task = Task::new(TaskId(id), DeviceId(1), *kind, Payload::default(), 0);
            task.expires_ms = expires.filter(|_| id % 2 == 0);
            task
        });
        Self {
            tasks: tasks.collect(),
            out: None,
            device: Device::default(),
            now_ms: 0,
            rules: TaskRules::default(),
            ended: Default::default(),
        }
    }

    /// Applies what happened and makes it durable.
    fn handle(&mut self, id: TaskId, what: Happened) -> Step {
        let (now_ms, rules) = (self.now_ms, self.rules);
        let task = self.tasks.iter_mut().find(|task| task.id == id).expect("it is there");
        let before = (task.state, task.revision);
        let step = task.handle(what, now_ms, &rules);
        match step {
            Step::Changed => assert_eq!(task.revision, before.1 + 1),
            Step::Ignored => assert_eq!((task.state, task.revision), before),
        }
        if step == Step::Changed && task.state.is_over() {
            assert_eq!(task.ended_ms, Some(now_ms));
            self.ended.entry(id).or_default().push(task.state);
        }
        step
    }

    fn state(&self, id: TaskId) -> TaskState {
        self.tasks.iter().find(|task| task.id == id).expect("it is there").state
    }

    fn mark(&mut self) -> Option<TaskId> {
        if self.out.is_some() {
            return None;
        }
        let id = next_due(&self.tasks, self.now_ms)?.id;
        assert_eq!(self.handle(id, Happened::Sending), Step::Changed);
        assert_eq!(self.state(id), TaskState::Sent, "durable before the RPC leaves");
        Some(id)
    }

    fn run(&mut self) -> Option<(TaskId, bool)> {
        let id = self.device.has.take()?;
        *self.device.ran.entry(id).or_default() += 1;
        let kind = self.tasks.iter().find(|task| task.id == id).expect("it is there").kind;
        let later = TaskState::awaiting(kind).is_some();
        if later {
            self.device.will_tell.push(id);
        }
        Some((id, later))
    }

    fn lose(&mut self) {
        self.device.has = None;
        if let Some(id) = self.out.take() {
            self.handle(id, Happened::Lost);
        }
    }

    /// The process is new: it finds what is `sent` and knows nothing else.
    fn start(&mut self) {
        (self.out, self.device.has) = (None, None);
        let sent: Vec<_> = self.tasks.iter().filter(|task| task.state == TaskState::Sent).map(|task| task.id).collect();
        for id in sent {
            assert_eq!(self.handle(id, Happened::Lost), Step::Changed);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Send => {
                if let Some(id) = self.mark() {
                    (self.out, self.device.has) = (Some(id), Some(id));
                }
            }
            Act::CrashBeforeTheRpc => {
                self.mark();
                self.start();
            }
            Act::RunAndAnswer | Act::AnswerTwice => {
                let Some((id, later)) = self.run() else { return };
                let answer = if later { Answer::Later(Payload::default()) } else { Answer::Done(Payload::default()) };
                self.out = None;
                assert_eq!(self.handle(id, Happened::Answered(answer.clone())), Step::Changed);
                if matches!(act, Act::AnswerTwice) {
                    assert_eq!(self.handle(id, Happened::Answered(answer)), Step::Ignored);
                }
            }
            Act::RunAndLose => {
                self.run();
                self.lose();
            }
            Act::Lose => self.lose(),
            Act::Refuse { again } => {
                let Some(id) = self.device.has.take() else { return };
                self.out = None;
                self.handle(id, Happened::Answered(Answer::Fault { code: 9002, text: "no".into(), again }));
            }
            Act::Crash => self.start(),
            Act::Complete { again } => {
                let all = if again { &self.device.told } else { &self.device.will_tell };
                let Some(id) = all.last().copied() else { return };
                let step = self.handle(id, Happened::Completed(Ok(Payload::default())));
                if again {
                    assert_eq!(step, Step::Ignored, "what was told once changes nothing");
                } else {
                    self.device.will_tell.pop();
                    self.device.told.push(id);
                    // What runs once ends once; without a crash in between it waited for this.
                    self.out = self.out.filter(|out| *out != id);
                }
            }
            Act::Cancel => {
                if let Some(id) = self.tasks.first().map(|task| task.id) {
                    self.handle(id, Happened::Cancelled);
                }
            }
            Act::Pass { secs } => {
                self.now_ms += u64::from(secs) * 1_000;
                for id in self.tasks.iter().map(|task| task.id).collect::<Vec<_>>() {
                    self.handle(id, Happened::Clock);
                }
            }
        }
    }

    /// Nothing bad happens any more: everything comes to an end.
    fn settle(&mut self) {
        self.start();
        for _ in 0..self.tasks.len() * 20 {
            self.act(Act::Send);
            self.act(Act::RunAndAnswer);
            self.act(Act::Complete { again: false });
            self.act(Act::Pass { secs: 3_600 });
        }
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Send),
        1 => Just(Act::CrashBeforeTheRpc),
        3 => Just(Act::RunAndAnswer),
        1 => Just(Act::AnswerTwice),
        2 => Just(Act::RunAndLose),
        1 => Just(Act::Lose),
        1 => any::<bool>().prop_map(|again| Act::Refuse { again }),
        1 => Just(Act::Crash),
        2 => any::<bool>().prop_map(|again| Act::Complete { again }),
        1 => Just(Act::Cancel),
        2 => (0_u16..2_000).prop_map(|secs| Act::Pass { secs }),
    ]
}

fn any_kind() -> impl Strategy<Value = TaskKind> {
    (0..TaskKind::ALL.len()).prop_map(|at| TaskKind::ALL[at])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_harmful_runs_twice_nothing_ends_twice_and_nothing_is_lost(
        kinds in proptest::collection::vec(any_kind(), 1..5),
        expires in proptest::option::of(1_000_u64..5_000_000),
        acts in proptest::collection::vec(any_act(), 0..60),
    ) {
        let mut world = World::new(&kinds, expires);
        for act in acts {
            world.act(act);
        }
        world.settle();
        for task in &world.tasks {
            let ran = world.device.ran.get(&task.id).copied().unwrap_or(0);
            prop_assert!(task.state.is_over(), "{} is {:?}", task.id, task.state);
            if !HARMLESS.contains(&task.kind) {
                prop_assert!(ran <= 1, "{:?} ran {ran} times", task.kind);
            }
            prop_assert!(task.attempts <= world.rules.attempts_max);
            // It ended once, or was unknown once and then became known.
            let ended = world.ended.get(&task.id).cloned().unwrap_or_default();
            prop_assert!(
                ended.len() == 1 || (ended.len() == 2 && ended[0] == TaskState::Unknown && ended[1] != TaskState::Unknown),
                "{} ended as {ended:?}", task.id
            );
            // What is done was run; what was taken back in time was not.
            match task.state {
                TaskState::Done => prop_assert!(ran >= 1),
                TaskState::Cancelled | TaskState::Expired if !HARMLESS.contains(&task.kind) => prop_assert_eq!(ran, 0),
                _ => {}
            }
        }
    }
}

fn task(id: u64, kind: TaskKind) -> Task {
    Task::new(TaskId(id), DeviceId(1), kind, Payload::default(), 0)
}

#[test]
fn a_lost_get_is_sent_again_after_a_while_and_given_up_at_last() {
    let rules = TaskRules::default();
    let mut get = task(1, TaskKind::GetValues);
    let mut now_ms = 0;
    for attempt in 1..=rules.attempts_max {
        assert_eq!(get.handle(Happened::Sending, now_ms, &rules), Step::Changed, "attempt {attempt}");
        assert_eq!(get.handle(Happened::Lost, now_ms, &rules), Step::Changed);
        let wait = get.not_before_ms.saturating_sub(now_ms);
        if attempt < rules.attempts_max {
            assert_eq!((get.state, wait), (TaskState::Queued, 10_000 << (attempt - 1)));
            assert_eq!(get.handle(Happened::Sending, get.not_before_ms - 1, &rules), Step::Ignored, "too early");
        }
        now_ms = get.not_before_ms;
    }
    assert_eq!(get.state, TaskState::Failed);
}

#[test]
fn a_lost_reboot_is_unknown_until_the_device_tells() {
    let rules = TaskRules::default();
    let mut reboot = task(1, TaskKind::Reboot);
    reboot.handle(Happened::Sending, 0, &rules);
    reboot.handle(Happened::Lost, 5, &rules);
    assert_eq!((reboot.state, reboot.ended_ms), (TaskState::Unknown, Some(5)));
    assert_eq!(reboot.handle(Happened::Sending, 10, &rules), Step::Ignored);
    assert_eq!(reboot.handle(Happened::Completed(Ok(Payload::default())), 20, &rules), Step::Changed);
    assert_eq!((reboot.state, reboot.ended_ms), (TaskState::Done, Some(20)));
}

#[test]
fn what_was_certainly_not_sent_is_queued_as_if_nothing_had_been() {
    let rules = TaskRules::default();
    let mut reboot = task(1, TaskKind::Reboot);
    reboot.handle(Happened::Sending, 0, &rules);
    assert_eq!(reboot.handle(Happened::NotSent, 1, &rules), Step::Changed);
    assert_eq!((reboot.state, reboot.attempts, reboot.revision), (TaskState::Queued, 0, 3));
    assert!(reboot.is_due(1));
}

#[test]
fn a_transfer_waits_for_its_completion_and_not_for_ever() {
    let rules = TaskRules::default();
    let wait_ms = 3_600_000;
    for (completion, state) in
        [(Ok(Payload::default()), TaskState::Done), (Err(Report::of(9010, "download failure")), TaskState::Failed)]
    {
        let mut download = task(1, TaskKind::Download);
        download.handle(Happened::Sending, 0, &rules);
        download.handle(Happened::Answered(Answer::Later(Payload::default())), 10, &rules);
        assert_eq!((download.state, download.wake_ms()), (TaskState::AwaitingTransfer, Some(wait_ms + 10)));
        assert_eq!(download.handle(Happened::Lost, 20, &rules), Step::Ignored, "the session is over as it should be");
        assert_eq!(download.handle(Happened::Cancelled, 20, &rules), Step::Ignored, "the device has it");
        let mut late = download.clone();
        assert_eq!(download.handle(Happened::Completed(completion.clone()), 30, &rules), Step::Changed);
        assert_eq!((download.state, download.wake_ms()), (state, None));
        assert_eq!(download.handle(Happened::Completed(completion.clone()), 31, &rules), Step::Ignored);

        assert_eq!(late.handle(Happened::Clock, wait_ms + 9, &rules), Step::Ignored);
        assert_eq!(late.handle(Happened::Clock, wait_ms + 10, &rules), Step::Changed);
        assert_eq!(late.state, TaskState::Unknown, "nobody knows");
        assert_eq!(late.handle(Happened::Completed(completion), wait_ms * 2, &rules), Step::Changed);
        assert_eq!(late.state, state, "it told after all");
    }
}

#[test]
fn an_answer_that_is_too_long_is_told_and_not_kept() {
    let rules = TaskRules { report_bytes_max: 3, ..TaskRules::default() };
    let answered = |len: usize| {
        let mut get = task(1, TaskKind::GetValues);
        get.handle(Happened::Sending, 0, &rules);
        let payload = Payload { bytes: Bytes::from(vec![7; len]), ..Payload::default() };
        get.handle(Happened::Answered(Answer::Done(payload)), 0, &rules);
        get.report.unwrap()
    };
    assert_eq!(answered(3).payload.bytes.len(), 3);
    let long = answered(4);
    assert!(long.payload.bytes.is_empty() && long.text.contains("4 bytes"), "{long:?}");
}

#[test]
fn tasks_go_by_priority_and_then_in_the_order_in_which_they_were_made() {
    let mut tasks = [task(1, TaskKind::GetValues), task(2, TaskKind::Reboot), task(3, TaskKind::Reboot)];
    tasks[2].priority = 9;
    let next = |tasks: &[Task], now_ms| next_due(tasks, now_ms).map(|task| task.id.0);
    assert_eq!(next(&tasks, 0), Some(3));
    tasks[2].state = TaskState::Done;
    assert_eq!(next(&tasks, 0), Some(1));
    // Lost and to be tried again: what comes behind it waits, what counts more does not.
    (tasks[0].attempts, tasks[0].not_before_ms) = (1, 100);
    assert_eq!((next(&tasks, 99), next(&tasks, 100)), (None, Some(1)));
    tasks[1].priority = 1;
    assert_eq!(next(&tasks, 99), Some(2));
    // Planned for later and never tried: nobody waits for it.
    (tasks[0].attempts, tasks[1].priority) = (0, 0);
    assert_eq!(next(&tasks, 99), Some(2));
}
