use sangam_storage::sync::Store;
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_sync_proto::Operation;

use super::*;
use crate::rig::{BEGIN_MS, delete, upsert};

struct Bench {
    store: Store,
    rules: Rules,
    answer_bytes_max: usize,
    _dir: tempfile::TempDir,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let store = open_sync(dir.path(), &SqliteOptions { synced: false, ..SqliteOptions::default() }).unwrap();
    Bench { store, rules: Rules::default(), answer_bytes_max: 1_000, _dir: dir }
}

impl Bench {
    fn settle(&mut self, jobs: Vec<(&str, &str, Vec<Operation>)>) -> Settlement {
        let job = |(db, device, ops): (&str, &str, Vec<Operation>)| Job {
            db: db.into(),
            push: Push { device: device.into(), ops },
        };
        let mut jobs: Vec<Job> = jobs.into_iter().map(job).collect();
        let terms = Terms {
            now: Wall::from_unix_millis(BEGIN_MS),
            rules: &self.rules,
            epoch: &|_| Epoch(7),
            births_max: 2,
            databases_max: 2,
            answer_bytes_max: self.answer_bytes_max,
            replicas: &|_| Vec::new(),
        };
        settle(&mut *self.store.writer, &mut jobs, &terms)
    }
}

#[test]
fn pushes_of_a_group_see_each_other_in_order_and_share_one_commit() {
    let mut bench = bench();
    let one = || vec![upsert(1, "e", 5)];
    let group = bench.settle(vec![
        ("a", "d1", one()),
        ("b", "d1", one()),
        ("a", "d2", one()),
        ("a", "d2", one()),
        ("a", "d1", one()),
    ]);
    let outcome = |at: usize| group.outcomes[at].as_ref().unwrap();
    assert_eq!((outcome(0).accepted, outcome(1).accepted), (1, 1));
    let refused = outcome(2);
    assert_eq!((refused.acknowledged, refused.conflicts.len()), (0, 1));
    assert_eq!(Some(&refused.conflicts[0].body), one()[0].body.as_ref());
    let again = outcome(3);
    assert_eq!((again.acknowledged, again.conflicts.len()), (1, 1), "the second time it is acknowledged as well");
    assert_eq!((outcome(4).acknowledged, outcome(4).repeated), (1, 1));
    assert_eq!(group.commits, 1);
    let cursors: Vec<(&str, Vec<u64>)> = group
        .committed
        .iter()
        .map(|one| (&*one.database.name, one.entries.iter().map(|entry| entry.cursor).collect()))
        .collect();
    assert_eq!(cursors, [("a", vec![1]), ("b", vec![1])]);
}

#[test]
fn a_conflict_holds_what_the_server_has_and_nothing_of_what_is_deleted() {
    let mut bench = bench();
    bench.settle(vec![("a", "d1", vec![upsert(1, "there", 5), upsert(2, "gone", 5), delete(3, "gone", 6)])]);
    let group = bench.settle(vec![("a", "d2", vec![upsert(1, "there", 4), upsert(2, "gone", 4)])]);
    assert_eq!(group.outcomes.len(), 1);
    let conflicts = &group.outcomes[0].as_ref().unwrap().conflicts;
    assert_eq!((conflicts[0].version, Some(&conflicts[0].body)), (5, upsert(1, "there", 5).body.as_ref()));
    assert_eq!((conflicts[1].version, conflicts[1].body.len()), (6, 0));
    assert_eq!(conflicts[0].modified_ms, Some(BEGIN_MS));
}

#[test]
fn operations_whose_conflicts_are_more_than_one_answer_holds_stay_in_the_queue_of_the_replica() {
    let mut bench = bench();
    bench.settle(vec![("a", "d1", (1..=100).map(|n| upsert(n, &format!("e{n}"), 5)).collect())]);
    let push = || (1..=100).map(|n| upsert(n, &format!("e{n}"), 4)).collect::<Vec<_>>();
    let group = bench.settle(vec![("a", "d2", push())]);
    let answered = group.outcomes[0].as_ref().unwrap().conflicts.len();
    assert!((2..50).contains(&answered), "{answered}");
    let again = bench.settle(vec![("a", "d2", push())]);
    let acknowledged = again.outcomes[0].as_ref().unwrap().acknowledged;
    assert_eq!(acknowledged, u64::try_from(answered).unwrap(), "the second time it goes on behind them");
    bench.answer_bytes_max = 0;
    let one = bench.settle(vec![("a", "d3", push())]);
    assert_eq!(one.outcomes[0].as_ref().unwrap().conflicts.len(), 1);
    let many = bench.settle(vec![("a", "d3", (200..300).map(|n| upsert(n, &format!("n{n}"), 5)).collect())]);
    assert_eq!(many.outcomes[0].as_ref().unwrap().accepted, 100, "what is in conflict with nothing costs no answer");
}

#[test]
fn a_push_that_comes_again_is_known_whole_however_much_it_is() {
    let mut bench = bench();
    bench.answer_bytes_max = 0;
    let push = || (1..=100).rev().map(|n| upsert(n, &format!("e{n}"), 5)).collect::<Vec<_>>();
    bench.settle(vec![("a", "d1", push())]);
    let again = bench.settle(vec![("a", "d1", push())]);
    assert_eq!(again.outcomes[0].as_ref().unwrap().repeated, 100);
}

#[test]
fn more_databases_than_may_be_are_not_made_and_others_go_on() {
    let mut bench = bench();
    let one = || vec![upsert(1, "e", 5)];
    let group = bench.settle(vec![("a", "d", one()), ("b", "d", one()), ("c", "d", one()), ("a", "d", one())]);
    let full = |at: usize| matches!(group.outcomes[at], Err(NotPushed::DatabasesFull { max: 2 }));
    assert_eq!((0..4).map(full).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!(group.committed.iter().map(|one| one.born).collect::<Vec<_>>(), [true, true]);
}

#[test]
fn a_push_that_breaks_a_rule_makes_no_database() {
    let mut bench = bench();
    let far = BEGIN_MS + 10 * 86_400_000;
    let group = bench.settle(vec![("a", "d", vec![upsert(1, "e", far)]), ("b", "d", vec![upsert(1, "e", 1)])]);
    assert!(matches!(group.outcomes[0], Err(NotPushed::Rules(NotDecided::ClockAhead { .. }))));
    assert_eq!(group.outcomes[1].as_ref().unwrap().accepted, 1);
    assert_eq!(bench.store.writer.databases(&["a", "b"]).unwrap().len(), 1);
}
