use bytes::Bytes;
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::{Device, Facts};
use sangam_device_proto::event::EventRow;
use sangam_device_proto::task::{CommandKey, Happened, Payload, Report, Step, Task};
use sangam_storage::devices::{EventId, Outcome, Row};
use sangam_usp_proto::controller::Identity;
use sangam_usp_proto::message::{Event, Notification, Notify, OnBoardRequest, OperationComplete, OperationOutcome};
use serde_json::{Value, json};

use super::admit::commit;
use super::desk::{Standing, Talk};
use super::values;
use super::work::{json_payload, not_stored};
use crate::aftermath;
use crate::diagnostics;
use crate::names::NamesError;
use crate::reading::read;

/// How often a change is made anew when somebody else changed the device or the task meanwhile.
const ATTEMPTS_MAX: usize = 4;

const SOFTWARE_VERSION: &str = "Device.DeviceInfo.SoftwareVersion";
const HARDWARE_VERSION: &str = "Device.DeviceInfo.HardwareVersion";

/// What a notification makes of the store.
#[derive(Default)]
struct Told {
    rows: Vec<Row>,
    task: Option<Task>,
}

impl Talk<'_> {
    /// Makes durable what an agent tells; whether it is. What is not is told again by the agent.
    pub(super) async fn notified(&mut self, notify: Notify) -> bool {
        let Some(notification) = notify.notification else { return false };
        self.hub.service.metrics.usp.notified(label(&notification));
        if let Notification::OnBoardRequest(request) = &notification
            && !self.on_board(request).await
        {
            return false;
        }
        let device = match self.desk.standing {
            Standing::Served(device) => device,
            // That it wants to be taken on stands in the row of its device; all else it keeps until it is one of ours.
            Standing::Waiting(_) => return matches!(notification, Notification::OnBoardRequest(_)),
            Standing::Stranger => return false,
        };
        self.heard();
        match self.store_notification(device, &notification).await {
            Ok(task) => {
                self.notification_stored(&notification, task);
                if let Notification::ValueChange(it) = &notification {
                    let value = [(it.param_path.as_str(), it.param_value.as_str())];
                    aftermath::told(&self.hub.service, device, &value).await;
                }
                true
            }
            Err(error) => {
                not_stored(&error);
                false
            }
        }
    }

    /// The agent asks to be taken on; whether it is, or waits for an operator. Who it is, it is asked again meanwhile.
    async fn on_board(&mut self, request: &OnBoardRequest) -> bool {
        let identity = Identity {
            oui: request.oui.clone(),
            product_class: request.product_class.clone(),
            serial_number: request.serial_number.clone(),
            ..Identity::default()
        };
        let versions = &request.agent_supported_protocol_versions;
        if !versions.is_empty() {
            self.desk.versions = Some(versions.as_str().into());
        }
        match self.admit(&identity).await {
            Ok(_) => true,
            Err(refused) => {
                self.turn_away(refused).await;
                false
            }
        }
    }

    async fn store_notification(
        &mut self,
        device: DeviceId,
        notification: &Notification,
    ) -> Result<Option<Task>, NamesError> {
        for _ in 0..ATTEMPTS_MAX {
            let Told { mut rows, task } = self.told(device, notification).await?;
            if rows.is_empty() {
                // When it was heard of is written soon, as of all.
                return Ok(None);
            }
            rows.push(Row::Seen(device, self.desk.seen));
            if commit(&self.hub.service, rows).await? == Outcome::Done {
                return Ok(task);
            }
        }
        Err(NamesError::Overtaken)
    }

    async fn told(&mut self, id: DeviceId, notification: &Notification) -> Result<Told, NamesError> {
        let now_ms = self.hub.service.now_ms();
        let event = |kind: &str, key: &str, detail: Value| Row::Event(event_row(id, now_ms, kind, key, &detail));
        match notification {
            Notification::Event(it) if is(it, "Periodic!") => Ok(Told::default()),
            Notification::Event(it) => self.event(id, it, now_ms).await,
            Notification::OperationComplete(it) => self.operation(id, it, now_ms).await,
            Notification::ValueChange(it) => {
                let rows = self.value(id, &it.param_path, &it.param_value, now_ms).await?;
                Ok(Told { rows, task: None })
            }
            Notification::ObjectCreation(it) => {
                let detail = json!({ "path": it.obj_path, "keys": it.unique_keys });
                Ok(Told { rows: vec![event("ObjectCreation", "", detail)], task: None })
            }
            Notification::ObjectDeletion(it) => {
                Ok(Told { rows: vec![event("ObjectDeletion", "", json!({ "path": it.obj_path }))], task: None })
            }
            Notification::OnBoardRequest(it) => {
                let detail = json!({ "versions": it.agent_supported_protocol_versions });
                Ok(Told { rows: vec![event("OnBoardRequest", "", detail)], task: None })
            }
        }
    }

    async fn event(&mut self, id: DeviceId, it: &Event, now_ms: u64) -> Result<Told, NamesError> {
        let key = it.params.get("CommandKey").map_or("", String::as_str);
        let kind = format!("{}{}", it.obj_path, it.event_name);
        let row = Row::Event(event_row(id, now_ms, &kind, key, &json!({ "params": it.params })));
        let mut told = Told { rows: vec![row], task: None };
        if is(it, "Boot!") {
            self.desk.seen.boot_ms = now_ms;
            // What made it boot is done, whether or not it could say so before it went.
            told.task = self.ended(id, key, Ok(Payload::default()), now_ms).await?;
        }
        told.rows.extend(self.task_rows(told.task.as_ref()).await?);
        Ok(told)
    }

    async fn operation(&mut self, id: DeviceId, it: &OperationComplete, now_ms: u64) -> Result<Told, NamesError> {
        let (fault, how) = match &it.outcome {
            Some(OperationOutcome::Failure(failure)) => {
                (failure.err_code, Err(Report::of(failure.err_code, &failure.err_msg)))
            }
            Some(OperationOutcome::Output(output)) => (0, Ok(json_payload(&json!({ "output": output.output_args })))),
            None => (0, Ok(Payload::default())),
        };
        let command = format!("{}{}", it.obj_path, it.command_name);
        let detail = json!({ "command": command, "fault": fault });
        let row = Row::Event(event_row(id, now_ms, "OperationComplete", &it.command_key, &detail));
        let task = self.ended(id, &it.command_key, how, now_ms).await?;
        let mut rows = vec![row];
        rows.extend(self.task_rows(task.as_ref()).await?);
        Ok(Told { rows, task })
    }

    /// A task that is another, and the test that it ordered if that is over with it.
    async fn task_rows(&self, task: Option<&Task>) -> Result<Vec<Row>, NamesError> {
        let Some(task) = task else { return Ok(Vec::new()) };
        let test = diagnostics::ended(&self.hub.service, task).await?;
        Ok([Row::Task(Box::new(task.clone()))].into_iter().chain(test).collect())
    }

    /// The task of that key, if there is one that has ended with this.
    async fn ended(
        &self,
        device: DeviceId,
        key: &str,
        how: Result<Payload, Report>,
        now_ms: u64,
    ) -> Result<Option<Task>, NamesError> {
        let Ok(key) = CommandKey::new(key) else { return Ok(None) };
        let service = &self.hub.service;
        let task = read(&service.readers, move |snapshot| snapshot.task_by_command_key(device, &key)).await?;
        let Some(mut task) = task else { return Ok(None) };
        let step = task.handle(Happened::Completed(how), now_ms, &service.options.tasks);
        Ok((step == Step::Changed).then_some(task))
    }

    async fn value(&mut self, id: DeviceId, path: &str, value: &str, now_ms: u64) -> Result<Vec<Row>, NamesError> {
        let service = &self.hub.service;
        let Some(mut device) = read(&service.readers, move |snapshot| snapshot.device(id)).await? else {
            return Ok(Vec::new());
        };
        let before = device.clone();
        match path {
            SOFTWARE_VERSION => device.facts.software_version = Facts::bounded(value),
            HARDWARE_VERSION => device.facts.hardware_version = Facts::bounded(value),
            _ => {}
        }
        let (mut rows, _) =
            values::report(service, &mut device, &[(path.to_owned(), value.to_owned())], now_ms).await?;
        rows.splice(0..0, changed_row(&before, device));
        Ok(rows)
    }

    /// What follows from what is durable now.
    fn notification_stored(&mut self, notification: &Notification, task: Option<Task>) {
        if let Some(task) = task {
            if self.desk.current.as_ref().is_some_and(|current| current.task.id == task.id) {
                // Its answer says nothing more.
                self.desk.current = None;
                self.desk.look = true;
            }
            self.hub.service.task_changed(&task);
        }
        let is_new_software = match notification {
            Notification::Event(it) => is(it, "Boot!"),
            Notification::ValueChange(it) => it.param_path == SOFTWARE_VERSION,
            _ => false,
        };
        if is_new_software {
            self.desk.controller.identify_again(self.now());
        }
    }
}

/// The row of a device, if it is another than it was.
pub(super) fn changed_row(before: &Device, mut device: Device) -> Option<Row> {
    if device == *before {
        return None;
    }
    device.revision = before.revision.saturating_add(1);
    Some(Row::Device(Box::new(device)))
}

fn is(event: &Event, name: &str) -> bool {
    event.event_name == name
}

fn event_row(device: DeviceId, at_ms: u64, kind: &str, key: &str, detail: &Value) -> EventRow {
    let text = detail.to_string();
    let detail = if text.len() > EventRow::DETAIL_BYTES_MAX {
        json!({ "left_out_bytes": text.len() }).to_string()
    } else {
        text
    };
    EventRow { detail: Bytes::from(detail), ..EventRow::new(EventId(0), device, at_ms, kind, key) }
}

fn label(notification: &Notification) -> &'static str {
    match notification {
        Notification::Event(it) if is(it, "Boot!") => "boot",
        Notification::Event(it) if is(it, "Periodic!") => "periodic",
        Notification::Event(_) => "event",
        Notification::ValueChange(_) => "value_change",
        Notification::ObjectCreation(_) => "object_creation",
        Notification::ObjectDeletion(_) => "object_deletion",
        Notification::OperationComplete(_) => "operation_complete",
        Notification::OnBoardRequest(_) => "on_board_request",
    }
}
