//! What is dropped from the store, and when: operations that later ones have overtaken, once they are too old to be history, and
//! tombstones, once nobody can be missing them.
//!
//! A tombstone stays while it is younger than the retention, and while a replica that was heard of within the retention has not
//! read past it. Replicas whose tokens do not name them are not known, so the age alone protects them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use sangam_storage::StoreError;
use sangam_storage::sync::{Snapshot, Sweep, Swept};
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::Database;
use sangam_types::Wall;

use crate::heads::Heads;
use crate::options::Options;

#[cfg(test)]
mod tests;

/// Rows that one slice looks at.
const SLICE_ROWS: usize = 512;
/// While pushes keep coming, at most one slice in so long.
const PRESSING: Duration = Duration::from_millis(50);
/// So long after a replica was heard of it may be written with the time of before.
const SEEN_SLACK: Duration = Duration::from_secs(120);
/// A plan that takes longer was lost.
const PLAN_MAX: Duration = Duration::from_secs(30);
/// One part in so many of a log must be overtaken before it is worth going through it.
const WORTH: u64 = 5;
/// A log is gone through again when one part in so many of it has become old enough since.
const STEP: u64 = 10;
/// So long after what they deleted tombstones go, if history is not shorter.
const CALM: Duration = Duration::from_secs(3_600);
/// After so long it is gone through for less, and what is remembered of operations is cleared.
const AT_LEAST_EVERY: Duration = Duration::from_secs(3_600);

/// Goes through the databases one by one, in slices.
#[derive(Debug)]
pub(crate) struct Sweeper {
    history: Duration,
    retention: Duration,
    remembered: Duration,
    conflicts_kept: u64,
    queue: VecDeque<Name>,
    planning: Option<Instant>,
    current: Option<Sweep>,
    /// Replicas that were heard of since then are waited for.
    seen_ms: u64,
    last_slice: Option<Instant>,
    /// Written to since they were last gone through.
    touched: HashSet<Name>,
    done: HashMap<Name, Done>,
}

/// How far a database was gone through last, and when.
#[derive(Clone, Copy, Debug)]
struct Done {
    superseded_to: u64,
    tombstones_to: u64,
    at: Instant,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Next {
    Plan(Name),
    Slice(Sweep),
    Nothing,
}

/// From when on what counts, milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SweepTerms {
    history_ms: u64,
    retention_ms: u64,
    seen_ms: u64,
    remembered_ms: u64,
}

/// What may be dropped of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) db: Name,
    pub(crate) superseded_to: u64,
    pub(crate) tombstones_to: u64,
    /// Replicas that were heard of since then count.
    pub(crate) seen_ms: u64,
    remembered_ms: u64,
}

impl Sweeper {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            history: options.history,
            retention: options.retention,
            remembered: options.remembered,
            conflicts_kept: options.conflicts_kept,
            queue: VecDeque::new(),
            planning: None,
            current: None,
            seen_ms: 0,
            last_slice: None,
            touched: HashSet::new(),
            done: HashMap::new(),
        }
    }

    pub(crate) fn has_work(&self) -> bool {
        self.current.is_some() || (!self.queue.is_empty() && self.planning.is_none())
    }

    /// Whether a slice may be done although pushes may wait.
    pub(crate) fn may_press(&self, now: Instant) -> bool {
        self.last_slice.is_none_or(|last| now.saturating_duration_since(last) >= PRESSING)
    }

    pub(crate) fn touched(&mut self, db: &Name) {
        if !self.touched.contains(db) {
            self.touched.insert(Name::clone(db));
        }
    }

    /// Looks for databases that are worth going through.
    pub(crate) fn look(&mut self, heads: &Heads) {
        if self.planning.is_some_and(|since| since.elapsed() > PLAN_MAX) {
            self.give_up();
        }
        if self.current.is_some() || self.planning.is_some() || !self.queue.is_empty() {
            return;
        }
        let worth = |database: &Database| {
            let overtaken = database.totals.superseded * WORTH > database.totals.log_len;
            overtaken || database.totals.tombstones > 0 || self.is_forgetful(&database.name)
        };
        self.queue = heads.all().into_iter().filter(worth).map(|database| database.name).collect();
    }

    pub(crate) fn next(&mut self, resume_min: impl Fn(&str, u64) -> Option<u64>) -> Next {
        if let Some(slice) = &mut self.current {
            // Whoever has begun anew since it was planned is waited for too.
            let resume = resume_min(&slice.db, self.seen_ms).unwrap_or(u64::MAX);
            slice.tombstones_to = slice.tombstones_to.min(resume);
            return Next::Slice(slice.clone());
        }
        if self.planning.is_some() {
            return Next::Nothing;
        }
        match self.queue.pop_front() {
            Some(db) => {
                self.planning = Some(Instant::now());
                Next::Plan(db)
            }
            None => Next::Nothing,
        }
    }

    pub(crate) fn terms(&self, now: Wall) -> SweepTerms {
        let before = |age: Duration| {
            let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            now.unix_millis().saturating_sub(age_ms)
        };
        SweepTerms {
            history_ms: before(self.history),
            retention_ms: before(self.retention),
            seen_ms: before(self.retention.saturating_add(SEEN_SLACK)),
            remembered_ms: before(self.remembered),
        }
    }

    /// Written to, and not gone through for long.
    fn is_forgetful(&self, db: &Name) -> bool {
        self.touched.contains(db) && self.done.get(db).is_none_or(|done| done.at.elapsed() >= AT_LEAST_EVERY)
    }

    /// Begins with a database as it was planned, if that is worth it.
    ///
    /// Tombstones go in a later pass than what they deleted: whoever is just reading from the beginning and has seen the one
    /// must still see the other.
    pub(crate) fn begin(&mut self, plan: &Plan, database: &Database, now: Instant) {
        self.planning = None;
        let before = self.done.get(&plan.db).copied();
        let pass = self.pass(plan, database, before, now);
        if pass.is_none() && !self.is_forgetful(&plan.db) {
            return;
        }
        self.touched.remove(&plan.db);
        let (superseded_to, tombstones_to) = pass.unwrap_or((0, 0));
        let kept = before.map_or((0, 0), |done| (done.superseded_to, done.tombstones_to));
        let done = Done { superseded_to: superseded_to.max(kept.0), tombstones_to: tombstones_to.max(kept.1), at: now };
        self.done.insert(Name::clone(&plan.db), done);
        self.seen_ms = plan.seen_ms;
        self.current = Some(Sweep {
            db: plan.db.as_ref().to_owned(),
            after: 0,
            rows_max: SLICE_ROWS,
            superseded_to,
            tombstones_to,
            remembered_before_ms: plan.remembered_ms,
            replicas_seen_before_ms: plan.seen_ms,
            conflicts_kept: self.conflicts_kept,
        });
    }

    /// Up to where overtaken operations and tombstones are dropped now; `None`: it is not worth it.
    fn pass(&self, plan: &Plan, database: &Database, before: Option<Done>, now: Instant) -> Option<(u64, u64)> {
        let age = before.map(|done| now.saturating_duration_since(done.at));
        let done = before.map_or((0, 0), |done| (done.superseded_to, done.tombstones_to));
        let small = age.is_some_and(|age| age >= AT_LEAST_EVERY);
        let step = if small { 1 } else { (database.totals.log_len / STEP).max(1) };
        let overtaken = plan.superseded_to >= done.0.saturating_add(step)
            && database.totals.superseded * WORTH > database.totals.log_len;
        let deleted = plan.tombstones_to >= done.1.saturating_add(step) && database.totals.tombstones > 0;
        let calm = age.is_some_and(|age| age >= self.history.min(CALM));
        if deleted && calm && plan.tombstones_to <= done.0 {
            return Some((plan.superseded_to, plan.tombstones_to));
        }
        (overtaken || (deleted && plan.tombstones_to > done.0)).then_some((plan.superseded_to, 0))
    }

    /// A slice is done.
    pub(crate) fn swept(&mut self, swept: &Swept, now: Instant) {
        self.last_slice = Some(now);
        let Some(slice) = self.current.take() else { return };
        if swept.next.is_none()
            && let Some(done) = self.done.get_mut(&*slice.db)
        {
            done.at = now;
        }
        self.current = swept.next.map(|after| Sweep { after, ..slice });
    }

    /// What is at hand cannot be done now; it is looked for again.
    pub(crate) fn give_up(&mut self) {
        self.planning = None;
        if let Some(slice) = self.current.take() {
            self.done.remove(&*slice.db);
        }
    }

    /// A database was emptied.
    pub(crate) fn forget(&mut self, db: &Name) {
        self.done.remove(db);
        if self.current.as_ref().is_some_and(|slice| *slice.db == **db) {
            self.current = None;
        }
    }
}

/// Finds out what may be dropped of a database; `None`: it is not there.
pub(crate) fn plan(snapshot: &mut dyn Snapshot, db: &Name, terms: SweepTerms) -> Result<Option<Plan>, StoreError> {
    let Some(database) = snapshot.database(db)? else { return Ok(None) };
    let resume = snapshot.resume_min(db, terms.seen_ms)?.unwrap_or(database.head);
    Ok(Some(Plan {
        db: Name::clone(db),
        superseded_to: snapshot.cursor_before(db, terms.history_ms)?,
        tombstones_to: snapshot.cursor_before(db, terms.retention_ms)?.min(resume),
        seen_ms: terms.seen_ms,
        remembered_ms: terms.remembered_ms,
    }))
}
