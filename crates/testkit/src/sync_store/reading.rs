//! What was written is read as it was, of this database alone, and as it was at one moment.

use bytes::Bytes;
use sangam_storage::sync::{
    ConflictRow, EntityKey, Fingerprint, Found, HistoryEntry, Name, Replica, ReplicaQuery, SettledKey, Snapshot, Writer,
};

use super::paging::{all_rows, page_query};
use super::{Edit, OpenStore, ask, ask_around, draft};

pub(super) fn conforms(open: OpenStore<'_>) {
    nothing_is_there_of_what_nobody_wrote(open);
    what_was_written_is_read_as_it_was_also_when_opened_again(open);
    any_name_body_and_number_comes_back(open);
    equal_names_in_two_databases_are_two_things(open);
    databases_are_listed_in_order(open);
    replicas_are_listed_in_order_and_the_slowest_is_found(open);
    a_time_is_found_as_a_cursor(open);
    the_history_of_an_entity_is_newest_first(open);
    conflicts_are_newest_first(open);
    a_snapshot_stays_as_it_is_while_others_write(open);
}

pub(super) fn key(collection: &str, entity: &str) -> EntityKey {
    EntityKey { collection: collection.into(), entity: entity.into() }
}

pub(super) fn settled_key(device: &str, op_id: u64, collection: &str, entity: &str) -> SettledKey {
    SettledKey { device: device.into(), op_id, of: key(collection, entity) }
}

pub(super) fn replica(device: &str, resume: u64, seen_ms: u64) -> Replica {
    Replica { device: device.into(), resume, seen_ms, client: format!("client of {device}").into() }
}

pub(super) fn conflict(device: &str, op_id: u64, at_ms: u64) -> ConflictRow {
    ConflictRow {
        at_ms,
        device: device.into(),
        op_id,
        of: key("tasks", "t1"),
        client_version: op_id,
        server_version: op_id + 1,
        again: op_id.is_multiple_of(2),
    }
}

fn nothing_is_there_of_what_nobody_wrote(open: OpenStore<'_>) {
    let mut store = open();
    assert_eq!(store.writer.databases(&["never"]).expect("read"), []);
    assert_eq!(store.writer.databases(&[]).expect("read"), []);
    assert_eq!(store.writer.entities("never", &[key("c", "e")]).expect("read"), []);
    assert_eq!(store.writer.settled("never", &[settled_key("d", 1, "c", "e")]).expect("read"), Found::default());
    assert_eq!(store.writer.bodies("never", &[1, 2]).expect("read"), [None, None]);
    let nothing = ask(&store, |snapshot| {
        assert_eq!(snapshot.database("never").expect("read"), None);
        assert_eq!(snapshot.replica("never", "d").expect("read"), None);
        assert_eq!(snapshot.resume_min("never", 0).expect("read"), None);
        assert_eq!(snapshot.cursor_before("never", u64::MAX).expect("read"), 0);
        assert_eq!(snapshot.conflicts("never", None, 9).expect("read"), []);
        let history = snapshot.history("never", &key("c", "e"), 9).expect("read");
        (history.entries, history.has_more)
    });
    assert_eq!(nothing, (Vec::new(), false));
}

fn what_was_written_is_read_as_it_was_also_when_opened_again(open: OpenStore<'_>) {
    let mut store = open();
    let edits = [
        Edit::upsert("d1", 1, "tasks", "t1", b"one"),
        Edit::upsert("d2", 1, "notes", "n1", b"two"),
        Edit::delete("d1", 2, "tasks", "t1"),
        Edit::upsert("d1", 3, "tasks", "t2", b""),
    ];
    let mut change = draft(&mut *store.writer, "as it was", &edits, 5_000);
    change.settled = vec![(settled_key("d1", 1, "tasks", "t1"), 1)];
    change.refused = vec![(settled_key("d2", 9, "tasks", "t2"), Fingerprint([9; 16]))];
    change.replicas = vec![replica("d1", 2, 5_000)];
    change.conflicts = vec![conflict("d2", 9, 5_000)];
    store.writer.commit(std::slice::from_ref(&change)).expect("committed");
    drop(store);
    let mut store = open();
    let db = "as it was";
    assert_eq!(store.writer.databases(&[db, "never"]).expect("read"), std::slice::from_ref(&change.database));
    let keys = [key("tasks", "t1"), key("tasks", "t2"), key("notes", "n1"), key("notes", "t1"), key("never", "t1")];
    let mut entities = store.writer.entities(db, &keys).expect("read");
    entities.sort_by_key(|(_, state)| state.cursor);
    let mut written = change.entities.clone();
    written.sort_by_key(|(_, state)| state.cursor);
    assert_eq!(entities, written);
    let doubtful = [
        settled_key("d1", 1, "tasks", "t1"),
        settled_key("d1", 1, "tasks", "t2"),
        settled_key("d2", 1, "tasks", "t1"),
        settled_key("d2", 9, "tasks", "t2"),
        settled_key("never", 9, "tasks", "t2"),
    ];
    let found = store.writer.settled(db, &doubtful).expect("read");
    assert_eq!(found, Found { settled: change.settled.clone(), refused: change.refused.clone() });
    let bodies = store.writer.bodies(db, &[4, 3, 5, 1]).expect("read");
    assert_eq!(bodies, [Some(Bytes::new()), None, None, Some(Bytes::from_static(b"one"))]);
    assert_eq!(all_rows(&store, &page_query(db)), change.log);
    let (replicas, conflicts) = (change.replicas.clone(), change.conflicts.clone());
    ask(&store, move |snapshot| {
        assert_eq!(snapshot.database(db).expect("read"), Some(change.database));
        assert_eq!(snapshot.replica(db, "d1").expect("read").as_ref(), replicas.first());
        assert_eq!(snapshot.conflicts(db, None, 9).expect("read"), numbered(&conflicts));
    });
}

fn any_name_body_and_number_comes_back(open: OpenStore<'_>) {
    let mut store = open();
    let large: Vec<u8> = (0..=255_u8).cycle().take(1_000_000).collect();
    let names = ["", "\0", "a\0b", "ä ☃ \u{10FFFF}", "'; DROP TABLE log; --", "%_*"];
    let long = "x".repeat(512);
    let mut op_id = (1 << 63) - 100;
    let mut edits = Vec::new();
    for name in names.into_iter().chain([long.as_str()]) {
        op_id += 1;
        edits.push(Edit::upsert(name, op_id, name, name, &large[..name.len() * 1_000]));
        edits.push(Edit::delete(name, op_id, name, "gone"));
    }
    edits.push(Edit::upsert("d", 1, "c", "large", &large));
    let db = "any \0 ☃";
    let change = draft(&mut *store.writer, db, &edits, 1);
    store.writer.commit(std::slice::from_ref(&change)).expect("committed");
    assert_eq!(all_rows(&store, &page_query(db)), change.log);
    let keys: Vec<EntityKey> = edits.iter().map(|edit| edit.of.clone()).collect();
    let found = store.writer.entities(db, &keys).expect("read");
    assert_eq!(found.len(), edits.len());
    for (edit, (of, state)) in edits.iter().zip(&found) {
        assert_eq!((of, state.op_id, state.version, &state.device), (&edit.of, edit.op_id, edit.op_id, &edit.device));
        assert_eq!((state.deleted, state.fingerprint), (edit.body.is_none(), edit.fingerprint()));
    }
}

fn equal_names_in_two_databases_are_two_things(open: OpenStore<'_>) {
    let mut store = open();
    let mut left = draft(&mut *store.writer, "left", &[Edit::upsert("d", 1, "c", "e", b"left")], 1);
    left.settled = vec![(settled_key("d", 1, "c", "old"), 4)];
    left.replicas = vec![replica("d", 1, 1)];
    left.conflicts = vec![conflict("d", 1, 1)];
    let right = [Edit::upsert("d", 1, "c", "e", b"right"), Edit::upsert("d", 2, "c", "f", b"right too")];
    let mut right = draft(&mut *store.writer, "right", &right, 1);
    right.refused = vec![(settled_key("d", 1, "c", "old"), Fingerprint([1; 16]))];
    right.replicas = vec![replica("d", 2, 1)];
    store.writer.commit(&[left.clone(), right.clone()]).expect("committed");
    for (db, change) in [("left", &left), ("right", &right)] {
        assert_eq!(store.writer.databases(&[db]).expect("read"), std::slice::from_ref(&change.database));
        assert_eq!(all_rows(&store, &page_query(db)), change.log);
        let found = store.writer.settled(db, &[settled_key("d", 1, "c", "old")]).expect("read");
        assert_eq!(found, Found { settled: change.settled.clone(), refused: change.refused.clone() });
        assert_eq!(store.writer.bodies(db, &[1]).expect("read"), [change.log[0].body.clone()]);
        let (expected, replica) = (change.conflicts.clone(), change.replicas.first().cloned());
        ask(&store, move |snapshot| {
            assert_eq!(snapshot.conflicts(db, None, 9).expect("read"), numbered(&expected));
            assert_eq!(snapshot.replica(db, "d").expect("read"), replica);
        });
    }
    assert_eq!(store.writer.entities("left", &[key("c", "f")]).expect("read"), []);
}

fn databases_are_listed_in_order(open: OpenStore<'_>) {
    let mut store = open();
    for db in ["list b", "list a", "list", "list ä", "list B"] {
        let change = draft(&mut *store.writer, db, &[Edit::upsert("d", 1, "c", "e", b"")], 1);
        store.writer.commit(&[change]).expect("committed");
    }
    let list = |after: &'static str, limit: usize| {
        ask(&store, move |snapshot| {
            let found = snapshot.databases(Some(after), limit).expect("read");
            found.iter().map(|database| database.name.to_string()).collect::<Vec<_>>()
        })
    };
    assert_eq!(list("lisz", 0), [""; 0]);
    assert_eq!(list("lis", 3), ["list", "list B", "list a"]);
    assert_eq!(list("list a", 2), ["list b", "list ä"]);
    let first = ask(&store, |snapshot| snapshot.databases(None, usize::MAX).expect("read"));
    assert!(first.is_sorted_by(|one, other| one.name < other.name) && first.len() >= 5);
}

fn replicas_are_listed_in_order_and_the_slowest_is_found(open: OpenStore<'_>) {
    let mut store = open();
    let db = "replicas";
    let mut change = draft(&mut *store.writer, db, &[Edit::upsert("d", 1, "c", "e", b"")], 1);
    change.replicas = vec![replica("b", 7, 20), replica("a", 5, 10), replica("c", 9, 30)];
    store.writer.commit(&[change]).expect("committed");
    // Replicas alone are a change too; what is known of one is replaced.
    let mut change = draft(&mut *store.writer, db, &[], 2);
    change.replicas = vec![replica("b", 8, 40)];
    store.writer.commit(&[change]).expect("committed");
    let list = |after: Option<&str>, limit: usize| {
        let query = ReplicaQuery { db: db.into(), after: after.map(Name::from), limit };
        ask(&store, move |snapshot| snapshot.replicas(&query).expect("read"))
    };
    let all = [replica("a", 5, 10), replica("b", 8, 40), replica("c", 9, 30)];
    assert_eq!(list(None, 10), all);
    assert_eq!(list(None, 2), all[..2]);
    assert_eq!(list(Some("a"), 10), all[1..]);
    assert_eq!(list(Some("c"), 10), []);
    let slowest = ask(&store, move |snapshot| [0, 10, 11, 30, 31, 40, 41].map(|seen| snapshot.resume_min(db, seen)));
    let slowest: Vec<Option<u64>> = slowest.into_iter().map(|found| found.expect("read")).collect();
    assert_eq!(slowest, [Some(5), Some(5), Some(8), Some(8), Some(8), Some(8), None]);
}

fn a_time_is_found_as_a_cursor(open: OpenStore<'_>) {
    let mut store = open();
    let db = "times";
    for (op_id, at_ms) in [(1, 10), (2, 10), (3, 20), (4, 40), (5, 40)] {
        let change = draft(&mut *store.writer, db, &[Edit::upsert("d", op_id, "c", "e", b"")], at_ms);
        store.writer.commit(&[change]).expect("committed");
    }
    let times = [0, 10, 11, 20, 21, 40, 41, u64::MAX];
    let found = ask(&store, move |snapshot| times.map(|ms| snapshot.cursor_before(db, ms).expect("read")));
    assert_eq!(found, [0, 0, 2, 2, 3, 3, 5, 5]);
}

fn the_history_of_an_entity_is_newest_first(open: OpenStore<'_>) {
    let mut store = open();
    let db = "history";
    let groups = [
        vec![Edit::upsert("d1", 1, "c", "e", b"1"), Edit::upsert("d1", 2, "c", "other", b"-")],
        vec![Edit::upsert("d2", 1, "c", "e", b"3"), Edit::upsert("d2", 2, "c2", "e", b"-")],
        vec![Edit::delete("d1", 3, "c", "e"), Edit::upsert("d1", 4, "c", "e", b"6")],
    ];
    for edits in groups {
        let change = draft(&mut *store.writer, db, &edits, 1);
        store.writer.commit(&[change]).expect("committed");
    }
    let of_e = move |snapshot: &mut dyn Snapshot, limit| {
        let history = snapshot.history(db, &key("c", "e"), limit).expect("read");
        (history.entries, history.has_more)
    };
    let mut rows = all_rows(&store, &page_query(db));
    rows.retain(|row| row.of == key("c", "e"));
    let rows: Vec<HistoryEntry> = rows.iter().rev().map(HistoryEntry::from).collect();
    assert_eq!(rows.iter().map(|row| (row.cursor, row.body_len)).collect::<Vec<_>>(), [(6, 1), (5, 0), (3, 1), (1, 1)]);
    assert_eq!(ask(&store, move |snapshot| of_e(snapshot, 10)), (rows.clone(), false));
    assert_eq!(ask(&store, move |snapshot| of_e(snapshot, 4)), (rows.clone(), false));
    assert_eq!(ask(&store, move |snapshot| of_e(snapshot, 3)), (rows[..3].to_vec(), true));
    let never = ask(&store, move |snapshot| snapshot.history(db, &key("c", "never"), 3).expect("read"));
    assert_eq!((never.entries.len(), never.has_more), (0, false));
}

fn conflicts_are_newest_first(open: OpenStore<'_>) {
    let mut store = open();
    let db = "conflicts";
    let rows = [conflict("d1", 1, 10), conflict("d2", 2, 10), conflict("d1", 3, 30)];
    for part in [&rows[..2], &rows[2..]] {
        let mut change = draft(&mut *store.writer, db, &[], 1);
        change.conflicts = part.to_vec();
        store.writer.commit(&[change]).expect("committed");
    }
    let list = |before: Option<u64>, limit| ask(&store, move |snapshot| snapshot.conflicts(db, before, limit));
    let newest_first: Vec<(u64, ConflictRow)> = numbered(&rows).into_iter().rev().collect();
    assert_eq!(list(None, 9).expect("read"), newest_first);
    assert_eq!(list(Some(u64::MAX), 9).expect("read"), newest_first);
    // A page may end between two of the same time.
    assert_eq!(list(None, 2).expect("read"), newest_first[..2]);
    assert_eq!(list(Some(2), 9).expect("read"), newest_first[2..]);
    assert_eq!(list(Some(1), 9).expect("read"), []);
    assert_eq!(list(Some(0), 9).expect("read"), []);
}

/// The first conflicts of a database with their numbers, oldest first.
fn numbered(conflicts: &[ConflictRow]) -> Vec<(u64, ConflictRow)> {
    (1..).zip(conflicts.iter().cloned()).collect()
}

fn a_snapshot_stays_as_it_is_while_others_write(open: OpenStore<'_>) {
    let mut store = open();
    let db = "moment";
    let commit = |writer: &mut dyn Writer, entity: &str| {
        let change = draft(writer, db, &[Edit::upsert("d", 1, "c", entity, b"b")], 1);
        writer.commit(&[change]).expect("committed");
    };
    commit(&mut *store.writer, "e1");
    let head = move |snapshot: &mut dyn Snapshot| snapshot.database(db).expect("read").expect("there").head;
    let (before, (after, rows, history)) = ask_around(
        &mut store,
        head,
        |store| {
            commit(&mut *store.writer, "e1");
            commit(&mut *store.writer, "e2");
            let seen = store.writer.databases(&[db]).expect("read");
            assert_eq!(seen[0].head, 3, "the writer sees what it has committed");
        },
        move |snapshot| {
            let mut rows = 0;
            let end = snapshot.page(&page_query(db), &mut |_| {
                rows += 1;
                std::ops::ControlFlow::Continue(())
            });
            let history = snapshot.history(db, &key("c", "e1"), 9).expect("read");
            (head(snapshot), (rows, end.expect("read").next), history.entries.len())
        },
    );
    assert_eq!((before, after, rows, history), (1, 1, (1, 1), 1));
    assert_eq!(ask(&store, head), 3);
}
