use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use sangam_storage::StoreError;
use sangam_storage::sync::{ReadJob, Readers};

use crate::SqliteOptions;
use crate::lock::Lock;
use crate::reader::Reader;
use crate::snapshot::SqliteSnapshot;

/// Threads that read, and the queue before them.
pub(crate) struct SqliteReaders {
    /// `None` once it is being dropped.
    jobs: Option<SyncSender<ReadJob>>,
    threads: Vec<JoinHandle<()>>,
    _lock: Arc<Lock>,
}

impl SqliteReaders {
    /// Opens a connection for each reader and starts it.
    pub(crate) fn start(file: &Path, options: &SqliteOptions, lock: Arc<Lock>) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(options.reads_waiting_max);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut readers = Self { jobs: Some(sender), threads: Vec::new(), _lock: lock };
        for number in 0..options.readers.max(1) {
            let reader = Reader::open(file.to_owned(), options.clone())?;
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new()
                .name(format!("sync-read-{number}"))
                .spawn(move || work(reader, &receiver))
                .map_err(|error| StoreError::io("a reader's thread", error))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }
}

impl fmt::Debug for SqliteReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReaders").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Readers for SqliteReaders {
    fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        let Some(jobs) = &self.jobs else { return Err(StoreError::Busy) };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => {
                StoreError::io("the readers", std::io::Error::other("all of their threads have ended"))
            }
        })
    }
}

impl Drop for SqliteReaders {
    /// What waits is still done.
    fn drop(&mut self) {
        self.jobs = None;
        for reader in self.threads.drain(..) {
            // A job may hold the last handle: its own thread does not wait for itself.
            if reader.thread().id() != thread::current().id() {
                let _: thread::Result<()> = reader.join();
            }
        }
    }
}

fn work(mut reader: Reader, jobs: &Mutex<Receiver<ReadJob>>) {
    loop {
        // Whoever waits for a job holds the lock; it is free again before the job is begun.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let mut snapshot = SqliteSnapshot::new(&mut reader);
        if catch_unwind(AssertUnwindSafe(|| job(&mut snapshot))).is_err() {
            tracing::error!("a read of the store panicked; the reader goes on");
        }
    }
}
