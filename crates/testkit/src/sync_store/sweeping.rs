//! What nobody needs goes, in steps; whoever reads from the beginning sees the same as before.

use sangam_storage::sync::{Fingerprint, Store, Sweep, Swept};

use super::paging::{all_rows, page_query};
use super::reading::{conflict, key, replica, settled_key};
use super::{Edit, OpenStore, ask, draft};

pub(super) fn conforms(open: OpenStore<'_>) {
    what_was_overtaken_goes_up_to_a_cursor(open);
    a_tombstone_goes_with_its_entity_and_moves_the_fence(open);
    a_tombstone_stays_while_an_older_operation_of_its_entity_is_left(open);
    what_is_remembered_goes_by_age_and_conflicts_by_number(open);
    replicas_that_stayed_away_are_forgotten_at_the_beginning_of_a_pass(open);
    steps_of_any_size_come_to_the_same_end(open);
}

/// Drops nothing.
pub(super) fn nothing(db: &str) -> Sweep {
    Sweep {
        db: db.to_owned(),
        after: 0,
        rows_max: 100,
        superseded_to: 0,
        tombstones_to: 0,
        remembered_before_ms: 0,
        replicas_seen_before_ms: 0,
        conflicts_kept: u64::MAX,
    }
}

/// Step after step to the end: how many were dropped, and what the last step said.
pub(super) fn sweep_to_the_end(store: &mut Store, sweep: &Sweep) -> (u64, Swept) {
    let (mut sweep, mut dropped) = (sweep.clone(), 0);
    for step in 0.. {
        assert!(step < 10_000, "the end is never reached: {sweep:?}");
        let swept = store.writer.sweep(&sweep).expect("swept");
        dropped += swept.dropped;
        let Some(next) = swept.next else { return (dropped, swept) };
        assert!(next >= sweep.after, "{swept:?}");
        sweep.after = next;
    }
    unreachable!("steps are counted");
}

fn commit(store: &mut Store, db: &str, edits: &[Edit]) {
    let change = draft(&mut *store.writer, db, edits, 1);
    store.writer.commit(&[change]).expect("committed");
}

fn cursors(store: &Store, db: &str) -> Vec<u64> {
    all_rows(store, &page_query(db)).iter().map(|row| row.cursor).collect()
}

fn what_was_overtaken_goes_up_to_a_cursor(open: OpenStore<'_>) {
    let mut store = open();
    let db = "overtaken rows";
    for op_id in 1..=4 {
        let edits = [Edit::upsert("d", op_id, "c", "e", b"body"), Edit::upsert("d", op_id, "c2", "e", b"body")];
        commit(&mut store, db, &edits);
    }
    commit(&mut store, db, &[Edit::upsert("d", 9, "c", "once", b"body")]);
    let before = store.writer.databases(&[db]).expect("read")[0].clone();
    let (dropped, swept) = sweep_to_the_end(&mut store, &Sweep { superseded_to: 3, ..nothing(db) });
    assert_eq!((dropped, cursors(&store, db)), (3, vec![4, 5, 6, 7, 8, 9]));
    assert_eq!(store.writer.databases(&[db]).expect("read"), std::slice::from_ref(&swept.database));
    let totals = swept.database.totals;
    assert_eq!((totals.log_len, totals.superseded, totals.live), (6, 3, 3));
    assert_eq!(before.totals.bytes - totals.bytes, 2 * (1 + 1 + 1 + 4) + (1 + 2 + 1 + 4));
    assert_eq!((swept.database.head, swept.database.tombstones_to), (9, 0));
    let (dropped, swept) = sweep_to_the_end(&mut store, &Sweep { superseded_to: u64::MAX, ..nothing(db) });
    assert_eq!((dropped, cursors(&store, db)), (3, vec![7, 8, 9]));
    assert_eq!(swept.database.totals.superseded, 0);
    let history = ask(&store, move |snapshot| snapshot.history(db, &key("c", "e"), 9).expect("read"));
    assert_eq!((history.entries.len(), history.has_more), (1, false));
    let (dropped, _) = sweep_to_the_end(&mut store, &Sweep { superseded_to: u64::MAX, ..nothing(db) });
    assert_eq!(dropped, 0);
    // Cursors go on where they were.
    commit(&mut store, db, &[Edit::upsert("d", 10, "c", "e", b"body")]);
    assert_eq!(cursors(&store, db), [7, 8, 9, 10]);
}

fn a_tombstone_goes_with_its_entity_and_moves_the_fence(open: OpenStore<'_>) {
    let mut store = open();
    let db = "tombstones";
    let edits = [
        Edit::upsert("d", 1, "c", "a", b"body"),
        Edit::delete("d", 2, "c", "a"),
        Edit::delete("d", 3, "c", "never there"),
        Edit::upsert("d", 4, "c", "live", b"body"),
        Edit::delete("d", 5, "c", "late"),
    ];
    commit(&mut store, db, &edits);
    let sweep = Sweep { superseded_to: 4, tombstones_to: 4, ..nothing(db) };
    let (dropped, swept) = sweep_to_the_end(&mut store, &sweep);
    assert_eq!((dropped, cursors(&store, db)), (3, vec![4, 5]));
    assert_eq!(swept.database.tombstones_to, 3, "the highest that was dropped");
    let totals = swept.database.totals;
    assert_eq!((totals.log_len, totals.superseded, totals.live, totals.tombstones), (2, 0, 1, 1));
    assert_eq!(totals.bytes, (1 + 1 + 4 + 4) + (1 + 1 + 4));
    let keys = [key("c", "a"), key("c", "never there"), key("c", "live"), key("c", "late")];
    let left = store.writer.entities(db, &keys).expect("read");
    assert_eq!(left.iter().map(|(of, _)| of.clone()).collect::<Vec<_>>(), keys[2..]);
    // An entity that was forgotten begins anew.
    commit(&mut store, db, &[Edit::upsert("d", 1, "c", "a", b"new")]);
    let history = ask(&store, move |snapshot| snapshot.history(db, &key("c", "a"), 9).expect("read"));
    assert_eq!(history.entries.iter().map(|entry| entry.cursor).collect::<Vec<_>>(), [6]);
}

fn a_tombstone_stays_while_an_older_operation_of_its_entity_is_left(open: OpenStore<'_>) {
    let mut store = open();
    let db = "resurrection";
    let edits =
        [Edit::upsert("d", 1, "c", "a", b"1"), Edit::upsert("d", 2, "c", "a", b"2"), Edit::delete("d", 3, "c", "a")];
    commit(&mut store, db, &edits);
    let (dropped, swept) = sweep_to_the_end(&mut store, &Sweep { superseded_to: 1, tombstones_to: 3, ..nothing(db) });
    assert_eq!((dropped, cursors(&store, db)), (1, vec![2, 3]));
    assert_eq!((swept.database.tombstones_to, swept.database.totals.tombstones), (0, 1));
    let late = Sweep { after: 2, superseded_to: 3, tombstones_to: 3, ..nothing(db) };
    let (dropped, _) = sweep_to_the_end(&mut store, &late);
    assert_eq!((dropped, cursors(&store, db)), (0, vec![2, 3]), "2 was not looked at");
    let (dropped, swept) = sweep_to_the_end(&mut store, &Sweep { after: 0, ..late });
    assert_eq!((dropped, cursors(&store, db)), (2, vec![]));
    assert_eq!((swept.database.tombstones_to, swept.database.totals.bytes), (3, 0));
}

fn what_is_remembered_goes_by_age_and_conflicts_by_number(open: OpenStore<'_>) {
    let mut store = open();
    let db = "remembered";
    for at_ms in 1..=6 {
        let mut change = draft(&mut *store.writer, db, &[], at_ms);
        change.settled = vec![(settled_key("d", at_ms, "c", "e"), at_ms)];
        change.refused = vec![(settled_key("r", at_ms, "c", "e"), Fingerprint([1; 16]))];
        change.conflicts = vec![conflict("d", at_ms, at_ms)];
        store.writer.commit(&[change]).expect("committed");
    }
    for rows_max in [100, 1] {
        let left = if rows_max == 100 { 4..=6 } else { 5..=6 };
        let sweep = Sweep { rows_max, remembered_before_ms: *left.start(), conflicts_kept: 3, ..nothing(db) };
        sweep_to_the_end(&mut store, &sweep);
        let keys: Vec<_> =
            (1..=6).flat_map(|op_id| ["d", "r"].map(|device| settled_key(device, op_id, "c", "e"))).collect();
        let found = store.writer.settled(db, &keys).expect("read");
        assert_eq!(
            found.settled.iter().map(|(key, _)| key.op_id).collect::<Vec<_>>(),
            left.clone().collect::<Vec<_>>()
        );
        assert_eq!(found.refused.iter().map(|(key, _)| key.op_id).collect::<Vec<_>>(), left.collect::<Vec<_>>());
        let conflicts = ask(&store, move |snapshot| snapshot.conflicts(db, None, 9).expect("read"));
        assert_eq!(
            conflicts.iter().map(|(number, row)| (*number, row.op_id)).collect::<Vec<_>>(),
            [(6, 6), (5, 5), (4, 4)]
        );
    }
    sweep_to_the_end(&mut store, &Sweep { rows_max: 2, conflicts_kept: 0, ..nothing(db) });
    assert_eq!(ask(&store, move |snapshot| snapshot.conflicts(db, None, 9).expect("read")), []);
}

fn replicas_that_stayed_away_are_forgotten_at_the_beginning_of_a_pass(open: OpenStore<'_>) {
    let mut store = open();
    let db = "away";
    for db in [db, "another"] {
        let mut change = draft(&mut *store.writer, db, &[Edit::upsert("d", 1, "c", "e", b"body")], 1);
        change.replicas = vec![replica("gone", 1, 4), replica("here", 1, 5)];
        store.writer.commit(&[change]).expect("committed");
    }
    let known = |store: &Store, db: &'static str| {
        ["gone", "here"].map(|device| ask(store, move |now| now.replica(db, device).expect("read").is_some()))
    };
    let sweep = Sweep { replicas_seen_before_ms: 5, ..nothing(db) };
    store.writer.sweep(&Sweep { after: 1, ..sweep.clone() }).expect("swept");
    assert_eq!(known(&store, db), [true, true]);
    store.writer.sweep(&sweep).expect("swept");
    assert_eq!((known(&store, db), known(&store, "another")), ([false, true], [true, true]));
}

fn steps_of_any_size_come_to_the_same_end(open: OpenStore<'_>) {
    let mut store = open();
    for rows_max in [1, 2, 7, 100] {
        let db = format!("steps {rows_max}");
        let mut edits: Vec<Edit> =
            (1..=30).map(|op_id| Edit::upsert("d", op_id, "c", &format!("e{}", op_id % 5), b"body")).collect();
        edits.extend([Edit::delete("d", 31, "c", "e1"), Edit::delete("d", 32, "c", "e2")]);
        commit(&mut store, &db, &edits);
        let sweep = Sweep { rows_max, superseded_to: 32, tombstones_to: 31, ..nothing(&db) };
        let first = store.writer.sweep(&sweep).expect("swept");
        assert!(first.dropped <= rows_max as u64, "{first:?}");
        let (dropped, swept) = sweep_to_the_end(&mut store, &Sweep { after: first.next.unwrap_or(32), ..sweep });
        assert_eq!(dropped + first.dropped, 28, "in steps of {rows_max}");
        assert_eq!(cursors(&store, &db), [28, 29, 30, 32]);
        let totals = swept.database.totals;
        assert_eq!((totals.log_len, totals.superseded, totals.live, totals.tombstones), (4, 0, 3, 1));
        assert_eq!(totals.bytes, 3 * (1 + 1 + 2 + 4) + (1 + 1 + 2));
    }
}
