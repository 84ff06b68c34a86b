use bytes::Bytes;
use sangam_storage::StoreError;
use sangam_storage::sync::{Change, Database, EntityKey, EntityState, Found, SettledKey, Sweep, Swept, Writer};

/// A mistake a server could have. Each must be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// What was settled is not looked up.
    SkipDedup,
    /// What was displaced is not written.
    ForgetSettled,
    /// What was refused is not written: it is never acknowledged.
    ForgetRefused,
    /// Pushes are answered before they are on the disk.
    AcknowledgeEarly,
    /// A commit of which nobody knows is taken for one that worked.
    TrustUncertain,
    /// A page of another database is shown.
    AnotherDatabase,
    /// The first server's handshake.
    HandshakeAnswersHead,
    /// Where a replica goes on moves when a page is sent, not when its end is presented.
    ResumeAheadOfPresented,
    /// The state of an entity does not follow its log.
    StaleEntity,
    /// A page that ends because its limit is reached is said to be the last.
    HasMoreOfAPage,
    /// Tombstones are dropped before everybody has seen them.
    DropTombstones,
}

pub(crate) const ALL: [Mutant; 11] = [
    Mutant::SkipDedup,
    Mutant::ForgetSettled,
    Mutant::ForgetRefused,
    Mutant::AcknowledgeEarly,
    Mutant::TrustUncertain,
    Mutant::AnotherDatabase,
    Mutant::HandshakeAnswersHead,
    Mutant::ResumeAheadOfPresented,
    Mutant::StaleEntity,
    Mutant::HasMoreOfAPage,
    Mutant::DropTombstones,
];

/// A writer that makes its mutant's mistake.
#[derive(Debug)]
pub(crate) struct MutantWriter<'a> {
    inner: &'a mut dyn Writer,
    mutant: Mutant,
}

impl<'a> MutantWriter<'a> {
    pub(crate) fn new(inner: &'a mut dyn Writer, mutant: Mutant) -> Self {
        Self { inner, mutant }
    }
}

impl Writer for MutantWriter<'_> {
    fn databases(&mut self, names: &[&str]) -> Result<Vec<Database>, StoreError> {
        self.inner.databases(names)
    }

    fn entities(&mut self, db: &str, keys: &[EntityKey]) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
        self.inner.entities(db, keys)
    }

    fn settled(&mut self, db: &str, keys: &[SettledKey]) -> Result<Found, StoreError> {
        let mut found = self.inner.settled(db, keys)?;
        if self.mutant == Mutant::SkipDedup {
            found.settled.clear();
        }
        Ok(found)
    }

    fn bodies(&mut self, db: &str, cursors: &[u64]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.inner.bodies(db, cursors)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut changes = changes.to_vec();
        for change in &mut changes {
            match self.mutant {
                Mutant::ForgetSettled => change.settled.clear(),
                Mutant::ForgetRefused => change.refused.clear(),
                Mutant::StaleEntity if change.entities.len() > 1 => {
                    change.entities.pop();
                }
                _ => {}
            }
        }
        match self.inner.commit(&changes) {
            Err(StoreError::Uncertain { .. }) if self.mutant == Mutant::TrustUncertain => Ok(()),
            done => done,
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
