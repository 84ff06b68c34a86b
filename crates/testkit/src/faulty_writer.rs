//! A store's writer whose commits fail as disks make them fail.

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::{Change, Database, EntityKey, EntityState, Found, SettledKey, Sweep, Swept, Writer};

/// How the next commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space is left: nothing was done.
    Full,
    /// Nothing was done, and nobody knows.
    UncertainBefore,
    /// All was done, and nobody knows.
    UncertainAfter,
}

/// Another writer, with commits that fail when they are told to.
#[derive(Debug)]
pub struct FaultyWriter<'a> {
    inner: &'a mut dyn Writer,
    faults: Vec<Fault>,
    /// What was asked to be committed, in order, also what failed.
    pub commits: usize,
}

impl<'a> FaultyWriter<'a> {
    /// The next commits fail in this way, then they work.
    #[must_use]
    pub fn new(inner: &'a mut dyn Writer, faults: &[Fault]) -> Self {
        Self { inner, faults: faults.iter().rev().copied().collect(), commits: 0 }
    }
}

impl Writer for FaultyWriter<'_> {
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError> {
        self.inner.databases(names)
    }

    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
        self.inner.entities(db, keys)
    }

    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError> {
        self.inner.settled(db, keys)
    }

    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.inner.bodies(db, cursors)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.commits += 1;
        let uncertain = || StoreError::Uncertain { at: "a faulty disk".to_owned(), source: "no answer".into() };
        match self.faults.pop() {
            None => self.inner.commit(changes),
            Some(Fault::Full) => Err(StoreError::Full { at: "a faulty disk".to_owned() }),
            Some(Fault::UncertainBefore) => Err(uncertain()),
            Some(Fault::UncertainAfter) => {
                self.inner.commit(changes)?;
                Err(uncertain())
            }
        }
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        self.inner.sweep(sweep)
    }

    fn reset(&mut self, database: &Database) -> Result<(), StoreError> {
        self.inner.reset(database)
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        self.inner.checkpoint()
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.inner.reopen()
    }
}
