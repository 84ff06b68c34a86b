//! What a store keeps of sync, as the rules see it: rows without a backend.
//!
//! A database is a log of operations, numbered from 1 without a gap, and the state of each entity, which is what the last
//! of its operations made of it.

use bytes::Bytes;

use crate::{Kind, Name};

/// What tells one life of a database from another: it changes when a database is reset or restored, so that cursors of
/// before are not taken for cursors of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u128);

/// The state of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: Name,
    /// Its life.
    pub epoch: Epoch,
    /// The cursor of its newest operation; 0: none yet.
    pub head: u64,
    /// Up to this cursor tombstones may have been dropped: who has read less, but something, has to begin anew.
    pub tombstones_to: u64,
    /// What it holds.
    pub totals: Totals,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

/// Figures of one database, kept with it so that nobody has to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Operations in the log.
    pub log_len: u64,
    /// Of these, how many a later operation on the same entity has overtaken.
    pub superseded: u64,
    /// Entities that are there.
    pub live: u64,
    /// Entities that are deleted and still remembered.
    pub tombstones: u64,
    /// Bytes of names and bodies in the log.
    pub bytes: u64,
}

/// The state of one entity: what the rules need to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityState {
    /// Where the operation that made it stands in the log.
    pub cursor: u64,
    /// The version below or at which an operation is a conflict. May be higher than that of the operation at `cursor`, when
    /// later ones changed nothing.
    pub version: u64,
    /// The replica that was accepted last.
    pub device: Name,
    /// That replica's number of the operation that was accepted last.
    pub op_id: u64,
    /// Whether it is deleted.
    pub deleted: bool,
    /// When the operation at `cursor` was accepted, milliseconds since 1970.
    pub modified_ms: u64,
    /// Tells whether another body has the same meaning; zero of a deleted one.
    pub fingerprint: Fingerprint,
    /// Bytes of names and body of the operation at `cursor`, as counted in [`Totals::bytes`].
    pub bytes: u64,
}

/// A digest of what a body means: equal for two bodies that are the same CBOR value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// Which entity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityKey {
    /// Its collection.
    pub collection: Name,
    /// Its name.
    pub entity: Name,
}

/// Which operation of a replica, so that one that comes again is known. The entity is part of it, as replicas use numbers
/// again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SettledKey {
    /// The replica.
    pub device: Name,
    /// Its number.
    pub op_id: u64,
    /// The entity it was about.
    pub of: EntityKey,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place.
    pub cursor: u64,
    /// The replica that made it.
    pub device: Name,
    /// That replica's number.
    pub op_id: u64,
    /// The entity.
    pub of: EntityKey,
    /// What was done to it.
    pub kind: Kind,
    /// The version it has since.
    pub version: u64,
    /// The body, untouched; none of a delete.
    pub body: Option<Bytes>,
    /// When it was accepted, milliseconds since 1970 on the server's clock.
    pub timestamp_ms: u64,
}

impl LogEntry {
    /// What it counts for in [`Totals::bytes`] and [`EntityState::bytes`].
    #[must_use]
    pub fn bytes_counted(&self) -> u64 {
        bytes_counted(&self.device, &self.of.collection, &self.of.entity, self.body.as_ref().map_or(0, Bytes::len))
    }
}

/// What a row of the log counts for in [`Totals::bytes`]: the bytes of its three names and of its body.
#[must_use]
pub fn bytes_counted(device: &str, collection: &str, entity: &str, body_len: usize) -> u64 {
    [device.len(), collection.len(), entity.len(), body_len].into_iter().map(|len| len as u64).sum()
}

/// A conflict as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Whose operation was refused.
    pub device: Name,
    /// Its number.
    pub op_id: u64,
    /// About what.
    pub of: EntityKey,
    /// The version it claimed.
    pub client_version: u64,
    /// The version the server had.
    pub server_version: u64,
    /// Whether it had been refused before and was now acknowledged all the same.
    pub again: bool,
}

/// What is remembered of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub device: Name,
    /// It has everything up to here, as it said itself.
    pub resume: u64,
    /// When it was last heard of, milliseconds since 1970.
    pub seen_ms: u64,
    /// What it said of itself: platform and version, for operators; may be empty.
    pub client: Name,
}

/// Everything that a group of requests changes in one database: applied whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The database as it is afterwards. A store that does not have it yet makes it.
    pub database: Database,
    /// Its head before, 0 of a new one: a store that finds another refuses the change.
    pub head_before: u64,
    /// New rows of the log: cursors from `head_before + 1` to the head, without a gap.
    pub log: Vec<LogEntry>,
    /// The last state of each entity that was touched.
    pub entities: Vec<(EntityKey, EntityState)>,
    /// Operations that are no longer the last of their entity, with the version each had; `ms` is now.
    pub settled: Vec<(SettledKey, u64)>,
    /// Operations that were refused, with a digest of them: the same one is acknowledged when it comes again.
    pub refused: Vec<(SettledKey, Fingerprint)>,
    /// Conflicts, for operators.
    pub conflicts: Vec<ConflictRow>,
    /// Replicas as they are now known.
    pub replicas: Vec<Replica>,
    /// When, milliseconds since 1970: the age of what is only kept for a time.
    pub at_ms: u64,
}
