//! Decides a group of pushes and makes them durable together: the one place where pushes change the store.
//!
//! [`settle`] is a plain function over a [`Writer`]: no channel, no clock, no thread. The writer's thread of the server calls
//! it with everything that waits; a simulation calls it in the same way, with a writer over a faulty disk:
//!
//! ```ignore
//! let terms = Terms { now, rules: &rules, epoch: &|_| Epoch(7), births_max: 100, databases_max: 100,
//!     answer_bytes_max: 4 << 20, replicas: &|_| vec![] };
//! let mut jobs = vec![Job { db: "notes".into(), push }];
//! let settlement = settle(writer, &mut jobs, &terms);
//! // settlement.outcomes[i] answers jobs[i]: `Ok` is on the disk.
//! // settlement.must_reopen(): call `writer.reopen()` until it works before the next group.
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::sync::Writer;
use sangam_sync_proto::message::Conflict;
use sangam_sync_proto::rows::{Change, Database, Epoch, LogEntry, Replica, Totals};
use sangam_sync_proto::{Ledger, Name, NotDecided, Push, Rules};
use sangam_types::Wall;

mod answer;
mod decide;
#[cfg(test)]
mod tests;

use answer::Answers;
use decide::Decided;

/// After this many requests in a row for which there is no space, the rest of a group is not tried one by one.
const FULL_IN_A_ROW: usize = 3;

/// A push that waits.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its database.
    pub db: Name,
    /// What is pushed.
    pub push: Push,
}

/// What a group is settled under.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The time of day that is written to what is accepted.
    pub now: Wall,
    /// What is accepted.
    pub rules: &'a Rules,
    /// The epoch of a database that is made now.
    pub epoch: &'a dyn Fn(&str) -> Epoch,
    /// How many databases this group may make.
    pub births_max: usize,
    /// How many there may be in all: for what is told to whoever would make one more.
    pub databases_max: usize,
    /// Bytes of bodies that the conflicts of one push may be answered with, about; operations past it are left in the replica's
    /// queue, as those past [`Rules::push_ops_max`] are. At least one operation is looked at.
    pub answer_bytes_max: usize,
    /// Replicas of a database that are to be written with its change.
    pub replicas: &'a dyn Fn(&Name) -> Vec<Replica>,
}

/// A push that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The replica may forget its operations up to this number; 0: none of them.
    pub acknowledged: u64,
    /// What was refused, with the server's state.
    pub conflicts: Vec<Conflict>,
    /// How many operations are new in the log.
    pub accepted: usize,
    /// How many were known already, or changed nothing.
    pub repeated: usize,
    /// The head of the database afterwards.
    pub head: u64,
}

/// Why a push has no effect.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotPushed {
    /// The rules forbid it.
    #[error(transparent)]
    Rules(#[from] NotDecided),
    /// There are as many databases as may be.
    #[error("there are {max} databases, as many as may be")]
    DatabasesFull {
        /// How many may be.
        max: usize,
    },
    /// The store failed; for some failures nobody knows whether it has an effect, and the client must ask again.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The server stops, or its writer has ended.
    #[error("the store takes no more pushes")]
    Stopped,
}

/// What became of a group.
#[derive(Debug, Default)]
pub struct Settlement {
    /// The answer to each job, in order. Each `Ok` is on the disk.
    pub outcomes: Vec<Result<Pushed, NotPushed>>,
    /// What is new, in the order in which it was committed: to be published before anybody is answered.
    pub committed: Vec<Committed>,
    /// How often the disk was synced for it.
    pub commits: usize,
    /// How the store failed last, if it did.
    pub failure: Option<Arc<StoreError>>,
}

/// What is new in one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// As it is now.
    pub database: Database,
    /// Whether it was made by this.
    pub born: bool,
    /// New operations, in order of cursors; may be none.
    pub entries: Vec<LogEntry>,
    /// Replicas that were written with it.
    pub replicas: Vec<Replica>,
}

impl Settlement {
    /// Whether the store must be opened anew before anything else is asked of it.
    #[must_use]
    pub fn must_reopen(&self) -> bool {
        self.failure.as_deref().is_some_and(is_uncertain)
    }

    fn take(&mut self, attempt: Attempt) {
        self.outcomes.extend(attempt.outcomes);
        self.commits += usize::from(!attempt.committed.is_empty());
        self.committed.extend(attempt.committed);
    }

    fn fail(&mut self, jobs: usize, error: &Arc<StoreError>) {
        self.outcomes.extend((0..jobs).map(|_| Err(NotPushed::Store(Arc::clone(error)))));
        self.failure = Some(Arc::clone(error));
    }
}

/// Decides every job in order and makes all of them durable with one commit.
///
/// If that fails, each is tried alone, so that one that cannot be done takes nobody with it; unless nobody knows what is on the
/// disk: then nobody is acknowledged.
pub fn settle(writer: &mut dyn Writer, jobs: &mut [Job], terms: &Terms<'_>) -> Settlement {
    let mut settlement = Settlement::default();
    match attempt(writer, jobs, terms) {
        Ok(attempt) => settlement.take(attempt),
        Err(error) if jobs.len() <= 1 || is_uncertain(&error) => settlement.fail(jobs.len(), &Arc::new(error)),
        Err(_) => one_by_one(writer, jobs, *terms, &mut settlement),
    }
    settlement
}

fn one_by_one(writer: &mut dyn Writer, jobs: &mut [Job], mut terms: Terms<'_>, settlement: &mut Settlement) {
    let mut full = 0;
    for at in 0..jobs.len() {
        let error = match attempt(writer, &mut jobs[at..=at], &terms) {
            Ok(attempt) => {
                full = 0;
                let births = attempt.committed.iter().filter(|committed| committed.born).count();
                terms.births_max = terms.births_max.saturating_sub(births);
                settlement.take(attempt);
                continue;
            }
            Err(error) => Arc::new(error),
        };
        full = if matches!(*error, StoreError::Full { .. }) { full + 1 } else { 0 };
        if is_uncertain(&error) || full == FULL_IN_A_ROW {
            return settlement.fail(jobs.len() - at, &error);
        }
        settlement.fail(1, &error);
    }
}

fn is_uncertain(error: &StoreError) -> bool {
    matches!(error, StoreError::Uncertain { .. })
}

struct Attempt {
    outcomes: Vec<Result<Pushed, NotPushed>>,
    committed: Vec<Committed>,
}

fn attempt(writer: &mut dyn Writer, jobs: &mut [Job], terms: &Terms<'_>) -> Result<Attempt, StoreError> {
    let groups = by_database(jobs);
    let names: Vec<&str> = groups.iter().map(|(db, _)| &**db).collect();
    let mut there: HashMap<Name, Database> =
        writer.databases(&names)?.into_iter().map(|database| (Name::clone(&database.name), database)).collect();
    let mut answers = Answers::new(jobs.len());
    let mut changes = Vec::new();
    let mut births = 0;
    for (db, members) in groups {
        let found = there.remove(&db);
        let born = found.is_none();
        if born && births >= terms.births_max {
            answers.refuse(&members, || NotPushed::DatabasesFull { max: terms.databases_max });
            continue;
        }
        let mut decided = Decided::new(Ledger::new(found.unwrap_or_else(|| new_database(&db, terms))));
        for at in members {
            let decision = decided.push(writer, &mut jobs[at].push, terms)?;
            answers.decided(at, decision);
        }
        answers.finish(writer, decided.database())?;
        let replicas = (terms.replicas)(&db);
        if let Some(change) = decided.into_change(replicas, terms.now) {
            births += usize::from(born);
            changes.push((change, born));
        }
    }
    let committed = commit(writer, changes)?;
    Ok(Attempt { outcomes: answers.into_outcomes(), committed })
}

/// Which jobs are about which database, both in the order in which they came.
fn by_database(jobs: &[Job]) -> Vec<(Name, Vec<usize>)> {
    let mut places: HashMap<&Name, usize> = HashMap::new();
    let mut groups: Vec<(Name, Vec<usize>)> = Vec::new();
    for (at, job) in jobs.iter().enumerate() {
        let place = *places.entry(&job.db).or_insert_with(|| {
            groups.push((Name::clone(&job.db), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(at);
    }
    groups
}

fn new_database(db: &Name, terms: &Terms<'_>) -> Database {
    Database {
        name: Name::clone(db),
        epoch: (terms.epoch)(db),
        head: 0,
        tombstones_to: 0,
        totals: Totals::default(),
        created_ms: terms.now.unix_millis(),
    }
}

fn commit(writer: &mut dyn Writer, changes: Vec<(Change, bool)>) -> Result<Vec<Committed>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let (changes, born): (Vec<Change>, Vec<bool>) = changes.into_iter().unzip();
    writer.commit(&changes)?;
    let committed = changes.into_iter().zip(born).map(|(change, born)| Committed {
        database: change.database,
        born,
        entries: change.log,
        replicas: change.replicas,
    });
    Ok(committed.collect())
}
