use std::path::PathBuf;
use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::devices::{
    AlarmId, Change, DeviceId, DiagnosticId, EventId, FileId, LastIds, Outcome, ProfileId, SchemaId, Sweep, Swept,
    TaskId, Writer,
};

use super::{AREA, change, discard, sweep};
use crate::SqliteOptions;
use crate::frame::Frame;
use crate::lock::Lock;

/// Of devices that went, so many rows are dropped whenever there is time.
const DISCARDED_AT_ONCE: usize = 512;

/// What writes.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    frame: Frame<()>,
    /// Whether rows of devices that went may be left.
    discarded: bool,
}

impl SqliteWriter {
    pub(super) fn open(file: PathBuf, options: SqliteOptions, lock: Arc<Lock>) -> Result<Self, StoreError> {
        let mut writer = Self { frame: Frame::open(file, options, &AREA, lock)?, discarded: false };
        writer.discarded = writer.frame.look(discard::is_any)?;
        Ok(writer)
    }
}

impl Writer for SqliteWriter {
    fn last_ids(&mut self) -> Result<LastIds, StoreError> {
        self.frame.reading(|connection, ()| {
            let last = |table| sweep::last_id(connection, table);
            Ok(LastIds {
                device: DeviceId(last("device")?),
                schema: SchemaId(last("schema")?),
                task: TaskId(last("task")?),
                event: EventId(last("event")?),
                profile: ProfileId(last("profile")?),
                file: FileId(last("file")?),
                alarm: AlarmId(last("alarm")?),
                diagnostic: DiagnosticId(last("diagnostic")?),
            })
        })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
        let (outcomes, discarded) = self.frame.writing(|connection, ()| {
            let outcomes: Vec<Outcome> =
                changes.iter().map(|change| change::apply(connection, change)).collect::<Result<_, _>>()?;
            Ok((outcomes, discard::is_any(connection)?))
        })?;
        self.discarded = discarded;
        Ok(outcomes)
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        let (swept, discarded) = self.frame.writing(|connection, ()| {
            let swept = sweep::step(connection, sweep)?;
            Ok((swept, discard::is_any(connection)?))
        })?;
        self.discarded = discarded;
        Ok(swept)
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        if self.discarded {
            self.discarded = self.frame.writing(|connection, ()| discard::step(connection, DISCARDED_AT_ONCE))?;
        }
        let left = self.frame.checkpoint()?;
        // While rows of a device that went are left, there is more to do: whoever calls comes again.
        Ok(left.max(u64::from(self.discarded)))
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.frame.open_anew()?;
        self.discarded = self.frame.look(discard::is_any)?;
        Ok(())
    }
}
