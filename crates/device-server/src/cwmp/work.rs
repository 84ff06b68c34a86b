use sangam_cwmp_proto::message::Status;
use sangam_cwmp_proto::session::plan::{ReadOptions, ReadValues};
use sangam_cwmp_proto::session::{AcsRequest, Outcome, RequestHandle};
use sangam_cwmp_proto::{FaultCode, Message, ParameterValue};
use sangam_device_proto::device::Device;
use sangam_device_proto::task::{Answer, Format, Happened, Payload, Report, Step, Task, TaskKind, TaskState, next_due};
use sangam_storage::devices::{Change, Outcome as Stored, Row};
use serde::Serialize;

use super::device_facts::kind_of;
use super::duty::{Duty, duty};
use super::order::{BadOrder, Order, Value, order, test_object};
use super::transfer::handover;
use super::values;
use crate::files::Site;
use crate::names::NamesError;
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
    /// The duty has left and was not answered.
    duty_left: bool,
    current: Option<Current>,
    /// The device says that a test has ended.
    test_ended: bool,
}

/// A task that is under way.
#[derive(Debug)]
struct Current {
    task: Task,
    order: Order,
    /// The results of a test are read, whose sending was long ago.
    reads_test: bool,
}

impl Work {
    pub(super) fn new(service: &Service, device: Device, site: Site, rotated: bool, test_ended: bool) -> Self {
        let duty = duty(&device, rotated, service.live.load().periodic_interval);
        Self { device, site, duty, duty_left: false, current: None, test_ended }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// What was sent in a session that is no more, or by a process that is no more, was lost: done before anything else.
    pub(super) async fn settle_lost(&self, service: &Service) -> Result<(), NamesError> {
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
        };
        service.metrics.requested(message.method());
        Some(AcsRequest { handle: RequestHandle(current.task.id.0), message })
    }

    /// Takes the next task that is due; whether there was one. A task that cannot be sent at all ends here.
    async fn begin(&mut self, service: &Service) -> Result<bool, NamesError> {
        loop {
            let tasks = self.live_tasks(service).await?;
            if std::mem::take(&mut self.test_ended)
                && let Some(task) = tasks.iter().find(|task| task.state == TaskState::AwaitingDiagnostics)
                && let Ok(object) = test_object(task)
            {
                let order = Order::Read(ReadValues::new(vec![object], read_options(service)));
                self.current = Some(Current { task: task.clone(), order, reads_test: true });
                return Ok(true);
            }
            let Some(task) = next_due(&tasks, service.now_ms()) else { return Ok(false) };
            let mut task = task.clone();
            let (handover, rows) = handover(service, &task, &self.site);
            if !self.happened(service, &mut task, Happened::Sending, rows).await? {
                // Somebody took it back, or sends it: look again.
                continue;
            }
            match order(&task, read_options(service), handover.as_ref()) {
                Ok(order) => {
                    self.current = Some(Current { task, order, reads_test: false });
                    return Ok(true);
                }
                Err(why) => self.refuse(service, task, &why).await?,
            }
        }
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
        let Some(Current { mut task, order, reads_test }) = self.current.take() else { return Ok(()) };
        match order {
            Order::Once(_) => Ok(()),
            Order::Walk { walk, values } => {
                let walked = walk.into_result();
                let names: Vec<String> = walked.names.keys().filter(|path| !path.ends_with('.')).cloned().collect();
                if values && !names.is_empty() {
                    let order = Order::Read(ReadValues::new(names, read_options(service)));
                    self.current = Some(Current { task, order, reads_test });
                    return Ok(());
                }
                let found = Names { names: &walked.names, is_cut: walked.is_cut };
                let happened = Happened::Answered(Answer::Done(json(&found)));
                self.happened(service, &mut task, happened, Vec::new()).await.map(|_| ())
            }
            Order::Read(read) => {
                let (values, unread, is_cut) = read.into_result();
                let result = Read::of(&values, &unread, is_cut);
                let happened = match (unread.first(), values.is_empty()) {
                    (Some(first), true) => {
                        let code = first.code.map_or(0, |code| u32::from(code.number()));
                        let text = format!("{} could not be read", first.name);
                        failed(reads_test, code, &text)
                    }
                    _ if reads_test => Happened::Completed(Ok(json(&result))),
                    _ => Happened::Answered(Answer::Done(json(&result))),
                };
                let rows = self.report(service, &values).await?;
                if !self.happened(service, &mut task, happened.clone(), rows).await? {
                    // An operator has changed the device or the task meanwhile: once more, on what is there now.
                    self.read_again(service, &mut task).await?;
                    let rows = self.report(service, &values).await?;
                    self.happened(service, &mut task, happened, rows).await?;
                }
                Ok(())
            }
        }
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
        let mut rows = report.rows;
        if self.device.schema != Some(report.schema) {
            self.device.schema = Some(report.schema);
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
        rows.push(Row::Task(Box::new(task.clone())));
        let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
        let stored = service.committer.commit(room, Change::from(rows)).await?;
        if stored == Stored::Done {
            service.task_changed(task);
        }
        Ok(stored == Stored::Done)
    }

    async fn live_tasks(&self, service: &Service) -> Result<Vec<Task>, NamesError> {
        let device = self.device.id;
        // All of them: one that is urgent may be the last that was ordered.
        let most = service.options.tasks.per_device_max;
        Ok(read(&service.readers, move |snapshot| snapshot.live_tasks(device, most)).await?)
    }

    /// The session is over: a task that had begun and is not done is settled as lost.
    pub(super) async fn end(&mut self, service: &Service) -> Result<(), NamesError> {
        let Some(Current { mut task, reads_test, .. }) = self.current.take() else { return Ok(()) };
        if reads_test {
            // It is read when the device comes again.
            return Ok(());
        }
        self.happened(service, &mut task, Happened::Lost, Vec::new()).await.map(|_| ())
    }
}

fn read_options(service: &Service) -> ReadOptions {
    ReadOptions { batch: service.options.names_at_once, ..ReadOptions::default() }
}

fn failed(reads_test: bool, code: u32, text: &str) -> Happened {
    if reads_test {
        Happened::Completed(Err(Report::of(code, text)))
    } else {
        Happened::Answered(Answer::Fault { code, text: text.into(), again: false })
    }
}

/// What the answer to the only request of a task means.
fn answer(kind: TaskKind, outcome: Outcome) -> Happened {
    match outcome {
        Outcome::Response(message) => Happened::Answered(match status(&message) {
            Some(Status::Later) if TaskState::awaiting(kind).is_some() => Answer::Later(Payload::default()),
            // A test is ordered by setting it up: what it finds comes later.
            _ if kind == TaskKind::Diagnostics => Answer::Later(Payload::default()),
            _ => Answer::Done(said(&message)),
        }),
        Outcome::Fault(fault) => {
            let code = fault.code();
            let again = matches!(code, Some(FaultCode::InternalError | FaultCode::ResourcesExceeded));
            let detail = fault.detail.as_ref();
            let parts = detail.map(|it| {
                it.parameters
                    .iter()
                    .map(|it| format!("; {}: {} {}", it.path, it.code.number(), it.text))
                    .collect::<String>()
            });
            let text =
                format!("{}{}", detail.map_or(fault.fault_string.as_str(), |it| &it.text), parts.unwrap_or_default());
            Happened::Answered(Answer::Fault {
                code: code.map_or(0, |it| u32::from(it.number())),
                text: text.into(),
                again,
            })
        }
        Outcome::TooLarge => Happened::Answered(Answer::Fault {
            code: 0,
            text: "the device answered more than is read; ask for less".into(),
            again: false,
        }),
        Outcome::NotSent(why) => {
            Happened::Answered(Answer::Fault { code: 0, text: why.to_string().into(), again: false })
        }
    }
}

fn status(message: &Message) -> Option<Status> {
    match message {
        Message::DownloadResponse(it) => Some(it.status),
        Message::UploadResponse(it) => Some(it.status),
        Message::SetParameterValuesResponse(it) => Some(it.status),
        Message::AddObjectResponse(it) => Some(it.status),
        Message::DeleteObjectResponse(it) => Some(it.status),
        _ => None,
    }
}

/// What a response says beside that it was done, for whoever ordered it.
fn said(message: &Message) -> Payload {
    #[derive(Serialize)]
    struct Done {
        #[serde(skip_serializing_if = "Option::is_none")]
        instance: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        applies_later: Option<bool>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        methods: Vec<String>,
    }
    let instance = if let Message::AddObjectResponse(it) = message { Some(it.instance_number) } else { None };
    let methods = if let Message::GetRpcMethodsResponse(it) = message { it.methods.clone() } else { Vec::new() };
    json(&Done { instance, applies_later: status(message).map(|it| it == Status::Later), methods })
}

#[derive(Serialize)]
struct Names<'a> {
    /// Each path and whether it can be set.
    names: &'a std::collections::BTreeMap<String, bool>,
    /// There are more than were looked at.
    is_cut: bool,
}

#[derive(Serialize)]
struct Read {
    values: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<NotRead>,
    /// There are more than were kept.
    is_cut: bool,
}

#[derive(Serialize)]
struct NotRead {
    path: String,
    /// The fault's code; 0: none was said.
    code: u32,
}

impl Read {
    fn of(values: &[ParameterValue], unread: &[sangam_cwmp_proto::session::plan::Unread], is_cut: bool) -> Self {
        let value = |it: &ParameterValue| Value {
            path: it.path.clone(),
            value: it.value.clone(),
            kind: kind_of(it).name().to_owned(),
        };
        let not_read = |it: &sangam_cwmp_proto::session::plan::Unread| NotRead {
            path: it.name.clone(),
            code: it.code.map_or(0, |code| u32::from(code.number())),
        };
        Self { values: values.iter().map(value).collect(), unread: unread.iter().map(not_read).collect(), is_cut }
    }
}

fn json(value: &impl Serialize) -> Payload {
    // What is written here always can be.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    Payload { format: Format::Json, bytes: bytes.into() }
}
