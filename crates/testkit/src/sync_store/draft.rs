use std::collections::BTreeMap;

use bytes::Bytes;
use sangam_storage::sync::{
    Change, Database, EntityKey, EntityState, Epoch, Fingerprint, Kind, LogEntry, Name, Totals, Writer,
};

/// One operation that a draft accepts without any rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Whose.
    pub device: Name,
    /// Its number.
    pub op_id: u64,
    /// About what.
    pub of: EntityKey,
    /// The version it makes.
    pub version: u64,
    /// `None`: it is deleted.
    pub body: Option<Bytes>,
}

impl Edit {
    /// The entity becomes `body`.
    #[must_use]
    pub fn upsert(device: &str, op_id: u64, collection: &str, entity: &str, body: &[u8]) -> Self {
        let of = EntityKey { collection: collection.into(), entity: entity.into() };
        Self { device: device.into(), op_id, of, version: op_id, body: Some(Bytes::copy_from_slice(body)) }
    }

    /// The entity is deleted.
    #[must_use]
    pub fn delete(device: &str, op_id: u64, collection: &str, entity: &str) -> Self {
        Self { body: None, ..Self::upsert(device, op_id, collection, entity, b"") }
    }

    /// The digest a draft gives a body: the first bytes of it, and its length.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut digest = [0; 16];
        if let Some(body) = &self.body {
            let part = &body[..body.len().min(8)];
            digest[..part.len()].copy_from_slice(part);
            digest[8..].copy_from_slice(&(body.len() as u64).to_be_bytes());
        }
        Fingerprint(digest)
    }
}

/// The change that takes all edits at `at_ms` on top of what the store has of the database, with exact totals. A database that is not
/// there has epoch 1. What else a change may hold is left empty.
#[must_use]
pub fn draft(writer: &mut dyn Writer, db: &str, edits: &[Edit], at_ms: u64) -> Change {
    let found = writer.databases(&[db]).expect("the store can be read").pop();
    let mut database = found.unwrap_or_else(|| new_database(db, at_ms));
    let keys: Vec<EntityKey> = edits.iter().map(|edit| edit.of.clone()).collect();
    let mut known: BTreeMap<(Name, Name), EntityState> = writer
        .entities(db, &keys)
        .expect("the store can be read")
        .into_iter()
        .map(|(key, state)| ((key.collection, key.entity), state))
        .collect();
    let head_before = database.head;
    let mut log = Vec::new();
    for edit in edits {
        database.head += 1;
        let entry = entry_of(edit, database.head, at_ms);
        let state = state_of(edit, &entry);
        let key = (edit.of.collection.clone(), edit.of.entity.clone());
        count(&mut database.totals, known.get(&key), &state);
        known.insert(key, state);
        log.push(entry);
    }
    let touched = known.into_iter().filter(|(_, state)| state.cursor > head_before);
    let entities = touched.map(|((collection, entity), state)| (EntityKey { collection, entity }, state)).collect();
    Change {
        database,
        head_before,
        log,
        entities,
        settled: Vec::new(),
        refused: Vec::new(),
        conflicts: Vec::new(),
        replicas: Vec::new(),
        at_ms,
    }
}

fn new_database(db: &str, at_ms: u64) -> Database {
    Database {
        name: db.into(),
        epoch: Epoch(1),
        head: 0,
        tombstones_to: 0,
        totals: Totals::default(),
        created_ms: at_ms,
    }
}

fn entry_of(edit: &Edit, cursor: u64, at_ms: u64) -> LogEntry {
    LogEntry {
        cursor,
        device: edit.device.clone(),
        op_id: edit.op_id,
        of: edit.of.clone(),
        kind: if edit.body.is_some() { Kind::Upsert } else { Kind::Delete },
        version: edit.version,
        body: edit.body.clone(),
        timestamp_ms: at_ms,
    }
}

fn state_of(edit: &Edit, entry: &LogEntry) -> EntityState {
    EntityState {
        cursor: entry.cursor,
        version: edit.version,
        device: edit.device.clone(),
        op_id: edit.op_id,
        deleted: edit.body.is_none(),
        modified_ms: entry.timestamp_ms,
        fingerprint: edit.fingerprint(),
        bytes: entry.bytes_counted(),
    }
}

fn count(totals: &mut Totals, before: Option<&EntityState>, after: &EntityState) {
    totals.log_len += 1;
    totals.bytes += after.bytes;
    if let Some(before) = before {
        totals.superseded += 1;
        *of_its_kind(totals, before.deleted) -= 1;
    }
    *of_its_kind(totals, after.deleted) += 1;
}

fn of_its_kind(totals: &mut Totals, deleted: bool) -> &mut u64 {
    if deleted { &mut totals.tombstones } else { &mut totals.live }
}
