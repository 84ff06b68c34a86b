//! A device's memory, which tells the account what happens in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sangam_sync_client::{
    ClientWins, LastWriteWins, LocalChange, MemoryStore, Position, ReplicaStore, Resolution, Resolver, ServerWins,
    StoreFailure,
};
use sangam_sync_proto::message::Conflict;
use sangam_sync_proto::{Name, Operation};
use tokio::sync::Notify;

use super::account::{Account, Mark};

/// What a device's store, its resolver and its life share.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) device: Name,
    account: Arc<Mutex<Account>>,
    /// A push is about to be sent.
    pub(crate) pushing: Notify,
    decided: Mutex<Decided>,
}

/// A conflict that was decided and not yet carried out: a replica settles the change, then takes the server's state if so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Decided {
    op_id: Option<u64>,
    takes_server_state: bool,
    kept_server: u64,
    kept_local: u64,
}

impl Watch {
    pub(crate) fn new(device: Name, account: Arc<Mutex<Account>>) -> Arc<Self> {
        Arc::new(Self { device, account, pushing: Notify::new(), decided: Mutex::default() })
    }

    /// Nothing is waited for while it is held.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decided(&self) -> MutexGuard<'_, Decided> {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Conflicts that ended with the server's state, and with the device's.
    pub(crate) fn resolved(&self) -> (u64, u64) {
        let decided = self.decided();
        (decided.kept_server, decided.kept_local)
    }
}

#[derive(Debug)]
pub(crate) struct DeviceStore {
    memory: MemoryStore,
    watch: Arc<Watch>,
    marks: BTreeMap<u64, Mark>,
}

impl DeviceStore {
    pub(crate) fn new(watch: Arc<Watch>) -> Self {
        Self { memory: MemoryStore::default(), watch, marks: BTreeMap::new() }
    }

    pub(crate) fn memory(&self) -> &MemoryStore {
        &self.memory
    }
}

impl ReplicaStore for DeviceStore {
    fn position(&self) -> Result<Position, StoreFailure> {
        self.memory.position()
    }

    fn apply(&mut self, ops: &[Operation], position: &Position) -> Result<(), StoreFailure> {
        let is_of_conflict = std::mem::take(&mut self.watch.decided().takes_server_state);
        if !is_of_conflict {
            let since = self.memory.position()?.cursor;
            self.watch.account().seen(&self.watch.device, since, ops, position.cursor, Instant::now());
        }
        self.memory.apply(ops, position)
    }

    fn reset(&mut self, position: &Position) -> Result<(), StoreFailure> {
        self.memory.reset(position)
    }

    fn version(&self, collection: &str, entity: &str) -> Result<u64, StoreFailure> {
        self.memory.version(collection, entity)
    }

    fn next_op_id(&mut self) -> Result<u64, StoreFailure> {
        self.memory.next_op_id()
    }

    fn enqueue(&mut self, change: LocalChange) -> Result<(), StoreFailure> {
        let mark = Mark::of_change(&self.watch.device, &change);
        self.watch.account().made(mark.clone(), change.body.as_ref());
        self.marks.insert(change.op_id, mark);
        self.memory.enqueue(change)
    }

    fn waiting(&self, max: usize) -> Result<Vec<LocalChange>, StoreFailure> {
        let waiting = self.memory.waiting(max)?;
        if !waiting.is_empty() {
            let mut account = self.watch.account();
            waiting.iter().filter_map(|change| self.marks.get(&change.op_id)).for_each(|mark| account.sent(mark));
            drop(account);
            self.watch.pushing.notify_waiters();
        }
        Ok(waiting)
    }

    fn settle(&mut self, op_ids: &[u64]) -> Result<(), StoreFailure> {
        let refused = self.watch.decided().op_id.take();
        let now = Instant::now();
        let mut account = self.watch.account();
        for op_id in op_ids {
            let Some(mark) = self.marks.remove(op_id) else { continue };
            if refused == Some(*op_id) {
                account.refused(&mark);
            } else {
                account.accepted(&mark, now);
            }
        }
        drop(account);
        self.memory.settle(op_ids)
    }
}

/// Decides conflicts as apps do, and tells the account.
#[derive(Debug)]
pub(crate) struct DeviceResolver {
    pub(crate) choice: Choice,
    pub(crate) watch: Arc<Watch>,
}

/// Who wins a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Server,
    Client,
    Later,
}

impl Choice {
    pub(crate) const ALL: [Self; 3] = [Self::Server, Self::Client, Self::Later];
}

impl Resolver for DeviceResolver {
    fn resolve(&self, conflict: &Conflict) -> Resolution {
        let resolution = match self.choice {
            Choice::Server => ServerWins.resolve(conflict),
            Choice::Client => ClientWins.resolve(conflict),
            Choice::Later => LastWriteWins.resolve(conflict),
        };
        let mut decided = self.watch.decided();
        decided.op_id = Some(conflict.op.op_id);
        decided.takes_server_state = resolution == Resolution::KeepServer;
        if decided.takes_server_state {
            decided.kept_server += 1;
        } else {
            decided.kept_local += 1;
        }
        resolution
    }
}
