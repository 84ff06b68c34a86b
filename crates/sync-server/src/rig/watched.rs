use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::{
    Change, Database, EntityKey, EntityState, Found, ReadJob, Readers, SettledKey, Sweep, Swept, Writer,
};

/// How a commit fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    Full,
    /// Nothing was done if this database is among what is committed; stays.
    FullFor(&'static str),
    /// Nothing was done, and nobody knows.
    UncertainBefore,
    /// All was done, and nobody knows.
    UncertainAfter,
    /// The thread dies.
    Panic,
}

/// Holds a store and makes it fail.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// Commits that were begun, failed ones too.
    pub(crate) begun: AtomicUsize,
    /// Commits with operations that were done.
    pub(crate) done: AtomicUsize,
    /// Reads that were begun.
    pub(crate) reads: AtomicUsize,
    /// How often it cannot be opened anew.
    pub(crate) broken: AtomicUsize,
    pub(crate) reopened: AtomicUsize,
    pub(crate) checkpoints: AtomicUsize,
    held: Mutex<bool>,
    released: Condvar,
    reads_held: Mutex<bool>,
    reads_released: Condvar,
    faults: Mutex<VecDeque<Fault>>,
    /// They become faults when a commit has passed.
    behind: Mutex<VecDeque<Fault>>,
    uncertain: AtomicBool,
}

impl Control {
    /// Commits wait until [`Self::release`].
    pub(crate) fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }

    pub(crate) fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }

    /// Reads see the state of the moment in which they begin, and wait until [`Self::release_reads`].
    pub(crate) fn hold_reads(&self) {
        *self.reads_held.lock().unwrap() = true;
    }

    pub(crate) fn release_reads(&self) {
        *self.reads_held.lock().unwrap() = false;
        self.reads_released.notify_all();
    }

    /// The next commits fail like this, then they work.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// The commit that is held goes on as it is; those behind it fail.
    pub(crate) fn release_then_fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.behind.lock().unwrap().extend(faults);
        self.release();
    }

    pub(crate) fn no_more_faults(&self) {
        self.faults.lock().unwrap().clear();
    }

    fn next_fault(&self, changes: &[Change]) -> Option<Fault> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while *held {
            held = self.released.wait(held).unwrap();
        }
        let mut faults = self.faults.lock().unwrap();
        let behind = std::mem::take(&mut *self.behind.lock().unwrap());
        if !behind.is_empty() {
            faults.extend(behind);
            return None;
        }
        match faults.front() {
            Some(Fault::FullFor(db)) => {
                changes.iter().any(|change| &*change.database.name == *db).then_some(Fault::Full)
            }
            _ => faults.pop_front(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) inner: Box<dyn Writer>,
    pub(crate) control: Arc<Control>,
}

impl Watched {
    /// After an uncertain commit only `reopen` may be called.
    fn certain(&self) {
        assert!(!self.control.uncertain.load(Ordering::Acquire), "asked before it was opened anew");
    }
}

impl Writer for Watched {
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError> {
        self.certain();
        self.inner.databases(names)
    }

    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
        self.certain();
        self.inner.entities(db, keys)
    }

    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError> {
        self.certain();
        self.inner.settled(db, keys)
    }

    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.certain();
        self.inner.bodies(db, cursors)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.certain();
        self.control.begun.fetch_add(1, Ordering::AcqRel);
        let at = || "a faulty disk".to_owned();
        let uncertain = || StoreError::Uncertain { at: at(), source: "no answer".into() };
        match self.control.next_fault(changes) {
            None => {
                self.inner.commit(changes)?;
                let operations = changes.iter().any(|change| !change.log.is_empty());
                self.control.done.fetch_add(usize::from(operations), Ordering::AcqRel);
                Ok(())
            }
            Some(Fault::Full | Fault::FullFor(_)) => Err(StoreError::Full { at: at() }),
            Some(Fault::UncertainBefore) => {
                self.control.uncertain.store(true, Ordering::Release);
                Err(uncertain())
            }
            Some(Fault::UncertainAfter) => {
                self.inner.commit(changes)?;
                self.control.uncertain.store(true, Ordering::Release);
                Err(uncertain())
            }
            Some(Fault::Panic) => panic!("a test wants it"),
        }
    }

    fn sweep(&mut self, sweep: &Sweep) -> Result<Swept, StoreError> {
        self.certain();
        self.inner.sweep(sweep)
    }

    fn reset(&mut self, database: &Database) -> Result<(), StoreError> {
        self.certain();
        self.inner.reset(database)
    }

    fn checkpoint(&mut self) -> Result<u64, StoreError> {
        self.certain();
        self.control.checkpoints.fetch_add(1, Ordering::AcqRel);
        self.inner.checkpoint()
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let broken = |left: usize| left.checked_sub(1);
        if self.control.broken.fetch_update(Ordering::AcqRel, Ordering::Acquire, broken).is_ok() {
            return Err(StoreError::io("a faulty disk", std::io::Error::other("still broken")));
        }
        self.inner.reopen()?;
        self.control.uncertain.store(false, Ordering::Release);
        self.control.reopened.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) inner: Arc<dyn Readers>,
    pub(crate) control: Arc<Control>,
}

impl Readers for Counted {
    fn read(&self, job: ReadJob) -> Result<(), StoreError> {
        self.control.reads.fetch_add(1, Ordering::AcqRel);
        let control = Arc::clone(&self.control);
        self.inner.read(Box::new(move |snapshot| {
            let held = control.reads_held.lock().unwrap_or_else(PoisonError::into_inner);
            if *held {
                // What is read from here on is the state of now.
                snapshot.database("any").unwrap();
                drop(control.reads_released.wait_while(held, |held| *held).unwrap());
            } else {
                drop(held);
            }
            job(snapshot);
        }))
    }
}
