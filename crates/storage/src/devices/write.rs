use std::fmt;

use bytes::Bytes;
use sangam_device_proto::alarm::Alarm;
use sangam_device_proto::device::{Device, Seen};
use sangam_device_proto::diagnostic::Diagnostic;
use sangam_device_proto::event::EventRow;
use sangam_device_proto::file::{FileRow, Grant};
use sangam_device_proto::idempotency::Answered;
use sangam_device_proto::profile::Profile;
use sangam_device_proto::schema::{NameRow, SchemaKey};
use sangam_device_proto::subscription::Subscription;
use sangam_device_proto::task::Task;
use sangam_device_proto::values::{HistoryRow, Page};
use sangam_device_proto::{AlarmId, DeviceId, DiagnosticId, EventId, FileId, ProfileId, SchemaId, TaskId};

use crate::StoreError;

/// What is to be written.
///
/// What is about a device that is not there is refused if it may be, and otherwise nothing happens: the device went in the meantime.
///
/// A row with a revision is taken if it is one more than the one that is stored, or 1 of one that is not there. Numbers are given
/// by whoever writes, above [`LastIds`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A device, but for what is in [`Device::seen`]. Refused: its revision is not the next, or its key or endpoint is another device's.
    Device(Box<Device>),
    /// When a device was heard of.
    Seen(DeviceId, Seen),
    /// A device goes, and all that is about it alone: what is much of it goes with sweeps and checkpoints.
    RemoveDevice(DeviceId),
    /// A schema without names. Refused: its key has one, or its number is another's.
    Schema(SchemaId, SchemaKey),
    /// A name of a schema: a new one, or in the place of what was known of it.
    Name(NameRow),
    /// A page of values, whole; an empty one goes. See [`Row::page`].
    Page {
        /// Whose.
        device: DeviceId,
        /// Which one, below 1,024.
        number: u32,
        /// As [`Page::encode`] has it; empty: it goes.
        bytes: Bytes,
    },
    /// All values of a device go.
    ForgetValues(DeviceId),
    /// A row of history; one of the same parameter and millisecond goes.
    History(HistoryRow),
    /// An event. Its number is above those of all before.
    Event(EventRow),
    /// A task. Of one that is there, what it is for stays as it is: device, kind, payload, CommandKey, who wanted it and when.
    /// Refused: its revision is not the next.
    Task(Box<Task>),
    /// A profile. Refused: its revision is not the next.
    Profile(Box<Profile>),
    /// A profile goes.
    RemoveProfile(ProfileId),
    /// A file, new or in the place of the one with its number.
    File(Box<FileRow>),
    /// A file goes.
    RemoveFile(FileId),
    /// A grant, new or in the place of the one with its user.
    Grant(Box<Grant>),
    /// A grant goes, by its user.
    RemoveGrant(Box<str>),
    /// An alarm. Refused: its revision is not the next, or the device has another of its type that is not cleared.
    Alarm(Box<Alarm>),
    /// A subscription, new or in the place of the one with its device and id.
    Subscription(Box<Subscription>),
    /// A subscription goes.
    RemoveSubscription {
        /// Where.
        device: DeviceId,
        /// Which one.
        id: Box<str>,
    },
    /// A test, new or in the place of the one with its number.
    Diagnostic(Box<Diagnostic>),
    /// A request that was answered. Refused: its key is there.
    Answered(Box<Answered>),
}

impl Row {
    /// A page, encoded.
    #[must_use]
    pub fn page(device: DeviceId, number: u32, page: &Page) -> Self {
        let bytes = if page.is_empty() { Bytes::new() } else { page.encode().into() };
        Self::Page { device, number, bytes }
    }

    /// Whether the store may refuse it.
    #[must_use]
    pub fn may_be_refused(&self) -> bool {
        match self {
            Self::Device(_)
            | Self::Schema(..)
            | Self::Task(_)
            | Self::Profile(_)
            | Self::Alarm(_)
            | Self::Answered(_) => true,
            Self::Seen(..)
            | Self::RemoveDevice(_)
            | Self::Name(_)
            | Self::Page { .. }
            | Self::ForgetValues(_)
            | Self::History(_)
            | Self::Event(_)
            | Self::RemoveProfile(_)
            | Self::File(_)
            | Self::RemoveFile(_)
            | Self::Grant(_)
            | Self::RemoveGrant(_)
            | Self::Subscription(_)
            | Self::RemoveSubscription { .. }
            | Self::Diagnostic(_) => false,
        }
    }
}

/// Rows that belong together, as of one session or one request: all of them are written or none. Cheapest if the one that
/// may be refused comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// In order.
    pub rows: Vec<Row>,
}

impl From<Vec<Row>> for Change {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows }
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Done,
    /// Nothing of it was written: somebody else has changed what it was made from. It is to be made anew from what is there.
    Refused {
        /// Which row was the reason.
        row: usize,
    },
}

/// The highest number that was ever given, of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastIds {
    /// Of devices.
    pub device: DeviceId,
    /// Of schemas.
    pub schema: SchemaId,
    /// Of tasks.
    pub task: TaskId,
    /// Of events.
    pub event: EventId,
    /// Of profiles.
    pub profile: ProfileId,
    /// Of files.
    pub file: FileId,
    /// Of alarms.
    pub alarm: AlarmId,
    /// Of diagnostics.
    pub diagnostic: DiagnosticId,
}

/// One step of clearing out what nobody needs any more. Steps are small, so that sessions never wait for long. All times are
/// milliseconds since 1970; 0 clears nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// History is looked at of devices above this.
    pub after: DeviceId,
    /// Of so many.
    pub devices_max: usize,
    /// Of anything, no more rows than this go in one step.
    pub rows_max: usize,
    /// Rows of history from before go, save those below.
    pub history_before_ms: u64,
    /// Of each device, rows of history beyond these newest ones go; 0: all may stay.
    pub history_kept: usize,
    /// Events from before go.
    pub events_before_ms: u64,
    /// Of each device, events beyond these newest ones go; 0: all may stay.
    pub events_kept: usize,
    /// Of all devices, events beyond the last so many that were given a number go; 0: all may stay.
    pub events_total: u64,
    /// Tasks that ended before go.
    pub tasks_before_ms: u64,
    /// Alarms that were cleared before go.
    pub alarms_before_ms: u64,
    /// Tests that were ordered before go.
    pub diagnostics_before_ms: u64,
    /// Answers from before go.
    pub answered_before_ms: u64,
    /// Grants that expired before go.
    pub grants_before_ms: u64,
    /// Devices that wait, were made before and not heard of since go.
    pub pending_before_ms: u64,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Where the next step goes on; `None`: the end was reached.
    pub next: Option<DeviceId>,
    /// Rows that went.
    pub dropped: u64,
    /// Devices that went: they had waited for too long.
    pub removed: Vec<DeviceId>,
}

/// The one writer of a store of devices. Blocking: it belongs to a thread. What a call returns is on the disk, or the call failed.
///
/// After [`StoreError::Uncertain`] only [`Self::reopen`] may be called.
pub trait Writer: fmt::Debug + Send {
    /// The highest numbers that were given.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn last_ids(&mut self) -> Result<LastIds, StoreError>;

    /// Makes all changes durable together, but for those that are refused: when it returns they survive a power cut. One outcome
    /// for each change, in their order. A later change sees what an earlier one wrote.
    ///
    /// # Errors
    ///
    /// None of them has an effect, save with [`StoreError::Uncertain`], after which that is not known.
    fn commit(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, StoreError>;

    /// Drops what nobody needs any more, one step; durable when it returns.
    ///
    /// # Errors
    ///
    /// As of [`Self::commit`].
    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError>;

    /// Copies the write-ahead log into the main file, as far as readers allow; between groups, when there is time. Says how many
    /// bytes of log are left, or that there is more to do.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    fn checkpoint(&mut self) -> Result<u64, StoreError>;

    /// Opens the store anew after a failure: afterwards what is read is what is on the disk.
    ///
    /// # Errors
    ///
    /// It still cannot be used; may be called again.
    fn reopen(&mut self) -> Result<(), StoreError>;
}
