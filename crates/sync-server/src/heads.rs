use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sangam_sync_proto::Name;
use sangam_sync_proto::rows::{Database, Epoch};
use sangam_telemetry::metrics::sync::SyncTotals;

/// The state of every database, as the writer's thread has left it: nobody else writes to the store, so what is not here is not
/// there.
#[derive(Debug)]
pub(crate) struct Heads {
    known: RwLock<Known>,
    /// Two keyed digests of a name are its epoch until its first push has made one durable: random, the same for everybody who
    /// asks, and nothing that has to be kept for databases that never come to be.
    keys: [RandomState; 2],
}

#[derive(Debug, Default)]
struct Known {
    databases: HashMap<Name, Database>,
    totals: SyncTotals,
}

impl Heads {
    pub(crate) fn new(databases: Vec<Database>) -> Self {
        let heads = Self { known: RwLock::default(), keys: [RandomState::new(), RandomState::new()] };
        heads.replace(databases);
        heads
    }

    pub(crate) fn get(&self, db: &str) -> Option<Database> {
        self.read().databases.get(db).cloned()
    }

    /// The life of a database, of one that was never written to as well.
    pub(crate) fn epoch(&self, db: &str) -> Epoch {
        self.read().databases.get(db).map_or_else(|| self.epoch_of_birth(db), |database| database.epoch)
    }

    pub(crate) fn epoch_of_birth(&self, db: &str) -> Epoch {
        let [high, low] = &self.keys;
        Epoch((u128::from(high.hash_one(db)) << 64) | u128::from(low.hash_one(db)))
    }

    pub(crate) fn len(&self) -> usize {
        self.read().databases.len()
    }

    pub(crate) fn all(&self) -> Vec<Database> {
        self.read().databases.values().cloned().collect()
    }

    pub(crate) fn totals(&self) -> SyncTotals {
        self.read().totals
    }

    /// Called by the writer's thread alone.
    pub(crate) fn set(&self, database: Database) {
        let mut known = self.write();
        add(&mut known.totals, &database);
        let before = known.databases.insert(Name::clone(&database.name), database);
        if let Some(before) = before {
            subtract(&mut known.totals, &before);
        }
    }

    /// Called by the writer's thread alone, when it has read everything anew.
    pub(crate) fn replace(&self, databases: Vec<Database>) {
        let mut known = Known::default();
        for database in databases {
            add(&mut known.totals, &database);
            known.databases.insert(Name::clone(&database.name), database);
        }
        *self.write() = known;
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(totals: &mut SyncTotals, database: &Database) {
    totals.databases += 1;
    totals.log_len += database.totals.log_len;
    totals.cursors += database.head;
    totals.bytes += database.totals.bytes;
}

fn subtract(totals: &mut SyncTotals, database: &Database) {
    totals.databases -= 1;
    totals.log_len -= database.totals.log_len;
    totals.cursors -= database.head;
    totals.bytes -= database.totals.bytes;
}

/// As written in messages: 32 hex digits.
pub(crate) fn epoch_hex(epoch: Epoch) -> String {
    format!("{:032x}", epoch.0)
}
