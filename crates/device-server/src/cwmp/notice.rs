use bytes::Bytes;
use sangam_cwmp_proto::FaultStruct;
use sangam_cwmp_proto::message::{
    AutonomousTransferComplete, DuStateChangeComplete, RequestDownload, TransferComplete,
};
use sangam_cwmp_proto::session::CpeNotice;
use sangam_device_proto::DeviceId;
use sangam_device_proto::task::{CommandKey, Happened, Payload, Report, Step, Task};
use sangam_storage::devices::{Change, EventId, EventRow, Outcome, Row};
use serde_json::{Value as Json, json};

use super::answered::{autonomous_operation, json as payload, operation};
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
        if let Some((key, what)) = completed(notice, service.options.tasks.report_bytes_max)
            && let Some(mut task) = task_of(service, device, key).await?
            && task.handle(what, service.now_ms(), &service.options.tasks) == Step::Changed
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

/// The task that was sent with this key; `None`: it is not one of ours.
async fn task_of(service: &Service, device: DeviceId, key: &str) -> Result<Option<Task>, NamesError> {
    let Ok(key) = CommandKey::new(key) else { return Ok(None) };
    Ok(read(&service.readers, move |snapshot| snapshot.task_by_command_key(device, &key)).await?)
}

/// What a notice says of a task, and by which key that is found.
fn completed(notice: &CpeNotice, report_bytes_max: usize) -> Option<(&str, Happened)> {
    match notice {
        CpeNotice::TransferComplete(it) => Some((&it.command_key, transferred(it))),
        CpeNotice::DuStateChangeComplete(it) => Some((&it.command_key, changed(it, report_bytes_max))),
        CpeNotice::AutonomousTransferComplete(_)
        | CpeNotice::AutonomousDuStateChangeComplete(_)
        | CpeNotice::RequestDownload(_)
        | CpeNotice::Kicked(_) => None,
    }
}

fn transferred(transfer: &TransferComplete) -> Happened {
    let fault = transfer.fault.as_ref().filter(|fault| fault.code.number() != 0);
    Happened::Completed(match fault {
        Some(fault) => Err(Report::of(u32::from(fault.code.number()), &fault.text)),
        None => Ok(Payload::default()),
    })
}

/// It is done if every operation is; if one is not, that is what the task says, with what became of each.
fn changed(complete: &DuStateChangeComplete, report_bytes_max: usize) -> Happened {
    let results: Vec<Json> = complete.results.iter().map(operation).collect();
    let payload = payload(&json!({ "results": results }));
    let mut faults = complete.results.iter().filter_map(|it| it.fault.as_ref());
    let report = match faults.find(|fault| fault.code.number() != 0) {
        Some(fault) => Report::of(u32::from(fault.code.number()), &fault.text),
        None if complete.results.is_empty() || complete.results.iter().any(|it| it.current_state.is_empty()) => {
            Report::of(0, "the device does not say what became of each operation")
        }
        None => return Happened::Completed(Ok(payload)),
    };
    let payload = if payload.bytes.len() <= report_bytes_max { payload } else { Payload::default() };
    Happened::Completed(Err(Report { payload, ..report }))
}

fn event(device: DeviceId, notice: &CpeNotice, at_ms: u64) -> EventRow {
    let (kind, key, detail) = match notice {
        CpeNotice::TransferComplete(it) => {
            ("TransferComplete", it.command_key.as_str(), json!({ "fault": fault(&it.fault) }))
        }
        CpeNotice::AutonomousTransferComplete(it) => ("AutonomousTransferComplete", "", autonomous_transfer(it)),
        CpeNotice::DuStateChangeComplete(it) => {
            let results: Vec<Json> = it.results.iter().map(operation).collect();
            ("DUStateChangeComplete", it.command_key.as_str(), json!({ "results": results }))
        }
        CpeNotice::AutonomousDuStateChangeComplete(it) => {
            let results: Vec<Json> = it.results.iter().map(autonomous_operation).collect();
            ("AutonomousDUStateChangeComplete", "", json!({ "results": results }))
        }
        CpeNotice::RequestDownload(it) => ("RequestDownload", "", wanted(it)),
        CpeNotice::Kicked(_) => ("Kicked", "", json!({})),
    };
    let detail = Bytes::from(detail.to_string());
    EventRow {
        id: EventId(0),
        device,
        at_ms,
        kind: kind.into(),
        command_key: bounded(key, 32),
        // What is longer than is kept of an event is left out whole: half of it would be no JSON.
        detail: if detail.len() <= EventRow::DETAIL_BYTES_MAX {
            detail
        } else {
            Bytes::from_static(b"{\"is_cut\":true}")
        },
    }
}

fn fault(fault: &Option<FaultStruct>) -> u16 {
    fault.as_ref().map_or(0, |fault| fault.code.number())
}

/// Without where from: there may be passwords in it.
fn autonomous_transfer(it: &AutonomousTransferComplete) -> Json {
    json!({
        "is_download": it.is_download, "file_type": it.file_type, "file_size": it.file_size,
        "target_file_name": it.target_file_name, "fault": fault(&it.fault),
    })
}

/// What a device asks to be given: whether it is, an operator decides.
fn wanted(it: &RequestDownload) -> Json {
    let arguments = it.arguments.iter().map(|it| (it.name.clone(), Json::from(&*it.value)));
    json!({ "file_type": it.file_type, "arguments": arguments.collect::<serde_json::Map<_, _>>() })
}
