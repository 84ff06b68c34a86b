use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::{
    Change, ConflictRow, Database, EntityKey, EntityState, Fingerprint, Found, LogEntry, Name, Replica, SettledKey,
    Store, Sweep, Swept, Writer,
};

use super::memory_reads::MemoryReaders;

/// A store of sync that lasts as long as this value: the model that adapters are compared with, and a store for tests of what stands
/// above one. Jobs of readers are done at once, where they are handed in.
#[derive(Clone, Debug, Default)]
pub struct MemorySyncStore(Arc<Shared>);

/// How the next write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// There is no room: nothing is changed.
    Full,
    /// It is not known whether it was written, and it was.
    UncertainDone,
    /// It is not known whether it was written, and it was not.
    UncertainLost,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    /// What is "on the disk"; a snapshot is a handle to it.
    databases: Mutex<Arc<BTreeMap<Name, Kept>>>,
    failing: Mutex<Option<Failing>>,
}

/// Everything of one database.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) database: Database,
    pub(super) log: BTreeMap<u64, LogEntry>,
    pub(super) entities: BTreeMap<(Name, Name), EntityState>,
    pub(super) remembered: Vec<Remembered>,
    pub(super) conflicts: Vec<(u64, ConflictRow)>,
    pub(super) replicas: BTreeMap<Name, Replica>,
}

#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) key: SettledKey,
    pub(super) at_ms: u64,
    pub(super) as_what: Fate,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Settled(u64),
    Refused(Fingerprint),
}

impl MemorySyncStore {
    /// Opens it, with everything that was committed before.
    #[must_use]
    pub fn open(&self) -> Store {
        Store {
            writer: Box::new(MemoryWriter { shared: Arc::clone(&self.0), broken: false }),
            readers: Arc::new(MemoryReaders(Arc::clone(&self.0))),
        }
    }

    /// Lets the next commit, sweep or reset fail.
    pub fn fail_next(&self, failing: Failing) {
        *locked(&self.0.failing) = Some(failing);
    }
}

impl Shared {
    pub(super) fn now(&self) -> Arc<BTreeMap<Name, Kept>> {
        Arc::clone(&locked(&self.databases))
    }
}

impl Kept {
    fn new(database: Database) -> Self {
        Self {
            database,
            log: BTreeMap::new(),
            entities: BTreeMap::new(),
            remembered: Vec::new(),
            conflicts: Vec::new(),
            replicas: BTreeMap::new(),
        }
    }

    fn take(&mut self, change: &Change) {
        self.database = change.database.clone();
        self.log.extend(change.log.iter().map(|entry| (entry.cursor, entry.clone())));
        self.entities.extend(change.entities.iter().map(|(key, state)| (pair(key), state.clone())));
        let settled = change.settled.iter().map(|(key, version)| (key, Fate::Settled(*version)));
        let refused = change.refused.iter().map(|(key, digest)| (key, Fate::Refused(*digest)));
        self.remembered.extend(settled.chain(refused).map(|(key, as_what)| Remembered {
            key: key.clone(),
            at_ms: change.at_ms,
            as_what,
        }));
        let last = self.conflicts.last().map_or(0, |(number, _)| *number);
        self.conflicts.extend((last + 1..).zip(change.conflicts.iter().cloned()));
        self.replicas.extend(change.replicas.iter().map(|replica| (replica.device.clone(), replica.clone())));
    }

    fn sweep(&mut self, sweep: &Sweep) -> Swept {
        let until = sweep.superseded_to.max(sweep.tombstones_to);
        let looked_at: Vec<u64> =
            self.log.keys().copied().filter(|&at| at > sweep.after && at <= until).take(sweep.rows_max).collect();
        let dropped = looked_at.iter().filter(|&&cursor| self.drop_if_unneeded(cursor, sweep)).count() as u64;
        let mut oldest = 0;
        self.remembered.retain(|remembered| {
            oldest += 1;
            oldest > sweep.rows_max || remembered.at_ms >= sweep.remembered_before_ms
        });
        if sweep.after == 0 {
            let mut room = sweep.rows_max;
            self.replicas.retain(|_, replica| {
                let goes = replica.seen_ms < sweep.replicas_seen_before_ms && room > 0;
                room -= usize::from(goes);
                !goes
            });
        }
        let kept = usize::try_from(sweep.conflicts_kept).unwrap_or(usize::MAX);
        self.conflicts.drain(..self.conflicts.len().saturating_sub(kept).min(sweep.rows_max));
        let over = self.conflicts.len() > kept;
        let old = self.remembered.first().is_some_and(|first| first.at_ms < sweep.remembered_before_ms);
        let next = match looked_at.last() {
            Some(last) if looked_at.len() == sweep.rows_max => Some(*last),
            _ if over || old => Some(until.max(sweep.after)),
            _ => None,
        };
        Swept { next, dropped, database: self.database.clone() }
    }

    fn drop_if_unneeded(&mut self, cursor: u64, sweep: &Sweep) -> bool {
        let Some(entry) = self.log.get(&cursor) else { return false };
        let state = self.entities.get(&pair(&entry.of)).filter(|state| state.cursor == cursor);
        let limit = match state {
            None => sweep.superseded_to,
            Some(state) if state.deleted => sweep.tombstones_to,
            Some(_) => 0,
        };
        let is_oldest = !self.log.range(..cursor).any(|(_, older)| older.of == entry.of);
        if cursor > limit || !is_oldest {
            return false;
        }
        let totals = &mut self.database.totals;
        totals.log_len -= 1;
        totals.bytes -= entry.bytes_counted();
        if state.is_some() {
            totals.tombstones -= 1;
            self.database.tombstones_to = self.database.tombstones_to.max(cursor);
            self.entities.remove(&pair(&entry.of));
        } else {
            totals.superseded -= 1;
        }
        self.log.remove(&cursor);
        true
    }
}

#[derive(Debug)]
struct MemoryWriter {
    shared: Arc<Shared>,
    /// It failed, and has not been opened anew yet.
    broken: bool,
}

impl MemoryWriter {
    fn reading(&self) -> Result<Arc<BTreeMap<Name, Kept>>, StoreError> {
        if self.broken { Err(uncertain()) } else { Ok(self.shared.now()) }
    }

    fn writing<T>(
        &mut self,
        write: impl FnOnce(&mut BTreeMap<Name, Kept>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut changed = (*self.reading()?).clone();
        let failing = locked(&self.shared.failing).take();
        let written = write(&mut changed)?;
        if failing.is_none_or(|failing| failing == Failing::UncertainDone) {
            *locked(&self.shared.databases) = Arc::new(changed);
        }
        match failing {
            None => Ok(written),
            Some(Failing::Full) => Err(StoreError::Full { at: "memory".to_owned() }),
            Some(Failing::UncertainDone | Failing::UncertainLost) => {
                self.broken = true;
                Err(uncertain())
            }
        }
    }
}

impl Writer for MemoryWriter {
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError> {
        let all = self.reading()?;
        Ok(names.iter().filter_map(|name| Some(all.get(*name)?.database.clone())).collect())
    }

    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
        let all = self.reading()?;
        let Some(kept) = all.get(db) else { return Ok(Vec::new()) };
        Ok(keys.iter().filter_map(|key| Some((key.clone(), kept.entities.get(&pair(key))?.clone()))).collect())
    }

    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError> {
        let all = self.reading()?;
        let mut found = Found::default();
        let Some(kept) = all.get(db) else { return Ok(found) };
        for key in keys {
            let (mut settled, mut refused) = (None, None);
            for remembered in kept.remembered.iter().filter(|remembered| remembered.key == *key) {
                match remembered.as_what {
                    Fate::Settled(version) => settled = settled.max(Some(version)),
                    Fate::Refused(digest) => refused = Some(digest),
                }
            }
            found.settled.extend(settled.map(|version| (key.clone(), version)));
            found.refused.extend(refused.map(|digest| (key.clone(), digest)));
        }
        Ok(found)
    }

    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let all = self.reading()?;
        Ok(cursors.iter().map(|cursor| all.get(db)?.log.get(cursor)?.body.clone()).collect())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.writing(|all| {
            for change in changes {
                let found = all.get(&change.database.name).map_or(0, |kept| kept.database.head);
                if found != change.head_before {
                    let db = change.database.name.to_string();
                    return Err(StoreError::Overtaken { db, expected: change.head_before, found });
                }
                let database = &change.database;
                all.entry(database.name.clone()).or_insert_with(|| Kept::new(database.clone())).take(change);
            }
            Ok(())
        })
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        self.writing(|all| {
            let missing = || StoreError::io(sweep.db.clone(), io::Error::from(io::ErrorKind::NotFound));
            Ok(all.get_mut(sweep.db.as_str()).ok_or_else(missing)?.sweep(sweep))
        })
    }

    fn reset(&mut self, database: &Database) -> Result<(), StoreError> {
        self.writing(|all| {
            all.insert(database.name.clone(), Kept::new(database.clone()));
            Ok(())
        })
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        self.reading().map(|_| 0)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.broken = false;
        Ok(())
    }
}

pub(super) fn pair(key: &EntityKey) -> (Name, Name) {
    (key.collection.clone(), key.entity.clone())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values are replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn uncertain() -> StoreError {
    StoreError::Uncertain { at: "memory".to_owned(), source: Box::new(io::Error::other("it was told to fail")) }
}
