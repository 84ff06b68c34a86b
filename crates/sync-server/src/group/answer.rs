use std::collections::HashMap;

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::Writer;
use sangam_sync_proto::message::Conflict;
use sangam_sync_proto::rows::Database;
use sangam_sync_proto::{Decision, NotDecided, Refused, ServerBody};

use super::{NotPushed, Pushed};

/// The answers to a group, as far as they are known.
pub(super) struct Answers {
    outcomes: Vec<Option<Result<Pushed, NotPushed>>>,
    /// Of the database at hand.
    decisions: Vec<(usize, Decision)>,
}

impl Answers {
    pub(super) fn new(jobs: usize) -> Self {
        Self { outcomes: (0..jobs).map(|_| None).collect(), decisions: Vec::new() }
    }

    pub(super) fn refuse(&mut self, members: &[usize], why: impl Fn() -> NotPushed) {
        for at in members {
            self.outcomes[*at] = Some(Err(why()));
        }
    }

    pub(super) fn decided(&mut self, at: usize, decision: Result<Decision, NotDecided>) {
        match decision {
            Ok(decision) => self.decisions.push((at, decision)),
            Err(why) => self.outcomes[at] = Some(Err(why.into())),
        }
    }

    /// Loads the bodies that conflicts are answered with, each once, while they are still where they were when they were
    /// decided upon.
    pub(super) fn finish(&mut self, writer: &mut dyn Writer, database: &Database) -> Result<(), StoreError> {
        let decisions = std::mem::take(&mut self.decisions);
        let bodies = bodies(writer, database, &decisions)?;
        for (at, decision) in decisions {
            let conflicts = decision.conflicts.into_iter().map(|refused| conflict(refused, &bodies)).collect();
            self.outcomes[at] = Some(Ok(Pushed {
                acknowledged: decision.acknowledged,
                conflicts,
                accepted: decision.accepted,
                repeated: decision.repeated,
                head: database.head,
            }));
        }
        Ok(())
    }

    pub(super) fn into_outcomes(self) -> Vec<Result<Pushed, NotPushed>> {
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(NotPushed::Stopped))).collect()
    }
}

fn bodies(
    writer: &mut dyn Writer,
    database: &Database,
    decisions: &[(usize, Decision)],
) -> Result<HashMap<u64, Bytes>, StoreError> {
    let refused = decisions.iter().flat_map(|(_, decision)| &decision.conflicts);
    let mut cursors: Vec<u64> = refused
        .filter_map(|refused| match refused.body {
            ServerBody::At(cursor) => Some(cursor),
            ServerBody::Deleted | ServerBody::Here(_) => None,
        })
        .collect();
    if cursors.is_empty() {
        return Ok(HashMap::new());
    }
    cursors.sort_unstable();
    cursors.dedup();
    let found = writer.bodies(&database.name, &cursors)?;
    Ok(cursors.into_iter().zip(found).filter_map(|(cursor, body)| body.map(|body| (cursor, body))).collect())
}

/// On the wire the body of a deleted entity is empty, never null.
fn conflict(refused: Refused, bodies: &HashMap<u64, Bytes>) -> Conflict {
    let body = match refused.body {
        ServerBody::Deleted => Bytes::new(),
        ServerBody::Here(body) => body,
        ServerBody::At(cursor) => bodies.get(&cursor).cloned().unwrap_or_default(),
    };
    Conflict { op: refused.op, version: refused.version, body, modified_ms: Some(refused.modified_ms) }
}
