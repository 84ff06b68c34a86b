use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sangam_sync_proto::message::{Conflict, ErrorCode, HandshakeRequest, PullRequest, PushRequest};
use sangam_sync_proto::{Kind, Name, Operation};

use crate::{Client, ClientError, LocalChange, Position, ReplicaStore, Resolution, Resolver, StoreFailure};

/// A device's copy of a database, kept in step with the server.
#[derive(Debug)]
pub struct Replica<S, R> {
    client: Client,
    db: Name,
    device: Name,
    collections: Option<Vec<Name>>,
    platform: String,
    app_version: String,
    clock_offset_ms: i64,
    store: S,
    resolver: R,
}

/// What one [`Replica::sync`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    /// Operations that came.
    pub pulled: usize,
    /// Changes that were sent.
    pub pushed: usize,
    /// Of these, how many the server refused for a newer state.
    pub conflicts: usize,
    /// Whether everything was begun anew, as the server's database is another one or this device was away for too long.
    pub reset: bool,
}

/// Why a replica could not be brought in step. What was done before it stays done; the next attempt goes on there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The store.
    #[error("the store of this replica fails: {0}")]
    Store(#[source] StoreFailure),
    /// The server says that there is more and gives nothing.
    #[error("the server says that there is more after cursor {0}, and does not give it")]
    Stuck(u64),
    /// Changes are refused however often they are decided anew: others change the same entities all the time.
    #[error("{0} changes are still in conflict after {ROUNDS_MAX} rounds")]
    Contended(usize),
}

/// How often conflicts of one sync are decided anew.
const ROUNDS_MAX: usize = 16;

impl<S: ReplicaStore, R: Resolver> Replica<S, R> {
    /// Of a database, for a device: the names that its token has.
    #[must_use]
    pub fn new(client: Client, db: &str, device: &str, store: S, resolver: R) -> Self {
        Self {
            client,
            db: db.into(),
            device: device.into(),
            collections: None,
            platform: std::env::consts::OS.to_owned(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            clock_offset_ms: 0,
            store,
            resolver,
        }
    }

    /// Pulls these collections alone. A replica that pulled others before must begin with an empty store.
    #[must_use]
    pub fn with_collections(mut self, collections: impl IntoIterator<Item = impl Into<Name>>) -> Self {
        self.collections = Some(collections.into_iter().map(Into::into).collect());
        self
    }

    /// What the server's operators see of the app.
    #[must_use]
    pub fn with_app(mut self, platform: &str, app_version: &str) -> Self {
        (self.platform, self.app_version) = (platform.to_owned(), app_version.to_owned());
        self
    }

    /// Takes the system's clock to be so many milliseconds behind (above 0) or ahead (below 0).
    #[must_use]
    pub fn with_clock_offset_ms(mut self, offset_ms: i64) -> Self {
        self.clock_offset_ms = offset_ms;
        self
    }

    /// What it has.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Sets an entity, here at once and at the server with the next [`Self::sync`].
    ///
    /// # Errors
    ///
    /// The store fails.
    pub fn upsert(&mut self, collection: &str, entity: &str, body: impl Into<Bytes>) -> Result<(), ReplicaError> {
        self.change(&collection.into(), &entity.into(), Some(body.into()), 0)
    }

    /// Deletes an entity, here at once and at the server with the next [`Self::sync`].
    ///
    /// # Errors
    ///
    /// The store fails.
    pub fn delete(&mut self, collection: &str, entity: &str) -> Result<(), ReplicaError> {
        self.change(&collection.into(), &entity.into(), None, 0)
    }

    /// Pulls what is new, pushes what waits, and decides conflicts until none is left.
    ///
    /// # Errors
    ///
    /// The server or the store fails, or conflicts do not end.
    pub async fn sync(&mut self) -> Result<Cycle, ReplicaError> {
        let mut did = Cycle::default();
        self.handshake(&mut did).await?;
        match self.pull(&mut did).await {
            Err(ReplicaError::Client(error)) if error.code() == Some(ErrorCode::InvalidCursor) => {
                // The database was reset between handshake and pull.
                self.begin_anew(Position::default(), &mut did)?;
                self.handshake(&mut did).await?;
                self.pull(&mut did).await?;
            }
            other => other?,
        }
        self.push(&mut did).await?;
        Ok(did)
    }

    async fn handshake(&mut self, did: &mut Cycle) -> Result<(), ReplicaError> {
        let position = self.store.position().map_err(ReplicaError::Store)?;
        let mut metadata = BTreeMap::from([("extensions".to_owned(), "epoch".to_owned())]);
        metadata.insert("sinceCursor".to_owned(), position.cursor.to_string());
        metadata.extend(position.epoch.iter().map(|epoch| ("epoch".to_owned(), epoch.clone())));
        let request = HandshakeRequest {
            db: Arc::clone(&self.db),
            device: Arc::clone(&self.device),
            platform: self.platform.clone(),
            app_version: self.app_version.clone(),
            metadata: Some(metadata),
        };
        let answer = self.client.handshake(&request).await?;
        let Some(extension) = answer.extension else { return Ok(()) };
        let is_other = position.epoch.as_ref().is_some_and(|epoch| *epoch != extension.epoch);
        let fresh = Position { cursor: 0, epoch: Some(extension.epoch) };
        if is_other || (extension.reset && position.cursor > 0) {
            self.begin_anew(fresh, did)
        } else if position.epoch.is_none() {
            let known = Position { cursor: position.cursor, ..fresh };
            self.store.apply(&[], &known).map_err(ReplicaError::Store)
        } else {
            Ok(())
        }
    }

    fn begin_anew(&mut self, position: Position, did: &mut Cycle) -> Result<(), ReplicaError> {
        did.reset = true;
        self.store.reset(&position).map_err(ReplicaError::Store)
    }

    async fn pull(&mut self, did: &mut Cycle) -> Result<(), ReplicaError> {
        loop {
            let position = self.store.position().map_err(ReplicaError::Store)?;
            let request = PullRequest {
                db: Arc::clone(&self.db),
                since: position.cursor,
                limit: self.client.options().page_ops,
                collections: self.collections.clone(),
                epoch: position.epoch.clone(),
            };
            let page = self.client.pull(&request).await?;
            if page.has_more && page.next <= position.cursor {
                return Err(ReplicaError::Stuck(position.cursor));
            }
            did.pulled += page.ops.len();
            let after = Position { cursor: page.next, epoch: position.epoch };
            self.store.apply(&page.ops, &after).map_err(ReplicaError::Store)?;
            if !page.has_more {
                return Ok(());
            }
        }
    }

    async fn push(&mut self, did: &mut Cycle) -> Result<(), ReplicaError> {
        let mut rounds = 0;
        loop {
            let waiting = self.store.waiting(self.client.options().push_ops).map_err(ReplicaError::Store)?;
            if waiting.is_empty() {
                return Ok(());
            }
            let ops = waiting.iter().map(|change| self.operation(change)).collect();
            let request = PushRequest { db: Arc::clone(&self.db), device: Arc::clone(&self.device), ops };
            let answer = self.client.push(&request).await?;
            did.pushed += waiting.len();
            did.conflicts += answer.conflicts.len();
            let refused = |op_id: u64| answer.conflicts.iter().any(|conflict| conflict.op.op_id == op_id);
            let accepted: Vec<u64> = waiting
                .iter()
                .map(|change| change.op_id)
                .filter(|op_id| *op_id <= answer.acknowledged && !refused(*op_id))
                .collect();
            self.store.settle(&accepted).map_err(ReplicaError::Store)?;
            for conflict in &answer.conflicts {
                self.decide(conflict)?;
            }
            rounds = if accepted.is_empty() { rounds + 1 } else { 0 };
            if rounds >= ROUNDS_MAX {
                return Err(ReplicaError::Contended(answer.conflicts.len()));
            }
        }
    }

    fn operation(&self, change: &LocalChange) -> Operation {
        Operation {
            op_id: change.op_id,
            db: Arc::clone(&self.db),
            device: Arc::clone(&self.device),
            collection: Arc::clone(&change.collection),
            entity: Arc::clone(&change.entity),
            kind: if change.body.is_some() { Kind::Upsert } else { Kind::Delete },
            version: change.version,
            body: change.body.clone(),
            timestamp_ms: change.timestamp_ms,
        }
    }

    /// The refused change leaves the queue; what takes its place is a change of its own, with a number of its own.
    fn decide(&mut self, conflict: &Conflict) -> Result<(), ReplicaError> {
        let (collection, entity) = (&conflict.op.collection, &conflict.op.entity);
        let resolution = self.resolver.resolve(conflict);
        self.store.settle(&[conflict.op.op_id]).map_err(ReplicaError::Store)?;
        let body = match resolution {
            Resolution::KeepServer => return self.take_server_state(conflict),
            Resolution::KeepLocal => conflict.op.body.clone(),
            Resolution::Replace(body) => body,
        };
        self.change(collection, entity, body, conflict.version)
    }

    fn take_server_state(&mut self, conflict: &Conflict) -> Result<(), ReplicaError> {
        let is_deleted = conflict.body.is_empty();
        let state = Operation {
            kind: if is_deleted { Kind::Delete } else { Kind::Upsert },
            version: conflict.version,
            body: (!is_deleted).then(|| conflict.body.clone()),
            timestamp_ms: conflict.modified_ms.unwrap_or_default(),
            ..conflict.op.clone()
        };
        let position = self.store.position().map_err(ReplicaError::Store)?;
        self.store.apply(&[state], &position).map_err(ReplicaError::Store)
    }

    /// Queues a change above every version that is known and above `at_least`.
    fn change(
        &mut self,
        collection: &Name,
        entity: &Name,
        body: Option<Bytes>,
        at_least: u64,
    ) -> Result<(), ReplicaError> {
        let now_ms = now_ms().saturating_add_signed(self.clock_offset_ms);
        let known = self.store.version(collection, entity).map_err(ReplicaError::Store)?;
        let change = LocalChange {
            op_id: self.store.next_op_id().map_err(ReplicaError::Store)?,
            collection: Arc::clone(collection),
            entity: Arc::clone(entity),
            body,
            // Milliseconds, as other clients have them; but a clock that went back must not lose an edit.
            version: now_ms.max(known.max(at_least) + 1),
            timestamp_ms: now_ms,
        };
        self.store.enqueue(change).map_err(ReplicaError::Store)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
