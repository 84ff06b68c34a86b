use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::sync::Store;

use crate::SqliteOptions;
use crate::file_system::must_be_local;
use crate::lock::Lock;
use crate::readers::SqliteReaders;
use crate::writer::SqliteWriter;

/// The file of a store of sync, in its directory.
const FILE: &str = "sync.sqlite3";
/// The file beside it that is locked.
const LOCK: &str = "sync.lock";

/// Opens the store of sync in `dir`, makes both if they are not there, for their owner's eyes alone, and locks the store for this process until both its writer and its
/// readers are dropped.
///
/// # Errors
///
/// It lies on a network file system, is in use, was written by a newer version, or cannot be read.
pub fn open_sync(dir: &Path, options: &SqliteOptions) -> Result<Store, StoreError> {
    let at = |error| StoreError::io(dir.display().to_string(), error);
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at)?;
    must_be_local(dir)?;
    let lock = Arc::new(Lock::take(&dir.join(LOCK))?);
    let file = dir.join(FILE);
    make_private(&file, dir).map_err(at)?;
    let writer = SqliteWriter::open(file.clone(), options.clone(), Arc::clone(&lock))?;
    let readers = SqliteReaders::start(&file, options, lock)?;
    Ok(Store { writer: Box::new(writer), readers: Arc::new(readers) })
}

/// SQLite would let everybody read a file that it makes; the files beside it get the rights of this one. A file that is there is not
/// touched: closing a second handle to it would let go of SQLite's locks.
fn make_private(file: &Path, dir: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(file) {
        Ok(made) => {
            made.sync_all()?;
            File::open(dir)?.sync_all()
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
