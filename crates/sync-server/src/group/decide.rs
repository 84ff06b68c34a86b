use std::collections::HashMap;

use sangam_storage::StoreError;
use sangam_storage::sync::Writer;
use sangam_sync_proto::rows::{Change, Database, EntityKey, Replica};
use sangam_sync_proto::{Decision, Ledger, Name, NotDecided, Operation, Push};
use sangam_types::Wall;

use super::Terms;

/// One database of a group: its ledger, and how much each entity would add to an answer.
pub(super) struct Decided {
    ledger: Ledger,
    sizes: HashMap<EntityKey, Size>,
}

/// At most this much would be told of an entity; an estimate from above.
#[derive(Clone, Default)]
struct Size {
    version: u64,
    bytes: usize,
    /// Who was accepted last, if that is known: that operation coming again is a repetition and told nothing.
    by: Option<(Name, u64)>,
}

impl Decided {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, sizes: HashMap::new() }
    }

    pub(super) fn database(&self) -> &Database {
        self.ledger.database()
    }

    pub(super) fn into_change(self, replicas: Vec<Replica>, now: Wall) -> Option<Change> {
        self.ledger.into_change(replicas, now)
    }

    /// Loads what a push needs and decides it. Operations that are not looked at are cut off.
    pub(super) fn push(
        &mut self,
        writer: &mut dyn Writer,
        push: &mut Push,
        terms: &Terms<'_>,
    ) -> Result<Result<Decision, NotDecided>, StoreError> {
        // The ledger does not look at more, but where numbers do not rise.
        if push.ops.is_sorted_by(|a, b| a.op_id < b.op_id) {
            push.ops.truncate(terms.rules.push_ops_max);
        }
        self.load(writer, push)?;
        let cut = push.ops.split_off(self.answerable(push, terms.answer_bytes_max));
        let lowest_cut = cut.iter().map(|op| op.op_id).min();
        let doubtful = self.ledger.doubtful(push);
        if !doubtful.is_empty() {
            let found = writer.settled(&self.ledger.database().name, &doubtful)?;
            self.ledger.know_settled(found.settled, found.refused);
        }
        let mut decision = self.ledger.decide(push, terms.now, terms.rules);
        if let Ok(decision) = &mut decision {
            push.ops.iter().for_each(|op| self.grow(op));
            let open = lowest_cut.map_or(u64::MAX, |lowest| lowest.saturating_sub(1));
            decision.acknowledged = decision.acknowledged.min(open);
        }
        Ok(decision)
    }

    fn load(&mut self, writer: &mut dyn Writer, push: &Push) -> Result<(), StoreError> {
        let wanted = self.ledger.wanted(push);
        if wanted.is_empty() {
            return Ok(());
        }
        let found = writer.entities(&self.ledger.database().name, &wanted)?;
        for (key, state) in &found {
            let bytes = if state.deleted { 0 } else { usize::try_from(state.bytes).unwrap_or(usize::MAX) };
            let by = Some((Name::clone(&state.device), state.op_id));
            self.sizes.insert(key.clone(), Size { version: state.version, bytes, by });
        }
        self.ledger.know_entities(wanted, found);
        Ok(())
    }

    /// How many operations may be looked at until their conflicts could be more than one answer holds.
    fn answerable(&self, push: &Push, bytes_max: usize) -> usize {
        let mut bytes = 0_usize;
        for (at, op) in push.ops.iter().enumerate() {
            let Some(size) = self.sizes.get(&key(op)) else { continue };
            let is_repetition =
                size.by.as_ref().is_some_and(|(device, op_id)| *device == push.device && *op_id == op.op_id);
            if op.version <= size.version && !is_repetition {
                bytes = bytes.saturating_add(size.bytes);
            }
            if at > 0 && bytes > bytes_max {
                return at;
            }
        }
        push.ops.len()
    }

    fn grow(&mut self, op: &Operation) {
        let size = self.sizes.entry(key(op)).or_default();
        size.by = None;
        size.version = size.version.max(op.version);
        size.bytes = size.bytes.max(op.body.as_ref().map_or(0, |body| body.len()));
    }
}

fn key(op: &Operation) -> EntityKey {
    EntityKey { collection: op.collection.clone(), entity: op.entity.clone() }
}
