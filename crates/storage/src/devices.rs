//! The store of devices: who they are, what they report, what is to be done with them.

mod query;
mod read;
mod write;

pub use query::{
    AlarmQuery, DevicePage, DeviceQuery, DiagnosticQuery, EventQuery, HistoryPage, HistoryQuery, LIMIT_MAX, PageRange,
    TaskQuery, Totals,
};
pub use read::{ReadJob, Readers, Snapshot};
pub use write::{Change, LastIds, Outcome, Row, Sweep, Swept, Writer};

pub use sangam_device_proto::alarm::{Alarm, AlarmState, Severity};
pub use sangam_device_proto::device::{Access, Device, Facts, Periodic, Protocols, Reach, Root, Seen, State};
pub use sangam_device_proto::diagnostic::{Diagnostic, DiagnosticKind, DiagnosticState};
pub use sangam_device_proto::event::EventRow;
pub use sangam_device_proto::file::{FileRow, Grant, Transfer};
pub use sangam_device_proto::idempotency::Answered;
pub use sangam_device_proto::identity::{DeviceKey, EndpointId, EndpointSays, Oui, ProductClass, SerialNumber};
pub use sangam_device_proto::profile::{Applies, Glob, Profile, ProfileValue};
pub use sangam_device_proto::schema::{Name, NameRow, Schema, SchemaKey, SchemaRules};
pub use sangam_device_proto::secret::{Login, Secret};
pub use sangam_device_proto::subscription::{NotifyKind, Subscription};
pub use sangam_device_proto::task::{
    Answer, CommandKey, Format, Happened, Payload, Report, Step, Task, TaskKind, TaskRules, TaskState,
};
pub use sangam_device_proto::values::{CELLS, Cell, HistoryRow, Page};
pub use sangam_device_proto::{
    AlarmId, DeviceId, DiagnosticId, EventId, FileId, Fingerprint, ProfileId, SchemaId, TaskId, ValueKind,
};

/// A store of devices that was opened: the one writer, and readers for everybody.
#[derive(Debug)]
pub struct Store {
    /// Writes; belongs to one thread.
    pub writer: Box<dyn Writer>,
    /// Read.
    pub readers: std::sync::Arc<dyn Readers>,
}
