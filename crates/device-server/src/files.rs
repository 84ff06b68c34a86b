//! Files that devices fetch and bring: their bytes lie in a directory, each under its number; what is known of them is in the store.
//!
//! A device is let in by credentials that were made for one transfer of one task and end with that task, with their time, or when the device is
//! no longer one of ours ([`access`]). Whatever a
//! file is called, no name of it becomes a path.

mod access;
mod range;
mod receive;
mod serve;
mod site;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use sangam_storage::StoreError;
use sangam_storage::devices::{FileId, FileRow, Readers};
use tokio::sync::Semaphore;

pub(crate) use self::receive::{About, NotTaken, receive, remove};
pub(crate) use self::serve::{answer, hex, is_asked};
pub(crate) use self::site::Site;
use crate::options::FileOptions;

/// Rows of one read.
const ROWS_AT_ONCE: usize = 1_000;

/// All files.
#[derive(Debug)]
pub(crate) struct Files {
    options: FileOptions,
    by_name: Mutex<BTreeMap<Box<str>, FileRow>>,
    /// Bytes of files that are being taken.
    coming: AtomicU64,
    /// Held while rows change, so that of two files of one name one goes.
    changing: tokio::sync::Mutex<()>,
    transfers: Arc<Semaphore>,
}

impl Files {
    /// Reads what there is; what lies in the directory and nobody knows goes.
    pub(crate) fn open(options: &FileOptions, readers: &Arc<dyn Readers>) -> Result<Self, StoreError> {
        let rows = all(readers)?;
        if let Some(dir) = &options.dir {
            let known: HashSet<String> = rows.iter().map(|row| row.id.to_string()).collect();
            let cleared = DirBuilder::new().recursive(true).mode(0o700).create(dir).and_then(|()| clear(dir, &known));
            cleared.map_err(|error| StoreError::io("the directory of files", error))?;
        }
        Ok(Self {
            by_name: Mutex::new(rows.into_iter().map(|row| (row.name.clone(), row)).collect()),
            coming: AtomicU64::new(0),
            changing: tokio::sync::Mutex::default(),
            transfers: Arc::new(Semaphore::new(options.transfers_max)),
            options: options.clone(),
        })
    }

    /// The file of that name.
    pub(crate) fn of_name(&self, name: &str) -> Option<FileRow> {
        self.by_name().get(name).cloned()
    }

    /// Files above that number, in order.
    pub(crate) fn after(&self, after: FileId, limit: usize) -> Vec<FileRow> {
        let mut rows: Vec<FileRow> = self.by_name().values().filter(|row| row.id > after).cloned().collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows.truncate(limit);
        rows
    }

    fn of_id(&self, id: FileId) -> Option<FileRow> {
        self.by_name().values().find(|row| row.id == id).cloned()
    }

    fn path(&self, id: FileId) -> Option<PathBuf> {
        self.options.dir.as_ref().map(|dir| dir.join(id.to_string()))
    }

    fn by_name(&self) -> MutexGuard<'_, BTreeMap<Box<str>, FileRow>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Before there are sessions: this waits for the store.
fn all(readers: &Arc<dyn Readers>) -> Result<Vec<FileRow>, StoreError> {
    let mut rows: Vec<FileRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.id);
        let (answer, answered) = mpsc::channel();
        readers.read(Box::new(move |snapshot| {
            // It is waited for.
            let _: Result<(), _> = answer.send(snapshot.files(after, ROWS_AT_ONCE));
        }))?;
        let page = answered.recv().unwrap_or(Err(StoreError::Busy))?;
        let is_last = page.len() < ROWS_AT_ONCE;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

/// Deletes what has the shape of a file of ours and is none.
fn clear(dir: &Path, known: &HashSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = name.strip_suffix(receive::PARTIAL).unwrap_or(name);
        let is_ours = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        if is_ours && !known.contains(name) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
