use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sangam_storage::StoreError;

use crate::file_system::must_be_local;
use crate::lock::Lock;
use crate::schema::Steps;

/// What belongs to one area of the product: a file of its own, and its lock.
#[derive(Debug)]
pub(crate) struct Area {
    /// The file, in its directory.
    pub(crate) file: &'static str,
    /// The file beside it that is locked.
    pub(crate) lock: &'static str,
    /// Readers' threads are called after it.
    pub(crate) reader: &'static str,
    /// How the file is made.
    pub(crate) steps: Steps,
}

impl Area {
    /// Makes directory and file if they are not there, for their owner's eyes alone, and locks the area for this process.
    pub(crate) fn take(&self, dir: &Path) -> Result<(PathBuf, Arc<Lock>), StoreError> {
        let at = |error| StoreError::io(dir.display().to_string(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at)?;
        must_be_local(dir)?;
        let lock = Arc::new(Lock::take(&dir.join(self.lock))?);
        let file = dir.join(self.file);
        make_private(&file, dir).map_err(at)?;
        Ok((file, lock))
    }
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
