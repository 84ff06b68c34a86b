//! Rows to be written in tests.

use bytes::Bytes;
use sangam_storage::devices::{
    Alarm, AlarmId, Answered, CELLS, Cell, Device, DeviceId, DeviceKey, Diagnostic, DiagnosticId, DiagnosticKind,
    DiagnosticState, EndpointId, EventId, EventRow, FileId, FileRow, Format, Grant, HistoryRow, LastIds, Login,
    NotifyKind, Page, Payload, Profile, ProfileId, ProfileValue, Root, Row, SchemaId, SchemaKey, Secret, Severity,
    State, Store, Subscription, Task, TaskId, TaskKind, Transfer, ValueKind,
};

/// The numbers that were given last.
#[must_use]
pub fn last_ids(store: &mut Store) -> LastIds {
    store.writer.last_ids().expect("read")
}

/// A device of which nothing is known.
#[must_use]
pub fn device(id: u64, serial: &str) -> Device {
    let key = DeviceKey::new("00D09E", "Box", serial).expect("a key");
    Device::new(DeviceId(id), key, State::Enrolled, 1_000)
}

/// A device with something in every field.
#[must_use]
pub fn full_device(id: u64, serial: &str) -> Device {
    let login = |user: &str| Some(Login { user: user.into(), secret: Secret::new("hush").expect("short") });
    let mut device = device(id, serial);
    device.endpoint = EndpointId::new(format!("proto::{serial}")).ok();
    device.facts.manufacturer = "Maker & Söhne".into();
    device.facts.model = "B-1".into();
    device.facts.hardware_version = "h".into();
    device.facts.software_version = "1.2.3".into();
    device.facts.provisioning_code = "a.b".into();
    device.root = Root::InternetGatewayDevice;
    device.tag("gold");
    device.tag("north");
    device.access.from_device = login("from");
    device.access.from_device_next = login("next");
    device.access.to_device = login("to");
    device.reach.connection_request_url = Some("http://10.0.0.1:7547/x".into());
    device.reach.udp_address = Some("192.0.2.1:3478".into());
    device.reach.jid = Some("cpe@example.net/x".into());
    device.reach.nat_detected = true;
    device.protocols.cwmp = Some(4);
    device.protocols.usp = vec!["1.3".into(), "1.4".into()];
    device.periodic.interval_secs = 300;
    device.periodic.phase_secs = 17;
    device.schema = Some(SchemaId(5));
    device.profile.0 = u64::MAX;
    device
}

/// The key of a schema.
#[must_use]
pub fn schema_key(version: &str) -> SchemaKey {
    let device = device(1, "1");
    SchemaKey { oui: device.key.oui, product_class: device.key.product_class, software_version: version.into() }
}

/// A page with a value in each of the first `cells` places.
#[must_use]
pub fn page(cells: usize, value: &str, changed_ms: u64) -> Page {
    let mut page = Page::default();
    for at in 0..cells.min(CELLS) {
        page.put(at, Some(Cell { value: format!("{value}{at}").into(), kind: ValueKind::String, changed_ms }));
    }
    page
}

/// A row of history.
#[must_use]
pub fn history(device: u64, at_ms: u64, index: u32, value: &str) -> HistoryRow {
    HistoryRow {
        device: DeviceId(device),
        at_ms,
        schema: SchemaId(1),
        index,
        kind: ValueKind::String,
        value: value.into(),
    }
}

/// An event.
#[must_use]
pub fn event(id: u64, device: u64, at_ms: u64) -> EventRow {
    EventRow {
        id: EventId(id),
        device: DeviceId(device),
        at_ms,
        kind: "1 BOOT".into(),
        command_key: "k".into(),
        detail: Bytes::from_static(b"{}"),
    }
}

/// A payload.
#[must_use]
pub fn payload(bytes: &[u8]) -> Payload {
    Payload { format: Format::Cbor, bytes: Bytes::copy_from_slice(bytes) }
}

/// A task.
#[must_use]
pub fn task(id: u64, device: u64, kind: TaskKind) -> Task {
    let mut task = Task::new(TaskId(id), DeviceId(device), kind, payload(b"what"), 1_000);
    task.ordered_by = "ann".into();
    task.priority = 3;
    task
}

/// A profile.
#[must_use]
pub fn profile(id: u64) -> Profile {
    let value =
        |path: &str, hidden| ProfileValue { path: path.into(), value: "1".into(), kind: ValueKind::Boolean, hidden };
    let mut profile = Profile {
        id: ProfileId(id),
        revision: 1,
        name: "all".into(),
        enabled: true,
        priority: -3,
        applies: sangam_storage::devices::Applies::default(),
        values: vec![value("Device.A", false), value("Device.B", true)],
        created_ms: 7,
    };
    profile.applies.oui = "00D09E".parse().ok();
    profile.applies.product_class = Some(device(1, "1").key.product_class);
    let glob = sangam_storage::devices::Glob::new;
    profile.applies.manufacturer = glob("Maker*");
    profile.applies.model = glob("B-?");
    profile.applies.software_version = glob("1.*");
    profile.applies.tag = glob("gold");
    profile
}

/// A file.
#[must_use]
pub fn file(id: u64) -> FileRow {
    FileRow {
        id: FileId(id),
        kind: "1 Firmware Upgrade Image".into(),
        name: "fw.bin".into(),
        version: "2".into(),
        manufacturer: "".into(),
        model: "B-1".into(),
        bytes: 1 << 30,
        sha256: [7; 32],
        from: None,
        created_ms: 9,
    }
}

/// A grant.
#[must_use]
pub fn grant(user: &str, device: u64, expires_ms: u64) -> Grant {
    Grant {
        user: user.into(),
        secret: Secret::new("hush").expect("short"),
        device: DeviceId(device),
        task: TaskId(1),
        may: if expires_ms.is_multiple_of(2) {
            Transfer::Fetch(FileId(3))
        } else {
            Transfer::Bring { bytes_max: 1 << 20 }
        },
        expires_ms,
    }
}

/// An alarm.
#[must_use]
pub fn alarm(id: u64, device: u64, alarm_type: &str, severity: Severity) -> Alarm {
    let mut alarm = Alarm::new(AlarmId(id), DeviceId(device), alarm_type, severity, 1_000);
    alarm.category = "c".into();
    alarm.title = "t".into();
    alarm.description = "d".into();
    alarm.metadata = Bytes::from_static(b"{}");
    alarm
}

/// A subscription.
#[must_use]
pub fn subscription(device: u64, id: &str) -> Subscription {
    Subscription {
        device: DeviceId(device),
        id: id.into(),
        notify: NotifyKind::ValueChange,
        paths: vec!["Device.A".into(), "Device.B.".into()],
        persistent: true,
        retry: false,
        instance: "Device.LocalAgent.Subscription.1.".into(),
        created_ms: 4,
    }
}

/// A test.
#[must_use]
pub fn diagnostic(id: u64, device: u64, created_ms: u64) -> Diagnostic {
    Diagnostic {
        id: DiagnosticId(id),
        device: DeviceId(device),
        task: TaskId(2),
        kind: DiagnosticKind::Ping,
        state: DiagnosticState::Requested,
        error: "".into(),
        inputs: payload(b"in"),
        results: Payload::default(),
        created_ms,
        ended_ms: None,
    }
}

/// What a request was answered.
#[must_use]
pub fn answered(key: &str, at_ms: u64) -> Answered {
    Answered { key: key.into(), request: [9; 32], status: 202, body: Bytes::from_static(b"{\"data\":{}}"), at_ms }
}

/// A device as a row.
#[must_use]
pub fn row_of(device: &Device) -> Row {
    Row::Device(Box::new(device.clone()))
}
