//! Holds what devices were told against the log, as a reader of its own finds it in the end.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use sangam_sync_proto::{Kind, Name, Operation};
use serde::Serialize;

use super::account::{Account, Made, Mark, digest};

/// What must not be. All zero: it is fine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SyncFaults {
    /// Changes that were acknowledged, and neither are their entity's state nor were overtaken by a later one.
    pub lost: u64,
    /// Operations in a log that no device was told are accepted.
    pub untold: u64,
    /// Operations whose content is not what was pushed, wherever they were seen.
    pub altered: u64,
    /// Operations that stand in a log again.
    pub twice: u64,
    /// Operations of another database, wherever they were seen; a token of another that opens a database counts as one.
    pub foreign: u64,
    /// Operations whose cursor is not above the one before, or beyond what their page ends with.
    pub out_of_order: u64,
    /// By how much cursors are not dense: what the log grew by, against the changes that were accepted.
    pub miscounted: u64,
    /// Devices that have another state than the log.
    pub diverged: u64,
    /// Devices that in the end could not push what they held, or not pull what there was.
    pub unfinished: u64,
    /// Databases that could not be read.
    pub unread: u64,
}

impl SyncFaults {
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.untold += other.untold;
        self.altered += other.altered;
        self.twice += other.twice;
        self.foreign += other.foreign;
        self.out_of_order += other.out_of_order;
        self.miscounted += other.miscounted;
        self.diverged += other.diverged;
        self.unfinished += other.unfinished;
        self.unread += other.unread;
    }
}

/// A log, as it was read from its beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) ops: Vec<Operation>,
    pub(crate) head: u64,
}

pub(crate) type EntityKey = (Name, Name);

/// The last operation of each entity.
pub(crate) fn fold(log: &Log) -> BTreeMap<EntityKey, &Operation> {
    log.ops.iter().map(|op| ((Arc::clone(&op.collection), Arc::clone(&op.entity)), op)).collect()
}

/// What is wrong with the log of a database that had `head_before` operations when the fleet came.
pub(crate) fn judge(account: &Account, log: &Log, head_before: u64) -> SyncFaults {
    let mut faults = SyncFaults {
        lost: lost(account, log),
        foreign: account.foreign,
        out_of_order: account.out_of_order,
        altered: account.altered,
        ..SyncFaults::default()
    };
    let (mut last, mut found, mut has_others) = (0, HashSet::new(), false);
    for op in &log.ops {
        faults.out_of_order += u64::from(op.op_id <= last || op.op_id > log.head);
        last = op.op_id;
        if account.is_foreign(op) {
            faults.foreign += 1;
        } else if account.is_ours(&op.device) {
            judge_op(account, op, &mut faults, &mut found);
        } else {
            has_others |= op.op_id > head_before;
        }
    }
    if !has_others {
        let grown = log.head.saturating_sub(head_before);
        let least = account.accepted - idle_deletes(account, &found);
        faults.miscounted = grown.abs_diff(grown.clamp(least, account.accepted));
    }
    faults
}

/// Accepted deletions that the log does not hold: of what was deleted already, which changes nothing, or overtaken and gone.
fn idle_deletes(account: &Account, found: &HashSet<Mark>) -> u64 {
    let is_idle = |(mark, made): &(&Mark, &Made)| made.is_delete && made.accepted.is_some() && !found.contains(*mark);
    account.made.iter().filter(is_idle).count() as u64
}

fn judge_op(account: &Account, op: &Operation, faults: &mut SyncFaults, found: &mut HashSet<Mark>) {
    let mark = Mark::of(op);
    match account.made.get(&mark) {
        None => faults.untold += 1,
        Some(made) => {
            faults.untold += u64::from(made.accepted.is_none());
            let is_same = made.body == digest(op.body.as_ref()) && made.is_delete == (op.kind == Kind::Delete);
            faults.altered += u64::from(!is_same);
        }
    }
    faults.twice += u64::from(!found.insert(mark));
}

/// Accepted changes that no later state of their entity explains.
fn lost(account: &Account, log: &Log) -> u64 {
    let state = fold(log);
    // The last change of each entity that was accepted: what is deleted for good may be gone from a log.
    let mut newest: BTreeMap<(&str, &str), (u64, bool)> = BTreeMap::new();
    let accepted = || account.made.iter().filter(|(_, made)| made.accepted.is_some());
    for (mark, made) in accepted() {
        let top = newest.entry((&mark.collection, &mark.entity)).or_default();
        *top = (*top).max((mark.version, made.is_delete));
    }
    let is_lost = |mark: &Mark, made: &Made| match state.get(&(Arc::clone(&mark.collection), Arc::clone(&mark.entity)))
    {
        // Deleted it shall be, and deleted it is.
        Some(op) if made.is_delete && op.kind == Kind::Delete => false,
        None => !newest.get(&(&*mark.collection, &*mark.entity)).is_some_and(|(_, is_delete)| *is_delete),
        Some(op) => op.version < mark.version || (op.version == mark.version && Mark::of(op) != *mark),
    };
    accepted().filter(|(mark, made)| is_lost(mark, made)).count() as u64
}

/// Whether a device has what the log says, in the collections it pulls.
pub(crate) fn is_converged<'a>(
    state: &'a BTreeMap<EntityKey, &Operation>,
    held: impl Iterator<Item = (&'a str, &'a str, &'a Bytes)>,
    pulls: impl Fn(&str) -> bool,
) -> bool {
    let there = state.iter().filter(|((collection, _), _)| pulls(collection));
    let there = there.filter_map(|((collection, entity), op)| Some((&**collection, &**entity, op.body.as_ref()?)));
    there.eq(held.filter(|(collection, _, _)| pulls(collection)))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::account::body;
    use super::*;

    fn name(device: u32) -> Name {
        format!("simulated-1-a-{device}").into()
    }

    fn op(cursor: u64, device: u32, entity: &str, version: u64, is_delete: bool) -> Operation {
        Operation {
            op_id: cursor,
            db: "a".into(),
            device: name(device),
            collection: "c".into(),
            entity: entity.into(),
            kind: if is_delete { Kind::Delete } else { Kind::Upsert },
            version,
            body: (!is_delete).then(|| body("a", &name(device), version, 64)),
            timestamp_ms: 0,
        }
    }

    /// Two devices; three accepted changes, one refused.
    fn account() -> (Account, Log) {
        let mut account = Account::new("a".into(), "simulated-1-".to_owned(), [name(0), name(1)]);
        let ops = vec![op(1, 0, "x", 5, false), op(2, 1, "x", 6, false), op(3, 0, "y", 5, true)];
        for op in &ops {
            account.made(Mark::of(op), op.body.as_ref());
            account.sent(&Mark::of(op));
            account.accepted(&Mark::of(op), Instant::now());
        }
        let refused = op(9, 1, "y", 4, false);
        account.made(Mark::of(&refused), refused.body.as_ref());
        account.refused(&Mark::of(&refused));
        (account, Log { ops, head: 3 })
    }

    fn judged(change: impl FnOnce(&mut Account, &mut Log)) -> SyncFaults {
        let (mut account, mut log) = account();
        change(&mut account, &mut log);
        judge(&account, &log, 0)
    }

    #[test]
    fn a_log_with_what_was_accepted_is_fine_also_once_what_was_overtaken_is_gone() {
        assert_eq!(judged(|_, _| {}), SyncFaults::default());
        assert_eq!(judged(|_, log| drop(log.ops.remove(0))), SyncFaults::default());
        // A deletion that no one needs to hear of any more.
        assert_eq!(judged(|_, log| drop(log.ops.remove(2))), SyncFaults::default());
    }

    #[test]
    fn a_deletion_of_what_is_deleted_need_not_be_in_the_log() {
        let again = op(0, 1, "y", 8, true);
        let faults = judged(|account, _| {
            account.made(Mark::of(&again), None);
            account.accepted(&Mark::of(&again), Instant::now());
        });
        assert_eq!(faults, SyncFaults::default());
        let edit = op(0, 1, "y", 8, false);
        let faults = judged(|account, _| {
            account.made(Mark::of(&edit), edit.body.as_ref());
            account.accepted(&Mark::of(&edit), Instant::now());
        });
        assert_eq!(faults, SyncFaults { lost: 1, miscounted: 1, ..SyncFaults::default() });
    }

    #[test]
    fn an_acknowledged_edit_that_is_nowhere_is_lost() {
        assert_eq!(judged(|_, log| drop(log.ops.remove(1))), SyncFaults { lost: 1, ..SyncFaults::default() });
        let none = judged(|_, log| *log = Log::default());
        assert_eq!((none.lost, none.miscounted), (2, 2), "a deletion may be gone");
        let other = judged(|_, log| log.ops[1] = op(2, 0, "x", 6, false));
        assert_eq!((other.lost, other.untold), (1, 1));
    }

    #[test]
    fn an_operation_that_nobody_was_told_of_is_found() {
        let faults = judged(|_, log| {
            log.ops.push(op(4, 1, "y", 4, false));
            log.head = 4;
        });
        assert_eq!((faults.untold, faults.miscounted), (1, 1));
        // The older version on top took a later deletion away.
        assert_eq!(faults.lost, 1);
    }

    #[test]
    fn an_operation_of_another_database_is_foreign() {
        let foreign = |change: fn(&mut Operation)| judged(|_, log| change(&mut log.ops[1])).foreign;
        assert_eq!(foreign(|op| op.db = "b".into()), 1);
        assert_eq!(foreign(|op| op.device = "simulated-1-b-0".into()), 1);
        assert_eq!(foreign(|op| op.body = Some(body("b", "simulated-1-a-1", 6, 64))), 1);
        assert_eq!(foreign(|_| {}), 0);
        let (mut account, log) = account();
        let other = Operation { db: "b".into(), ..log.ops[0].clone() };
        account.seen(&name(1), 0, &[other], 1, Instant::now());
        assert_eq!(judge(&account, &log, 0), SyncFaults { foreign: 1, ..SyncFaults::default() });
    }

    #[test]
    fn content_cursors_and_repetitions_are_looked_at() {
        let altered = judged(|_, log| log.ops[1].body = Some(body("a", "simulated-1-a-1", 7, 64)));
        assert_eq!(altered, SyncFaults { altered: 1, ..SyncFaults::default() });
        let swapped = judged(|_, log| log.ops.swap(0, 2));
        assert_eq!((swapped.out_of_order, swapped.lost), (2, 1));
        let twice = judged(|_, log| {
            log.ops.push(op(4, 0, "y", 5, true));
            log.head = 4;
        });
        assert_eq!(twice, SyncFaults { twice: 1, miscounted: 1, ..SyncFaults::default() });
        let gap = judged(|_, log| log.head = 5);
        assert_eq!(gap, SyncFaults { miscounted: 2, ..SyncFaults::default() });
    }

    #[test]
    fn a_page_out_of_order_is_counted_where_it_is_pulled() {
        let (mut account, log) = account();
        let device = name(1);
        account.seen(&device, 0, &log.ops, 3, Instant::now());
        assert_eq!((account.out_of_order, account.pulled, account.lag.count()), (0, 3, 2));
        account.seen(&device, 2, &log.ops[..1], 1, Instant::now());
        assert_eq!(account.out_of_order, 2);
    }

    #[test]
    fn a_device_with_another_state_has_diverged() {
        let (_, log) = account();
        let state = fold(&log);
        let (mine, old) = (body("a", &name(1), 6, 64), body("a", &name(0), 5, 64));
        let converged = |held: &[(&'static str, &'static str, &Bytes)]| {
            is_converged(&state, held.iter().copied(), |collection| collection == "c")
        };
        assert!(converged(&[("c", "x", &mine)]));
        assert!(converged(&[("c", "x", &mine), ("other", "z", &old)]), "it does not pull those");
        assert!(!converged(&[]) && !converged(&[("c", "x", &old)]));
        assert!(!converged(&[("c", "x", &mine), ("c", "y", &old)]), "what is deleted");
    }
}
