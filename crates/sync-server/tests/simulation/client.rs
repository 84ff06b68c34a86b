use std::collections::BTreeMap;

use sangam_testkit::sync_model::{Conflict, Folded, Sent};

use crate::Violation;
use crate::dice::Dice;
use crate::wire::{Reply, Request, Row};

const PUSH_MAX: usize = 100;
const ATTEMPTS: usize = 3;

/// Who wins a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolver {
    Server,
    Client,
    LastWrite,
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Handshake,
    Pull,
    Push(Vec<Sent>),
    /// What resolvers made, each to be pushed alone; the answers are ignored.
    Resolve(Vec<Sent>, u64),
}

/// An unmodified client: handshake, pages until there are no more, one push, resolved conflicts each alone.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) db: String,
    pub(crate) device: String,
    /// Its token names it.
    pub(crate) proved: bool,
    /// It says in handshakes what it has.
    pub(crate) claims: bool,
    pub(crate) skew_ms: i64,
    resolver: Resolver,
    limit: usize,
    /// The only one it wants.
    pub(crate) collection: Option<&'static str>,
    queue: Vec<Sent>,
    next_op_id: u64,
    /// What it saved of numbers: after a restart it goes on from here, and uses some again.
    saved_op_id: u64,
    /// In memory.
    local_cursor: u64,
    phase: Phase,
    attempts: usize,
    cursor: u64,
    /// It was there, and may have something.
    pub(crate) begun: bool,
    /// The highest cursor it ever presented.
    pub(crate) presented: u64,
    /// What it has, from pages alone.
    pub(crate) pulled: Folded,
    /// Requests of this cycle's pull, and rows.
    pub(crate) pages: usize,
    pub(crate) rows: usize,
    /// Which answer it waits for.
    pub(crate) waits_for: u64,
}

impl Client {
    pub(crate) fn new(at: usize, db: &str, dice: &mut Dice) -> Self {
        let hours = 3_600_000;
        Self {
            db: db.to_owned(),
            device: format!("dev-{at}"),
            proved: dice.percent(80),
            claims: dice.percent(20),
            skew_ms: dice.pick(&[0, 0, 0, 1, -3, hours, -hours, 20 * hours]),
            resolver: dice.pick(&[Resolver::Server, Resolver::Client, Resolver::LastWrite]),
            limit: dice.pick(&[1, 3, 100]),
            collection: dice.pick(&[None, None, None, Some("c1")]),
            queue: Vec::new(),
            next_op_id: 1,
            saved_op_id: 0,
            local_cursor: 0,
            phase: Phase::Idle,
            attempts: 0,
            cursor: 0,
            begun: false,
            presented: 0,
            pulled: BTreeMap::new(),
            pages: 0,
            rows: 0,
            waits_for: 0,
        }
    }

    /// The application changes something. A queue drops what has a number that is in it already, without a word.
    pub(crate) fn edit(&mut self, entity: String, value: Option<u64>, writing: u8, now: u64) {
        let clock = now.saturating_add_signed(self.skew_ms);
        let (op_id, device) = (self.next_op_id, self.device.clone());
        self.next_op_id += 1;
        if self.queue.iter().all(|op| op.op_id != op_id) {
            let writing = if value.is_some() { writing } else { 0 };
            self.queue.push(Sent { device, op_id, entity, version: clock, value, writing, timestamp_ms: clock });
        }
    }

    pub(crate) fn restart(&mut self) {
        self.local_cursor = 0;
        self.next_op_id = self.saved_op_id + 1;
        self.end();
    }

    pub(crate) fn lose_queue(&mut self) {
        self.queue.clear();
        self.restart();
    }

    /// Gives up what it is doing.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Idle;
        self.attempts = 0;
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Whether everything it could push was answered.
    pub(crate) fn is_drained(&self) -> bool {
        self.pending().is_empty()
    }

    fn pending(&self) -> Vec<Sent> {
        self.queue.iter().filter(|op| op.op_id > self.local_cursor).take(PUSH_MAX).cloned().collect()
    }

    /// Begins a cycle.
    pub(crate) fn begin(&mut self) -> Request {
        self.begun = true;
        (self.phase, self.attempts, self.pages, self.rows) = (Phase::Handshake, 1, 0, 0);
        self.request().unwrap()
    }

    /// What it asks, in this phase.
    fn request(&mut self) -> Option<Request> {
        match &self.phase {
            Phase::Idle => None,
            Phase::Handshake => {
                Some(Request::Handshake { claimed: self.claims.then_some(self.presented.min(self.cursor)) })
            }
            Phase::Pull => {
                self.presented = self.presented.max(self.cursor);
                self.pages += 1;
                Some(Request::Pull { since: self.cursor, limit: self.limit, collection: self.collection })
            }
            Phase::Push(ops) => Some(Request::Push { ops: ops.clone() }),
            Phase::Resolve(ops, _) => ops.first().map(|op| Request::Push { ops: vec![op.clone()] }),
        }
    }

    /// No answer came: the same request again, or the end of the cycle.
    pub(crate) fn again(&mut self) -> Option<Request> {
        if self.attempts >= ATTEMPTS {
            self.end();
            return None;
        }
        self.attempts += 1;
        self.request()
    }

    /// An answer. Says what it asks next.
    pub(crate) fn hears(&mut self, reply: &Reply, now: u64) -> Result<Option<Request>, Violation> {
        if *reply == Reply::Unavailable {
            return Ok(self.again());
        }
        self.attempts = 1;
        self.phase = match (std::mem::replace(&mut self.phase, Phase::Idle), reply) {
            (Phase::Handshake, Reply::Welcome { cursor }) => {
                if *cursor > self.presented {
                    return Err(Violation::new(format!(
                        "{} is told to go on at {cursor}, it presented {} at most",
                        self.device, self.presented
                    )));
                }
                self.cursor = *cursor;
                Phase::Pull
            }
            (Phase::Pull, Reply::Page { rows, next, has_more }) => self.take_page(rows, *next, *has_more)?,
            (Phase::Push(ops), Reply::Pushed { acknowledged, conflicts }) => {
                self.take_pushed(&ops, *acknowledged, conflicts, now)
            }
            (Phase::Resolve(ops, ack), Reply::Pushed { .. }) => Phase::Resolve(ops[1..].to_vec(), ack),
            (phase, reply) => return Err(Violation::new(format!("{phase:?} is answered with {reply:?}"))),
        };
        if let Phase::Resolve(ops, ack) = &self.phase
            && ops.is_empty()
        {
            self.local_cursor = if *ack > 0 { *ack } else { self.local_cursor };
            self.end();
        }
        Ok(self.request())
    }

    fn take_page(&mut self, rows: &[Row], next: u64, has_more: bool) -> Result<Phase, Violation> {
        let mut last = self.cursor;
        for row in rows {
            if row.db != self.db {
                return Err(Violation::new(format!("{} of {} is shown {row:?}", self.device, self.db)));
            }
            if row.cursor <= last {
                return Err(Violation::new(format!("cursor {} comes after {last}", row.cursor)));
            }
            last = row.cursor;
            self.pulled.insert(row.sent.entity.clone(), (row.sent.version, row.sent.value));
        }
        if next < last || (has_more && next == self.cursor) {
            return Err(Violation::new(format!("a page from {} ends at {next}, its last row is {last}", self.cursor)));
        }
        self.rows += rows.len();
        self.cursor = next;
        Ok(match self.pending() {
            _ if has_more => Phase::Pull,
            pending if pending.is_empty() => Phase::Idle,
            pending => Phase::Push(pending),
        })
    }

    fn take_pushed(&mut self, ops: &[Sent], acknowledged: u64, conflicts: &[Conflict], now: u64) -> Phase {
        if conflicts.len() < ops.len() {
            self.queue.retain(|op| op.op_id > acknowledged);
            self.saved_op_id = self.saved_op_id.max(acknowledged);
        }
        let resolved = conflicts.iter().filter_map(|conflict| {
            let op = ops.iter().find(|op| op.op_id == conflict.op_id)?;
            let wins = match self.resolver {
                Resolver::Server => false,
                Resolver::Client => true,
                Resolver::LastWrite => op.timestamp_ms > conflict.modified_ms,
            };
            let timestamp_ms = now.saturating_add_signed(self.skew_ms);
            wins.then(|| Sent { version: conflict.version + 1, timestamp_ms, ..op.clone() })
        });
        Phase::Resolve(resolved.collect(), acknowledged)
    }
}
