//! The store of devices in a file.

mod change;
mod columns;
mod discard;
mod page;
mod rows;
mod schema;
mod snapshot;
mod sweep;
mod writer;

use std::path::Path;
use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::devices::{ReadJob, Readers, Store};

use crate::SqliteOptions;
use crate::area::Area;
use crate::readers::ReadPool;
use snapshot::SqliteSnapshot;
use writer::SqliteWriter;

static AREA: Area =
    Area { file: "devices.sqlite3", lock: "devices.lock", reader: "devices-read", steps: schema::STEPS };

/// Opens the store of devices in `dir`, makes both if they are not there, for their owner's eyes alone, and locks the store for
/// this process until both its writer and its readers are dropped.
///
/// # Errors
///
/// It lies on a network file system, is in use, was written by a newer version, or cannot be read.
pub fn open_devices(dir: &Path, options: &SqliteOptions) -> Result<Store, StoreError> {
    let (file, lock) = AREA.take(dir)?;
    let writer = SqliteWriter::open(file.clone(), options.clone(), Arc::clone(&lock))?;
    let readers = ReadPool::<ReadJob>::start::<()>(&file, options, &AREA, lock, |reader, job| {
        job(&mut SqliteSnapshot::new(reader));
    })?;
    Ok(Store { writer: Box::new(writer), readers: Arc::new(readers) })
}

impl Readers for ReadPool<ReadJob> {
    fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        self.hand_in(job)
    }
}
