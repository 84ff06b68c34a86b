use std::fmt;
use std::ops::ControlFlow;

use sangam_sync_proto::rows::{ConflictRow, Database, EntityKey, LogEntry, Replica};
use sangam_sync_proto::{Kind, Name};

use crate::StoreError;

/// Which part of a log is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// The database.
    pub db: Name,
    /// Operations above this cursor.
    pub since: u64,
    /// At most this many, at least 1.
    pub limit: usize,
    /// Of these collections alone; `None`: of all.
    pub collections: Option<Vec<Name>>,
    /// Leaves out what a later operation on the same entity has overtaken, as of the snapshot: what is left is the state.
    pub current_only: bool,
    /// Looks at no more rows than this, whatever the filter lets through: a page may then hold few or none and still be
    /// followed by more.
    pub scan_max: usize,
}

/// How a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// Everything up to here has been looked at: the next page begins here. The head, if there is no more.
    pub next: u64,
    /// Whether there is more, of what the filter lets through; also true if the scan was cut short.
    pub has_more: bool,
}

/// A row of the log where it lies: valid while it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRef<'a> {
    /// Its place.
    pub cursor: u64,
    /// The replica that made it.
    pub device: &'a Name,
    /// That replica's number.
    pub op_id: u64,
    /// The collection of the entity.
    pub collection: &'a Name,
    /// The entity.
    pub entity: &'a str,
    /// What was done to it.
    pub kind: Kind,
    /// The version it has since.
    pub version: u64,
    /// The body; none of a delete.
    pub body: Option<&'a [u8]>,
    /// When it was accepted, milliseconds since 1970.
    pub timestamp_ms: u64,
}

/// Which replicas are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaQuery {
    /// The database.
    pub db: Name,
    /// After this name, in order of names.
    pub after: Option<Name>,
    /// At most this many.
    pub limit: usize,
}

/// What one entity went through, newest first, as far as the log still has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Its operations.
    pub entries: Vec<HistoryEntry>,
    /// Whether there are older ones than were asked for.
    pub has_more: bool,
}

/// One operation of a history: a row of the log whose body stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its place.
    pub cursor: u64,
    /// The replica that made it.
    pub device: Name,
    /// That replica's number.
    pub op_id: u64,
    /// What was done.
    pub kind: Kind,
    /// The version the entity had since.
    pub version: u64,
    /// Bytes of the body.
    pub body_len: usize,
    /// When it was accepted, milliseconds since 1970 on the server's clock.
    pub timestamp_ms: u64,
}

impl From<&LogEntry> for HistoryEntry {
    fn from(entry: &LogEntry) -> Self {
        Self {
            cursor: entry.cursor,
            device: Name::clone(&entry.device),
            op_id: entry.op_id,
            kind: entry.kind,
            version: entry.version,
            body_len: entry.body.as_ref().map_or(0, |body| body.len()),
            timestamp_ms: entry.timestamp_ms,
        }
    }
}

/// A store of sync as it is at one moment: everything read through one snapshot fits together.
pub trait Snapshot {
    /// The state of a database.
    ///
    /// # Errors
    ///
    /// The store cannot be read; so for all that follow.
    fn database(&mut self, name: &str) -> Result<Option<Database>, StoreError>;

    /// Databases in order of names, after `after`, at most `limit`.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn databases(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<Database>, StoreError>;

    /// Hands each row of a page to `each` in order of cursors, until it breaks off: the page then ends before that row.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn page(
        &mut self,
        query: &PageQuery,
        each: &mut dyn FnMut(LogRef<'_>) -> ControlFlow<()>,
    ) -> Result<PageEnd, StoreError>;

    /// One replica.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn replica(&mut self, db: &str, device: &str) -> Result<Option<Replica>, StoreError>;

    /// Replicas in order of names.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn replicas(&mut self, query: &ReplicaQuery) -> Result<Vec<Replica>, StoreError>;

    /// The lowest resume point among replicas heard of at or after `seen_ms`; `None`: there is no such replica.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn resume_min(&mut self, db: &str, seen_ms: u64) -> Result<Option<u64>, StoreError>;

    /// The highest cursor of a row accepted before `ms`, 0 if there is none.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn cursor_before(&mut self, db: &str, ms: u64) -> Result<u64, StoreError>;

    /// What one entity went through. No body is read.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn history(&mut self, db: &str, of: &EntityKey, limit: usize) -> Result<History, StoreError>;

    /// Conflicts with their numbers, newest first, those before the one of that number if it is given.
    ///
    /// Numbers count up in a database, in the order in which conflicts were committed.
    ///
    /// # Errors
    ///
    /// See [`Self::database`].
    fn conflicts(&mut self, db: &str, before: Option<u64>, limit: usize)
    -> Result<Vec<(u64, ConflictRow)>, StoreError>;
}

/// What is done with a snapshot, on a reader's thread. It answers by a channel of its own; nobody waits in it for a network.
pub type ReadJob = Box<dyn FnOnce(&mut dyn Snapshot) + Send>;

/// The readers of a store.
pub trait Readers: fmt::Debug + Send + Sync {
    /// Has a job done by one of them, soon.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`]: more wait than may; the job is dropped.
    fn read(&self, job: ReadJob) -> Result<(), StoreError>;
}
