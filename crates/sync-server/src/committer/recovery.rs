use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use sangam_storage::StoreError;
use sangam_storage::sync::Snapshot;
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::{Database, LogEntry};

use super::thread::Worker;
use super::{NotPushed, NotReset, Order};
use crate::pages::PageRequest;

const WAIT_FIRST: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a reader may take to tell what became durable in the moment of the failure.
const MISSED_WAIT: Duration = Duration::from_secs(10);
/// Databases that are read at once.
const DATABASES_AT_ONCE: usize = 256;

impl Worker {
    /// Opens the store anew until it works, and refuses meanwhile what comes. What was committed in the moment of the failure
    /// without anybody knowing is published then.
    pub(super) fn reopen(&mut self, dbs: &[Name]) {
        let mut wait = WAIT_FIRST;
        self.closed = true;
        loop {
            let Err(error) = self.opened(dbs).map_err(Arc::new) else {
                tracing::info!("the store of sync is opened anew");
                self.closed = false;
                return self.wrote();
            };
            self.health.bad(&error, true);
            if self.stopping {
                return;
            }
            self.refuse_until(Instant::now() + wait, &error);
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    fn opened(&mut self, dbs: &[Name]) -> Result<(), StoreError> {
        self.writer.reopen()?;
        let before = self.deps.heads.all();
        let mut names: Vec<&str> = before.iter().map(|database| &*database.name).collect();
        names.extend(dbs.iter().map(|db| &**db).filter(|db| self.deps.heads.get(db).is_none()));
        names.sort_unstable();
        names.dedup();
        let mut now = Vec::with_capacity(names.len());
        for names in names.chunks(DATABASES_AT_ONCE) {
            now.extend(self.writer.databases(names)?);
        }
        let missed = self.missed(&now)?;
        self.deps.heads.replace(now);
        self.deps.pages.forget_all();
        for (db, entries) in missed {
            self.deps.feeds.publish(&db, entries);
        }
        Ok(())
    }

    /// Operations above the heads that were known.
    fn missed(&self, now: &[Database]) -> Result<Vec<(Name, Vec<LogEntry>)>, StoreError> {
        let mut missed = Vec::new();
        for database in now {
            let since = self.deps.heads.get(&database.name).map_or(0, |before| before.head);
            if database.head > since {
                missed.push((Name::clone(&database.name), self.entries_since(&database.name, since)?));
            }
        }
        Ok(missed)
    }

    /// At most one group's: what one commit can have written.
    fn entries_since(&self, db: &Name, since: u64) -> Result<Vec<LogEntry>, StoreError> {
        let (answer, answered) = mpsc::channel();
        let request = PageRequest { db: Name::clone(db), since, limit: u64::MAX, collections: None };
        self.deps.readers.read(Box::new(move |snapshot: &mut dyn Snapshot| {
            // Whoever waited too long has asked again.
            let _: Result<(), _> = answer.send(crate::pages::all_rows(snapshot, &request));
        }))?;
        answered.recv_timeout(MISSED_WAIT).unwrap_or(Err(StoreError::Busy))
    }

    /// Nobody waits for a store that is not there.
    fn refuse_until(&mut self, until: Instant, error: &Arc<StoreError>) {
        loop {
            let order = match self.held.take() {
                Some(order) => order,
                None => match self.orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(order) => order,
                    Err(RecvTimeoutError::Timeout) => return,
                    Err(RecvTimeoutError::Disconnected) => {
                        self.stopping = true;
                        return;
                    }
                },
            };
            match order {
                Order::Push(waiting) => drop(waiting.answer.send(Err(NotPushed::Store(Arc::clone(error))))),
                Order::Check(answer) => drop(answer.send(())),
                Order::ResetReplica { answer, .. } => drop(answer.send(Err(NotReset::Store(Arc::clone(error))))),
                Order::ResetDatabase { answer, .. } => drop(answer.send(Err(NotReset::Store(Arc::clone(error))))),
                Order::Planned(_) => self.sweeper.give_up(),
                Order::Stop => {
                    self.stopping = true;
                    return;
                }
            }
        }
    }
}
