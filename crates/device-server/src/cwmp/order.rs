//! What the payload of a task says, as JSON, and the requests that it becomes.

use sangam_cwmp_proto::message::{
    AddObject, CancelTransfer, DeleteObject, Download, FactoryReset, GetParameterAttributes, GetRpcMethods, Reboot,
    ScheduleInform, Upload,
};
use sangam_cwmp_proto::session::plan::{ReadOptions, ReadValues, WalkNames, WalkOptions, write_values};
use sangam_cwmp_proto::{Message, ParameterValue, Secret, Url};
use sangam_device_proto::ValueKind;
use sangam_device_proto::file::FileRow;
use sangam_device_proto::task::{Format, Task, TaskKind};
use serde::{Deserialize, Serialize};

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
struct Test {
    /// The object of the test, with its dot: `Device.IP.Diagnostics.IPPing.`
    object: String,
    /// Its inputs by their names below the object.
    #[serde(default)]
    inputs: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    file_type: String,
    /// Where it is fetched from or brought to.
    url: Option<String>,
    /// In place of that: the name of a file of ours.
    file: Option<String>,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    file_size: u64,
    #[serde(default)]
    target_file_name: String,
    #[serde(default)]
    delay_secs: u32,
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

/// What a task asks of a device.
pub(super) fn order(task: &Task, read: ReadOptions, handover: Option<&Handover>) -> Result<Order, BadOrder> {
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
        TaskKind::Download => once(download(settled(of(task)?, handover)?, key)),
        TaskKind::Upload => once(upload(settled(of(task)?, handover)?, key)),
        TaskKind::ScheduleInform => {
            once(ScheduleInform { delay_secs: of::<Delay>(task)?.delay_secs, command_key: key }.into())
        }
        TaskKind::CancelTransfer => once(CancelTransfer { command_key: of::<Key>(task)?.command_key }.into()),
        TaskKind::GetMethods => once(GetRpcMethods.into()),
        TaskKind::Diagnostics => test(of(task)?, &key),
        TaskKind::SetAttributes
        | TaskKind::ScheduleDownload
        | TaskKind::ChangeDuState
        | TaskKind::Operate
        | TaskKind::Subscribe
        | TaskKind::Unsubscribe => Err(BadOrder::Kind),
    }
}

/// Whether a task can be carried out at all: what is wrong with it is told when it is ordered.
pub(crate) fn check_order(task: &Task) -> Result<(), String> {
    // It is handed over when it is sent.
    order(task, ReadOptions::default(), Some(&Handover::default())).map(|_| ()).map_err(|why| why.to_string())
}

/// Where the results of a test are read once the device says that it has ended.
pub(super) fn test_object(task: &Task) -> Result<String, BadOrder> {
    object(of::<Test>(task)?.object)
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

/// Inputs and the word that begins it, set together (TR-143 §3.2).
fn test(test: Test, key: &str) -> Result<Order, BadOrder> {
    let object = object(test.object)?;
    let inputs = test.inputs.into_iter().map(|input| parameter(object.clone() + &input.path, input.value, &input.kind));
    let mut values = inputs.collect::<Result<Vec<_>, _>>()?;
    values.push(parameter(object.clone() + "DiagnosticsState", "Requested".to_owned(), "string")?);
    Ok(Order::Once(Some(Box::new(write_values(values, key)?.into()))))
}

/// The name under which a file is kept, of a download or upload that names one in place of a URL.
pub(crate) fn stored_file(task: &Task) -> Option<String> {
    let is_transfer = matches!(task.kind, TaskKind::Download | TaskKind::Upload);
    let transfer: Transfer = is_transfer.then(|| of(task).ok()).flatten()?;
    transfer.file.filter(|_| transfer.url.is_none())
}

/// A transfer with all that the device has to know: its own, or what it was handed over with.
fn settled(transfer: Transfer, handover: Option<&Handover>) -> Result<Transfer, BadOrder> {
    match (&transfer.url, &transfer.file) {
        (Some(_), None) => Ok(transfer),
        (None, Some(name)) if !FileRow::is_name(name) => Err(BadOrder::Wrong("its file has a name that none can have")),
        (None, Some(_)) => {
            let wrong = "its file is not there, or the device named no host that it could be fetched from";
            let handover = handover.ok_or(BadOrder::Wrong(wrong))?;
            Ok(Transfer {
                url: Some(handover.url.clone()),
                username: handover.user.to_string(),
                password: handover.secret.as_ref().map_or_else(String::new, |it| it.expose().to_owned()),
                file_size: handover.bytes,
                ..transfer
            })
        }
        _ => Err(BadOrder::Wrong("it names either a `url` or a `file`")),
    }
}

fn download(transfer: Transfer, command_key: String) -> Message {
    Download {
        command_key,
        file_type: transfer.file_type,
        url: Url::new(transfer.url.unwrap_or_default()),
        username: transfer.username,
        password: Secret::new(transfer.password),
        file_size: transfer.file_size,
        target_file_name: transfer.target_file_name,
        delay_secs: transfer.delay_secs,
        success_url: Url::default(),
        failure_url: Url::default(),
    }
    .into()
}

fn upload(transfer: Transfer, command_key: String) -> Message {
    Upload {
        command_key,
        file_type: transfer.file_type,
        url: Url::new(transfer.url.unwrap_or_default()),
        username: transfer.username,
        password: Secret::new(transfer.password),
        delay_secs: transfer.delay_secs,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use sangam_device_proto::task::Payload;
    use sangam_device_proto::{DeviceId, TaskId};

    use super::*;

    fn task(kind: TaskKind, json: &str) -> Task {
        let payload = Payload { format: Format::Json, bytes: json.to_owned().into() };
        Task::new(TaskId(7), DeviceId(1), kind, payload, 0)
    }

    fn request(kind: TaskKind, json: &str) -> Message {
        match order(&task(kind, json), ReadOptions::default(), None).unwrap() {
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
        let wrong = |kind, json| order(&task(kind, json), ReadOptions::default(), None).unwrap_err().to_string();
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
