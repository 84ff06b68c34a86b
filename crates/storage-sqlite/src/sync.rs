//! The store of sync in a file.

mod change;
mod discard;
mod names;
mod page;
mod rows;
mod schema;
mod snapshot;
mod sweep;
mod writer;

use std::path::Path;
use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::sync::{ReadJob, Readers, Store};

use crate::SqliteOptions;
use crate::area::Area;
use crate::readers::ReadPool;
use names::Names;
use snapshot::SqliteSnapshot;
use writer::SqliteWriter;

static AREA: Area = Area { file: "sync.sqlite3", lock: "sync.lock", reader: "sync-read", steps: schema::STEPS };

/// Opens the store of sync in `dir`, makes both if they are not there, for their owner's eyes alone, and locks the store for this process until both its writer and its
/// readers are dropped.
///
/// # Errors
///
/// It lies on a network file system, is in use, was written by a newer version, or cannot be read.
pub fn open_sync(dir: &Path, options: &SqliteOptions) -> Result<Store, StoreError> {
    let (file, lock) = AREA.take(dir)?;
    let writer = SqliteWriter::open(file.clone(), options.clone(), Arc::clone(&lock))?;
    let readers = ReadPool::<ReadJob>::start::<Names>(&file, options, &AREA, lock, |reader, job| {
        job(&mut SqliteSnapshot::new(reader));
    })?;
    Ok(Store { writer: Box::new(writer), readers: Arc::new(readers) })
}

impl Readers for ReadPool<ReadJob> {
    fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        self.hand_in(job)
    }
}
