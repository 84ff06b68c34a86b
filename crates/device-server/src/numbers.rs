use std::sync::atomic::{AtomicU64, Ordering};

use sangam_storage::devices::{AlarmId, DeviceId, FileId, LastIds, ProfileId, SchemaId, TaskId};

/// Gives rows their numbers, each above all that the store has. Events get theirs where they are written, as theirs have to
/// count up in that order.
#[derive(Debug)]
pub(crate) struct Numbers {
    device: AtomicU64,
    schema: AtomicU64,
    task: AtomicU64,
    file: AtomicU64,
    alarm: AtomicU64,
    profile: AtomicU64,
}

impl Numbers {
    pub(crate) fn after(last: &LastIds) -> Self {
        Self {
            device: AtomicU64::new(last.device.0),
            schema: AtomicU64::new(last.schema.0),
            task: AtomicU64::new(last.task.0),
            file: AtomicU64::new(last.file.0),
            alarm: AtomicU64::new(last.alarm.0),
            profile: AtomicU64::new(last.profile.0),
        }
    }

    pub(crate) fn device(&self) -> DeviceId {
        DeviceId(next(&self.device))
    }

    /// As many devices as were ever made: no more than these are known.
    pub(crate) fn devices(&self) -> u64 {
        self.device.load(Ordering::Relaxed)
    }

    pub(crate) fn schema(&self) -> SchemaId {
        SchemaId(next(&self.schema))
    }

    pub(crate) fn file(&self) -> FileId {
        FileId(next(&self.file))
    }

    pub(crate) fn alarm(&self) -> AlarmId {
        AlarmId(next(&self.alarm))
    }

    pub(crate) fn profile(&self) -> ProfileId {
        ProfileId(next(&self.profile))
    }

    pub(crate) fn task(&self) -> TaskId {
        TaskId(next(&self.task))
    }
}

fn next(last: &AtomicU64) -> u64 {
    last.fetch_add(1, Ordering::Relaxed) + 1
}
