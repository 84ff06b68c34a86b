//! What the payload of a task says, as JSON, and the requests that it becomes.

use std::collections::{BTreeMap, VecDeque};

use sangam_device_proto::DeviceId;
use sangam_device_proto::subscription::{NotifyKind, Subscription};
use sangam_device_proto::task::{Format, Task, TaskKind};
use sangam_usp_proto::message::{
    Add, Delete, Get, GetInstances, GetSupportedDm, GetSupportedProtocol, ObjectSettings, Operate, ParamSetting,
    Request, Set,
};
use sangam_usp_proto::path::{split_parameter, to_supported};
use sangam_usp_proto::record::SUPPORTED_VERSIONS;
use sangam_usp_proto::subscriptions;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::test::Test;
use super::transfer::{Handover, Next, Transfer};

/// How ids of subscriptions of ours begin.
const PREFIX: &str = "sangam-";

/// What is to be asked of an agent, one request or several.
pub(super) enum Order {
    /// One request, whose answer says what came of it.
    Once(Option<Box<Request>>),
    /// What is supported below a path, and then which instances there are.
    Names(Names),
    Transfer(Box<Transfer>),
    Subscribe(Box<Subscribe>),
}

/// Names below a path.
pub(super) struct Names {
    pub(super) path: String,
    /// Paths that are supported, with `{i}`, and whether they can be written; `None`: not told yet.
    pub(super) supported: Option<BTreeMap<String, bool>>,
    /// Tables in which instances are looked for.
    pub(super) tables: Vec<String>,
    pub(super) is_asked: bool,
}

/// A subscription that is made, changed or taken away.
pub(super) struct Subscribe {
    pub(super) device: DeviceId,
    /// `None`: it is taken away.
    pub(super) row: Option<Subscription>,
    pub(super) id: String,
    pub(super) is_looked: bool,
    pub(super) requests: VecDeque<Request>,
    /// Where it is, once that is known.
    pub(super) instance: Option<String>,
}

/// Why a task cannot be carried out: for whoever ordered it.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadOrder {
    #[error("its payload is not what a task of this kind has: {0}")]
    Payload(#[from] serde_json::Error),
    #[error("its payload is not JSON")]
    Format,
    #[error("agents that speak USP know no such task")]
    Kind,
    #[error("{0}")]
    Wrong(&'static str),
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
struct NewObject {
    path: String,
    /// Its first values, by their names within it.
    #[serde(default)]
    values: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Value {
    pub(super) path: String,
    pub(super) value: String,
    /// As CWMP needs it: USP carries text alone.
    #[serde(rename = "type", default)]
    _kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    values: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    /// `Device.SelfTestDiagnostics()`
    command: String,
    #[serde(default)]
    args: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    id: String,
    /// `ValueChange`, `Event`, `ObjectCreation`, `ObjectDeletion`, `OperationComplete`.
    notify: String,
    paths: Vec<String>,
    #[serde(default = "yes")]
    persistent: bool,
    #[serde(default = "yes")]
    retry: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: String,
}

const fn yes() -> bool {
    true
}

/// Whether a task of that kind can be carried out by an agent at all.
pub(crate) const fn carries_out(kind: TaskKind) -> bool {
    !matches!(
        kind,
        TaskKind::GetAttributes
            | TaskKind::SetAttributes
            | TaskKind::ScheduleInform
            | TaskKind::ScheduleDownload
            | TaskKind::CancelTransfer
            | TaskKind::ChangeDuState
            | TaskKind::GetTransfers
    )
}

/// What a task asks of an agent.
pub(super) fn order(task: &Task, handover: Option<Handover>) -> Result<Order, BadOrder> {
    if task.payload.format != Format::Json && !task.payload.bytes.is_empty() {
        return Err(BadOrder::Format);
    }
    let once = |request: Request| Ok(Order::Once(Some(Box::new(request))));
    match task.kind {
        TaskKind::GetValues => {
            let param_paths = of::<Paths>(task)?.paths;
            if param_paths.is_empty() {
                return Err(BadOrder::Wrong("it names no path"));
            }
            once(Request::Get(Get { param_paths, max_depth: 0 }))
        }
        TaskKind::Refresh => {
            once(Request::Get(Get { param_paths: vec![object(of::<Path>(task)?.path)?], max_depth: 0 }))
        }
        TaskKind::SetValues => once(Request::Set(set(of::<Values>(task)?.values)?)),
        TaskKind::GetNames => Ok(Order::Names(Names::of(object(of::<Path>(task)?.path)?))),
        TaskKind::AddObject => once(Request::Add(add(of(task)?)?)),
        TaskKind::DeleteObject => {
            let obj_paths = vec![object(of::<Path>(task)?.path)?];
            once(Request::Delete(Delete { allow_partial: false, obj_paths }))
        }
        TaskKind::Reboot => once(operate(task, "Device.Reboot()".to_owned(), BTreeMap::new())?),
        TaskKind::FactoryReset => once(operate(task, "Device.FactoryReset()".to_owned(), BTreeMap::new())?),
        TaskKind::Operate => {
            let Command { command, args } = of(task)?;
            once(operate(task, command, args)?)
        }
        TaskKind::Diagnostics => {
            let (command, args) = of::<Test>(task)?.command()?;
            once(operate(task, command, args)?)
        }
        TaskKind::Download | TaskKind::Upload => Ok(Order::Transfer(Box::new(Transfer::of(task, handover)?))),
        TaskKind::GetMethods => once(Request::GetSupportedProtocol(GetSupportedProtocol {
            controller_supported_protocol_versions: SUPPORTED_VERSIONS.to_owned(),
        })),
        TaskKind::Subscribe => Ok(Order::Subscribe(Box::new(Subscribe::of(task, of(task)?)?))),
        TaskKind::Unsubscribe => {
            let id = subscription_id(&of::<Id>(task)?.id)?;
            Ok(Order::Subscribe(Box::new(Subscribe::taken_away(task.device, id))))
        }
        TaskKind::GetAttributes
        | TaskKind::SetAttributes
        | TaskKind::ScheduleInform
        | TaskKind::ScheduleDownload
        | TaskKind::CancelTransfer
        | TaskKind::ChangeDuState
        | TaskKind::GetTransfers => Err(BadOrder::Kind),
    }
}

/// Whether a task can be carried out at all: what is wrong with it is told when it is ordered.
pub(crate) fn check_order(task: &Task) -> Result<(), String> {
    // It is handed over when it is sent.
    order(task, Some(Handover::blank())).map(|_| ()).map_err(|why| why.to_string())
}

fn of<T: DeserializeOwned>(task: &Task) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&task.payload.bytes)
}

fn object(path: String) -> Result<String, BadOrder> {
    if path.ends_with('.') { Ok(path) } else { Err(BadOrder::Wrong("an object's path ends in a dot")) }
}

fn operate(task: &Task, command: String, input_args: BTreeMap<String, String>) -> Result<Request, BadOrder> {
    if !command.ends_with("()") {
        return Err(BadOrder::Wrong("a command ends in `()`"));
    }
    let command_key = task.command_key.to_string();
    Ok(Request::Operate(Operate { command, command_key, send_resp: true, input_args }))
}

/// All of them or none: values of one object stand together.
fn set(values: Vec<Value>) -> Result<Set, BadOrder> {
    let mut update_objs: Vec<ObjectSettings> = Vec::new();
    for value in values {
        let (object, name) =
            split_parameter(&value.path).ok_or(BadOrder::Wrong("a value's path is that of a parameter"))?;
        let setting = ParamSetting::required(name, value.value);
        match update_objs.iter_mut().find(|it| it.obj_path == object) {
            Some(there) => there.param_settings.push(setting),
            None => update_objs.push(ObjectSettings { obj_path: object.to_owned(), param_settings: vec![setting] }),
        }
    }
    if update_objs.is_empty() {
        return Err(BadOrder::Wrong("it has no value"));
    }
    Ok(Set { allow_partial: false, update_objs })
}

fn add(new: NewObject) -> Result<Add, BadOrder> {
    let param_settings = new.values.into_iter().map(|value| ParamSetting::required(value.path, value.value)).collect();
    let object = ObjectSettings { obj_path: object(new.path)?, param_settings };
    Ok(Add { allow_partial: false, create_objs: vec![object] })
}

/// As it stands at agents: with the prefix of ours, so that nobody else's is touched.
fn subscription_id(id: &str) -> Result<String, BadOrder> {
    let id = if id.starts_with(PREFIX) { id.to_owned() } else { format!("{PREFIX}{id}") };
    let is_fine = id.chars().count() <= Subscription::ID_CHARS_MAX
        && id.len() > PREFIX.len()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_fine {
        return Err(BadOrder::Wrong(
            "an id of a subscription has letters, digits, `-`, `_` and `.`, and at most 57 of them",
        ));
    }
    if subscriptions::standard(PREFIX).iter().any(|standard| standard.id == id) {
        return Err(BadOrder::Wrong("the server itself has a subscription of that id"));
    }
    Ok(id)
}

impl Names {
    fn of(path: String) -> Self {
        Self { path, supported: None, tables: Vec::new(), is_asked: false }
    }

    fn next_request(&mut self) -> Option<Request> {
        if self.supported.is_none() {
            return Some(Request::GetSupportedDm(GetSupportedDm {
                obj_paths: vec![to_supported(&self.path)],
                first_level_only: false,
                return_commands: true,
                return_events: true,
                return_params: true,
                return_unique_key_sets: false,
            }));
        }
        if self.is_asked || self.tables.is_empty() {
            return None;
        }
        self.is_asked = true;
        let obj_paths = std::mem::take(&mut self.tables);
        Some(Request::GetInstances(GetInstances { obj_paths, first_level_only: false }))
    }
}

impl Subscribe {
    fn of(task: &Task, wish: Wish) -> Result<Self, BadOrder> {
        let id = subscription_id(&wish.id)?;
        let notify = NotifyKind::parse(&wish.notify).ok_or(BadOrder::Wrong("there is no such kind of notification"))?;
        let is_fine = |path: &String| !path.is_empty() && path.len() <= 256 && !path.contains([',', ' ']);
        if wish.paths.is_empty() || wish.paths.len() > Subscription::PATHS_MAX || !wish.paths.iter().all(is_fine) {
            return Err(BadOrder::Wrong("a subscription has 1 to 32 paths of at most 256 bytes"));
        }
        let row = Subscription {
            device: task.device,
            id: id.as_str().into(),
            notify,
            paths: wish.paths.into_iter().map(Into::into).collect(),
            persistent: wish.persistent,
            retry: wish.retry,
            instance: Box::default(),
            created_ms: task.created_ms,
        };
        Ok(Self { row: Some(row), ..Self::taken_away(task.device, id) })
    }

    fn taken_away(device: DeviceId, id: String) -> Self {
        Self { device, row: None, id, is_looked: false, requests: VecDeque::new(), instance: None }
    }
}

impl Order {
    /// The next request; `None`: all are answered.
    pub(super) fn next_request(&mut self, us: &str, command_key: &str) -> Option<Request> {
        match self {
            Self::Once(request) => request.take().map(|request| *request),
            Self::Names(names) => names.next_request(),
            Self::Transfer(transfer) => Some(match transfer.next(command_key) {
                Next::Ask(request) => request,
                Next::Order(operate) => Request::Operate(operate),
            }),
            Self::Subscribe(it) if !it.is_looked => Some(subscriptions::question(us)),
            Self::Subscribe(it) => it.requests.pop_front(),
        }
    }
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

    fn request(kind: TaskKind, json: &str) -> Request {
        order(&task(kind, json), None).unwrap_or_else(|why| panic!("{why}")).next_request("self::us", "task-7").unwrap()
    }

    #[test]
    fn values_of_one_object_are_set_together_and_all_or_none() {
        let json = r#"{"values":[{"path":"Device.A.B","value":"1","type":"boolean"},{"path":"Device.C.D","value":"x"},
            {"path":"Device.A.E","value":"y"}]}"#;
        let Request::Set(set) = request(TaskKind::SetValues, json) else { panic!() };
        assert!(!set.allow_partial);
        let objects: Vec<_> =
            set.update_objs.iter().map(|it| (it.obj_path.as_str(), it.param_settings.len())).collect();
        assert_eq!(objects, [("Device.A.", 2), ("Device.C.", 1)]);
        assert!(set.update_objs.iter().flat_map(|it| &it.param_settings).all(|it| it.required));
    }

    #[test]
    fn commands_carry_the_key_of_their_task() {
        for (kind, json, command) in [
            (TaskKind::Reboot, "{}", "Device.Reboot()"),
            (TaskKind::FactoryReset, "{}", "Device.FactoryReset()"),
            (TaskKind::Operate, r#"{"command":"Device.X()","args":{"A":"b"}}"#, "Device.X()"),
            (TaskKind::Diagnostics, r#"{"object":"Device.IP.Diagnostics.IPPing."}"#, "Device.IP.Diagnostics.IPPing()"),
            (TaskKind::Diagnostics, r#"{"object":"Device.IP.Diagnostics.IPPing()"}"#, "Device.IP.Diagnostics.IPPing()"),
            (
                TaskKind::Download,
                r#"{"file_type":"1 Firmware Upgrade Image","url":"http://h/f","instance":2}"#,
                "Device.DeviceInfo.FirmwareImage.2.Download()",
            ),
            (
                TaskKind::Upload,
                r#"{"file_type":"2 Vendor Log File","url":"http://h/f","instance":1}"#,
                "Device.DeviceInfo.VendorLogFile.1.Upload()",
            ),
        ] {
            let Request::Operate(operate) = request(kind, json) else { panic!("{json}") };
            assert_eq!((operate.command.as_str(), operate.command_key.as_str()), (command, "task-7"));
            assert!(operate.send_resp);
        }
    }

    #[test]
    fn a_payload_that_is_not_one_of_its_kind_says_what_is_wrong() {
        let wrong = |kind, json| order(&task(kind, json), None).err().map(|why| why.to_string()).unwrap_or_default();
        assert!(wrong(TaskKind::GetValues, "{}").contains("missing field `paths`"));
        assert!(wrong(TaskKind::GetValues, r#"{"paths":[]}"#).contains("names no path"));
        assert!(wrong(TaskKind::AddObject, r#"{"path":"Device.A"}"#).contains("ends in a dot"));
        assert!(wrong(TaskKind::SetValues, r#"{"values":[{"path":"Device.","value":""}]}"#).contains("parameter"));
        assert!(wrong(TaskKind::Operate, r#"{"command":"Device.X"}"#).contains("`()`"));
        assert!(wrong(TaskKind::ScheduleInform, r#"{"delay_secs":1}"#).contains("no such task"));
        let subscribe = r#"{"id":"boot","notify":"Event","paths":["Device.Boot!"]}"#;
        assert!(wrong(TaskKind::Subscribe, subscribe).contains("itself"));
        assert!(wrong(TaskKind::Download, r#"{"file_type":"1 F","file":"a","url":"b"}"#).contains("either"));
    }

    #[test]
    fn a_kind_is_carried_out_or_refused_as_it_says() {
        for kind in TaskKind::ALL {
            let is_refused = matches!(order(&task(kind, "{}"), None), Err(BadOrder::Kind));
            assert_eq!(carries_out(kind), !is_refused, "{kind:?}");
        }
    }
}
