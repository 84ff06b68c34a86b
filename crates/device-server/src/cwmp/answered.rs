//! What came of requests, as tasks have it.

use std::collections::BTreeMap;

use sangam_cwmp_proto::message::{
    AnyQueuedTransfer, AutonomousOpResult, OpResult, ParameterAttribute, QueuedTransfer, Status, TransferState,
};
use sangam_cwmp_proto::session::Outcome;
use sangam_cwmp_proto::session::plan::Unread;
use sangam_cwmp_proto::{FaultCode, Message, ParameterValue};
use sangam_device_proto::task::{Answer, Format, Happened, Payload, TaskKind, TaskState};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::device_facts::kind_of;
use super::order::{Value, notification_name};

/// What the answer to the only request of a task means.
pub(super) fn answer(kind: TaskKind, outcome: Outcome) -> Happened {
    match outcome {
        Outcome::Response(message) => Happened::Answered(match status(&message) {
            Some(Status::Later) if TaskState::awaiting(kind).is_some() => Answer::Later(Payload::default()),
            // A test is ordered by setting it up, and what is scheduled or changes software modules has no status: it comes later.
            _ if matches!(kind, TaskKind::Diagnostics | TaskKind::ScheduleDownload | TaskKind::ChangeDuState) => {
                Answer::Later(Payload::default())
            }
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
    match message {
        Message::GetParameterAttributesResponse(it) => {
            json(&json!({ "attributes": it.parameters.iter().map(attribute).collect::<Vec<_>>() }))
        }
        Message::GetQueuedTransfersResponse(it) => {
            json(&json!({ "transfers": it.transfers.iter().map(queued).collect::<Vec<_>>() }))
        }
        Message::GetAllQueuedTransfersResponse(it) => {
            json(&json!({ "transfers": it.transfers.iter().map(any_queued).collect::<Vec<_>>() }))
        }
        message => json(&Done::of(message)),
    }
}

#[derive(Serialize)]
struct Done {
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applies_later: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
}

impl Done {
    fn of(message: &Message) -> Self {
        let instance = if let Message::AddObjectResponse(it) = message { Some(it.instance_number) } else { None };
        let methods = if let Message::GetRpcMethodsResponse(it) = message { it.methods.clone() } else { Vec::new() };
        Self { instance, applies_later: status(message).map(|it| it == Status::Later), methods }
    }
}

fn attribute(it: &ParameterAttribute) -> Json {
    json!({ "path": it.path, "notification": notification_name(it.notification), "access_list": it.access_list })
}

fn queued(it: &QueuedTransfer) -> Json {
    json!({ "command_key": it.command_key, "state": transfer_state(it.state) })
}

fn any_queued(it: &AnyQueuedTransfer) -> Json {
    json!({
        "command_key": it.command_key, "state": transfer_state(it.state), "is_download": it.is_download,
        "file_type": it.file_type, "file_size": it.file_size, "target_file_name": it.target_file_name,
    })
}

fn transfer_state(state: TransferState) -> String {
    match state {
        TransferState::NotStarted => "not_started".to_owned(),
        TransferState::InProgress => "in_progress".to_owned(),
        TransferState::Completed => "completed".to_owned(),
        TransferState::Other(number) => number.to_string(),
    }
}

/// What became of software modules, one for each operation.
pub(super) fn operation(it: &OpResult) -> Json {
    let fault = it.fault.as_ref().filter(|fault| fault.code.number() != 0);
    json!({
        "uuid": it.uuid, "deployment_unit": it.deployment_unit_ref, "version": it.version, "state": it.current_state,
        "resolved": it.resolved, "execution_units": it.execution_unit_refs,
        "fault": fault.map(|fault| json!({ "code": fault.code.number(), "text": fault.text })),
    })
}

/// The same of what the device did by itself.
pub(super) fn autonomous_operation(it: &AutonomousOpResult) -> Json {
    let mut shown = operation(&it.result);
    shown["operation"] = it.operation.clone().into();
    shown
}

#[derive(Serialize)]
pub(super) struct Names<'a> {
    /// Each path and whether it can be set.
    pub(super) names: &'a BTreeMap<String, bool>,
    /// There are more than were looked at.
    pub(super) is_cut: bool,
}

#[derive(Serialize)]
pub(super) struct Read {
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
    pub(super) fn of(values: &[ParameterValue], unread: &[Unread], is_cut: bool) -> Self {
        let value = |it: &ParameterValue| Value {
            path: it.path.clone(),
            value: it.value.clone(),
            kind: kind_of(it).name().to_owned(),
        };
        let not_read =
            |it: &Unread| NotRead { path: it.name.clone(), code: it.code.map_or(0, |code| u32::from(code.number())) };
        Self { values: values.iter().map(value).collect(), unread: unread.iter().map(not_read).collect(), is_cut }
    }
}

pub(super) fn json(value: &impl Serialize) -> Payload {
    // What is written here always can be.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    Payload { format: Format::Json, bytes: bytes.into() }
}
