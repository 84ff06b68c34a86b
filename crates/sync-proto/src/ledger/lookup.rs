use hashbrown::Equivalent;

use crate::rows::{EntityKey, EntityState, Fingerprint, SettledKey};
use crate::{Name, Operation};

use super::{Ledger, Push};

/// Which entity, without a copy of its names. Hashes as [`EntityKey`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntityRef<'a> {
    collection: &'a str,
    entity: &'a str,
}

impl<'a> EntityRef<'a> {
    pub(super) fn of(op: &'a Operation) -> Self {
        Self { collection: &op.collection, entity: &op.entity }
    }
}

impl Equivalent<EntityKey> for EntityRef<'_> {
    fn equivalent(&self, key: &EntityKey) -> bool {
        *self.entity == *key.entity && *self.collection == *key.collection
    }
}

/// Which operation, without a copy of its names. Hashes as [`SettledKey`] does.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct SettledRef<'a> {
    device: &'a str,
    op_id: u64,
    of: EntityRef<'a>,
}

impl<'a> SettledRef<'a> {
    pub(super) fn of(device: &'a str, op: &'a Operation) -> Self {
        Self { device, op_id: op.op_id, of: EntityRef::of(op) }
    }
}

impl Equivalent<SettledKey> for SettledRef<'_> {
    fn equivalent(&self, key: &SettledKey) -> bool {
        self.op_id == key.op_id && *self.device == *key.device && self.of.equivalent(&key.of)
    }
}

pub(super) fn entity_key(op: &Operation) -> EntityKey {
    EntityKey { collection: Name::clone(&op.collection), entity: Name::clone(&op.entity) }
}

pub(super) fn settled_key(device: &Name, op: &Operation) -> SettledKey {
    SettledKey { device: Name::clone(device), op_id: op.op_id, of: entity_key(op) }
}

impl Ledger {
    /// Entities that must be loaded before `push` can be decided: those that are not known yet, each once, in order of names. Of
    /// all its operations, as how many are looked at is for [`Self::decide`] to say; a driver may cut the push before.
    #[must_use]
    pub fn wanted(&self, push: &Push) -> Vec<EntityKey> {
        let unknown = |op: &&Operation| self.entities.find(&EntityRef::of(op)).is_none();
        let mut wanted: Vec<&Operation> = push.ops.iter().filter(unknown).collect();
        wanted.sort_unstable_by_key(|op| EntityRef::of(op));
        wanted.dedup_by_key(|op| EntityRef::of(op));
        wanted.into_iter().map(entity_key).collect()
    }

    /// Takes what was loaded. A key that was wanted and is not given is an entity that is not there. What is known already stays.
    pub fn know_entities(&mut self, wanted: Vec<EntityKey>, found: Vec<(EntityKey, EntityState)>) {
        for (key, state) in found {
            self.entities.load(key, Some(state));
        }
        for key in wanted {
            self.entities.load(key, None);
        }
    }

    /// Operations of `push` of which it must be known whether they were settled or refused before: only those whose version is not
    /// above what is known, as no other can be a repetition. Not the last of its entity: that one stands in the entity's own state.
    #[must_use]
    pub fn doubtful(&self, push: &Push) -> Vec<SettledKey> {
        let doubtful = |op: &&Operation| {
            let known = self.entities.get(&EntityRef::of(op));
            known.is_some_and(|known| {
                op.version <= known.version && !(op.op_id == known.op_id && push.device == known.device)
            })
        };
        push.ops.iter().filter(doubtful).map(|op| settled_key(&push.device, op)).collect()
    }

    /// Takes what was found of the doubtful ones. What is known already stays.
    pub fn know_settled(&mut self, settled: Vec<(SettledKey, u64)>, refused: Vec<(SettledKey, Fingerprint)>) {
        for (key, version) in settled {
            self.settled.load(key, Some(version));
        }
        for (key, digest) in refused {
            self.refused.load(key, Some(digest));
        }
    }
}
