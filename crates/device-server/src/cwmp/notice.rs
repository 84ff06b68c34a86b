use bytes::Bytes;
use sangam_cwmp_proto::message::TransferComplete;
use sangam_cwmp_proto::session::CpeNotice;
use sangam_device_proto::DeviceId;
use sangam_device_proto::task::{CommandKey, Happened, Payload, Report, Step, Task};
use sangam_storage::devices::{Change, EventId, EventRow, Outcome, Row};
use serde_json::json;

use super::inform::bounded;
use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;

/// How often a change is made anew when somebody else changed the task meanwhile.
const ATTEMPTS_MAX: usize = 4;

/// Makes durable what a device says beside its Inform; said twice, it is one event more and nothing else.
pub(super) async fn take(service: &Service, device: DeviceId, notice: &CpeNotice) -> Result<(), NamesError> {
    for _ in 0..ATTEMPTS_MAX {
        let mut rows = vec![Row::Event(event(device, notice, service.now_ms()))];
        let mut ended = None;
        if let CpeNotice::TransferComplete(transfer) = notice
            && let Some(mut task) = task_of(service, device, transfer).await?
            && task.handle(completed(transfer), service.now_ms(), &service.options.tasks) == Step::Changed
        {
            rows.push(Row::Task(Box::new(task.clone())));
            ended = Some(task);
        }
        let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
        if service.committer.commit(room, Change::from(rows)).await? == Outcome::Done {
            if let Some(task) = ended {
                service.task_changed(&task);
            }
            return Ok(());
        }
    }
    Err(NamesError::Overtaken)
}

/// The task that a transfer was for; `None`: it is not one of ours.
async fn task_of(service: &Service, device: DeviceId, transfer: &TransferComplete) -> Result<Option<Task>, NamesError> {
    let Ok(key) = CommandKey::new(&*transfer.command_key) else { return Ok(None) };
    Ok(read(&service.readers, move |snapshot| snapshot.task_by_command_key(device, &key)).await?)
}

fn completed(transfer: &TransferComplete) -> Happened {
    let fault = transfer.fault.as_ref().filter(|fault| fault.code.number() != 0);
    Happened::Completed(match fault {
        Some(fault) => Err(Report::of(u32::from(fault.code.number()), &fault.text)),
        None => Ok(Payload::default()),
    })
}

fn event(device: DeviceId, notice: &CpeNotice, at_ms: u64) -> EventRow {
    let (kind, key, detail) = match notice {
        CpeNotice::TransferComplete(it) => {
            let fault = it.fault.as_ref().map_or(0, |fault| fault.code.number());
            ("TransferComplete", it.command_key.as_str(), json!({ "fault": fault }))
        }
        CpeNotice::AutonomousTransferComplete(_) => ("AutonomousTransferComplete", "", json!({})),
        CpeNotice::DuStateChangeComplete(_) => ("DUStateChangeComplete", "", json!({})),
        CpeNotice::AutonomousDuStateChangeComplete(_) => ("AutonomousDUStateChangeComplete", "", json!({})),
        CpeNotice::RequestDownload(_) => ("RequestDownload", "", json!({})),
        CpeNotice::Kicked(_) => ("Kicked", "", json!({})),
    };
    EventRow {
        id: EventId(0),
        device,
        at_ms,
        kind: kind.into(),
        command_key: bounded(key, 32),
        detail: Bytes::from(detail.to_string()),
    }
}
