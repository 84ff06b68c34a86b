use std::ops::RangeInclusive;

use sangam_device_proto::alarm::{AlarmState, Severity};
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::diagnostic::DiagnosticKind;
use sangam_device_proto::task::{TaskKind, TaskState};
use sangam_device_proto::values::HistoryRow;
use sangam_device_proto::{AlarmId, DeviceId, DiagnosticId, EventId, SchemaId, TaskId};

/// The most rows that one question is answered with, whatever it asks for. Whoever wants more asks again behind the last.
pub const LIMIT_MAX: usize = 1_000;

/// Which devices are listed, in order of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceQuery {
    /// Above this number.
    pub after: Option<DeviceId>,
    /// At most this many.
    pub limit: usize,
    /// Looks at no more rows than this, whatever the filters let through: a page may then hold few or none and still be followed by
    /// more.
    pub scan_max: usize,
    /// In this state.
    pub state: Option<State>,
    /// With this tag.
    pub tag: Option<Box<str>>,
    /// Of this manufacturer, exactly.
    pub manufacturer: Option<Box<str>>,
    /// Of this model, exactly.
    pub model: Option<Box<str>>,
    /// Heard of at or after this, milliseconds since 1970.
    pub seen_since_ms: Option<u64>,
    /// Not heard of at or after this, milliseconds since 1970.
    pub seen_before_ms: Option<u64>,
    /// With this text, in whatever case of ASCII, in its serial number, product class, OUI, endpoint, manufacturer, model, software version or a tag.
    pub search: Option<Box<str>>,
}

impl Default for DeviceQuery {
    /// All from the first, 100 of them, at most 10,000 looked at.
    fn default() -> Self {
        Self {
            after: None,
            limit: 100,
            scan_max: 10_000,
            state: None,
            tag: None,
            manufacturer: None,
            model: None,
            seen_since_ms: None,
            seen_before_ms: None,
            search: None,
        }
    }
}

impl DeviceQuery {
    /// Whether a device passes the filters. What an adapter does not ask its backend, it asks this.
    #[must_use]
    pub fn lets_through(&self, device: &Device) -> bool {
        let is = |wanted: &Option<Box<str>>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        self.state.is_none_or(|state| state == device.state)
            && self.tag.as_deref().is_none_or(|tag| device.has_tag(tag))
            && is(&self.manufacturer, &device.facts.manufacturer)
            && is(&self.model, &device.facts.model)
            && self.seen_since_ms.is_none_or(|since| device.seen.last_ms >= since)
            && self.seen_before_ms.is_none_or(|before| device.seen.last_ms < before)
            && self.search.as_deref().is_none_or(|text| has_text(device, text))
    }
}

fn has_text(device: &Device, text: &str) -> bool {
    let wanted = text.to_ascii_lowercase();
    let has = |field: &str| field.to_ascii_lowercase().contains(&wanted);
    has(&device.key.serial)
        || has(&device.key.product_class)
        || has(device.key.oui.as_str())
        || device.endpoint.as_deref().is_some_and(has)
        || has(&device.facts.manufacturer)
        || has(&device.facts.model)
        || has(&device.facts.software_version)
        || device.tags.iter().any(|tag| has(tag))
}

/// A page of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevicePage {
    /// In order of numbers.
    pub devices: Vec<Device>,
    /// Behind which number the next page begins; `None`: there is no more.
    pub next: Option<DeviceId>,
}

/// Pages of values, by number.
pub type PageRange = RangeInclusive<u32>;

/// Which rows of a device's history are listed, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Whose.
    pub device: DeviceId,
    /// Of this parameter alone.
    pub parameter: Option<(SchemaId, u32)>,
    /// Rows before this one: its time, schema and index.
    pub before: Option<(u64, SchemaId, u32)>,
    /// At most this many.
    pub limit: usize,
    /// Looks at no more rows than this.
    pub scan_max: usize,
}

/// A page of history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// Newest first.
    pub rows: Vec<HistoryRow>,
    /// Before which row the next page begins; `None`: there is no more.
    pub next: Option<(u64, SchemaId, u32)>,
}

/// Which events are listed, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Of this device alone.
    pub device: Option<DeviceId>,
    /// Below this number.
    pub before: Option<EventId>,
    /// At most this many.
    pub limit: usize,
}

/// Which tasks are listed, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Of this device alone.
    pub device: Option<DeviceId>,
    /// In this state.
    pub state: Option<TaskState>,
    /// Of this kind.
    pub kind: Option<TaskKind>,
    /// Below this number.
    pub before: Option<TaskId>,
    /// At most this many.
    pub limit: usize,
}

/// Which alarms are listed, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlarmQuery {
    /// Of this device alone.
    pub device: Option<DeviceId>,
    /// In this state.
    pub state: Option<AlarmState>,
    /// At least as bad as this.
    pub severity_min: Option<Severity>,
    /// Below this number.
    pub before: Option<AlarmId>,
    /// At most this many.
    pub limit: usize,
}

/// Which tests are listed, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiagnosticQuery {
    /// Of this device alone.
    pub device: Option<DeviceId>,
    /// Of this kind.
    pub kind: Option<DiagnosticKind>,
    /// Below this number.
    pub before: Option<DiagnosticId>,
    /// At most this many.
    pub limit: usize,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Devices, by code of [`State`].
    pub devices: [u64; State::ALL.len()],
    /// Tasks, by code of [`TaskState`].
    pub tasks: [u64; TaskState::ALL.len()],
    /// Alarms that are not cleared, by code of [`Severity`].
    pub alarms: [u64; Severity::ALL.len()],
    /// Schemas.
    pub schemas: u64,
    /// Events, as far as they are kept: the highest number less the lowest, and one.
    pub events: u64,
}
