use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use sangam_sync_proto::{Kind, Name, Operation};

/// How far a replica is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// It has everything up to here.
    pub cursor: u64,
    /// The life of the database that the cursor counts in, once the server has told it.
    pub epoch: Option<String>,
}

/// A change that waits to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalChange {
    /// Numbers the changes of this device; grows, also over restarts.
    pub op_id: u64,
    /// The collection.
    pub collection: Name,
    /// The entity in it.
    pub entity: Name,
    /// The entity as CBOR; `None`: it is deleted.
    pub body: Option<Bytes>,
    /// The version it has with this change.
    pub version: u64,
    /// When, milliseconds since 1970 on this device's clock.
    pub timestamp_ms: u64,
}

/// What went wrong in a store, in its own words.
pub type StoreFailure = Box<dyn std::error::Error + Send + Sync>;

/// What a replica keeps on its device. Each call takes effect whole or not at all, and lasts once it has returned.
pub trait ReplicaStore: Send {
    /// How far the replica is.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn position(&self) -> Result<Position, StoreFailure>;

    /// Takes operations of the server in their order, and the position after them. An entity of which a local change waits
    /// keeps that change's state: it is pushed next, and what becomes of it is decided then. What came of it meanwhile is not
    /// lost for that: see [`Self::settle`].
    ///
    /// # Errors
    ///
    /// The store fails.
    fn apply(&mut self, ops: &[Operation], position: &Position) -> Result<(), StoreFailure>;

    /// Forgets everything that came from the server, and takes the position to begin anew from. What waits stays.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn reset(&mut self, position: &Position) -> Result<(), StoreFailure>;

    /// The highest version of an entity that is known, 0 of an unknown one.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn version(&self, collection: &str, entity: &str) -> Result<u64, StoreFailure>;

    /// A number for a change that no change of this device has had.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn next_op_id(&mut self) -> Result<u64, StoreFailure>;

    /// Queues a change at the end, and makes it the entity's state.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn enqueue(&mut self, change: LocalChange) -> Result<(), StoreFailure>;

    /// The oldest changes that wait, at most so many.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn waiting(&self, max: usize) -> Result<Vec<LocalChange>, StoreFailure>;

    /// Takes these changes out of the queue. An entity of which no change waits any more takes the last state that
    /// [`Self::apply`] was given meanwhile, if its version is above the entity's: a change that was accepted, and whose
    /// acknowledgement was lost, may have been overtaken before it is acknowledged, and what overtook it comes only once.
    ///
    /// # Errors
    ///
    /// The store fails.
    fn settle(&mut self, op_ids: &[u64]) -> Result<(), StoreFailure>;
}

/// A store that ends with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    position: Position,
    entities: BTreeMap<(Name, Name), Held>,
    /// What came of an entity while a local change of it waited.
    beneath: BTreeMap<(Name, Name), Held>,
    queue: VecDeque<LocalChange>,
    last_op_id: u64,
}

#[derive(Clone, Debug)]
struct Held {
    version: u64,
    body: Option<Bytes>,
}

impl MemoryStore {
    /// An entity's body; `None`: it is not there or deleted.
    #[must_use]
    pub fn get(&self, collection: &str, entity: &str) -> Option<&Bytes> {
        self.entities.get(&(collection.into(), entity.into()))?.body.as_ref()
    }

    /// Every entity that is there: collection, entity, body; in order of names.
    pub fn entities(&self) -> impl Iterator<Item = (&str, &str, &Bytes)> {
        self.entities
            .iter()
            .filter_map(|((collection, entity), held)| Some((&**collection, &**entity, held.body.as_ref()?)))
    }

    /// Changes that wait.
    #[must_use]
    pub fn waiting_len(&self) -> usize {
        self.queue.len()
    }

    fn waits_for(&self, collection: &str, entity: &str) -> bool {
        self.queue.iter().any(|change| &*change.collection == collection && &*change.entity == entity)
    }
}

impl ReplicaStore for MemoryStore {
    fn position(&self) -> Result<Position, StoreFailure> {
        Ok(self.position.clone())
    }

    fn apply(&mut self, ops: &[Operation], position: &Position) -> Result<(), StoreFailure> {
        for op in ops {
            let body = if op.kind == Kind::Upsert { op.body.clone() } else { None };
            let waits = self.waits_for(&op.collection, &op.entity);
            let layer = if waits { &mut self.beneath } else { &mut self.entities };
            layer.insert((op.collection.clone(), op.entity.clone()), Held { version: op.version, body });
        }
        self.position = position.clone();
        Ok(())
    }

    fn reset(&mut self, position: &Position) -> Result<(), StoreFailure> {
        let queue = &self.queue;
        self.beneath.clear();
        self.entities.retain(|(collection, entity), _| {
            queue.iter().any(|change| change.collection == *collection && change.entity == *entity)
        });
        self.position = position.clone();
        Ok(())
    }

    fn version(&self, collection: &str, entity: &str) -> Result<u64, StoreFailure> {
        Ok(self.entities.get(&(collection.into(), entity.into())).map_or(0, |held| held.version))
    }

    fn next_op_id(&mut self) -> Result<u64, StoreFailure> {
        self.last_op_id += 1;
        Ok(self.last_op_id)
    }

    fn enqueue(&mut self, change: LocalChange) -> Result<(), StoreFailure> {
        let held = Held { version: change.version, body: change.body.clone() };
        self.entities.insert((change.collection.clone(), change.entity.clone()), held);
        self.queue.push_back(change);
        Ok(())
    }

    fn waiting(&self, max: usize) -> Result<Vec<LocalChange>, StoreFailure> {
        Ok(self.queue.iter().take(max).cloned().collect())
    }

    fn settle(&mut self, op_ids: &[u64]) -> Result<(), StoreFailure> {
        self.queue.retain(|change| !op_ids.contains(&change.op_id));
        let queue = &self.queue;
        let waits = |(collection, entity): &(Name, Name)| {
            queue.iter().any(|change| change.collection == *collection && change.entity == *entity)
        };
        for (key, held) in self.beneath.extract_if(.., |key, _| !waits(key)) {
            if self.entities.get(&key).is_none_or(|state| state.version < held.version) {
                self.entities.insert(key, held);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(op_id: u64, version: u64) -> LocalChange {
        let body = Some(Bytes::from_static(b"mine"));
        LocalChange { op_id, collection: "c".into(), entity: "e".into(), body, version, timestamp_ms: 0 }
    }

    fn theirs(version: u64) -> Operation {
        Operation {
            op_id: version,
            db: "db".into(),
            device: "other".into(),
            collection: "c".into(),
            entity: "e".into(),
            kind: Kind::Upsert,
            version,
            body: Some(Bytes::from_static(b"theirs")),
            timestamp_ms: 0,
        }
    }

    #[test]
    fn what_overtook_a_change_that_waited_is_the_state_once_it_waits_no_more() {
        let mut store = MemoryStore::default();
        store.enqueue(change(1, 5)).unwrap();
        store.apply(&[theirs(6)], &Position { cursor: 6, epoch: None }).unwrap();
        assert_eq!(store.get("c", "e").unwrap(), "mine");
        store.settle(&[1]).unwrap();
        assert_eq!((store.get("c", "e").unwrap(), store.version("c", "e").unwrap()), (&Bytes::from("theirs"), 6));
    }

    #[test]
    fn a_change_that_is_above_what_came_while_it_waited_stays() {
        let mut store = MemoryStore::default();
        store.enqueue(change(1, 5)).unwrap();
        store.apply(&[theirs(4)], &Position { cursor: 4, epoch: None }).unwrap();
        store.settle(&[1]).unwrap();
        assert_eq!((store.get("c", "e").unwrap(), store.version("c", "e").unwrap()), (&Bytes::from("mine"), 5));
    }
}
