//! The ledger beside a model that reads everything that ever happened for each answer: on random pushes, with numbers that are used
//! again, pushes that are sent again, equal versions, deletions and revivals, in groups of any size.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use sangam_sync_proto::rows::{Database, EntityKey, EntityState, Epoch, Fingerprint, LogEntry, SettledKey, Totals};
use sangam_sync_proto::{Decision, Kind, Ledger, Name, Operation, Push, Rules, ServerBody};
use sangam_testkit::sync_model::{Answer, Conflict, Folded, Model, Sent, body, written};
use sangam_types::Wall;

const NOW: u64 = 1_702_569_600_000;

fn operation(sent: &Sent) -> Operation {
    Operation {
        op_id: sent.op_id,
        db: Name::from("d"),
        device: Name::from(&*sent.device),
        collection: Name::from("c"),
        entity: Name::from(&*sent.entity),
        kind: if sent.value.is_some() { Kind::Upsert } else { Kind::Delete },
        version: sent.version,
        body: sent.value.map(|value| body(value, sent.writing)),
        timestamp_ms: sent.timestamp_ms,
    }
}

/// A store of a few maps.
#[derive(Debug, Default)]
struct Kept {
    entities: HashMap<EntityKey, EntityState>,
    settled: HashMap<SettledKey, u64>,
    refused: HashMap<SettledKey, Fingerprint>,
    log: Vec<LogEntry>,
    totals: Totals,
}

impl Kept {
    fn ledger(&self) -> Ledger {
        Ledger::new(Database {
            name: Name::from("d"),
            epoch: Epoch(7),
            head: self.log.len() as u64,
            tombstones_to: 0,
            totals: self.totals,
            created_ms: NOW,
        })
    }

    fn load(&self, ledger: &mut Ledger, push: &Push) {
        let wanted = ledger.wanted(push);
        let found = wanted.iter().filter_map(|key| Some((key.clone(), self.entities.get(key)?.clone()))).collect();
        ledger.know_entities(wanted, found);
        let doubtful = ledger.doubtful(push);
        let settled = doubtful.iter().filter_map(|key| Some((key.clone(), *self.settled.get(key)?))).collect();
        let refused = doubtful.iter().filter_map(|key| Some((key.clone(), *self.refused.get(key)?))).collect();
        ledger.know_settled(settled, refused);
    }

    fn keep(&mut self, ledger: Ledger) {
        let Some(change) = ledger.into_change(Vec::new(), Wall::from_unix_millis(NOW)) else { return };
        assert_eq!(change.head_before, self.log.len() as u64);
        self.entities.extend(change.entities);
        self.settled.extend(change.settled);
        self.refused.extend(change.refused);
        self.log.extend(change.log);
        self.totals = change.database.totals;
        assert_eq!(change.database.head, self.log.len() as u64);
        assert!(self.log.iter().zip(1..).all(|(entry, cursor)| entry.cursor == cursor), "cursors are dense");
    }

    fn folded(&self) -> Folded {
        let value = |entry: &LogEntry| entry.body.as_ref().map(|body| written(body).unwrap().0);
        self.log.iter().map(|entry| (entry.of.entity.to_string(), (entry.version, value(entry)))).collect()
    }

    /// Counted anew from the log.
    fn counted(&self) -> Totals {
        let last: BTreeMap<_, _> = self.log.iter().map(|entry| (&entry.of.entity, entry)).collect();
        let tombstones = last.values().filter(|entry| entry.kind == Kind::Delete).count() as u64;
        Totals {
            log_len: self.log.len() as u64,
            superseded: (self.log.len() - last.len()) as u64,
            live: last.len() as u64 - tombstones,
            tombstones,
            bytes: self.log.iter().map(LogEntry::bytes_counted).sum(),
        }
    }
}

fn answer(decision: Decision, kept: &Kept) -> Answer {
    let conflict = |refused: sangam_sync_proto::Refused| Conflict {
        op_id: refused.op.op_id,
        version: refused.version,
        state: match refused.body {
            ServerBody::Deleted => None,
            ServerBody::Here(body) => written(&body),
            ServerBody::At(cursor) => {
                kept.log[usize::try_from(cursor).unwrap() - 1].body.as_ref().and_then(|body| written(body))
            }
        },
        modified_ms: refused.modified_ms,
    };
    Answer {
        acknowledged: decision.acknowledged,
        conflicts: decision.conflicts.into_iter().map(conflict).collect(),
        accepted: decision.accepted,
        repeated: decision.repeated,
    }
}

#[derive(Clone, Debug)]
struct Step {
    device: u8,
    ops: Vec<(u64, u8, u64, Option<u64>, u8)>,
    /// Sent again instead: the push so many before.
    again: Option<usize>,
    ends_group: bool,
    spoiled: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let op = (1u64..7, 0u8..4, 1u64..9, prop::option::weighted(0.8, 0u64..3), 0u8..3);
    let again = prop::option::weighted(0.3, 0usize..4);
    (0u8..3, prop::collection::vec(op, 0..6), again, any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(device, ops, again, ends_group, spoiled)| Step { device, ops, again, ends_group, spoiled })
}

fn sent(step: &Step, at: usize) -> Vec<Sent> {
    let one = |&(op_id, entity, version, value, writing): &(u64, u8, u64, Option<u64>, u8)| Sent {
        device: format!("dev-{}", step.device),
        op_id,
        entity: format!("e{entity}"),
        version,
        value,
        writing: if value.is_some() { writing } else { 0 },
        timestamp_ms: at as u64 / 4,
    };
    step.ops.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..40), ops_max in 1usize..8) {
        let rules = Rules { push_ops_max: ops_max, ..Rules::default() };
        let (mut kept, mut model) = (Kept::default(), Model::default());
        let mut ledger = kept.ledger();
        let mut earlier: Vec<Vec<Sent>> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let again = step.again.and_then(|back| earlier.len().checked_sub(back + 1));
            let ops = again.map_or_else(|| sent(step, at), |at| earlier[at].clone());
            let device = ops.first().map_or_else(|| "dev-0".to_owned(), |op| op.device.clone());
            let mut push = Push { device: Name::from(&*device), ops: ops.iter().map(operation).collect() };
            let spoiled = step.spoiled && push.ops.len() < ops_max;
            if spoiled {
                push.ops.push(Operation { entity: Name::from("n".repeat(600)), ..operation(&Sent {
                    device, op_id: 9, entity: String::new(), version: 1, value: None, writing: 0, timestamp_ms: 0,
                }) });
            }
            kept.load(&mut ledger, &push);
            let decision = ledger.decide(&push, Wall::from_unix_millis(NOW), &rules);
            if spoiled {
                prop_assert!(decision.is_err());
            } else {
                // bodies of the same group are in the ledger, those of before in the log
                let answer = answer(decision.unwrap(), &kept);
                prop_assert_eq!(answer, model.push(&ops, ops_max, NOW), "push {} of {:?}", at, ops);
                earlier.push(ops);
            }
            if step.ends_group {
                kept.keep(std::mem::replace(&mut ledger, Kept::default().ledger()));
                ledger = kept.ledger();
            }
        }
        kept.keep(ledger);
        prop_assert_eq!(kept.folded(), model.folded());
        prop_assert_eq!(kept.log.len() as u64, model.head());
        prop_assert_eq!(kept.totals, kept.counted());
    }
}
