use sangam_device_proto::DeviceId;
use sangam_device_proto::device::Device;
use sangam_device_proto::task::{Answer, Format, Happened, Payload, Step, Task, TaskState, next_due};
use sangam_storage::devices::{Outcome, Row};
use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::controller::RequestFailure;
use sangam_usp_proto::message::{Request, Response};
use serde::Serialize;

use super::admit::commit;
use super::answer::{Came, came};
use super::desk::{Standing, Talk};
use super::notify::changed_row;
use super::order::{BadOrder, Order, carries_out, order};
use super::transfer::handover;
use super::values;
use crate::diagnostics;
use crate::names::NamesError;
use crate::reading::read;

/// How often what came of a task is made durable anew when somebody else changed the device meanwhile.
const ATTEMPTS_MAX: usize = 4;
/// After so long it is looked again for tasks where it could not be, milliseconds.
const AGAIN_MS: u64 = 5_000;

/// A task that is under way.
pub(super) struct Current {
    pub(super) task: Task,
    order: Order,
    /// The id of the request that is out.
    asked: String,
    /// How many requests it has made.
    count: u32,
    /// The request that is out only asks: whatever becomes of it, nothing was done.
    is_question: bool,
}

impl Talk<'_> {
    /// Takes the next task that is due, if there is one. A task that cannot be sent at all ends here.
    pub(super) async fn begin_work(&mut self) {
        if let Err(error) = self.try_begin().await {
            not_stored(&error);
            self.look_again(AGAIN_MS);
        }
    }

    async fn try_begin(&mut self) -> Result<(), NamesError> {
        let Standing::Served(id) = self.desk.standing else { return Ok(()) };
        loop {
            let service = &self.hub.service;
            let most = service.options.tasks.per_device_max;
            let found =
                read(&service.readers, move |snapshot| Ok((snapshot.device(id)?, snapshot.live_tasks(id, most)?)));
            let (Some(device), mut tasks) = found.await? else { return Ok(()) };
            if !std::mem::replace(&mut self.desk.settled, true) && self.settle_lost(id, &tasks).await? {
                continue;
            }
            // What only CWMP knows is left to it, where the device speaks that too.
            tasks.retain(|task| carries_out(task.kind) || device.protocols.cwmp.is_none());
            let now_ms = service.now_ms();
            let Some(task) = next_due(&tasks, now_ms) else {
                let waiting = tasks.iter().filter(|task| task.state == TaskState::Queued);
                if let Some(next) = waiting.map(|task| task.not_before_ms).filter(|at| *at > now_ms).min() {
                    self.look_again(next - now_ms);
                }
                return Ok(());
            };
            let task = task.clone();
            if self.take_on(task).await? {
                return Ok(());
            }
        }
    }

    /// Sends a task's first request, its sending durable before; whether one is out now.
    async fn take_on(&mut self, mut task: Task) -> Result<bool, NamesError> {
        let base = self.agent.link.base().or(self.hub.options().files_url.as_deref());
        let (handover, grant) = handover(&self.hub.service, &task, base).unzip();
        if !self.settle(&mut task, Happened::Sending, grant.into_iter().collect()).await? {
            // Somebody took it back, or sends it: look again.
            return Ok(false);
        }
        match order(&task, handover) {
            Ok(order) => {
                let current = Current { task, order, asked: String::new(), count: 0, is_question: false };
                self.desk.current = Some(Box::new(current));
                self.ask_next().await
            }
            Err(why) => self.refuse(task, &why).await.map(|()| false),
        }
    }

    async fn refuse(&mut self, mut task: Task, why: &BadOrder) -> Result<(), NamesError> {
        let answer = Answer::Fault { code: 0, text: why.to_string().into(), again: false };
        self.settle(&mut task, Happened::Answered(answer), Vec::new()).await.map(|_| ())
    }

    /// Sends the next request of the task that is under way; whether one is out now.
    async fn ask_next(&mut self) -> Result<bool, NamesError> {
        let us = self.hub.endpoint().as_str();
        let Some(current) = self.desk.current.as_mut() else { return Ok(false) };
        let key = current.task.command_key.to_string();
        let Some(request) = current.order.next_request(us, &key) else {
            let nothing = BadOrder::Wrong("nothing more is to be asked, and nothing came of it");
            return match self.desk.current.take() {
                Some(current) => self.refuse(current.task, &nothing).await.map(|()| false),
                None => Ok(false),
            };
        };
        current.count += 1;
        // The same request of the same attempt has the same id, whoever hears it twice.
        let msg_id = format!("t{}-{}-{}", current.task.id, current.task.attempts, current.count);
        current.asked.clone_from(&msg_id);
        current.is_question = is_question(&request);
        self.hub.service.metrics.requested(method(&request));
        let now = self.now();
        if let Err(refused) = self.desk.controller.request_as(now, msg_id.clone(), request) {
            self.failed(&msg_id, RequestFailure::NotSent(refused)).await;
            return Ok(false);
        }
        Ok(true)
    }

    /// A request was answered.
    pub(super) async fn answered(&mut self, request: &str, response: Response) {
        if self.desk.current.as_ref().is_none_or(|current| current.asked != request) {
            return;
        }
        if let Err(error) = self.go_on(response).await {
            // It is found as sent, and settled as lost.
            not_stored(&error);
            self.desk.current = None;
            self.desk.settled = false;
            self.look_again(AGAIN_MS);
        }
    }

    async fn go_on(&mut self, response: Response) -> Result<(), NamesError> {
        let Some(current) = self.desk.current.as_mut() else { return Ok(()) };
        match came(&mut current.order, response) {
            Ok(None) => self.ask_next().await.map(|_| ()),
            Ok(Some(came)) => self.complete(came).await,
            Err(why) => {
                self.desk.look = true;
                match self.desk.current.take() {
                    Some(current) => self.refuse(current.task, &why).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// The task is over, or goes on at the agent: what came of it is made durable, with the values that were told.
    async fn complete(&mut self, came: Came) -> Result<(), NamesError> {
        let Some(current) = self.desk.current.take() else { return Ok(()) };
        self.desk.look = true;
        let mut task = current.task;
        for attempt in 1..=ATTEMPTS_MAX {
            let mut rows = self.reported(task.device, &came).await?;
            rows.extend(came.rows.iter().cloned());
            if self.settle(&mut task, came.happened.clone(), rows).await? {
                break;
            }
            // An operator has changed the device or the task meanwhile: once more, on what is there now.
            let id = task.id;
            match read(&self.hub.service.readers, move |snapshot| snapshot.task(id)).await? {
                Some(now) if attempt < ATTEMPTS_MAX && !now.state.is_over() => task = now,
                _ => break,
            }
        }
        if came.subscriptions_changed {
            self.resubscribe(task.device).await?;
        }
        Ok(())
    }

    async fn reported(&self, id: DeviceId, came: &Came) -> Result<Vec<Row>, NamesError> {
        if came.values.is_empty() {
            return Ok(Vec::new());
        }
        let service = &self.hub.service;
        let Some(mut device) = read(&service.readers, move |snapshot| snapshot.device(id)).await? else {
            return Ok(Vec::new());
        };
        let before: Device = device.clone();
        let (mut rows, _) = values::report(service, &mut device, &came.values, service.now_ms()).await?;
        rows.splice(0..0, changed_row(&before, device));
        Ok(rows)
    }

    /// What operators want the agent to tell is another now: it stays so over contacts.
    async fn resubscribe(&mut self, device: DeviceId) -> Result<(), NamesError> {
        let rows = read(&self.hub.service.readers, move |snapshot| {
            snapshot.subscriptions(device, sangam_storage::devices::LIMIT_MAX)
        });
        let mut wanted = self.hub.options().controller(self.hub.service.began_ms).subscriptions;
        wanted.extend(rows.await?.iter().map(super::admit::wanted_of));
        self.desk.controller.reconcile_subscriptions(self.now(), wanted);
        Ok(())
    }

    /// A request was not answered.
    pub(super) async fn failed(&mut self, request: &str, failure: RequestFailure) {
        let Some(mut current) = self.desk.current.take_if(|current| current.asked == request) else { return };
        self.desk.look = true;
        let happened = match &failure {
            RequestFailure::NotSent(_) if current.count <= 1 => {
                self.desk.look = false;
                self.look_again(AGAIN_MS);
                Happened::NotSent
            }
            RequestFailure::Error(error) => Happened::Answered(fault(error)),
            // Nothing but a question has left: it may be tried again, whatever it is.
            _ if current.is_question && !current.task.kind.is_safe_to_repeat() => {
                Happened::Answered(Answer::Fault { code: 0, text: failure.to_string().into(), again: true })
            }
            _ => Happened::Lost,
        };
        if let Err(error) = self.settle(&mut current.task, happened, Vec::new()).await {
            not_stored(&error);
            self.desk.settled = false;
            self.look_again(AGAIN_MS);
        }
    }

    /// What was sent on a way that is no more, or by a process that is no more, was lost. Whether there was any.
    async fn settle_lost(&mut self, device: DeviceId, tasks: &[Task]) -> Result<bool, NamesError> {
        if self.hub.service.sessions.has_device(device) {
            // That is a matter of the session of CWMP that is open.
            return Ok(false);
        }
        let mut any = false;
        for task in tasks.iter().filter(|task| task.state == TaskState::Sent) {
            any = true;
            self.settle(&mut task.clone(), Happened::Lost, Vec::new()).await?;
        }
        Ok(any)
    }

    /// Applies what happened to a task and makes it durable, with other rows; whether it was taken.
    async fn settle(&self, task: &mut Task, what: Happened, mut rows: Vec<Row>) -> Result<bool, NamesError> {
        let service = &self.hub.service;
        let before = task.clone();
        if task.handle(what, service.now_ms(), &service.options.tasks) == Step::Ignored {
            return Ok(false);
        }
        rows.push(Row::Task(Box::new(task.clone())));
        rows.extend(diagnostics::ended(service, task).await?);
        let is_stored = commit(service, rows).await? == Outcome::Done;
        if is_stored {
            service.task_changed(task);
        } else {
            *task = before;
        }
        Ok(is_stored)
    }

    fn look_again(&mut self, ms: u64) {
        let at = self.now() + std::time::Duration::from_millis(ms);
        self.desk.again = Some(self.desk.again.map_or(at, |again| again.min(at)));
    }
}

/// What an agent said of a request that failed as a whole.
fn fault(error: &sangam_usp_proto::message::Error) -> Answer {
    let again = matches!(error.code(), ErrorCode::InternalError | ErrorCode::ResourcesExceeded);
    let parts = error.param_errs.iter().map(|it| format!("; {}: {} {}", it.path, it.err_code, it.err_msg));
    let text = format!("{}{}", error.err_msg, parts.collect::<String>());
    Answer::Fault { code: error.err_code, text: text.into(), again }
}

const fn is_question(request: &Request) -> bool {
    matches!(
        request,
        Request::Get(_) | Request::GetInstances(_) | Request::GetSupportedDm(_) | Request::GetSupportedProtocol(_)
    )
}

const fn method(request: &Request) -> &'static str {
    match request {
        Request::Get(_) => "Get",
        Request::GetSupportedDm(_) => "GetSupportedDM",
        Request::GetInstances(_) => "GetInstances",
        Request::Set(_) => "Set",
        Request::Add(_) => "Add",
        Request::Delete(_) => "Delete",
        Request::Operate(_) => "Operate",
        Request::Notify(_) => "Notify",
        Request::GetSupportedProtocol(_) => "GetSupportedProtocol",
        Request::Register(_) => "Register",
        Request::Deregister(_) => "Deregister",
    }
}

pub(super) fn not_stored(error: &NamesError) {
    tracing::warn!(
        error = sangam_storage::with_sources(error),
        "what was done with an agent could not be made durable"
    );
}

pub(super) fn json_payload(value: &impl Serialize) -> Payload {
    // What is written here always can be.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    Payload { format: Format::Json, bytes: bytes.into() }
}
