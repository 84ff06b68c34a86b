use std::sync::Arc;
use std::time::{Duration, Instant};

use sangam_sync_proto::Name;

use super::Order;
use super::thread::{REPLICAS_AT_ONCE, Worker, replicas_alone};
use crate::options::Options;
use crate::sweeper::{self, Next, Plan};

/// So long nothing is written before the log is copied into the file.
const CHECKPOINT_AFTER: Duration = Duration::from_millis(500);
/// When it is tried again if a reader was in the way.
const CHECKPOINT_AGAIN: Duration = Duration::from_secs(5);
/// How often it is tried whether a store that failed can be written again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Databases whose replicas one commit writes.
const DATABASES_AT_ONCE: usize = 256;

/// When what is to be done beside pushes.
#[derive(Debug)]
pub(super) struct Due {
    replicas: Instant,
    replicas_interval: Duration,
    sweeps: Instant,
    sweep_interval: Duration,
    /// `None`: everything is in the file.
    checkpoint: Option<Instant>,
    /// `None`: the store is well.
    probe: Option<Instant>,
}

impl Due {
    pub(super) fn new(now: Instant, options: &Options) -> Self {
        Self {
            replicas: now + options.replicas_interval,
            replicas_interval: options.replicas_interval,
            sweeps: now + options.sweep_interval,
            sweep_interval: options.sweep_interval,
            checkpoint: None,
            probe: None,
        }
    }

    pub(super) fn next(&self) -> Instant {
        let next = self.replicas.min(self.sweeps);
        let next = self.checkpoint.map_or(next, |at| next.min(at));
        self.probe.map_or(next, |at| next.min(at))
    }

    pub(super) fn wrote(&mut self, now: Instant) {
        self.checkpoint = Some(now + CHECKPOINT_AFTER);
        self.probe = None;
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.probe = Some(now + PROBE_INTERVAL);
    }
}

impl Worker {
    /// Does one thing that is due, if any is. `busy`: a group was just settled and more may wait.
    pub(super) fn chore(&mut self, busy: bool) {
        if self.closed {
            return;
        }
        let now = Instant::now();
        if self.due.probe.is_some_and(|at| at <= now) {
            self.due.probe = Some(now + PROBE_INTERVAL);
            self.probe();
        } else if self.due.replicas <= now {
            self.due.replicas = now + self.due.replicas_interval;
            self.flush_replicas();
        } else if self.sweeper.has_work() {
            if !busy || self.sweeper.may_press(now) {
                self.sweep();
            }
        } else if self.due.sweeps <= now {
            self.due.sweeps = now + self.due.sweep_interval;
            self.sweeper.look(&self.deps.heads);
        } else if !busy && self.due.checkpoint.is_some_and(|at| at <= now) {
            self.checkpoint(now);
        }
    }

    pub(super) fn flush_replicas(&mut self) {
        let now_ms = (self.deps.clock)().unix_millis();
        let dirty = self.deps.replicas.dirty_databases(DATABASES_AT_ONCE);
        let changes = dirty.iter().filter_map(|db| {
            let database = self.deps.heads.get(db)?;
            Some(replicas_alone(database, self.deps.replicas.dirty(db, REPLICAS_AT_ONCE), now_ms))
        });
        let changes: Vec<_> = changes.collect();
        if !changes.is_empty() {
            // What is not written now is written later; the failure is counted and mended where it happened.
            let _: Result<(), _> = self.commit_replicas(changes);
        }
    }

    /// Writes something small: only so is it known that there is room again.
    fn probe(&mut self) {
        match self.deps.heads.all().into_iter().next() {
            Some(database) => {
                let now_ms = (self.deps.clock)().unix_millis();
                let replicas = self.deps.replicas.dirty(&database.name, REPLICAS_AT_ONCE);
                let _: Result<(), _> = self.commit_replicas(vec![replicas_alone(database, replicas, now_ms)]);
            }
            None => self.wrote(),
        }
    }

    fn checkpoint(&mut self, now: Instant) {
        match self.writer.checkpoint() {
            Ok(0) => self.due.checkpoint = None,
            Ok(_) => self.due.checkpoint = Some(now + CHECKPOINT_AGAIN),
            Err(error) => {
                self.due.checkpoint = Some(now + CHECKPOINT_AGAIN);
                self.failed(&Arc::new(error), &[]);
            }
        }
    }

    fn sweep(&mut self) {
        let replicas = Arc::clone(&self.deps.replicas);
        match self.sweeper.next(|db, seen_ms| replicas.resume_min(db, seen_ms)) {
            Next::Plan(db) => self.plan(db),
            Next::Slice(slice) => match self.writer.sweep(&slice) {
                Ok(swept) => {
                    let db = Name::clone(&swept.database.name);
                    if swept.dropped > 0 {
                        self.deps.pages.forget(&db);
                        self.deps.metrics.swept(swept.dropped);
                    }
                    self.sweeper.swept(&swept, Instant::now());
                    self.deps.heads.set(swept.database);
                    self.wrote();
                }
                Err(error) => {
                    self.sweeper.give_up();
                    self.failed(&Arc::new(error), &[]);
                }
            },
            Next::Nothing => {}
        }
    }

    /// Has a reader find out what may be dropped. What is known of the replicas is written first, and looked at again when the
    /// plan is there.
    fn plan(&mut self, db: Name) {
        let replicas = self.deps.replicas.dirty(&db, REPLICAS_AT_ONCE);
        if let Some(database) = self.deps.heads.get(&db).filter(|_| !replicas.is_empty()) {
            let now_ms = (self.deps.clock)().unix_millis();
            let _: Result<(), _> = self.commit_replicas(vec![replicas_alone(database, replicas, now_ms)]);
        }
        let terms = self.sweeper.terms((self.deps.clock)());
        let shared = self.shared.clone();
        let asked = self.deps.readers.read(Box::new(move |snapshot| {
            let plan = sweeper::plan(snapshot, &db, terms).ok().flatten();
            if let Some(shared) = shared.upgrade() {
                // If the thread has ended, there is nothing to sweep.
                let _: Result<(), _> = shared.orders.send(Order::Planned(plan));
            }
        }));
        if asked.is_err() {
            self.sweeper.give_up();
        }
    }

    pub(super) fn planned(&mut self, plan: Option<Plan>) {
        let Some(mut plan) = plan else { return self.sweeper.give_up() };
        if let Some(resume) = self.deps.replicas.resume_min(&plan.db, plan.seen_ms) {
            plan.tombstones_to = plan.tombstones_to.min(resume);
        }
        match self.deps.heads.get(&plan.db) {
            Some(database) => self.sweeper.begin(&plan, &database, Instant::now()),
            None => self.sweeper.give_up(),
        }
    }
}
