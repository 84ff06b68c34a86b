use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use sangam_types::Wall;
use tokio::sync::oneshot;

use crate::queue::Queue;
use crate::segment::Segment;
use crate::writer::Writer;
use crate::{Journal, JournalError, JournalOptions, JournalStats, Record, WallClock};

/// A journal in a directory that this process alone uses: `journal` holds every change in order, `journal.new` is its
/// successor while that is written.
///
/// What survives what: once put, a record is handed to the kernel within milliseconds (after a sync or compaction that
/// runs just then), and from there on outlives the death of the process at any point. It outlives the machine's from the
/// next sync on, which comes within [`JournalOptions::sync_interval`] and at each [`flush`](Journal::flush). What was last
/// written may be torn; then the journal is as it was some changes before, never something in between.
///
/// A put that is dropped for a bound leaves what stood under its key; [`JournalStats`] says how many were.
///
/// Dropping it writes what waits and ends its thread.
pub struct FileJournal {
    directory: PathBuf,
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
}

impl FileJournal {
    /// Opens the journal of a directory, which is made with mode 0700 if it is not there. A torn end is cut off, damage is
    /// skipped, a file that is no journal is set aside as `journal.damaged`, each with a warning. Blocks.
    ///
    /// # Errors
    ///
    /// The directory or the file cannot be opened or made, or there is no thread to be had.
    pub fn open(directory: &Path, clock: WallClock, options: JournalOptions) -> Result<Self, JournalError> {
        let unusable = |verb, source| JournalError::Unusable { at: directory.display().to_string(), verb, source };
        let (segment, mut found) =
            Segment::open(directory, options.file_bytes_max()).map_err(|error| unusable("opened", error))?;
        found.table.expire(clock());
        let stats =
            JournalStats { unreadable_bytes: found.unreadable, file_bytes: segment.bytes(), ..JournalStats::default() };
        let queue = Arc::new(Queue::new(clock, options, segment.salt(), found.table, stats));
        let writer = Writer::new(Arc::clone(&queue), segment, found.is_damaged);
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| unusable("written", error))?;
        Ok(Self { directory: directory.to_owned(), queue, writer: Some(writer) })
    }

    /// What it holds and has done.
    #[must_use]
    pub fn stats(&self) -> JournalStats {
        let state = self.queue.state();
        JournalStats {
            records: state.table.len(),
            bytes: state.table.bytes(),
            queued_bytes: state.queued_bytes(),
            ..state.stats
        }
    }
}

impl Journal for FileJournal {
    fn put(&self, area: &'static str, key: &str, value: Bytes, expires: Wall) {
        self.queue.put(area, key, value, expires);
    }

    fn remove(&self, area: &'static str, key: &str) {
        self.queue.remove(area, key);
    }

    fn load(&self, area: &'static str) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        ready(Ok(self.queue.state().table.load(area))).boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        let (flushed, done) = oneshot::channel();
        self.queue.flush(flushed);
        let at = self.directory.display().to_string();
        async move {
            let outcome = done.await.unwrap_or_else(|_| Err(io::Error::other("its writer has ended")));
            outcome.map_err(|source| JournalError::Unusable { at, verb: "written", source })
        }
        .boxed()
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // Its panic was logged where it happened.
            writer.join().ok();
        }
    }
}

impl fmt::Debug for FileJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileJournal").field("directory", &self.directory).finish_non_exhaustive()
    }
}
