//! A commit is whole or nothing, over all databases, and nothing of one that failed is left anywhere.

use sangam_storage::StoreError;
use sangam_storage::sync::{Database, Epoch, Fingerprint, Found, Totals};

use super::paging::{all_rows, page_query};
use super::reading::{conflict, key, replica, settled_key};
use super::{Edit, OpenStore, ask, draft};

pub(super) fn conforms(open: OpenStore<'_>) {
    a_change_for_another_head_takes_the_whole_commit_with_it(open);
    one_commit_may_hold_a_database_twice(open);
    the_newest_state_and_the_highest_version_count(open);
    a_store_that_is_opened_anew_is_as_it_was(open);
    a_checkpoint_changes_nothing_that_is_read(open);
    a_reset_leaves_nothing_of_a_database_and_all_of_the_others(open);
    a_reset_makes_a_database_that_is_not_there(open);
}

fn a_change_for_another_head_takes_the_whole_commit_with_it(open: OpenStore<'_>) {
    let mut store = open();
    let first = draft(&mut *store.writer, "overtaken", &[Edit::upsert("d", 1, "c", "e", b"1")], 1);
    store.writer.commit(std::slice::from_ref(&first)).expect("committed");
    let fresh = draft(&mut *store.writer, "fresh", &[Edit::upsert("new d", 1, "new c", "e", b"1")], 1);
    let refused = store.writer.commit(&[fresh.clone(), first.clone()]);
    let for_another_head = matches!(
        &refused,
        Err(StoreError::Overtaken { db, expected: 0, found: 1 }) if db == "overtaken"
    );
    assert!(for_another_head, "{refused:?}");
    assert_eq!(store.writer.databases(&["fresh", "overtaken"]).expect("read"), std::slice::from_ref(&first.database));
    assert_eq!(all_rows(&store, &page_query("fresh")), []);
    // Nothing that the failed one has made is taken for made.
    let other = draft(&mut *store.writer, "other", &[Edit::upsert("d", 1, "c", "e", b"other")], 1);
    store.writer.commit(&[fresh.clone(), other.clone()]).expect("committed");
    assert_eq!(all_rows(&store, &page_query("fresh")), fresh.log);
    assert_eq!(all_rows(&store, &page_query("other")), other.log);
    assert_eq!(store.writer.entities("fresh", &[key("new c", "e")]).expect("read"), fresh.entities);
    drop(store);
    assert_eq!(all_rows(&open(), &page_query("fresh")), fresh.log);
}

fn one_commit_may_hold_a_database_twice(open: OpenStore<'_>) {
    let mut store = open();
    let first = draft(&mut *store.writer, "twice", &[Edit::upsert("d", 1, "c", "e", b"1")], 1);
    store.writer.commit(std::slice::from_ref(&first)).expect("committed");
    let second = draft(&mut *store.writer, "twice", &[Edit::upsert("d", 2, "c", "f", b"2")], 1);
    let mut third = second.clone();
    third.head_before = second.database.head;
    third.database.head += 1;
    third.log[0].cursor += 1;
    third.entities[0].1.cursor += 1;
    store.writer.commit(&[second.clone(), third.clone()]).expect("committed");
    let rows = all_rows(&store, &page_query("twice"));
    assert_eq!(rows, [first.log, second.log, third.log].concat());
}

fn the_newest_state_and_the_highest_version_count(open: OpenStore<'_>) {
    let mut store = open();
    let db = "newest";
    for (op_id, version, digest) in [(1, 5, 1), (2, 9, 2), (3, 7, 3)] {
        let edits = [Edit::upsert("d", op_id, "c", "e", &[digest])];
        let mut change = draft(&mut *store.writer, db, &edits, 1);
        change.settled = vec![(settled_key("d", 1, "c", "old"), version)];
        change.refused = vec![(settled_key("d", 1, "c", "old"), Fingerprint([digest; 16]))];
        store.writer.commit(std::slice::from_ref(&change)).expect("committed");
        assert_eq!(store.writer.entities(db, &[key("c", "e")]).expect("read"), change.entities);
    }
    let known = settled_key("d", 1, "c", "old");
    let found = store.writer.settled(db, std::slice::from_ref(&known)).expect("read");
    let expected = Found { settled: vec![(known.clone(), 9)], refused: vec![(known, Fingerprint([3; 16]))] };
    assert_eq!(found, expected);
}

fn a_store_that_is_opened_anew_is_as_it_was(open: OpenStore<'_>) {
    let mut store = open();
    let edits = [Edit::upsert("d", 1, "c", "e", b"1")];
    let mut rows = Vec::new();
    for _ in 0..3 {
        let change = draft(&mut *store.writer, "anew", &edits, 1);
        store.writer.commit(std::slice::from_ref(&change)).expect("committed");
        rows.extend(change.log);
        store.writer.reopen().expect("opened anew");
        assert_eq!(all_rows(&store, &page_query("anew")), rows);
        assert_eq!(store.writer.databases(&["anew"]).expect("read"), [change.database]);
    }
}

fn a_checkpoint_changes_nothing_that_is_read(open: OpenStore<'_>) {
    let mut store = open();
    let mut rows = Vec::new();
    for number in 1..20_u8 {
        let edits = [Edit::upsert("d", u64::from(number), "c", "e", &[number; 5_000])];
        let change = draft(&mut *store.writer, "checkpoint", &edits, 1);
        store.writer.commit(std::slice::from_ref(&change)).expect("committed");
        rows.extend(change.log);
        store.writer.checkpoint().expect("done");
    }
    assert_eq!(store.writer.checkpoint().expect("done"), 0, "nobody reads, so all of it is copied");
    assert_eq!(all_rows(&store, &page_query("checkpoint")), rows);
}

fn a_reset_leaves_nothing_of_a_database_and_all_of_the_others(open: OpenStore<'_>) {
    let mut store = open();
    let full = |device: &str| [Edit::upsert(device, 1, "c", "e", b"1"), Edit::delete(device, 2, "c", "f")];
    let mut changes =
        [draft(&mut *store.writer, "reset", &full("d"), 1), draft(&mut *store.writer, "not reset", &full("d"), 1)];
    for change in &mut changes {
        change.settled = vec![(settled_key("d", 1, "c", "old"), 1)];
        change.refused = vec![(settled_key("d", 2, "c", "old"), Fingerprint([2; 16]))];
        change.replicas = vec![replica("d", 1, 1)];
        change.conflicts = vec![conflict("d", 1, 1)];
    }
    store.writer.commit(&changes).expect("committed");
    let [before, other] = changes;
    let empty = Database { epoch: Epoch(77), head: 0, totals: Totals::default(), ..before.database.clone() };
    store.writer.reset(&empty).expect("reset");
    for _ in 0..2 {
        assert_eq!(store.writer.databases(&["reset"]).expect("read"), std::slice::from_ref(&empty));
        assert_eq!(all_rows(&store, &page_query("reset")), []);
        let keys = [key("c", "e"), key("c", "f")];
        assert_eq!(store.writer.entities("reset", &keys).expect("read"), []);
        let doubtful = [settled_key("d", 1, "c", "old"), settled_key("d", 2, "c", "old")];
        assert_eq!(store.writer.settled("reset", &doubtful).expect("read"), Found::default());
        ask(&store, |snapshot| {
            assert_eq!(snapshot.replica("reset", "d").expect("read"), None);
            assert_eq!(snapshot.conflicts("reset", None, 9).expect("read"), []);
            assert_eq!(snapshot.history("reset", &key("c", "e"), 9).expect("read").entries, []);
        });
        drop(store);
        store = open();
    }
    // The names of before are used again, and nothing that is dropped later is of this life.
    let again = draft(&mut *store.writer, "reset", &full("d"), 2);
    assert_eq!((again.head_before, again.database.epoch), (0, Epoch(77)));
    store.writer.commit(std::slice::from_ref(&again)).expect("committed");
    for _ in 0..10 {
        store.writer.checkpoint().expect("done");
    }
    assert_eq!(all_rows(&store, &page_query("reset")), again.log);
    assert_eq!(store.writer.entities("reset", &[key("c", "e")]).expect("read").len(), 1);
    assert_eq!(all_rows(&store, &page_query("not reset")), other.log);
    assert_eq!(store.writer.settled("not reset", &[other.settled[0].0.clone()]).expect("read").settled, other.settled);
}

fn a_reset_makes_a_database_that_is_not_there(open: OpenStore<'_>) {
    let mut store = open();
    let change = draft(&mut *store.writer, "made", &[], 1);
    let empty = Database { epoch: Epoch(u128::MAX), ..change.database };
    store.writer.reset(&empty).expect("reset");
    assert_eq!(store.writer.databases(&["made"]).expect("read"), [empty]);
}
