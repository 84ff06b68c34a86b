use std::collections::BTreeMap;

use sangam_control::{
    DeviceCall, DeviceCallAttempt, DeviceEvent, DeviceList, DeviceParameter, DeviceTask, ManagedDevice,
};
use sangam_device_proto::device::{Device, Seen};
use sangam_device_proto::event::EventRow;
use sangam_device_proto::schema::Schema;
use sangam_device_proto::task::{Format, Task};
use sangam_device_proto::values::{Page, cell_of, page_of};
use sangam_types::Wall;
use serde_json::Value;

use crate::calling::{CallKind, Called, LastCall};

/// A device as operators see it: what it logs in with is left out.
pub(super) fn device_view(
    device: &Device,
    seen: Seen,
    connected_over: Option<&'static str>,
    last_call: Option<LastCall>,
) -> ManagedDevice {
    let text = |text: &str| text.to_owned();
    let speaks = [("cwmp", device.protocols.cwmp.is_some()), ("usp", device.endpoint.is_some())];
    ManagedDevice {
        id: device.key.to_string(),
        oui: device.key.oui.to_string(),
        product_class: text(&device.key.product_class),
        serial_number: text(&device.key.serial),
        endpoint_id: device.endpoint.as_ref().map(|endpoint| endpoint.to_string()),
        state: device.state.name(),
        manufacturer: text(&device.facts.manufacturer),
        model: text(&device.facts.model),
        hardware_version: text(&device.facts.hardware_version),
        software_version: text(&device.facts.software_version),
        tags: device.tags.iter().map(|tag| text(tag)).collect(),
        root: device.root.as_str(),
        protocols: speaks.into_iter().filter(|(_, speaks)| *speaks).map(|(name, _)| name).collect(),
        usp_versions: device.protocols.usp.iter().map(|version| text(version)).collect(),
        connected_over,
        cwmp_version: device.protocols.cwmp.map(|minor| format!("1.{minor}")),
        connection_request_url: device.reach.connection_request_url.as_deref().map(str::to_owned),
        udp_connection_request_address: device.reach.udp_address.as_deref().map(str::to_owned),
        nat_detected: device.reach.nat_detected,
        jabber_id: device.reach.jid.as_deref().map(str::to_owned),
        last_call: last_call.map(|last| call_view(&last)),
        periodic_interval_secs: device.periodic.interval_secs,
        has_own_login: device.access.from_device.is_some(),
        created_at: at(device.created_ms),
        seen_at: some(seen.last_ms),
        booted_at: some(seen.boot_ms),
    }
}

fn call_view(last: &LastCall) -> DeviceCall {
    let attempt =
        |(kind, called): &(CallKind, Called)| DeviceCallAttempt { kind: kind.label(), outcome: called.label() };
    DeviceCall {
        at: last.at,
        outcome: last.outcome.label(),
        attempts: last.attempts.all().iter().map(attempt).collect(),
    }
}

/// Parameters in the order of their paths.
pub(super) fn parameters_view(
    schema: &Schema,
    pages: &BTreeMap<u32, Page>,
    below: &str,
    after: Option<&str>,
    limit: usize,
) -> DeviceList<DeviceParameter> {
    let mut found = schema.below(below).filter(|(_, name)| after.is_none_or(|after| &*name.path > after)).filter_map(
        |(index, name)| {
            let cell = pages.get(&page_of(index))?.cell(cell_of(index))?;
            Some(DeviceParameter {
                path: name.path.to_string(),
                value: cell.value.to_string(),
                kind: cell.kind.name(),
                writable: name.writable,
                changed_at: at(cell.changed_ms),
            })
        },
    );
    let items: Vec<DeviceParameter> = found.by_ref().take(limit).collect();
    let has_more = found.next().is_some();
    let next = items.last().filter(|_| has_more).map(|last| last.path.clone());
    DeviceList { items, next }
}

pub(super) fn event_view(row: &EventRow) -> DeviceEvent {
    DeviceEvent {
        number: row.id.0,
        at: at(row.at_ms),
        kind: row.kind.to_string(),
        command_key: row.command_key.to_string(),
        detail: serde_json::from_slice(&row.detail).unwrap_or(Value::Null),
    }
}

/// A task with what came of it. What was ordered is left out: there may be passwords in it.
pub(super) fn task_view(task: &Task) -> DeviceTask {
    let report = task.report.as_ref();
    let answered = report.map(|report| &report.payload).filter(|payload| payload.format == Format::Json);
    DeviceTask {
        id: task.id.0,
        kind: task.kind.name(),
        state: task.state.name(),
        priority: task.priority,
        attempts: task.attempts,
        ordered_by: task.ordered_by.to_string(),
        created_at: at(task.created_ms),
        sent_at: task.sent_ms.map(at),
        ended_at: task.ended_ms.map(at),
        code: report.map_or(0, |report| report.code),
        text: report.map_or_else(String::new, |report| report.text.to_string()),
        result: answered.and_then(|payload| serde_json::from_slice(&payload.bytes).ok()).unwrap_or(Value::Null),
        called: None,
    }
}

fn at(ms: u64) -> Wall {
    Wall::from_unix_millis(ms)
}

fn some(ms: u64) -> Option<Wall> {
    (ms > 0).then(|| at(ms))
}
