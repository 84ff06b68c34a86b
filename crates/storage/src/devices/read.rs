use std::fmt;

use sangam_device_proto::alarm::Alarm;
use sangam_device_proto::device::Device;
use sangam_device_proto::diagnostic::Diagnostic;
use sangam_device_proto::event::EventRow;
use sangam_device_proto::file::{FileRow, Grant};
use sangam_device_proto::idempotency::Answered;
use sangam_device_proto::identity::{DeviceKey, EndpointId, Oui, SerialNumber};
use sangam_device_proto::profile::Profile;
use sangam_device_proto::schema::{Schema, SchemaKey};
use sangam_device_proto::subscription::Subscription;
use sangam_device_proto::task::{CommandKey, Task};
use sangam_device_proto::values::Page;
use sangam_device_proto::{AlarmId, DeviceId, DiagnosticId, EventId, FileId, ProfileId, SchemaId, TaskId};

use super::query::{
    AlarmQuery, DevicePage, DeviceQuery, DiagnosticQuery, EventQuery, HistoryPage, HistoryQuery, PageRange, TaskQuery,
    Totals,
};
use crate::StoreError;

/// A store of devices as it is at one moment: everything read through one snapshot fits together. No answer has more than
/// [`super::LIMIT_MAX`] rows, unless it says so.
///
/// # Errors
///
/// All of these fail if the store cannot be read, or is damaged.
#[expect(clippy::missing_errors_doc, reason = "said once, for all of them")]
pub trait Snapshot {
    /// One device.
    fn device(&mut self, id: DeviceId) -> Result<Option<Device>, StoreError>;

    /// The device with this key.
    fn device_by_key(&mut self, key: &DeviceKey) -> Result<Option<Device>, StoreError>;

    /// The device that has this USP agent.
    fn device_by_endpoint(&mut self, endpoint: &EndpointId) -> Result<Option<Device>, StoreError>;

    /// Devices of whatever class with this serial number, in order of numbers.
    fn devices_by_serial(&mut self, oui: Oui, serial: &SerialNumber, limit: usize) -> Result<Vec<Device>, StoreError>;

    /// A page of devices.
    fn devices(&mut self, query: &DeviceQuery) -> Result<DevicePage, StoreError>;

    /// Pages of a device's values, in order; those without values are left out. All that are asked for: there are no more than
    /// 1,024.
    fn pages(&mut self, device: DeviceId, numbers: PageRange) -> Result<Vec<(u32, Page)>, StoreError>;

    /// The number of a schema.
    fn schema_id(&mut self, key: &SchemaKey) -> Result<Option<SchemaId>, StoreError>;

    /// A schema with all of its names.
    fn schema(&mut self, id: SchemaId) -> Result<Option<Schema>, StoreError>;

    /// Numbers and keys of schemas, in order of numbers.
    fn schemas(&mut self, after: Option<SchemaId>, limit: usize) -> Result<Vec<(SchemaId, SchemaKey)>, StoreError>;

    /// What values were, newest first; of one millisecond by schema and index, highest first.
    fn history(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError>;

    /// Events, newest first.
    fn events(&mut self, query: &EventQuery) -> Result<Vec<EventRow>, StoreError>;

    /// Events above a number, in order of numbers: of one device, or of all.
    fn events_after(
        &mut self,
        device: Option<DeviceId>,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError>;

    /// One task.
    fn task(&mut self, id: TaskId) -> Result<Option<Task>, StoreError>;

    /// Tasks, newest first.
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, StoreError>;

    /// Tasks of a device that are not over, in the order in which they were made.
    fn live_tasks(&mut self, device: DeviceId, limit: usize) -> Result<Vec<Task>, StoreError>;

    /// Tasks that say `sent`, in order of numbers: after a start, nobody knows whether they ran.
    fn sent_tasks(&mut self, after: Option<TaskId>, limit: usize) -> Result<Vec<Task>, StoreError>;

    /// Tasks that time changes at or before `ms` ([`Task::wake_ms`]), the earliest first.
    fn tasks_to_wake(&mut self, ms: u64, limit: usize) -> Result<Vec<Task>, StoreError>;

    /// The newest task of a device with this CommandKey.
    fn task_by_command_key(&mut self, device: DeviceId, key: &CommandKey) -> Result<Option<Task>, StoreError>;

    /// One profile.
    fn profile(&mut self, id: ProfileId) -> Result<Option<Profile>, StoreError>;

    /// Profiles in order of numbers.
    fn profiles(&mut self, after: Option<ProfileId>, limit: usize) -> Result<Vec<Profile>, StoreError>;

    /// One file.
    fn file(&mut self, id: FileId) -> Result<Option<FileRow>, StoreError>;

    /// Files in order of numbers.
    fn files(&mut self, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>, StoreError>;

    /// The grant of a user.
    fn grant(&mut self, user: &str) -> Result<Option<Grant>, StoreError>;

    /// One alarm.
    fn alarm(&mut self, id: AlarmId) -> Result<Option<Alarm>, StoreError>;

    /// The alarm of a device and a type that is not cleared.
    fn open_alarm(&mut self, device: DeviceId, alarm_type: &str) -> Result<Option<Alarm>, StoreError>;

    /// Alarms, newest first.
    fn alarms(&mut self, query: &AlarmQuery) -> Result<Vec<Alarm>, StoreError>;

    /// Subscriptions of a device in order of ids.
    fn subscriptions(&mut self, device: DeviceId, limit: usize) -> Result<Vec<Subscription>, StoreError>;

    /// Subscriptions of all devices behind this one, in order of devices and ids.
    fn all_subscriptions(
        &mut self,
        after: Option<(DeviceId, Box<str>)>,
        limit: usize,
    ) -> Result<Vec<Subscription>, StoreError>;

    /// One test.
    fn diagnostic(&mut self, id: DiagnosticId) -> Result<Option<Diagnostic>, StoreError>;

    /// Tests, newest first.
    fn diagnostics(&mut self, query: &DiagnosticQuery) -> Result<Vec<Diagnostic>, StoreError>;

    /// What a request with this key was answered.
    fn answered(&mut self, key: &str) -> Result<Option<Answered>, StoreError>;

    /// How much there is.
    fn totals(&mut self) -> Result<Totals, StoreError>;
}

/// What is done with a snapshot, on a reader's thread. It answers by a channel of its own; nobody waits in it for a network.
pub type ReadJob = Box<dyn FnOnce(&mut dyn Snapshot) + Send>;

/// The readers of a store.
pub trait Readers: fmt::Debug + Send + Sync {
    /// Has a job done by one of them, soon.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`]: more wait than may; the job is dropped.
    fn read(&self, job: ReadJob) -> Result<(), StoreError>;
}
