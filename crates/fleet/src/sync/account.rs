//! What devices of one database did and were told, from their own side.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sangam_sync_client::LocalChange;
use sangam_sync_proto::{Kind, Name, Operation};

use crate::histogram::Histogram;

/// Names a change: no device gives an entity the same version twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub(crate) device: Name,
    pub(crate) collection: Name,
    pub(crate) entity: Name,
    pub(crate) version: u64,
}

/// What became of a change.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) body: u64,
    pub(crate) is_delete: bool,
    /// How often it was pushed.
    pub(crate) sent: u32,
    pub(crate) accepted: Option<Instant>,
}

/// Of one database.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) db: Name,
    /// What the names of this fleet's devices begin with, in all databases.
    prefix: String,
    /// Devices of this fleet in this database, and since when they are not cut off.
    online: HashMap<Name, Option<Instant>>,
    pub(crate) made: HashMap<Mark, Made>,
    pub(crate) lag: Histogram,
    pub(crate) catch_up: Histogram,
    pub(crate) cycle: Histogram,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) pulled: u64,
    pub(crate) foreign: u64,
    pub(crate) out_of_order: u64,
    pub(crate) altered: u64,
}

impl Mark {
    pub(crate) fn of_change(device: &Name, change: &LocalChange) -> Self {
        let (collection, entity) = (Arc::clone(&change.collection), Arc::clone(&change.entity));
        Self { device: Arc::clone(device), collection, entity, version: change.version }
    }

    pub(crate) fn of(op: &Operation) -> Self {
        Self {
            device: Arc::clone(&op.device),
            collection: Arc::clone(&op.collection),
            entity: Arc::clone(&op.entity),
            version: op.version,
        }
    }
}

pub(crate) fn digest(body: Option<&Bytes>) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

impl Account {
    pub(crate) fn new(db: Name, prefix: String, devices: impl IntoIterator<Item = Name>) -> Self {
        Self {
            db,
            prefix,
            online: devices.into_iter().map(|device| (device, None)).collect(),
            made: HashMap::new(),
            lag: Histogram::default(),
            catch_up: Histogram::default(),
            cycle: Histogram::default(),
            accepted: 0,
            refused: 0,
            pulled: 0,
            foreign: 0,
            out_of_order: 0,
            altered: 0,
        }
    }

    /// Changes that are made and of which nobody knows what became of them.
    pub(crate) fn waiting(&self) -> u64 {
        (self.made.len() as u64).saturating_sub(self.accepted + self.refused)
    }

    pub(crate) fn online_count(&self) -> usize {
        self.online.values().filter(|since| since.is_some()).count()
    }

    pub(crate) fn is_ours(&self, device: &str) -> bool {
        self.online.contains_key(device)
    }

    pub(crate) fn set_online(&mut self, device: &Name, since: Option<Instant>) {
        self.online.insert(Arc::clone(device), since);
    }

    pub(crate) fn made(&mut self, mark: Mark, body: Option<&Bytes>) {
        let is_delete = body.is_none();
        let made = Made { body: digest(body), is_delete, sent: 0, accepted: None };
        self.made.insert(mark, made);
    }

    pub(crate) fn sent(&mut self, mark: &Mark) {
        if let Some(made) = self.made.get_mut(mark) {
            made.sent += 1;
        }
    }

    pub(crate) fn accepted(&mut self, mark: &Mark, now: Instant) {
        if let Some(made) = self.made.get_mut(mark) {
            made.accepted = Some(now);
            self.accepted += 1;
        }
    }

    pub(crate) fn refused(&mut self, mark: &Mark) {
        self.refused += u64::from(self.made.contains_key(mark));
    }

    /// A page came to a device, which had everything up to `since`, and says that this is everything up to `until`.
    pub(crate) fn seen(&mut self, device: &Name, since: u64, ops: &[Operation], until: u64, now: Instant) {
        self.pulled += ops.len() as u64;
        let mut last = since;
        for op in ops {
            self.out_of_order += u64::from(op.op_id <= last || op.op_id > until);
            last = op.op_id;
            self.see(device, op, now);
        }
        self.out_of_order += u64::from(until < since);
    }

    fn see(&mut self, device: &Name, op: &Operation, now: Instant) {
        if self.is_foreign(op) {
            self.foreign += 1;
            return;
        }
        let Some(made) = self.made.get(&Mark::of(op)) else { return };
        self.altered += u64::from(made.body != digest(op.body.as_ref()) || made.is_delete != (op.kind == Kind::Delete));
        if op.device == *device {
            return;
        }
        let since = self.online.get(device).copied().flatten();
        match (made.accepted, since) {
            (Some(accepted), Some(since)) if since > accepted => self.catch_up.record(now.duration_since(since)),
            // Others may see it before its own device knows.
            (accepted, _) => self.lag.record(accepted.map(|at| now.duration_since(at)).unwrap_or_default()),
        }
    }

    /// Whether an operation cannot be of this database. Bodies begin with their database's name.
    pub(crate) fn is_foreign(&self, op: &Operation) -> bool {
        if op.db != self.db {
            return true;
        }
        let is_body_of_other = |body: &Bytes| !text_of(body).starts_with(&format!("{}/", self.db));
        if self.is_ours(&op.device) {
            op.body.as_ref().is_some_and(is_body_of_other)
        } else {
            op.device.starts_with(&self.prefix)
        }
    }

    /// Changes that were pushed more than once and accepted.
    pub(crate) fn sent_again(&self) -> u64 {
        self.made.values().filter(|made| made.sent > 1 && made.accepted.is_some()).count() as u64
    }

    /// How often changes were pushed in all.
    pub(crate) fn pushed(&self) -> u64 {
        self.made.values().map(|made| u64::from(made.sent)).sum()
    }
}

/// An entity: a CBOR text of so many bytes that begins with its database's name and is of one edit alone.
pub(crate) fn body(db: &str, device: &str, serial: u64, bytes: u16) -> Bytes {
    let mut text = format!("{db}/{device}/{serial}/");
    let missing = usize::from(bytes).saturating_sub(text.len() + TEXT_HEAD);
    text.extend(std::iter::repeat_n('.', missing));
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut body = vec![0x79];
    body.extend(length.to_be_bytes());
    body.extend(text.as_bytes());
    body.into()
}

/// The head of a CBOR text with two bytes of length.
const TEXT_HEAD: usize = 3;

fn text_of(body: &Bytes) -> &str {
    body.get(TEXT_HEAD..).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
}
