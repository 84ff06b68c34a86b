//! What the payload of a task says, as JSON, and the requests that it becomes.

mod attributes;
mod deployment;
mod test;
mod transfers;

use std::time::Duration;

use sangam_cwmp_proto::message::{
    AddObject, CancelTransfer, DeleteObject, FactoryReset, GetAllQueuedTransfers, GetParameterAttributes,
    GetQueuedTransfers, GetRpcMethods, Reboot, ScheduleInform,
};
use sangam_cwmp_proto::session::diagnostics::{DiagnosticRun, InputOffence};
use sangam_cwmp_proto::session::plan::{ReadOptions, ReadValues, WalkNames, WalkOptions, write_values};
use sangam_cwmp_proto::{Message, ParameterValue};
use sangam_device_proto::ValueKind;
use sangam_device_proto::device::Root;
use sangam_device_proto::diagnostic::DiagnosticKind;
use sangam_device_proto::task::{Format, Payload, Task, TaskKind};
use serde::{Deserialize, Serialize};

use self::attributes::Attributes;
pub(super) use self::attributes::notification_name;
use self::deployment::Operations;
pub(super) use self::test::Test;
use self::transfers::Transfer;

use super::device_facts::written;
use super::transfer::Handover;

/// What is to be asked of a device, one request or many.
#[derive(Debug)]
pub(super) enum Order {
    /// One request; `None` once it has left.
    Once(Option<Box<Message>>),
    /// Values in batches.
    Read(ReadValues),
    /// Names, level by level, and then their values if that is wanted.
    Walk { walk: WalkNames, values: bool },
    /// The results of a test.
    Results(Box<DiagnosticRun>),
}

/// Why a task cannot be carried out: for whoever ordered it.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadOrder {
    #[error("its payload is not what a task of this kind has: {0}")]
    Payload(#[from] serde_json::Error),
    #[error("its payload is not JSON")]
    Format,
    #[error("{0}")]
    Write(#[from] sangam_cwmp_proto::session::plan::WriteOffence),
    #[error("{0}")]
    Input(#[from] InputOffence),
    #[error("devices that speak CWMP know no such task")]
    Kind,
    #[error("{0}")]
    Wrong(&'static str),
}

/// A value that is to be set, or was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Value {
    pub(super) path: String,
    pub(super) value: String,
    /// `string`, `int`, `unsignedInt`, `boolean`, `dateTime` …; left out: `string`.
    #[serde(rename = "type", default = "string")]
    pub(super) kind: String,
}

fn string() -> String {
    "string".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paths {
    paths: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Path {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    values: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    delay_secs: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    command_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// Those too that were not asked for here.
    #[serde(default)]
    all: bool,
}

/// What a task asks of a device that has this root.
pub(super) fn order(
    task: &Task,
    root: Root,
    read: ReadOptions,
    handover: Option<&Handover>,
) -> Result<Order, BadOrder> {
    if task.payload.format != Format::Json && !task.payload.bytes.is_empty() {
        return Err(BadOrder::Format);
    }
    let key = task.command_key.to_string();
    let once = |message: Message| Ok(Order::Once(Some(Box::new(message))));
    match task.kind {
        TaskKind::GetValues => {
            let paths = of::<Paths>(task)?.paths;
            if paths.is_empty() {
                Err(BadOrder::Wrong("it names no path"))
            } else {
                Ok(Order::Read(ReadValues::new(paths, read)))
            }
        }
        TaskKind::SetValues => set(of::<Values>(task)?.values, &key),
        TaskKind::GetNames => Ok(walk(of::<Path>(task)?.path, false)),
        TaskKind::Refresh => Ok(walk(of::<Path>(task)?.path, true)),
        TaskKind::GetAttributes => once(GetParameterAttributes { names: of::<Paths>(task)?.paths }.into()),
        TaskKind::AddObject => once(AddObject { path: object(of::<Path>(task)?.path)?, parameter_key: key }.into()),
        TaskKind::DeleteObject => {
            once(DeleteObject { path: object(of::<Path>(task)?.path)?, parameter_key: key }.into())
        }
        TaskKind::Reboot => once(Reboot { command_key: key }.into()),
        TaskKind::FactoryReset => once(FactoryReset.into()),
        TaskKind::SetAttributes => once(of::<Attributes>(task)?.message()?),
        TaskKind::Download => once(of::<Transfer>(task)?.settled(handover)?.download(key)?),
        TaskKind::Upload => once(of::<Transfer>(task)?.settled(handover)?.upload(key)?),
        TaskKind::ScheduleDownload => once(of::<Transfer>(task)?.settled(handover)?.scheduled(key)?),
        TaskKind::ChangeDuState => once(of::<Operations>(task)?.message(key)?),
        TaskKind::ScheduleInform => {
            once(ScheduleInform { delay_secs: of::<Delay>(task)?.delay_secs, command_key: key }.into())
        }
        TaskKind::CancelTransfer => once(CancelTransfer { command_key: of::<Key>(task)?.command_key }.into()),
        TaskKind::GetMethods => once(GetRpcMethods.into()),
        TaskKind::GetTransfers => once(match of::<Whose>(task)?.all {
            true => GetAllQueuedTransfers.into(),
            false => GetQueuedTransfers.into(),
        }),
        TaskKind::Diagnostics => once(write_values(Test::of(task)?.inputs(root)?, &key)?.into()),
        TaskKind::Operate | TaskKind::Subscribe | TaskKind::Unsubscribe => Err(BadOrder::Kind),
    }
}

/// Whether a task of that kind can be carried out by a device that speaks CWMP at all.
pub(super) const fn carries_out(kind: TaskKind) -> bool {
    !matches!(kind, TaskKind::Operate | TaskKind::Subscribe | TaskKind::Unsubscribe)
}

/// Whether a task can be carried out at all: what is wrong with it is told when it is ordered.
pub(crate) fn check_order(task: &Task, root: Root) -> Result<(), String> {
    // It is handed over when it is sent.
    order(task, root, ReadOptions::default(), Some(&Handover::default())).map(|_| ()).map_err(|why| why.to_string())
}

/// Which test a task is, and what its inputs are, as far as they may be shown.
pub(crate) fn test_of(task: &Task) -> Option<(DiagnosticKind, Payload)> {
    let test = (task.kind == TaskKind::Diagnostics).then(|| Test::of(task).ok()).flatten()?;
    Some((test.kind(), test.shown()))
}

/// How long after it was asked a device may begin what a task asks of it, as the task has it.
pub(super) fn begins_within(task: &Task) -> Duration {
    is_transfer(task.kind).then(|| of::<Transfer>(task).ok()).flatten().map_or(Duration::ZERO, |it| it.begins_within())
}

fn of<T: for<'de> Deserialize<'de>>(task: &Task) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&task.payload.bytes)
}

fn object(path: String) -> Result<String, BadOrder> {
    if path.ends_with('.') { Ok(path) } else { Err(BadOrder::Wrong("an object's path ends in a dot")) }
}

fn walk(path: String, values: bool) -> Order {
    Order::Walk { walk: WalkNames::new(path, WalkOptions::default()), values }
}

fn set(values: Vec<Value>, key: &str) -> Result<Order, BadOrder> {
    let values = values.into_iter().map(|value| parameter(value.path, value.value, &value.kind));
    let request = write_values(values.collect::<Result<_, _>>()?, key)?;
    Ok(Order::Once(Some(Box::new(request.into()))))
}

fn parameter(path: String, value: String, kind: &str) -> Result<ParameterValue, BadOrder> {
    let kind = ValueKind::parse(kind).ok_or(BadOrder::Wrong("a value has a type that XML Schema does not have"))?;
    Ok(ParameterValue::new(path, value, written(kind)))
}

/// The name under which a file is kept, of a download or upload that names one in place of a URL.
pub(crate) fn stored_file(task: &Task) -> Option<String> {
    /// What both protocols have of it.
    #[derive(Deserialize)]
    struct Named {
        url: Option<String>,
        file: Option<String>,
    }
    let named: Named = is_transfer(task.kind).then(|| of(task).ok()).flatten()?;
    named.file.filter(|_| named.url.is_none())
}

fn is_transfer(kind: TaskKind) -> bool {
    matches!(kind, TaskKind::Download | TaskKind::Upload | TaskKind::ScheduleDownload)
}

#[cfg(test)]
mod tests {
    use sangam_device_proto::{DeviceId, TaskId};

    use super::*;

    fn task(kind: TaskKind, json: &str) -> Task {
        let payload = Payload { format: Format::Json, bytes: json.to_owned().into() };
        Task::new(TaskId(7), DeviceId(1), kind, payload, 0)
    }

    fn request(kind: TaskKind, json: &str) -> Message {
        match order(&task(kind, json), Root::Device, ReadOptions::default(), None).unwrap() {
            Order::Once(Some(message)) => *message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_set_together_under_the_key_of_their_task() {
        let Message::SetParameterValues(set) = request(
            TaskKind::SetValues,
            r#"{"values":[{"path":"Device.A","value":"1","type":"boolean"},{"path":"Device.B","value":"x"}]}"#,
        ) else {
            panic!()
        };
        assert_eq!(set.parameter_key, "task-7");
        assert_eq!(set.parameters[0].kind.name(), "boolean");
        assert_eq!(set.parameters[1].kind.name(), "string");
    }

    #[test]
    fn a_test_begins_with_its_inputs() {
        let json = r#"{"object":"Device.IP.Diagnostics.IPPing.","inputs":[{"path":"Host","value":"192.0.2.1"}]}"#;
        let Message::SetParameterValues(set) = request(TaskKind::Diagnostics, json) else { panic!() };
        let paths: Vec<_> = set.parameters.iter().map(|it| (it.path.as_str(), it.value.as_str())).collect();
        let state = ("Device.IP.Diagnostics.IPPing.DiagnosticsState", "Requested");
        assert_eq!(paths, [("Device.IP.Diagnostics.IPPing.Host", "192.0.2.1"), state]);
    }

    #[test]
    fn a_payload_that_is_not_one_of_its_kind_says_what_is_wrong() {
        let wrong =
            |kind, json| order(&task(kind, json), Root::Device, ReadOptions::default(), None).unwrap_err().to_string();
        assert!(wrong(TaskKind::GetValues, "{}").contains("missing field `paths`"));
        assert!(wrong(TaskKind::GetValues, r#"{"paths":[]}"#).contains("names no path"));
        assert!(wrong(TaskKind::AddObject, r#"{"path":"Device.A"}"#).contains("ends in a dot"));
        assert!(wrong(TaskKind::SetValues, r#"{"values":[{"path":"a","value":"","type":"float"}]}"#).contains("type"));
        assert!(wrong(TaskKind::Operate, "{}").contains("no such task"));
    }

    #[test]
    fn a_password_in_an_order_is_not_printed() {
        let json = r#"{"file_type":"1 Firmware Upgrade Image","url":"http://u:hunter2@h/f","username":"u","password":"hunter2"}"#;
        let message = request(TaskKind::Download, json);
        assert!(!format!("{message:?}").contains("hunter2"), "{message:?}");
    }
}
