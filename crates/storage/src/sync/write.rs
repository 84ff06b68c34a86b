use std::fmt;

use bytes::Bytes;
use sangam_sync_proto::rows::{Change, Database, EntityKey, EntityState, Fingerprint, SettledKey};

use crate::StoreError;

/// What was found of operations that may be repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Settled before, with the version each had.
    pub settled: Vec<(SettledKey, u64)>,
    /// Refused before.
    pub refused: Vec<(SettledKey, Fingerprint)>,
}

/// One step of clearing out what nobody needs any more. Steps are small, so that pushes never wait for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The database.
    pub db: String,
    /// Looks at rows of the log above this cursor.
    pub after: u64,
    /// Looks at no more rows than this.
    pub rows_max: usize,
    /// Operations that were overtaken are dropped up to this cursor.
    pub superseded_to: u64,
    /// Tombstones are dropped up to this cursor, with what is remembered of their entity.
    pub tombstones_to: u64,
    /// What is remembered of settled and refused operations is dropped if it is older, milliseconds since 1970.
    pub remembered_before_ms: u64,
    /// Replicas that were last heard of before this are forgotten, milliseconds since 1970: they begin anew. Looked at in the first
    /// step of a pass alone.
    pub replicas_seen_before_ms: u64,
    /// Of conflicts, this many are kept for operators.
    pub conflicts_kept: u64,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Where the next step goes on; `None`: the end was reached.
    pub next: Option<u64>,
    /// Operations that were dropped.
    pub dropped: u64,
    /// The database as it is now.
    pub database: Database,
}

/// The one writer of a store of sync. Blocking: it belongs to a thread. What a call returns is on the disk, or the call failed.
///
/// After [`StoreError::Uncertain`] only [`Self::reopen`] may be called.
pub trait Writer: fmt::Debug + Send {
    /// The state of these databases; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError>;

    /// The state of these entities of one database; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError>;

    /// What is remembered of these operations. Whoever was accepted last stands in the entity's own state and may be left
    /// out here.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError>;

    /// The bodies of operations at these cursors, in their order; `None` of a delete, or of a row that is not there.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Makes all changes durable together: when it returns they survive a power cut.
    ///
    /// # Errors
    ///
    /// None of them has an effect, save with [`StoreError::Uncertain`], after which that is not known.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Drops what nobody needs any more, one step; durable when it returns.
    ///
    /// # Errors
    ///
    /// As of [`Self::commit`].
    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError>;

    /// Empties a database and gives it another epoch, or forgets one replica's resume point; durable when it returns.
    ///
    /// # Errors
    ///
    /// As of [`Self::commit`].
    fn reset(&mut self, database: &Database) -> Result<(), StoreError>;

    /// Copies the write-ahead log into the main file, as far as readers allow; between groups, when there is time. Says how many
    /// bytes of log are left.
    ///
    /// # Errors
    ///
    /// The store cannot be written.
    fn checkpoint(&mut self) -> Result<u64, StoreError>;

    /// Opens the store anew after a failure: afterwards what is read is what is on the disk.
    ///
    /// # Errors
    ///
    /// It still cannot be used; may be called again.
    fn reopen(&mut self) -> Result<(), StoreError>;
}
