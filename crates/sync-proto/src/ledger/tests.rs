//! What each rule decides, one push at a time, on a store of three maps.

mod bounds;
mod defects;
mod figures;
mod fingerprints;
mod rules;

use std::collections::HashMap;

use bytes::Bytes;
use sangam_types::Wall;

use crate::rows::{Change, Database, EntityKey, EntityState, Epoch, Fingerprint, LogEntry, SettledKey, Totals};
use crate::{Decision, Kind, Ledger, Name, NotDecided, Operation, Push, Rules};

/// The clock of the server in these tests, milliseconds since 1970.
const NOW: u64 = 1_702_569_600_000;

/// What a store would keep.
#[derive(Debug)]
struct Kept {
    database: Database,
    entities: HashMap<EntityKey, EntityState>,
    settled: HashMap<SettledKey, u64>,
    refused: HashMap<SettledKey, Fingerprint>,
    log: Vec<LogEntry>,
    now: u64,
    rules: Rules,
}

impl Kept {
    fn new() -> Self {
        let database = Database {
            name: Name::from("d"),
            epoch: Epoch(7),
            head: 0,
            tombstones_to: 0,
            totals: Totals::default(),
            created_ms: NOW,
        };
        Self {
            database,
            entities: HashMap::new(),
            settled: HashMap::new(),
            refused: HashMap::new(),
            log: Vec::new(),
            now: NOW,
            rules: Rules::default(),
        }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.database.clone())
    }

    /// Loads what a push needs and has it decided.
    fn decide(&self, ledger: &mut Ledger, push: &Push) -> Result<Decision, NotDecided> {
        let wanted = ledger.wanted(push);
        let found =
            wanted.iter().filter_map(|key| Some((key.clone(), self.entities.get(key)?.clone()))).collect::<Vec<_>>();
        ledger.know_entities(wanted, found);
        let doubtful = ledger.doubtful(push);
        let settled = doubtful.iter().filter_map(|key| Some((key.clone(), *self.settled.get(key)?))).collect();
        let refused = doubtful.iter().filter_map(|key| Some((key.clone(), *self.refused.get(key)?))).collect();
        ledger.know_settled(settled, refused);
        ledger.decide(push, Wall::from_unix_millis(self.now), &self.rules)
    }

    fn keep(&mut self, ledger: Ledger) -> Option<Change> {
        let change = ledger.into_change(Vec::new(), Wall::from_unix_millis(self.now))?;
        assert_eq!(change.head_before, self.database.head);
        self.database = change.database.clone();
        self.entities.extend(change.entities.iter().cloned());
        self.settled.extend(change.settled.iter().cloned());
        self.refused.extend(change.refused.iter().cloned());
        self.log.extend(change.log.iter().cloned());
        for (at, entry) in self.log.iter().enumerate() {
            assert_eq!(entry.cursor, at as u64 + 1, "cursors are dense");
        }
        assert_eq!(self.database.head, self.log.len() as u64);
        Some(change)
    }

    /// A push that is a group of its own.
    fn push(&mut self, device: &str, ops: &[Operation]) -> Result<Decision, NotDecided> {
        let mut ledger = self.ledger();
        let decision = self.decide(&mut ledger, &push(device, ops))?;
        self.keep(ledger);
        Ok(decision)
    }

    fn entity(&self, entity: &str) -> &EntityState {
        &self.entities[&key(entity)]
    }
}

fn push(device: &str, ops: &[Operation]) -> Push {
    let ops = ops.iter().cloned().map(|op| Operation { device: Name::from(device), ..op }).collect();
    Push { device: Name::from(device), ops }
}

fn key(entity: &str) -> EntityKey {
    EntityKey { collection: Name::from("c"), entity: Name::from(entity) }
}

/// Text that is one CBOR item.
fn body(text: &str) -> Bytes {
    let mut bytes = vec![0x78, u8::try_from(text.len()).unwrap()];
    bytes.extend_from_slice(text.as_bytes());
    bytes.into()
}

fn op(op_id: u64, entity: &str, version: u64, kind: Kind, body: Option<Bytes>) -> Operation {
    Operation {
        op_id,
        db: Name::from("d"),
        device: Name::from(""),
        collection: Name::from("c"),
        entity: Name::from(entity),
        kind,
        version,
        body,
        timestamp_ms: NOW - 5,
    }
}

fn upsert(op_id: u64, entity: &str, version: u64, text: &str) -> Operation {
    op(op_id, entity, version, Kind::Upsert, Some(body(text)))
}

fn delete(op_id: u64, entity: &str, version: u64) -> Operation {
    op(op_id, entity, version, Kind::Delete, None)
}

/// How many were accepted, were repeated, are in conflict, and up to where they are acknowledged.
fn figures(decision: &Decision) -> (usize, usize, usize, u64) {
    (decision.accepted, decision.repeated, decision.conflicts.len(), decision.acknowledged)
}
