use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{SyncAdmin, SyncAdminError, SyncConflict, SyncDatabase, SyncList, SyncReplica, SyncVersion};
use sangam_storage::sync::{HistoryEntry, Snapshot};
use sangam_storage::{StoreError, with_sources};
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::{ConflictRow, Database, EntityKey, Replica};
use tokio::sync::oneshot;

use crate::committer::NotReset;
use crate::heads::epoch_hex;
use crate::service::Service;

/// The last second that four digits of year can write.
const YEAR_9999_ENDS: u64 = 253_402_300_799;

/// What operators see and mend.
pub(crate) struct Admin {
    pub(crate) service: Arc<Service>,
}

impl SyncAdmin for Admin {
    fn databases(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncDatabase>, SyncAdminError>> {
        async move {
            let wanted = limit.saturating_add(1);
            let found = self.read(move |snapshot| snapshot.databases(after.as_deref(), wanted)).await?;
            Ok(list(found, limit, database))
        }
        .boxed()
    }

    fn database(&self, db: String) -> BoxFuture<'_, Result<SyncDatabase, SyncAdminError>> {
        async move { self.known(&db).map(database) }.boxed()
    }

    fn replicas(
        &self,
        db: String,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncReplica>, SyncAdminError>> {
        async move {
            let database = self.known(&db)?;
            let listed = self.service.replicas.list(&database.name, after.as_deref(), limit).await;
            let (replicas, has_more) = listed.map_err(|error| unavailable(&error))?;
            let one = |known: Replica| {
                let streams = self.service.feeds.streams_of(&database.name, &known.device);
                replica(known, database.head, streams)
            };
            let items = replicas.into_iter().map(one).collect();
            Ok(SyncList { items, has_more })
        }
        .boxed()
    }

    fn conflicts(
        &self,
        db: String,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncConflict>, SyncAdminError>> {
        async move {
            self.known(&db)?;
            let wanted = limit.saturating_add(1);
            let found = self.read(move |snapshot| snapshot.conflicts(&db, before, wanted)).await?;
            Ok(list(found, limit, conflict))
        }
        .boxed()
    }

    fn history(
        &self,
        db: String,
        collection: String,
        entity: String,
        limit: usize,
    ) -> BoxFuture<'_, Result<SyncList<SyncVersion>, SyncAdminError>> {
        async move {
            self.known(&db)?;
            let of = EntityKey { collection: collection.into(), entity: entity.into() };
            let history = self.read(move |snapshot| snapshot.history(&db, &of, limit)).await?;
            if history.entries.is_empty() {
                return Err(SyncAdminError::NoEntity);
            }
            let items = history.entries.into_iter().map(version).collect();
            Ok(SyncList { items, has_more: history.has_more })
        }
        .boxed()
    }

    fn reset_replica(&self, db: String, device: String) -> BoxFuture<'_, Result<(), SyncAdminError>> {
        async move {
            let name = Name::from(db);
            self.service.replicas.load(&name).await.map_err(|error| unavailable(&error))?;
            self.service.committer.reset_replica(name, device.into()).await.map_err(not_reset)
        }
        .boxed()
    }

    fn reset_database(&self, db: String) -> BoxFuture<'_, Result<SyncDatabase, SyncAdminError>> {
        async move { self.service.committer.reset_database(db.into()).await.map(database).map_err(not_reset) }.boxed()
    }
}

impl Admin {
    fn known(&self, db: &str) -> Result<Database, SyncAdminError> {
        self.service.heads.get(db).ok_or(SyncAdminError::NoDatabase)
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SyncAdminError> {
        let (answer, answered) = oneshot::channel();
        let job = move |snapshot: &mut dyn Snapshot| {
            // Whoever has gone away needs no answer.
            let _: Result<(), _> = answer.send(job(snapshot));
        };
        self.service.readers.read(Box::new(job)).map_err(|error| unavailable(&error))?;
        answered.await.unwrap_or(Err(StoreError::Busy)).map_err(|error| unavailable(&error))
    }
}

fn list<T, U>(mut found: Vec<T>, limit: usize, each: impl Fn(T) -> U) -> SyncList<U> {
    let has_more = found.len() > limit;
    found.truncate(limit);
    SyncList { items: found.into_iter().map(each).collect(), has_more }
}

fn database(database: Database) -> SyncDatabase {
    SyncDatabase {
        db: database.name.as_ref().to_owned(),
        epoch: epoch_hex(database.epoch),
        head: database.head,
        entities: database.totals.live,
        tombstones: database.totals.tombstones,
        log_len: database.totals.log_len,
        superseded: database.totals.superseded,
        bytes: database.totals.bytes,
        created_at: time(database.created_ms),
    }
}

fn replica(replica: Replica, head: u64, streams: usize) -> SyncReplica {
    SyncReplica {
        device: replica.device.as_ref().to_owned(),
        resume: replica.resume,
        lag: head.saturating_sub(replica.resume),
        seen_at: time(replica.seen_ms),
        client: replica.client.as_ref().to_owned(),
        streams,
    }
}

fn conflict((number, row): (u64, ConflictRow)) -> SyncConflict {
    SyncConflict {
        number,
        at: time(row.at_ms),
        device: row.device.as_ref().to_owned(),
        op_id: row.op_id,
        collection: row.of.collection.as_ref().to_owned(),
        entity: row.of.entity.as_ref().to_owned(),
        client_version: row.client_version,
        server_version: row.server_version,
        again: row.again,
    }
}

fn version(entry: HistoryEntry) -> SyncVersion {
    SyncVersion {
        cursor: entry.cursor,
        kind: entry.kind.as_str(),
        version: entry.version,
        device: entry.device.as_ref().to_owned(),
        op_id: entry.op_id,
        at: time(entry.timestamp_ms),
        bytes: entry.body_len,
    }
}

fn time(ms: u64) -> String {
    let ms = ms.min(YEAR_9999_ENDS * 1_000);
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

fn unavailable(error: &StoreError) -> SyncAdminError {
    SyncAdminError::Unavailable(with_sources(error))
}

fn not_reset(error: NotReset) -> SyncAdminError {
    match error {
        NotReset::NoDatabase => SyncAdminError::NoDatabase,
        NotReset::NoReplica => SyncAdminError::NoReplica,
        NotReset::Store(store) => unavailable(&store),
        NotReset::Stopped => SyncAdminError::Unavailable(error.to_string()),
    }
}
