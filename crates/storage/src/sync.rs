//! The store of sync: one log and the state of each entity per database.

mod read;
mod write;

pub use read::{History, HistoryEntry, LogRef, PageEnd, PageQuery, ReadJob, Readers, ReplicaQuery, Snapshot};
pub use sangam_sync_proto::rows::{
    Change, ConflictRow, Database, EntityKey, EntityState, Epoch, Fingerprint, LogEntry, Replica, SettledKey, Totals,
    bytes_counted,
};
pub use sangam_sync_proto::{Kind, Name};
pub use write::{Found, Sweep, Swept, Writer};

/// A store of sync that was opened: the one writer, and readers for everybody.
#[derive(Debug)]
pub struct Store {
    /// Writes; belongs to one thread.
    pub writer: Box<dyn Writer>,
    /// Read.
    pub readers: std::sync::Arc<dyn Readers>,
}
