use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use sangam_control::{
    DeviceAdmin, DeviceAdminError, DeviceAlarms, DeviceCall, DeviceCallAttempt, DeviceChange, DeviceDiagnostic,
    DeviceEvent, DeviceFiles, DeviceFilter, DeviceImport, DeviceList, DeviceNews, DeviceOrder, DeviceParameter,
    DeviceProfiles, DeviceSubscriptions, DeviceTask, ImportedDevice, ManagedDevice,
};
use sangam_types::Wall;
use serde_json::{Value, json};

use crate::device_alarms::FakeAlarms;
use crate::device_files::FakeFiles;
use crate::device_news::FakeNews;
use crate::device_profiles::FakeProfiles;
use crate::device_subscriptions::FakeSubscriptions;

pub(crate) const AT: &str = "2023-11-14T22:13:20.000Z";
pub(crate) const AT_WALL: Wall = Wall::from_unix_secs(1_700_000_000);

/// The id of the one device that is there: its product class is `Box X`.
pub(crate) const ID: &str = "00D09E-Box%20X-A1";
/// The same as it stands in an address.
pub(crate) const IN_PATH: &str = "00D09E-Box%2520X-A1";

/// Management of one device, which writes down what it is told.
#[derive(Default)]
pub(crate) struct FakeDevices(Mutex<Vec<String>>);

pub(crate) type Answered<'a, T> = BoxFuture<'a, Result<T, DeviceAdminError>>;

impl FakeDevices {
    fn tell(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub(crate) fn a_device() -> ManagedDevice {
    ManagedDevice {
        id: ID.to_owned(),
        oui: "00D09E".to_owned(),
        product_class: "Box X".to_owned(),
        serial_number: "A1".to_owned(),
        endpoint_id: None,
        state: "enrolled",
        manufacturer: "=Maker".to_owned(),
        model: "M, 1".to_owned(),
        hardware_version: String::new(),
        software_version: "1.0".to_owned(),
        tags: vec!["lab".to_owned()],
        root: "Device.",
        protocols: vec!["cwmp"],
        cwmp_version: Some("1.2".to_owned()),
        usp_versions: Vec::new(),
        connected_over: None,
        connection_request_url: None,
        udp_connection_request_address: Some("192.0.2.7:31000".to_owned()),
        nat_detected: true,
        jabber_id: None,
        last_call: Some(DeviceCall {
            at: AT_WALL,
            outcome: "timeout",
            attempts: vec![DeviceCallAttempt { kind: "udp", outcome: "timeout" }],
        }),
        periodic_interval_secs: 300,
        has_own_login: true,
        created_at: AT_WALL,
        seen_at: Some(AT_WALL),
        booted_at: None,
    }
}

pub(crate) fn device_json() -> Value {
    json!({
        "id": ID, "oui": "00D09E", "product_class": "Box X", "serial_number": "A1", "endpoint_id": null, "state": "enrolled",
        "manufacturer": "=Maker", "model": "M, 1", "hardware_version": "", "software_version": "1.0", "tags": ["lab"],
        "root": "Device.", "protocols": ["cwmp"], "cwmp_version": "1.2",
        "usp_versions": [], "connected_over": null, "connection_request_url": null,
        "udp_connection_request_address": "192.0.2.7:31000", "nat_detected": true, "jabber_id": null,
        "last_call": { "at": AT, "outcome": "timeout", "attempts": [{ "kind": "udp", "outcome": "timeout" }] },
        "periodic_interval_secs": 300,
        "has_own_login": true, "created_at": AT, "seen_at": AT, "booted_at": null,
        "links": { "self": format!("/api/v1/devices/{IN_PATH}") },
    })
}

pub(crate) fn a_task() -> DeviceTask {
    DeviceTask {
        id: 7,
        kind: "reboot",
        state: "queued",
        priority: 3,
        attempts: 0,
        ordered_by: "alice".to_owned(),
        created_at: AT_WALL,
        sent_at: None,
        ended_at: None,
        code: 0,
        text: String::new(),
        result: Value::Null,
        called: None,
    }
}

pub(crate) fn task_json() -> Value {
    json!({
        "id": 7, "kind": "reboot", "state": "queued", "priority": 3, "attempts": 0, "ordered_by": "alice", "created_at": AT,
        "sent_at": null, "ended_at": null, "code": 0, "text": "", "result": null, "links": { "self": "/api/v1/tasks/7" },
    })
}

pub(crate) fn a_test() -> DeviceDiagnostic {
    DeviceDiagnostic {
        id: 7,
        device: ID.to_owned(),
        task: 7,
        kind: "ping",
        state: "requested",
        error: String::new(),
        inputs: json!({ "host": "192.0.2.9" }),
        results: Value::Null,
        created_at: AT_WALL,
        ended_at: None,
    }
}

pub(crate) fn test_json() -> Value {
    json!({
        "id": 7, "device": ID, "task": 7, "kind": "ping", "state": "requested", "error": "", "inputs": { "host": "192.0.2.9" },
        "results": null, "created_at": AT, "ended_at": null, "links": { "self": "/api/v1/diagnostics/7" },
    })
}

/// Each refusal has a name that asks for it.
fn known<T: Send + 'static>(name: &str, there: T) -> Answered<'static, T> {
    Box::pin(ready(match name {
        ID => Ok(there),
        "busy" => Err(DeviceAdminError::Unavailable("the disk is full".to_owned())),
        "wrong" => Err(DeviceAdminError::Invalid("it names no path".to_owned())),
        "many" => Err(DeviceAdminError::TooMany),
        "key" => Err(DeviceAdminError::KeyUsed),
        "cursor" => Err(DeviceAdminError::NoCursor),
        "full" => Err(DeviceAdminError::Full),
        _ => Err(DeviceAdminError::NoDevice),
    }))
}

fn known_task(id: u64) -> Answered<'static, DeviceTask> {
    Box::pin(ready(match id {
        7 => Ok(a_task()),
        8 => Err(DeviceAdminError::TooLate),
        _ => Err(DeviceAdminError::NoTask),
    }))
}

fn list<T>(item: T, next: Option<&str>) -> DeviceList<T> {
    DeviceList { items: vec![item], next: next.map(str::to_owned) }
}

impl DeviceAdmin for FakeDevices {
    fn profiles(&self) -> Arc<dyn DeviceProfiles> {
        Arc::new(FakeProfiles)
    }

    fn alarms(&self) -> Arc<dyn DeviceAlarms> {
        Arc::new(FakeAlarms)
    }

    fn subscriptions(&self) -> Arc<dyn DeviceSubscriptions> {
        Arc::new(FakeSubscriptions)
    }

    fn news(&self) -> Arc<dyn DeviceNews> {
        Arc::new(FakeNews)
    }

    fn files(&self) -> Arc<dyn DeviceFiles> {
        Arc::new(FakeFiles)
    }

    fn devices(&self, filter: DeviceFilter) -> Answered<'_, DeviceList<ManagedDevice>> {
        let next = filter.after.is_none().then_some("12");
        let name = if filter.state.as_deref() == Some("odd") { "wrong" } else { ID };
        self.tell(format!("devices {filter:?}"));
        known(name, list(a_device(), next))
    }

    fn device(&self, name: String) -> Answered<'_, ManagedDevice> {
        self.tell(format!("device {name}"));
        known(&name, a_device())
    }

    fn set_state(&self, name: String, state: String) -> Answered<'_, ManagedDevice> {
        self.tell(format!("state {name} {state}"));
        known(&name, a_device())
    }

    fn tag(&self, name: String, tag: String, has: bool) -> Answered<'_, ManagedDevice> {
        self.tell(format!("tag {name} {tag} {has}"));
        known(&name, a_device())
    }

    fn remove(&self, name: String) -> Answered<'_, ()> {
        self.tell(format!("remove {name}"));
        known(&name, ())
    }

    fn forget_login(&self, name: String) -> Answered<'_, ManagedDevice> {
        self.tell(format!("forget {name}"));
        known(&name, a_device())
    }

    fn parameters(
        &self,
        name: String,
        below: String,
        after: Option<String>,
        limit: usize,
    ) -> Answered<'_, DeviceList<DeviceParameter>> {
        self.tell(format!("parameters {name} {below} {after:?} {limit}"));
        let (path, value) = ("Device.A b".to_owned(), "1".to_owned());
        let item = DeviceParameter { path, value, kind: "string", writable: None, changed_at: AT_WALL };
        known(&name, list(item, after.is_none().then_some("Device.A b")))
    }

    fn history(
        &self,
        name: String,
        path: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> Answered<'_, DeviceList<DeviceChange>> {
        self.tell(format!("history {name} {path:?} {after:?} {limit}"));
        let (path, value) = ("Device.A".to_owned(), "1".to_owned());
        known(&name, list(DeviceChange { path, value, kind: "int", at: AT_WALL }, after.is_none().then_some("5.3.1")))
    }

    fn import(&self, device: DeviceImport) -> Answered<'_, ImportedDevice> {
        self.tell(format!("import {device:?}"));
        let outcome = if device.login.is_some() { "created" } else { "unchanged" };
        let name = if device.serial_number == "A1" { ID } else { &device.serial_number };
        known(name, ImportedDevice { id: ID.to_owned(), outcome })
    }

    fn events(&self, name: String, before: Option<u64>, limit: usize) -> Answered<'_, DeviceList<DeviceEvent>> {
        self.tell(format!("events {name} {before:?} {limit}"));
        let (kind, command_key) = ("1 BOOT".to_owned(), String::new());
        let item = DeviceEvent { number: 17, at: AT_WALL, kind, command_key, detail: Value::Null };
        known(&name, list(item, before.is_none().then_some("17")))
    }

    fn order(&self, name: String, order: DeviceOrder) -> Answered<'_, DeviceTask> {
        self.tell(format!("order {name} {order:?}"));
        known(&name, a_task())
    }

    fn tasks(
        &self,
        name: Option<String>,
        state: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Answered<'_, DeviceList<DeviceTask>> {
        self.tell(format!("tasks {name:?} {state:?} {before:?} {limit}"));
        known(name.as_deref().unwrap_or(ID), list(a_task(), before.is_none().then_some("7")))
    }

    fn task(&self, id: u64) -> Answered<'_, DeviceTask> {
        self.tell(format!("task {id}"));
        known_task(id)
    }

    fn diagnostics(
        &self,
        name: Option<String>,
        kind: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Answered<'_, DeviceList<DeviceDiagnostic>> {
        self.tell(format!("diagnostics {name:?} {kind:?} {before:?} {limit}"));
        known(name.as_deref().unwrap_or(ID), list(a_test(), before.is_none().then_some("7")))
    }

    fn diagnostic(&self, id: u64) -> Answered<'_, DeviceDiagnostic> {
        self.tell(format!("diagnostic {id}"));
        Box::pin(ready(if id == 7 { Ok(a_test()) } else { Err(DeviceAdminError::NoDiagnostic) }))
    }

    fn cancel(&self, id: u64) -> Answered<'_, DeviceTask> {
        self.tell(format!("cancel {id}"));
        known_task(id)
    }
}
