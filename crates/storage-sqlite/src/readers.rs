use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use sangam_storage::StoreError;

use crate::SqliteOptions;
use crate::area::Area;
use crate::cache::Cache;
use crate::lock::Lock;
use crate::reader::Reader;

/// Threads that read, and the queue of jobs before them.
pub(crate) struct ReadPool<J> {
    /// `None` once it is being dropped.
    jobs: Option<SyncSender<J>>,
    threads: Vec<JoinHandle<()>>,
    _lock: Arc<Lock>,
}

impl<J: Send + 'static> ReadPool<J> {
    /// Opens a connection for each reader and starts it; `run` does one job.
    pub(crate) fn start<C: Cache>(
        file: &Path,
        options: &SqliteOptions,
        area: &Area,
        lock: Arc<Lock>,
        run: fn(&mut Reader<C>, J),
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(options.reads_waiting_max);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut readers = Self { jobs: Some(sender), threads: Vec::new(), _lock: lock };
        for number in 0..options.readers.max(1) {
            let reader = Reader::open(file.to_owned(), options.clone())?;
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new()
                .name(format!("{}-{number}", area.reader))
                .spawn(move || work(reader, &receiver, run))
                .map_err(|error| StoreError::io("a reader's thread", error))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Has a job done by one of them, soon.
    pub(crate) fn hand_in(&self, job: J) -> Result<(), StoreError> {
        let Some(jobs) = &self.jobs else { return Err(StoreError::Busy) };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => {
                StoreError::io("the readers", std::io::Error::other("all of their threads have ended"))
            }
        })
    }
}

impl<J> fmt::Debug for ReadPool<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadPool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl<J> Drop for ReadPool<J> {
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

fn work<C: Cache, J>(mut reader: Reader<C>, jobs: &Mutex<Receiver<J>>, run: fn(&mut Reader<C>, J)) {
    loop {
        // Whoever waits for a job holds the lock; it is free again before the job is begun.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| run(&mut reader, job))).is_err() {
            tracing::error!("a read of the store panicked; the reader goes on");
        }
    }
}
