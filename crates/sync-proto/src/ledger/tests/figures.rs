use super::*;
use crate::rows::ConflictRow;

fn change(kept: &mut Kept, pushes: &[Push]) -> Change {
    let mut ledger = kept.ledger();
    for push in pushes {
        kept.decide(&mut ledger, push).unwrap();
    }
    kept.keep(ledger).unwrap()
}

#[test]
fn totals_follow_each_operation() {
    let mut kept = Kept::new();
    let totals = |log_len, superseded, live, tombstones, bytes| Totals { log_len, superseded, live, tombstones, bytes };
    for (at, (device, op, expected)) in [
        // three names of one byte each, and a body of two and its text
        ("a", upsert(1, "x", 1, "1"), totals(1, 0, 1, 0, 6)),
        ("a", upsert(2, "y", 1, "123"), totals(2, 0, 2, 0, 14)),
        ("a", upsert(3, "x", 2, "2"), totals(3, 1, 2, 0, 20)),
        // no row: a value that is there, a repetition, a conflict
        ("b", upsert(1, "x", 3, "2"), totals(3, 1, 2, 0, 20)),
        ("b", upsert(1, "x", 3, "2"), totals(3, 1, 2, 0, 20)),
        ("b", upsert(2, "y", 1, "9"), totals(3, 1, 2, 0, 20)),
        ("b", delete(3, "x", 4), totals(4, 2, 1, 1, 23)),
        ("b", delete(4, "z", 1), totals(5, 2, 1, 2, 26)),
        ("b", delete(5, "x", 9), totals(5, 2, 1, 2, 26)),
        ("b", upsert(6, "x", 10, "1"), totals(6, 3, 2, 1, 32)),
    ]
    .into_iter()
    .enumerate()
    {
        kept.push(device, &[op]).unwrap();
        assert_eq!(kept.database.totals, expected, "operation {at}");
    }
}

#[test]
fn a_change_has_each_entity_once_and_each_operation_that_was_displaced() {
    let mut kept = Kept::new();
    kept.push("a", &[upsert(1, "x", 1, "1"), upsert(2, "y", 1, "1"), upsert(3, "untouched", 1, "1")]).unwrap();
    let change = change(
        &mut kept,
        &[
            push("b", &[upsert(1, "x", 2, "2"), upsert(2, "x", 3, "3")]),
            push("c", &[upsert(7, "x", 4, "3"), upsert(8, "untouched", 1, "late")]),
            push("c", &[upsert(7, "x", 5, "5")]),
        ],
    );
    let entities = change.entities.iter().map(|(key, state)| (&*key.entity, state.cursor, state.version, state.op_id));
    assert_eq!(entities.collect::<Vec<_>>(), [("x", 6, 5, 7)]);
    let settled = change.settled.iter().map(|(key, version)| (&*key.device, key.op_id, &*key.of.entity, *version));
    assert_eq!(settled.collect::<Vec<_>>(), [("a", 1, "x", 1), ("b", 1, "x", 2), ("b", 2, "x", 3)]);
    assert_eq!(change.log.iter().map(|entry| entry.version).collect::<Vec<_>>(), [2, 3, 5]);
    let conflict = ConflictRow {
        at_ms: NOW,
        device: Name::from("c"),
        op_id: 8,
        of: key("untouched"),
        client_version: 1,
        server_version: 1,
        again: false,
    };
    assert_eq!(change.conflicts, [conflict]);
    assert_eq!(change.refused.len(), 1);
    assert_eq!((change.database.head, change.head_before, change.at_ms), (6, 3, NOW));
}

#[test]
fn a_row_of_the_log_has_the_operation_as_it_was_sent_but_for_its_time() {
    let mut kept = Kept::new();
    kept.now = NOW + 77;
    kept.push("a", &[upsert(41, "x", 12, "1")]).unwrap();
    let expected = LogEntry {
        cursor: 1,
        device: Name::from("a"),
        op_id: 41,
        of: key("x"),
        kind: Kind::Upsert,
        version: 12,
        body: Some(body("1")),
        timestamp_ms: NOW + 77,
    };
    assert_eq!(kept.log, [expected]);
    assert_eq!(kept.log[0].bytes_counted(), kept.entity("x").bytes);
}

#[test]
fn a_push_that_only_repeats_changes_nothing() {
    let mut kept = Kept::new();
    kept.push("a", &[upsert(1, "x", 1, "1")]).unwrap();
    let mut ledger = kept.ledger();
    kept.decide(&mut ledger, &push("a", &[upsert(1, "x", 1, "1")])).unwrap();
    assert_eq!(ledger.into_change(Vec::new(), Wall::from_unix_millis(NOW)), None);
}

#[test]
fn a_conflict_that_comes_again_is_told_to_operators_but_remembered_once() {
    let mut kept = Kept::new();
    kept.push("a", &[upsert(1, "x", 5, "1")]).unwrap();
    let late = push("b", &[upsert(1, "x", 1, "late")]);
    let first = change(&mut kept, &[late.clone(), late.clone()]);
    assert_eq!(first.conflicts.iter().map(|row| row.again).collect::<Vec<_>>(), [false, true]);
    assert_eq!(first.refused.len(), 1);
    let second = change(&mut kept, &[late]);
    assert_eq!((second.refused.len(), second.conflicts.len(), second.conflicts[0].again), (0, 1, true));
    assert_eq!((second.head_before, second.database.head), (1, 1));
}
