mod canonical;
mod change;
mod decide;
mod digest;
mod fingerprint;
mod lookup;
mod overlay;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::rows::{ConflictRow, Database, EntityKey, EntityState, Fingerprint, LogEntry, SettledKey};
use crate::{Name, Operation};

use fingerprint::Fingerprinter;
use overlay::Overlay;

/// One database while a group of requests is decided: what was loaded of it, with what was decided since on top.
///
/// For each push: [`Self::wanted`] and [`Self::know_entities`], then [`Self::doubtful`] and [`Self::know_settled`], then
/// [`Self::decide`]. After the last, [`Self::into_change`].
#[derive(Debug)]
pub struct Ledger {
    database: Database,
    head_before: u64,
    entities: Overlay<EntityKey, EntityState>,
    /// Operations that were accepted and are no longer the last of their entity, with the version each had.
    settled: Overlay<SettledKey, u64>,
    refused: Overlay<SettledKey, Fingerprint>,
    /// New rows of the log, from `head_before + 1` on.
    log: Vec<LogEntry>,
    conflicts: Vec<ConflictRow>,
    fingerprinter: Fingerprinter,
}

/// A push, read and its caller's right to it checked.
#[derive(Clone, Debug)]
pub struct Push {
    /// The replica.
    pub device: Name,
    /// Its operations, in its order.
    pub ops: Vec<Operation>,
}

/// What becomes of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The replica may forget its operations up to this number; 0: none of them.
    pub acknowledged: u64,
    /// What was refused, in order.
    pub conflicts: Vec<Refused>,
    /// How many are new in the log.
    pub accepted: usize,
    /// How many were known already, or changed nothing.
    pub repeated: usize,
}

/// An operation that is in conflict with what the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// As it was sent.
    pub op: Operation,
    /// The server's version.
    pub version: u64,
    /// When the server's state was accepted, milliseconds since 1970.
    pub modified_ms: u64,
    /// The server's body.
    pub body: ServerBody,
}

/// Where the body is that a conflict is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerBody {
    /// The entity is deleted: an empty byte string on the wire.
    Deleted,
    /// It came with an operation of the same group.
    Here(Bytes),
    /// In the log at this cursor.
    At(u64),
}

/// Why nothing of a push was accepted. Nothing of it has an effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDecided {
    /// An operation breaks a bound.
    #[error("operation {op_id}: {what} has {len} bytes, at most {max} are taken")]
    TooLong {
        /// Whose.
        op_id: u64,
        /// Which part.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// An operation names nothing where a name must stand.
    #[error("operation {op_id}: {what} is empty")]
    Empty {
        /// Whose.
        op_id: u64,
        /// Which part.
        what: &'static str,
    },
    /// A version that lies too far in the future: one wrong clock would lock everybody else out of the entity.
    #[error(
        "operation {op_id}: its version {version} is {ahead_secs} s ahead of the server's clock, at most {max_secs} s are taken; set the device's clock"
    )]
    ClockAhead {
        /// Whose.
        op_id: u64,
        /// What it claims.
        version: u64,
        /// By how much.
        ahead_secs: u64,
        /// The bound.
        max_secs: u64,
    },
    /// The database would be larger than it may be.
    #[error("the database is full: {what} would be {would} and may be {max}")]
    Full {
        /// Entities or bytes.
        what: &'static str,
        /// With this push.
        would: u64,
        /// The bound.
        max: u64,
    },
}

impl Ledger {
    /// A database as it was loaded, nothing of it known yet.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let head_before = database.head;
        // What clients choose names by must not tell them where names end up.
        let seed = (database.epoch.0 >> 64) as u64 ^ database.epoch.0 as u64;
        Self {
            database,
            head_before,
            entities: Overlay::new(seed),
            settled: Overlay::new(seed),
            refused: Overlay::new(seed),
            log: Vec::new(),
            conflicts: Vec::new(),
            fingerprinter: Fingerprinter::default(),
        }
    }

    /// The database as it is with everything that was decided.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}
