use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use sangam_storage::sync::Writer;
use sangam_storage::{Health, StoreError, with_sources};
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::{Change, Replica};
use tokio::sync::oneshot;

use super::{CommitterDeps, NotPushed, NotReset, Order, Pushed, Shared, Waiting};
use crate::group::{Committed, Job, Settlement, Terms, settle};
use crate::options::Options;
use crate::sweeper::Sweeper;

use super::chores::Due;

/// Replicas of one database that one commit writes.
pub(super) const REPLICAS_AT_ONCE: usize = 512;
/// Group bytes after which no more is taken into it.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// The writer's thread.
pub(super) struct Worker {
    pub(super) options: Options,
    pub(super) writer: Box<dyn Writer>,
    pub(super) deps: Deps,
    pub(super) orders: Receiver<Order>,
    /// Taken from the queue while a group was gathered, to be done after it.
    pub(super) held: Option<Order>,
    pub(super) shared: Weak<Shared>,
    pub(super) health: Arc<Health>,
    pub(super) sweeper: Sweeper,
    pub(super) due: Due,
    pub(super) stopping: bool,
    /// The store failed and was not opened anew before the end: it must not be used.
    pub(super) closed: bool,
}

/// [`CommitterDeps`] without the writer.
pub(super) struct Deps {
    pub(super) readers: Arc<dyn sangam_storage::sync::Readers>,
    pub(super) heads: Arc<crate::heads::Heads>,
    pub(super) replicas: Arc<crate::replicas::Replicas>,
    pub(super) pages: crate::pages::Pages,
    pub(super) feeds: Arc<crate::feed::Feeds>,
    pub(super) metrics: Arc<sangam_telemetry::metrics::sync::SyncMetrics>,
    pub(super) clock: crate::service::WallClock,
}

type Answer = oneshot::Sender<Result<Pushed, NotPushed>>;

impl Worker {
    pub(super) fn new(
        options: Options,
        deps: CommitterDeps,
        orders: Receiver<Order>,
        shared: Weak<Shared>,
        health: Arc<Health>,
    ) -> Self {
        let CommitterDeps { writer, readers, heads, replicas, pages, feeds, metrics, clock } = deps;
        let now = Instant::now();
        Self {
            due: Due::new(now, &options),
            sweeper: Sweeper::new(&options),
            options,
            writer,
            deps: Deps { readers, heads, replicas, pages, feeds, metrics, clock },
            orders,
            held: None,
            shared,
            health,
            stopping: false,
            closed: false,
        }
    }

    /// Works until it is told to stop or nobody can tell it anything any more, then puts everything on the disk.
    pub(super) fn run(mut self) {
        self.deps.metrics.set_totals(self.deps.heads.totals());
        while !self.stopping {
            match self.orders.recv_timeout(self.patience()) {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => self.chore(false),
                Err(RecvTimeoutError::Disconnected) => self.stopping = true,
            }
        }
        self.finish();
    }

    /// Until when nothing but pushes has to be done.
    fn patience(&self) -> Duration {
        if self.sweeper.has_work() { Duration::ZERO } else { self.due.next().saturating_duration_since(Instant::now()) }
    }

    fn obey(&mut self, order: Order) {
        let mut next = Some(order);
        while let Some(order) = next {
            match order {
                Order::Push(first) => {
                    self.push(first);
                    self.chore(true);
                }
                // Whoever asked may have gone away.
                Order::Check(answer) => drop(answer.send(())),
                Order::ResetReplica { db, device, answer } => drop(answer.send(self.reset_replica(&db, &device))),
                Order::ResetDatabase { db, answer } => drop(answer.send(self.reset_database(&db))),
                Order::Planned(plan) => self.planned(plan),
                Order::Stop => self.stopping = true,
            }
            next = if self.closed { None } else { self.held.take() };
        }
    }

    /// Takes everything that waits, up to a bound, and settles it together.
    fn push(&mut self, first: Waiting) {
        let mut ops = first.room.ops();
        let mut bytes = first.room.bytes();
        let mut waiting = vec![first];
        while ops < self.options.group_ops_max && bytes < GROUP_BYTES_MAX {
            match self.orders.try_recv() {
                Ok(Order::Push(next)) => {
                    ops += next.room.ops();
                    bytes += next.room.bytes();
                    waiting.push(next);
                }
                Ok(other) => {
                    self.held = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.settle(waiting);
    }

    fn settle(&mut self, waiting: Vec<Waiting>) {
        let began = Instant::now();
        let mut jobs = Vec::with_capacity(waiting.len());
        let mut answers = Vec::with_capacity(waiting.len());
        for Waiting { db, push, room, answer } in waiting {
            jobs.push(Job { db, push });
            answers.push((answer, room));
        }
        let replicas = Arc::clone(&self.deps.replicas);
        let heads = Arc::clone(&self.deps.heads);
        let terms = Terms {
            now: (self.deps.clock)(),
            rules: &self.options.rules,
            epoch: &|db| heads.epoch_of_birth(db),
            births_max: self.options.databases_max.saturating_sub(heads.len()),
            databases_max: self.options.databases_max,
            answer_bytes_max: self.options.page_bytes_max,
            replicas: &|db: &Name| -> Vec<Replica> { replicas.dirty(db, REPLICAS_AT_ONCE) },
        };
        let settlement = settle(&mut *self.writer, &mut jobs, &terms);
        self.tell(settlement, answers, &jobs, began);
    }

    /// Publishes, then answers, then mends the store if it has to be.
    fn tell<R>(&mut self, mut settlement: Settlement, answers: Vec<(Answer, R)>, jobs: &[Job], began: Instant) {
        let committed = std::mem::take(&mut settlement.committed);
        if settlement.commits > 0 {
            let operations = committed.iter().map(|committed| committed.entries.len()).sum();
            self.deps.metrics.committed(answers.len(), operations, began.elapsed());
        }
        committed.into_iter().for_each(|committed| self.publish(committed));
        if settlement.commits > 0 {
            self.wrote();
        }
        if let Some(error) = &settlement.failure {
            self.health.bad(error, error.must_reopen());
        }
        for ((answer, room), outcome) in answers.into_iter().zip(settlement.outcomes) {
            drop(room);
            // Whoever has gone away asks again, and is told that it is a repetition.
            let _: Result<(), _> = answer.send(outcome);
        }
        if let Some(error) = settlement.failure {
            let dbs: Vec<Name> = jobs.iter().map(|job| Name::clone(&job.db)).collect();
            self.failed(&error, &dbs);
        }
    }

    fn publish(&mut self, committed: Committed) {
        let Committed { database, entries, replicas, .. } = committed;
        let db = Name::clone(&database.name);
        self.deps.heads.set(database);
        self.deps.replicas.written(&db, &replicas);
        self.sweeper.touched(&db);
        if !entries.is_empty() {
            self.deps.feeds.publish(&db, entries);
        }
    }

    /// Something is on the disk.
    pub(super) fn wrote(&mut self) {
        self.health.good();
        self.due.wrote(Instant::now());
        self.deps.metrics.set_totals(self.deps.heads.totals());
    }

    /// The store failed; `dbs` are those that may have been changed all the same.
    pub(super) fn failed(&mut self, error: &Arc<StoreError>, dbs: &[Name]) {
        self.deps.metrics.store_failed(error.word());
        let reopening = error.must_reopen();
        self.health.bad(error, reopening);
        self.due.failed(Instant::now());
        tracing::error!(error = with_sources(&**error), "the store of sync failed");
        if reopening {
            self.reopen(dbs);
        }
    }

    fn reset_replica(&mut self, db: &Name, device: &Name) -> Result<(), NotReset> {
        let database = self.deps.heads.get(db).ok_or(NotReset::NoDatabase)?;
        if !self.deps.replicas.reset(db, device) {
            return Err(NotReset::NoReplica);
        }
        let replicas = self.deps.replicas.dirty(db, usize::MAX);
        let change = replicas_alone(database, replicas, (self.deps.clock)().unix_millis());
        self.commit_replicas(vec![change]).map_err(NotReset::Store)
    }

    fn reset_database(&mut self, db: &Name) -> Result<sangam_sync_proto::rows::Database, NotReset> {
        let mut database = self.deps.heads.get(db).ok_or(NotReset::NoDatabase)?;
        let before = database.epoch;
        database.epoch.0 = rand::random();
        database.head = 0;
        database.tombstones_to = 0;
        database.totals = Default::default();
        debug_assert_ne!(before, database.epoch);
        if let Err(error) = self.writer.reset(&database) {
            let error = Arc::new(error);
            self.failed(&error, std::slice::from_ref(db));
            return Err(NotReset::Store(error));
        }
        self.deps.heads.set(database.clone());
        self.deps.feeds.reset(db);
        self.deps.replicas.begin_anew(db);
        self.deps.pages.forget(db);
        self.sweeper.forget(db);
        self.wrote();
        Ok(database)
    }

    pub(super) fn commit_replicas(&mut self, changes: Vec<Change>) -> Result<(), Arc<StoreError>> {
        match self.writer.commit(&changes) {
            Ok(()) => {
                for change in &changes {
                    self.deps.replicas.written(&change.database.name, &change.replicas);
                }
                self.wrote();
                Ok(())
            }
            Err(error) => {
                let error = Arc::new(error);
                let dbs: Vec<Name> = changes.into_iter().map(|change| change.database.name).collect();
                self.failed(&error, &dbs);
                Err(error)
            }
        }
    }

    /// What came before the end is done, and nothing that is known stays in memory alone.
    fn finish(&mut self) {
        while !self.closed
            && let Ok(order) = self.orders.try_recv()
        {
            self.obey(order);
        }
        if self.closed {
            return;
        }
        self.flush_replicas();
        if self.closed {
            return;
        }
        if let Err(error) = self.writer.checkpoint() {
            tracing::warn!(error = with_sources(&error), "the log of the store stays beside its file");
        }
    }
}

/// A change that writes replicas and nothing else.
pub(super) fn replicas_alone(
    database: sangam_sync_proto::rows::Database,
    replicas: Vec<Replica>,
    at_ms: u64,
) -> Change {
    Change {
        head_before: database.head,
        database,
        log: Vec::new(),
        entities: Vec::new(),
        settled: Vec::new(),
        refused: Vec::new(),
        conflicts: Vec::new(),
        replicas,
        at_ms,
    }
}
