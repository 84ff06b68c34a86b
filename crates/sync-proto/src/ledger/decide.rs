use bytes::Bytes;
use sangam_types::Wall;

use crate::rows::{ConflictRow, EntityState, Fingerprint, LogEntry, bytes_counted};
use crate::{Kind, Name, Operation, Rules};

use super::digest::digest;
use super::lookup::{EntityRef, SettledRef, entity_key, settled_key};
use super::{Decision, Ledger, NotDecided, Push, Refused, ServerBody};

/// What becomes of one operation.
#[derive(Debug)]
enum Verdict {
    /// New in the log.
    Accepted,
    /// Known already.
    Repeated,
    /// Accepted, and it changed nothing.
    Unchanged,
    Refused {
        refused: Refused,
        /// The same one was refused before: it is acknowledged now.
        again: bool,
    },
}

/// What an operation is beside what is known of its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Newer,
    Repeated,
    Conflict,
}

impl Ledger {
    /// Decides a push at `now`: all of it is taken into the ledger, or nothing.
    ///
    /// # Errors
    ///
    /// It breaks a bound; the ledger is as before.
    pub fn decide(&mut self, push: &Push, now: Wall, rules: &Rules) -> Result<Decision, NotDecided> {
        let (head, totals, log, conflicts) =
            (self.database.head, self.database.totals, self.log.len(), self.conflicts.len());
        let decision = self.decide_each(push, now, rules);
        if decision.is_ok() {
            self.entities.keep();
            self.settled.keep();
            self.refused.keep();
        } else {
            self.entities.take_back();
            self.settled.take_back();
            self.refused.take_back();
            self.database.head = head;
            self.database.totals = totals;
            self.log.truncate(log);
            self.conflicts.truncate(conflicts);
        }
        decision
    }

    /// Looks at as many operations as may be. If numbers do not rise, what is known already is free: such a push is not
    /// acknowledged as far as it was looked at, and whoever has to send its first operations again must get on all the same.
    fn decide_each(&mut self, push: &Push, now: Wall, rules: &Rules) -> Result<Decision, NotDecided> {
        let mut decision = Decision { acknowledged: 0, conflicts: Vec::new(), accepted: 0, repeated: 0 };
        let mut acknowledged = Acknowledged::default();
        let rises = push.ops.is_sorted_by(|a, b| a.op_id < b.op_id);
        let mut free = rules.push_ops_max;
        self.log.reserve(push.ops.len().min(free));
        for op in &push.ops {
            if free == 0 {
                acknowledged.open(op.op_id);
                continue;
            }
            self.check_names(&push.device, op, rules)?;
            let verdict = self.decide_one(&push.device, op, now, rules)?;
            let was_known = matches!(verdict, Verdict::Repeated | Verdict::Refused { again: true, .. });
            free -= usize::from(rises || !was_known);
            match verdict {
                Verdict::Refused { refused, again } => {
                    decision.conflicts.push(refused);
                    if again {
                        acknowledged.settled(op.op_id);
                    } else {
                        acknowledged.open(op.op_id);
                    }
                    continue;
                }
                Verdict::Accepted => decision.accepted += 1,
                Verdict::Unchanged | Verdict::Repeated => decision.repeated += 1,
            }
            acknowledged.settled(op.op_id);
        }
        decision.acknowledged = acknowledged.up_to();
        Ok(decision)
    }

    fn decide_one(&mut self, device: &Name, op: &Operation, now: Wall, rules: &Rules) -> Result<Verdict, NotDecided> {
        let row = self.entities.find(&EntityRef::of(op));
        debug_assert!(row.is_some(), "what is `wanted` is made known before a push is decided");
        let known = row.and_then(|row| self.entities.value(row));
        match self.standing(device, op, known) {
            Standing::Repeated => Ok(Verdict::Repeated),
            Standing::Newer => self.accept(device, op, row, now, rules),
            Standing::Conflict => Ok(match known.cloned() {
                Some(known) => self.refuse(device, op, &known, now),
                None => Verdict::Repeated,
            }),
        }
    }

    fn standing(&self, device: &Name, op: &Operation, known: Option<&EntityState>) -> Standing {
        let Some(known) = known.filter(|known| op.version <= known.version) else { return Standing::Newer };
        let same_device = known.device == *device;
        if same_device && known.op_id == op.op_id {
            return Standing::Repeated;
        }
        if self.settled.get(&SettledRef::of(device, op)).is_some_and(|&settled| op.version <= settled) {
            return Standing::Repeated;
        }
        if same_device && op.op_id > known.op_id && op.version == known.version {
            return Standing::Newer;
        }
        Standing::Conflict
    }

    fn accept(
        &mut self,
        device: &Name,
        op: &Operation,
        row: Option<usize>,
        now: Wall,
        rules: &Rules,
    ) -> Result<Verdict, NotDecided> {
        check_clock(op, now, rules)?;
        let (deleted, body) = match op.kind {
            Kind::Upsert => (false, op.body.clone().unwrap_or_default()),
            Kind::Delete => (true, Bytes::new()),
        };
        let fingerprint = if deleted { Fingerprint::default() } else { self.fingerprinter.fingerprint(&body) };
        let known = row.and_then(|row| self.entities.value(row));
        let same = known.filter(|known| known.deleted == deleted && known.fingerprint == fingerprint);
        let (state, verdict) = if let Some(known) = same {
            let state =
                EntityState { version: op.version, device: Name::clone(device), op_id: op.op_id, ..known.clone() };
            (state, Verdict::Unchanged)
        } else {
            let state = EntityState {
                cursor: self.database.head + 1,
                version: op.version,
                device: Name::clone(device),
                op_id: op.op_id,
                deleted,
                modified_ms: now.unix_millis(),
                fingerprint,
                bytes: bytes_counted(device, &op.collection, &op.entity, body.len()),
            };
            self.count(row, &state, rules)?;
            self.append(op, &state, body);
            (state, Verdict::Accepted)
        };
        self.displace(op, row, &state);
        match row {
            Some(row) => self.entities.change(row, state),
            None => self.entities.set(entity_key(op), state),
        }
        Ok(verdict)
    }

    /// Counts a new row of the log, if there is room for it.
    fn count(&mut self, row: Option<usize>, state: &EntityState, rules: &Rules) -> Result<(), NotDecided> {
        let before = row.and_then(|row| self.entities.value(row)).map(|before| before.deleted);
        let mut totals = self.database.totals;
        match before {
            Some(true) => totals.tombstones = totals.tombstones.saturating_sub(1),
            Some(false) => totals.live = totals.live.saturating_sub(1),
            None => {}
        }
        if state.deleted {
            totals.tombstones += 1;
        } else {
            totals.live += 1;
        }
        totals.log_len += 1;
        totals.superseded += u64::from(before.is_some());
        totals.bytes = totals.bytes.saturating_add(state.bytes);
        let entities = totals.live + totals.tombstones;
        if before.is_none() && entities > rules.entities_max {
            return Err(NotDecided::Full { what: "entities", would: entities, max: rules.entities_max });
        }
        // What makes room is always taken: deletions of what is there.
        let makes_room = state.deleted && before == Some(false);
        if !makes_room && totals.bytes > rules.database_bytes_max {
            return Err(NotDecided::Full { what: "bytes", would: totals.bytes, max: rules.database_bytes_max });
        }
        self.database.totals = totals;
        Ok(())
    }

    fn append(&mut self, op: &Operation, state: &EntityState, body: Bytes) {
        self.database.head = state.cursor;
        self.log.push(LogEntry {
            cursor: state.cursor,
            device: Name::clone(&state.device),
            op_id: op.op_id,
            of: entity_key(op),
            kind: op.kind,
            version: op.version,
            body: (!state.deleted).then_some(body),
            timestamp_ms: state.modified_ms,
        });
    }

    /// Remembers the operation that was the last of its entity until now.
    fn displace(&mut self, op: &Operation, row: Option<usize>, state: &EntityState) {
        let Some(before) = row.and_then(|row| self.entities.value(row)) else { return };
        if before.op_id == state.op_id && before.device == state.device {
            return;
        }
        let mut key = settled_key(&before.device, op);
        key.op_id = before.op_id;
        let version = before.version;
        self.settled.set(key, version);
    }

    fn refuse(&mut self, device: &Name, op: &Operation, known: &EntityState, now: Wall) -> Verdict {
        let digest = digest(device, op);
        let again = self.refused.get(&SettledRef::of(device, op)) == Some(&digest);
        if !again {
            self.refused.set(settled_key(device, op), digest);
        }
        self.conflicts.push(ConflictRow {
            at_ms: now.unix_millis(),
            device: Name::clone(device),
            op_id: op.op_id,
            of: entity_key(op),
            client_version: op.version,
            server_version: known.version,
            again,
        });
        let refused = Refused {
            op: op.clone(),
            version: known.version,
            modified_ms: known.modified_ms,
            body: self.server_body(known),
        };
        Verdict::Refused { refused, again }
    }

    fn server_body(&self, known: &EntityState) -> ServerBody {
        if known.deleted {
            return ServerBody::Deleted;
        }
        let here = known.cursor.checked_sub(self.head_before + 1).and_then(|at| usize::try_from(at).ok());
        match here.and_then(|at| self.log.get(at)) {
            Some(entry) => ServerBody::Here(entry.body.clone().unwrap_or_default()),
            None => ServerBody::At(known.cursor),
        }
    }

    fn check_names(&self, device: &Name, op: &Operation, rules: &Rules) -> Result<(), NotDecided> {
        for (what, name) in [
            ("dbId", &self.database.name),
            ("deviceId", device),
            ("collection", &op.collection),
            ("entityId", &op.entity),
        ] {
            if name.is_empty() {
                return Err(NotDecided::Empty { op_id: op.op_id, what });
            }
            check_len(op, what, name.len(), rules.name_bytes_max)?;
        }
        let body_len = op.body.as_ref().filter(|_| op.kind == Kind::Upsert).map_or(0, Bytes::len);
        check_len(op, "entityCbor", body_len, rules.body_bytes_max)
    }
}

fn check_len(op: &Operation, what: &'static str, len: usize, max: usize) -> Result<(), NotDecided> {
    if len > max { Err(NotDecided::TooLong { op_id: op.op_id, what, len, max }) } else { Ok(()) }
}

/// Only of what would be accepted: what was accepted before a clock was set back is still known.
fn check_clock(op: &Operation, now: Wall, rules: &Rules) -> Result<(), NotDecided> {
    let latest = (now + rules.clock_ahead_max).unix_millis();
    if op.version <= latest {
        return Ok(());
    }
    Err(NotDecided::ClockAhead {
        op_id: op.op_id,
        version: op.version,
        ahead_secs: (op.version - now.unix_millis()) / 1_000,
        max_secs: rules.clock_ahead_max.as_secs(),
    })
}

/// Up to which of its operations a replica may forget them.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledged {
    last: u64,
    /// The lowest number of those that came after the last settled one and must stay in the replica's queue.
    open: Option<u64>,
}

impl Acknowledged {
    fn settled(&mut self, op_id: u64) {
        *self = Self { last: op_id, open: None };
    }

    fn open(&mut self, op_id: u64) {
        self.open = Some(self.open.map_or(op_id, |open| open.min(op_id)));
    }

    /// The last that was settled, in the order of the push. If numbers do not rise in it, less: never what came after it and is open.
    fn up_to(self) -> u64 {
        self.open.map_or(self.last, |open| self.last.min(open.saturating_sub(1)))
    }
}
