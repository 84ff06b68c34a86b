use futures_util::future::BoxFuture;
use serde::Serialize;

/// Sees what sync holds and mends it. Bodies of entities are their owners'; here are only names, versions and sizes.
pub trait SyncAdmin: Send + Sync {
    /// Databases whose names come after that one, in the order of their names, `limit` at most.
    fn databases(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncDatabase>, SyncAdminError>>;

    /// One database.
    fn database(&self, db: String) -> BoxFuture<'_, Result<SyncDatabase, SyncAdminError>>;

    /// The replicas of a database whose names come after that one.
    fn replicas(
        &self,
        db: String,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncReplica>, SyncAdminError>>;

    /// Conflicts, newest first, those before the one of that number if it is given.
    fn conflicts(
        &self,
        db: String,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncConflict>, SyncAdminError>>;

    /// What one entity went through, newest first.
    fn history(
        &self,
        db: String,
        collection: String,
        entity: String,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncVersion>, SyncAdminError>>;

    /// Makes a replica begin anew: its next handshake is answered with cursor 0.
    fn reset_replica(&self, db: String, device: String) -> BoxFuture<'_, Result<(), SyncAdminError>>;

    /// Drops everything in a database and gives it a new epoch.
    fn reset_database(&self, db: String) -> BoxFuture<'_, Result<SyncDatabase, SyncAdminError>>;
}

/// Some of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncList<T> {
    /// Those that were asked for.
    pub items: Vec<T>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncDatabase {
    /// Its name.
    pub db: String,
    /// Its life, 32 hex digits.
    pub epoch: String,
    /// The cursor of its newest operation.
    pub head: u64,
    /// Entities that are there.
    pub entities: u64,
    /// Entities that are deleted and still remembered.
    pub tombstones: u64,
    /// Operations in its log.
    pub log_len: u64,
    /// Of these, overtaken ones.
    pub superseded: u64,
    /// Bytes of names and bodies.
    pub bytes: u64,
    /// RFC 3339.
    pub created_at: String,
}

/// A replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncReplica {
    /// Its name.
    pub device: String,
    /// It has everything up to here, as it said itself.
    pub resume: u64,
    /// Operations between there and the head.
    pub lag: u64,
    /// RFC 3339.
    pub seen_at: String,
    /// Platform and version.
    pub client: String,
    /// Open streams.
    pub streams: usize,
}

/// An operation that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncConflict {
    /// Its number among those of its database: where the next page begins.
    pub number: u64,
    /// RFC 3339.
    pub at: String,
    /// Whose.
    pub device: String,
    /// Its number.
    pub op_id: u64,
    /// About what.
    pub collection: String,
    /// About what.
    pub entity: String,
    /// What it claimed.
    pub client_version: u64,
    /// What the server had.
    pub server_version: u64,
    /// Whether it had been refused before and was acknowledged all the same.
    pub again: bool,
}

/// One operation on an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncVersion {
    /// Its place in the log.
    pub cursor: u64,
    /// `upsert` or `delete`.
    pub kind: &'static str,
    /// The version it made.
    pub version: u64,
    /// Whose.
    pub device: String,
    /// That replica's number.
    pub op_id: u64,
    /// When it was accepted, RFC 3339.
    pub at: String,
    /// Bytes of the body.
    pub bytes: usize,
}

/// Why nothing is told or done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncAdminError {
    /// Nothing was ever pushed there.
    #[error("there is no such database")]
    NoDatabase,
    /// No replica whose token names it has shaken hands, or it was forgotten.
    #[error("there is no such replica")]
    NoReplica,
    /// Nothing of it is in the log, or no longer.
    #[error("there is no such entity, or its history is gone")]
    NoEntity,
    /// The store cannot be asked now; this says why.
    #[error("{0}")]
    Unavailable(String),
}
