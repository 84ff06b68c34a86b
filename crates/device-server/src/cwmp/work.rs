use std::collections::{BTreeMap, BTreeSet};

use sangam_cwmp_proto::session::plan::{ReadOptions, ReadValues, Unread};
use sangam_cwmp_proto::session::{AcsRequest, Outcome, RequestHandle};
use sangam_cwmp_proto::{Message, ParameterValue};
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::schema::SchemaKey;
use sangam_device_proto::task::{Answer, Happened, Report, Step, Task, TaskKind, TaskState, next_due};
use sangam_storage::devices::{Change, Outcome as Stored, Row, TaskId, ValueKind};

use super::answered::{Names, Read, answer, json};
use super::duty::{Duty, duty};
use super::order::{BadOrder, Order, Test, begins_within, carries_out, order};
use super::test_results;
use super::transfer::handover;
use super::values;
use crate::changes::Moment;
use crate::diagnostics;
use crate::files::Site;
use crate::names::{NameOf, NamesError};
use crate::reading::read;
use crate::service::Service;

/// What is told to a device beside its tasks.
const DUTY: RequestHandle = RequestHandle(0);

/// What is done with a device in one session: a request at a time.
#[derive(Debug)]
pub(super) struct Work {
    device: Device,
    site: Site,
    duty: Option<Duty>,
    /// What it logs in with is part of the duty.
    tells_login: bool,
    /// The duty has left and was not answered.
    duty_left: bool,
    current: Option<Current>,
    /// The device says that a test has ended.
    test_ended: bool,
    /// Since when no task waits for it, if that is known: it need not be read.
    idle_since: Option<Moment>,
    /// Tests whose results were asked for in this session.
    tests_read: BTreeSet<TaskId>,
}

/// A task that is under way.
#[derive(Debug)]
struct Current {
    task: Task,
    order: Order,
    /// The results of a test are read, whose sending was long ago: the object in which they are.
    reads_test: Option<String>,
    /// What was read of them.
    read: Vec<ParameterValue>,
}

impl Work {
    pub(super) fn new(service: &Service, device: Device, site: Site, rotated: bool, test_ended: bool) -> Self {
        let duty = duty(&device, rotated, service.live.load().periodic_interval);
        let tells_login = rotated && duty.is_some();
        Self {
            device,
            site,
            duty,
            tells_login,
            duty_left: false,
            current: None,
            test_ended,
            tests_read: BTreeSet::new(),
            idle_since: None,
        }
    }

    /// Whether the device has still to be told what it logs in with.
    pub(super) fn owes_login(&self) -> bool {
        self.tells_login && self.duty.is_some()
    }

    /// No task waits since then, unless something of the device was written since.
    pub(super) fn idle_since(self, idle_since: Option<Moment>) -> Self {
        Self { idle_since, ..self }
    }

    fn is_idle(&self, service: &Service) -> bool {
        self.idle_since.is_some_and(|since| service.seen.changes.holds(self.device.id, since))
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// What was sent in a session that is no more, or by a process that is no more, was lost: done before anything else.
    pub(super) async fn settle_lost(&self, service: &Service) -> Result<(), NamesError> {
        if service.agents.connected_over(self.device.id).is_some() {
            // The device's agent has them.
            return Ok(());
        }
        let lost = self.live_tasks(service).await?.into_iter().filter(|task| task.state == TaskState::Sent);
        for mut task in lost {
            self.happened(service, &mut task, Happened::Lost, Vec::new()).await?;
        }
        Ok(())
    }

    /// The next request, its sending durable. `None`: there is nothing more to do.
    pub(super) async fn next(&mut self, service: &Service) -> Result<Option<AcsRequest>, NamesError> {
        if let Some(duty) = self.duty.as_ref().filter(|_| !self.duty_left) {
            self.duty_left = true;
            service.metrics.requested(duty.request.method());
            return Ok(Some(AcsRequest { handle: DUTY, message: duty.request.clone() }));
        }
        loop {
            if let Some(request) = self.go_on(service) {
                return Ok(Some(request));
            }
            if self.current.is_some() {
                self.complete(service).await?;
                continue;
            }
            if !self.begin(service).await? {
                return Ok(None);
            }
        }
    }

    /// The next request of the task that is under way.
    fn go_on(&mut self, service: &Service) -> Option<AcsRequest> {
        let current = self.current.as_mut()?;
        let message = match &mut current.order {
            Order::Once(message) => *message.take()?,
            Order::Read(read) => read.next_request()?,
            Order::Walk { walk, .. } => walk.next_request()?,
            Order::Results(run) => run.next_request()?,
        };
        service.metrics.requested(message.method());
        Some(AcsRequest { handle: RequestHandle(current.task.id.0), message })
    }

    /// Takes the next task that is due; whether there was one. A task that cannot be sent at all ends here.
    async fn begin(&mut self, service: &Service) -> Result<bool, NamesError> {
        loop {
            let mut tasks = self.live_tasks(service).await?;
            if self.device.endpoint.is_some() {
                // What only USP knows is left to the device's agent; all of it is, while that is connected.
                tasks.retain(|task| carries_out(task.kind));
                if service.agents.connected_over(self.device.id).is_some() {
                    return Ok(false);
                }
            }
            if let Some(test) = self.test_to_read(service, &tasks) {
                self.current = Some(test);
                return Ok(true);
            }
            let Some(mut task) = self.next_due(service, &tasks) else { return Ok(false) };
            let (handover, rows) = handover(service, &task, &self.site);
            if !self.happened(service, &mut task, Happened::Sending, rows).await? {
                // Somebody took it back, or sends it: look again.
                continue;
            }
            match order(&task, self.device.root, read_options(service), handover.as_ref()) {
                Ok(order) => {
                    self.current = Some(Current { task, order, reads_test: None, read: Vec::new() });
                    return Ok(true);
                }
                Err(why) => self.refuse(service, task, &why).await?,
            }
        }
    }

    /// A test whose results are to be read now: its device says that one has ended, or never says so and is asked.
    fn test_to_read(&mut self, service: &Service, tasks: &[Task]) -> Option<Current> {
        let overdue = service.options.tasks.diagnostics_wait / 2;
        let overdue_ms = u64::try_from(overdue.as_millis()).unwrap_or(u64::MAX);
        let now_ms = service.now_ms();
        let may_have_ended = |task: &&Task| {
            task.state == TaskState::AwaitingDiagnostics
                && !self.tests_read.contains(&task.id)
                && (self.test_ended || task.sent_ms.is_some_and(|at| at.saturating_add(overdue_ms) <= now_ms))
        };
        let task = tasks.iter().find(may_have_ended)?.clone();
        self.tests_read.insert(task.id);
        let test = Test::of(&task).ok()?;
        let object = test.object(self.device.root).ok()?;
        let order = match test.run(self.device.root) {
            Some(run) => Order::Results(Box::new(run)),
            None => Order::Read(ReadValues::new(vec![object.clone()], read_options(service))),
        };
        Some(Current { task, order, reads_test: Some(object), read: Vec::new() })
    }

    /// The task that is sent next. A test waits for one of the same object: the device would give up the first.
    fn next_due(&self, service: &Service, tasks: &[Task]) -> Option<Task> {
        let object = |task: &Task| Test::of(task).ok()?.object(self.device.root).ok();
        let awaited = tasks.iter().filter(|task| task.state == TaskState::AwaitingDiagnostics);
        let running: BTreeSet<String> = awaited.filter_map(object).collect();
        if running.is_empty() {
            return next_due(tasks, service.now_ms()).cloned();
        }
        let must_wait =
            |task: &&Task| task.kind == TaskKind::Diagnostics && object(task).is_some_and(|it| running.contains(&it));
        let others: Vec<Task> = tasks.iter().filter(|task| !must_wait(task)).cloned().collect();
        next_due(&others, service.now_ms()).cloned()
    }

    async fn refuse(&self, service: &Service, mut task: Task, why: &BadOrder) -> Result<(), NamesError> {
        let answer = Answer::Fault { code: 0, text: why.to_string().into(), again: false };
        self.happened(service, &mut task, Happened::Answered(answer), Vec::new()).await.map(|_| ())
    }

    /// What came of a request.
    pub(super) async fn answered(
        &mut self,
        service: &Service,
        handle: RequestHandle,
        outcome: Outcome,
    ) -> Result<(), NamesError> {
        if handle == DUTY {
            return self.duty_done(service, &outcome).await;
        }
        let Some(current) = self.current.as_mut().filter(|current| current.task.id.0 == handle.0) else {
            return Ok(());
        };
        match &mut current.order {
            Order::Read(read) => read.handle_outcome(outcome),
            Order::Walk { walk, .. } => walk.handle_outcome(outcome),
            Order::Results(run) => {
                if let Outcome::Response(message) = &outcome
                    && let Message::GetParameterValuesResponse(response) = &**message
                {
                    current.read.clone_from(&response.parameters);
                }
                run.handle_outcome(outcome);
            }
            Order::Once(_) => {
                let answer = answer(current.task.kind, outcome);
                let Some(mut current) = self.current.take() else { return Ok(()) };
                self.happened(service, &mut current.task, answer, Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// The device has taken what it was told, or not.
    async fn duty_done(&mut self, service: &Service, outcome: &Outcome) -> Result<(), NamesError> {
        let Some(duty) = self.duty.take() else { return Ok(()) };
        if !matches!(outcome, Outcome::Response(_)) {
            tracing::warn!(device = %self.device.key, "the device did not take its login or when to come: it is told again in its next session");
            return Ok(());
        }
        if self.device.periodic == duty.periodic {
            return Ok(());
        }
        let mut device = self.device.clone();
        device.periodic = duty.periodic;
        device.revision = device.revision.saturating_add(1);
        let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
        let stored = service.committer.commit(room, Change::from(vec![Row::Device(Box::new(device.clone()))])).await?;
        if stored == Stored::Done {
            self.device = device;
        }
        Ok(())
    }

    /// All requests of the task are answered: what came of them is made durable.
    async fn complete(&mut self, service: &Service) -> Result<(), NamesError> {
        let Some(Current { mut task, order, reads_test, read }) = self.current.take() else { return Ok(()) };
        match order {
            Order::Once(_) => Ok(()),
            Order::Walk { walk, values } => {
                let walked = walk.into_result();
                self.learn_names(service, &walked.names).await?;
                let names: Vec<String> = walked.names.keys().filter(|path| !path.ends_with('.')).cloned().collect();
                if values && !names.is_empty() {
                    let order = Order::Read(ReadValues::new(names, read_options(service)));
                    self.current = Some(Current { task, order, reads_test, read });
                    return Ok(());
                }
                let found = Names { names: &walked.names, is_cut: walked.is_cut };
                let happened = Happened::Answered(Answer::Done(json(&found)));
                self.happened(service, &mut task, happened, Vec::new()).await.map(|_| ())
            }
            Order::Results(run) => {
                let happened = run.end_of_run().map(test_results::ended);
                self.tell_read(service, task, happened, &read).await
            }
            Order::Read(read) => {
                let (values, unread, is_cut) = read.into_result();
                let happened = match reads_test {
                    // The event was that of another test.
                    Some(object) if Test::is_running(&object, &values) => None,
                    reads_test => Some(read_ended(reads_test.is_some(), &values, &unread, is_cut)),
                };
                self.tell_read(service, task, happened, &values).await
            }
        }
    }

    /// Makes durable what was read, and what that means for the task, if anything.
    async fn tell_read(
        &mut self,
        service: &Service,
        mut task: Task,
        happened: Option<Happened>,
        values: &[ParameterValue],
    ) -> Result<(), NamesError> {
        let Some(happened) = happened else { return Ok(()) };
        let rows = self.report(service, values).await?;
        if !self.happened(service, &mut task, happened.clone(), rows).await? {
            // An operator has changed the device or the task meanwhile: once more, on what is there now.
            self.read_again(service, &mut task).await?;
            let rows = self.report(service, values).await?;
            self.happened(service, &mut task, happened, rows).await?;
        }
        Ok(())
    }

    /// What a device says of its names, and whether they can be set, is kept for all that have its software.
    async fn learn_names(&self, service: &Service, walked: &BTreeMap<String, bool>) -> Result<(), NamesError> {
        let is_parameter = |(path, _): &(&String, &bool)| !path.ends_with('.');
        let name = |(path, writable): (_, &bool)| {
            let path: &String = path;
            NameOf { path, kind: ValueKind::Unknown, writable: Some(*writable) }
        };
        let names: Vec<NameOf<'_>> = walked.iter().filter(is_parameter).map(name).collect();
        if names.is_empty() {
            return Ok(());
        }
        let store = (&service.readers, &service.committer, &service.numbers);
        let left_out = match service.names.intern(store, &SchemaKey::of(&self.device), &names).await {
            Ok((_, left_out)) => left_out,
            Err(NamesError::Full) => names.len(),
            Err(error) => return Err(error),
        };
        service.metrics.reported(0, left_out);
        Ok(())
    }

    /// The device and the task as they are stored.
    async fn read_again(&mut self, service: &Service, task: &mut Task) -> Result<(), NamesError> {
        let (device, id) = (self.device.id, task.id);
        let now = read(&service.readers, move |snapshot| Ok((snapshot.device(device)?, snapshot.task(id)?))).await?;
        if let (Some(device), Some(now)) = now {
            (self.device, *task) = (device, now);
        }
        Ok(())
    }

    /// What was read becomes what is known of the device.
    async fn report(&mut self, service: &Service, values: &[ParameterValue]) -> Result<Vec<Row>, NamesError> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let report = values::report(service, &self.device, values, service.now_ms()).await?;
        service.metrics.reported(report.changed, report.left_out);
        if report.changed > 0 {
            service.provisioning.changed(self.device.id);
        }
        let mut rows = report.rows;
        if self.device.schema != report.schema {
            self.device.schema = report.schema;
            self.device.revision = self.device.revision.saturating_add(1);
            rows.push(Row::Device(Box::new(self.device.clone())));
        }
        Ok(rows)
    }

    /// Applies what happened to a task and makes it durable, with other rows; whether it was taken.
    async fn happened(
        &self,
        service: &Service,
        task: &mut Task,
        what: Happened,
        mut rows: Vec<Row>,
    ) -> Result<bool, NamesError> {
        if task.handle(what, service.now_ms(), &service.options.tasks) == Step::Ignored {
            return Ok(false);
        }
        task.wait_longer(begins_within(task));
        rows.push(Row::Task(Box::new(task.clone())));
        rows.extend(diagnostics::ended(service, task).await?);
        let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
        let stored = service.committer.commit(room, Change::from(rows)).await?;
        if stored == Stored::Done {
            service.task_changed(task);
        }
        Ok(stored == Stored::Done)
    }

    /// None, if the device is one of ours no longer: its session may have begun in the moment in which that was decided.
    async fn live_tasks(&self, service: &Service) -> Result<Vec<Task>, NamesError> {
        if self.is_idle(service) {
            return Ok(Vec::new());
        }
        let device = self.device.id;
        // All of them: one that is urgent may be the last that was ordered.
        let most = service.options.tasks.per_device_max;
        let tasks = read(&service.readers, move |snapshot| {
            let is_ours = snapshot.device(device)?.is_some_and(|device| device.state == State::Enrolled);
            if is_ours { snapshot.live_tasks(device, most) } else { Ok(Vec::new()) }
        });
        Ok(tasks.await?)
    }

    /// The session is over: a task that had begun and is not done is settled as lost.
    pub(super) async fn end(&mut self, service: &Service) -> Result<(), NamesError> {
        let Some(Current { mut task, reads_test, .. }) = self.current.take() else { return Ok(()) };
        if reads_test.is_some() {
            // It is read when the device comes again.
            return Ok(());
        }
        self.happened(service, &mut task, Happened::Lost, Vec::new()).await.map(|_| ())
    }
}

fn read_options(service: &Service) -> ReadOptions {
    ReadOptions { batch: service.options.names_at_once, ..ReadOptions::default() }
}

/// What became of a task that reads, or of the test whose results were read.
fn read_ended(reads_test: bool, values: &[ParameterValue], unread: &[Unread], is_cut: bool) -> Happened {
    let report = match (unread.first(), values.is_empty()) {
        (Some(first), true) => {
            let code = first.code.map_or(0, |code| u32::from(code.number()));
            Err(Report::of(code, &format!("{} could not be read", first.name)))
        }
        _ => Ok(json(&Read::of(values, unread, is_cut))),
    };
    match report {
        report if reads_test => Happened::Completed(report),
        Ok(payload) => Happened::Answered(Answer::Done(payload)),
        Err(Report { code, text, .. }) => Happened::Answered(Answer::Fault { code, text, again: false }),
    }
}
