//! What a sync server must do, said once more and in the plainest way: every question is answered by reading everything that
//! ever happened. Shares no code with the server.

use std::collections::BTreeMap;

use bytes::Bytes;

/// An operation as a replica sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The replica.
    pub device: String,
    /// Its number.
    pub op_id: u64,
    /// The entity.
    pub entity: String,
    /// The version it claims.
    pub version: u64,
    /// What the entity is now; `None`: no more.
    pub value: Option<u64>,
    /// Which of several ways of writing the same value was used.
    pub writing: u8,
    /// The replica's clock.
    pub timestamp_ms: u64,
}

/// An operation that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// As it was sent.
    pub sent: Sent,
    /// Its place in the log; `None`: it changed nothing.
    pub cursor: Option<u64>,
    /// The server's clock.
    pub at_ms: u64,
    /// Its entity was deleted so long ago that nothing of it is known any more.
    pub forgotten: bool,
    /// Nor that it was accepted: it was the last of its entity then, and stood nowhere else.
    pub unsettled: bool,
}

/// An operation that is in conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its number.
    pub op_id: u64,
    /// The server's version.
    pub version: u64,
    /// The server's value, and how it was written.
    pub state: Option<(u64, u8)>,
    /// When that was accepted.
    pub modified_ms: u64,
}

/// What a push is answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Up to which operation the replica may forget.
    pub acknowledged: u64,
    /// What was refused.
    pub conflicts: Vec<Conflict>,
    /// How many are new in the log.
    pub accepted: usize,
    /// How many were known, or changed nothing.
    pub repeated: usize,
}

/// The state of an entity as replicas see it that have read the whole log: version and value.
pub type Folded = BTreeMap<String, (u64, Option<u64>)>;

/// A body that means `value` (below 256), written in one of three ways.
#[must_use]
pub fn body(value: u64, writing: u8) -> Bytes {
    let value = value.to_le_bytes()[0];
    match writing {
        0 => Bytes::copy_from_slice(&[0xa1, 0x01, 0x18, value]),
        1 => Bytes::copy_from_slice(&[0xbf, 0x01, 0x19, 0x00, value, 0xff]),
        _ => Bytes::copy_from_slice(&[0xb8, 0x01, 0x18, 0x01, 0x1a, 0x00, 0x00, 0x00, value]),
    }
}

/// What a body of [`body`] means, and how it is written.
#[must_use]
pub fn written(body: &[u8]) -> Option<(u64, u8)> {
    match body {
        [0xa1, 0x01, 0x18, value] => Some((u64::from(*value), 0)),
        [0xbf, 0x01, 0x19, 0x00, value, 0xff] => Some((u64::from(*value), 1)),
        [0xb8, 0x01, 0x18, 0x01, 0x1a, 0x00, 0x00, 0x00, value] => Some((u64::from(*value), 2)),
        _ => None,
    }
}

/// Whether two operations on one entity have the same number of the same replica.
fn is_same(a: &Sent, b: &Sent) -> bool {
    a.device == b.device && a.op_id == b.op_id
}

/// One database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Everything that was accepted, in order.
    pub accepted: Vec<Accepted>,
    refused: Vec<Sent>,
}

impl Model {
    /// What becomes of a push of which `ops_max` operations are looked at; if numbers do not rise, until so many were new.
    pub fn push(&mut self, ops: &[Sent], ops_max: usize, at_ms: u64) -> Answer {
        let rises = ops.windows(2).all(|pair| pair[0].op_id < pair[1].op_id);
        let mut answer = Answer::default();
        let mut settled = Vec::new();
        for op in ops {
            let (accepted, refused) = (self.accepted.len(), self.refused.len());
            if settled.iter().filter(|(_, new)| *new || rises).count() < ops_max {
                let is_settled = self.one(op, at_ms, &mut answer);
                let is_new = self.accepted.len() > accepted || (self.refused.len() > refused && !is_settled);
                settled.push((is_settled, is_new));
            }
        }
        let last = settled.iter().rposition(|&(settled, _)| settled);
        let open = ops[last.map_or(0, |last| last + 1)..].iter().map(|op| op.op_id).min();
        let last = last.map_or(0, |last| ops[last].op_id);
        answer.acknowledged = open.map_or(last, |open| last.min(open.saturating_sub(1)));
        answer
    }

    /// Whether it may leave its replica's queue.
    fn one(&mut self, op: &Sent, at_ms: u64, answer: &mut Answer) -> bool {
        let of_entity = self.accepted.iter().filter(|before| before.sent.entity == op.entity);
        let Some(last) = of_entity.clone().rfind(|before| !before.forgotten) else {
            return self.accept(op, at_ms, false, answer);
        };
        let same = |before: &Accepted| is_same(&before.sent, op) && !before.unsettled;
        let later_edit = last.sent.device == op.device && op.op_id > last.sent.op_id && op.version == last.sent.version;
        if op.version > last.sent.version {
            let unchanged = last.sent.value == op.value;
            return self.accept(op, at_ms, unchanged, answer);
        }
        if of_entity.clone().any(|before| same(before) && op.version <= before.sent.version) {
            answer.repeated += 1;
            return true;
        }
        if later_edit {
            let unchanged = last.sent.value == op.value;
            return self.accept(op, at_ms, unchanged, answer);
        }
        let logged = of_entity.clone().rfind(|before| before.cursor.is_some());
        answer.conflicts.push(Conflict {
            op_id: op.op_id,
            version: last.sent.version,
            state: logged.and_then(|row| Some((row.sent.value?, row.sent.writing))),
            modified_ms: logged.map_or(0, |row| row.at_ms),
        });
        let refused = self
            .refused
            .iter()
            .rfind(|before| before.device == op.device && before.op_id == op.op_id && before.entity == op.entity);
        let again = refused == Some(op);
        self.refused.push(op.clone());
        again
    }

    fn accept(&mut self, op: &Sent, at_ms: u64, unchanged: bool, answer: &mut Answer) -> bool {
        let cursor = (!unchanged).then(|| self.head() + 1);
        self.accepted.push(Accepted { sent: op.clone(), cursor, at_ms, forgotten: false, unsettled: false });
        if unchanged {
            answer.repeated += 1;
        } else {
            answer.accepted += 1;
        }
        true
    }

    /// Forgets entities whose deletion stands at or before `cursor`.
    pub fn forget_deleted(&mut self, cursor: u64) {
        let rows = self.log().map(|row| (row.sent.entity.clone(), row)).collect::<BTreeMap<_, _>>();
        let gone = |row: &Accepted| row.sent.value.is_none() && row.cursor.is_some_and(|at| at <= cursor);
        let gone = rows.into_iter().filter(|(_, row)| gone(row)).map(|(entity, _)| entity).collect::<Vec<_>>();
        for entity in gone {
            let mut of_entity = self.accepted.iter_mut().filter(|row| row.sent.entity == entity).rev().peekable();
            let last = of_entity.peek().map(|last| last.sent.clone());
            let mut is_last = true;
            for row in of_entity {
                is_last &= last.as_ref().is_some_and(|last| is_same(last, &row.sent));
                row.unsettled |= is_last && !row.forgotten;
                row.forgotten = true;
            }
        }
    }

    /// The cursor of the newest row of the log.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.log().count() as u64
    }

    /// The log.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Accepted> {
        self.accepted.iter().filter(|accepted| accepted.cursor.is_some())
    }

    /// What a replica has that read the log.
    #[must_use]
    pub fn folded(&self) -> Folded {
        self.log()
            .filter(|row| !row.forgotten)
            .map(|row| (row.sent.entity.clone(), (row.sent.version, row.sent.value)))
            .collect()
    }
}
