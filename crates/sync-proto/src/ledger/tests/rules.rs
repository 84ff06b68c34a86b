use super::*;
use crate::{ServerBody, rows::Replica};

/// What a device sends, and what comes of it: accepted, repeated, conflicts, acknowledged.
type Row = (&'static str, Vec<Operation>, (usize, usize, usize, u64));

fn play(rows: Vec<Row>) -> Kept {
    let mut kept = Kept::new();
    for (at, (device, ops, expected)) in rows.into_iter().enumerate() {
        let decision = kept.push(device, &ops).unwrap();
        assert_eq!(figures(&decision), expected, "push {at} of {device}: {ops:?}");
    }
    kept
}

#[test]
fn rule_1_cursors_of_a_database_are_dense_from_1() {
    let kept = play(vec![
        ("a", vec![upsert(1, "x", 2, "1"), upsert(2, "y", 1, "1"), upsert(3, "x", 1, "2")], (2, 0, 1, 2)),
        ("b", vec![upsert(1, "x", 1, "9"), upsert(2, "z", 1, "1")], (1, 0, 1, 2)),
    ]);
    assert_eq!(kept.log.iter().map(|entry| entry.cursor).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn rule_3_an_operation_that_was_settled_is_acknowledged_and_does_nothing_more() {
    let kept = play(vec![
        ("a", vec![upsert(1, "x", 5, "1")], (1, 0, 0, 1)),
        // the last of its entity
        ("a", vec![upsert(1, "x", 5, "1")], (0, 1, 0, 1)),
        ("a", vec![upsert(1, "x", 4, "0")], (0, 1, 0, 1)),
        // no longer the last
        ("b", vec![upsert(1, "x", 6, "2")], (1, 0, 0, 1)),
        ("a", vec![upsert(1, "x", 5, "1")], (0, 1, 0, 1)),
        ("a", vec![upsert(1, "x", 3, "1")], (0, 1, 0, 1)),
        // the number is of another replica, or of another entity, or the version was never settled
        ("b", vec![upsert(1, "x", 5, "1")], (0, 1, 0, 1)),
        ("c", vec![upsert(1, "x", 5, "1")], (0, 0, 1, 0)),
        ("a", vec![upsert(2, "x", 5, "1")], (0, 0, 1, 0)),
        ("a", vec![upsert(1, "x", 6, "1")], (0, 0, 1, 0)),
    ]);
    assert_eq!(kept.database.head, 2);
}

#[test]
fn rule_3_a_number_that_is_used_again_is_another_operation_if_its_entity_or_its_version_is_new() {
    let kept = play(vec![
        ("a", vec![upsert(1, "x", 5, "1")], (1, 0, 0, 1)),
        ("a", vec![upsert(1, "y", 5, "1")], (1, 0, 0, 1)),
        ("a", vec![upsert(1, "x", 6, "2")], (1, 0, 0, 1)),
        ("b", vec![upsert(9, "x", 7, "3")], (1, 0, 0, 9)),
        ("a", vec![upsert(1, "x", 6, "2")], (0, 1, 0, 1)),
        ("a", vec![upsert(1, "x", 8, "4")], (1, 0, 0, 1)),
        ("a", vec![upsert(1, "x", 8, "4")], (0, 1, 0, 1)),
        ("a", vec![upsert(1, "y", 5, "1")], (0, 1, 0, 1)),
    ]);
    assert_eq!(kept.database.head, 5);
}

#[test]
fn rule_4_a_version_that_is_not_above_the_servers_is_a_conflict_whoever_sends_it() {
    for (version, kind) in [(4, Kind::Upsert), (5, Kind::Upsert), (4, Kind::Delete), (5, Kind::Delete)] {
        let mut kept = play(vec![("a", vec![upsert(7, "x", 5, "1")], (1, 0, 0, 7))]);
        let body = (kind == Kind::Upsert).then(|| body("2"));
        let decision = kept.push("b", &[op(1, "x", version, kind, body)]).unwrap();
        assert_eq!(figures(&decision), (0, 0, 1, 0), "{version} {kind:?}");
        let refused = &decision.conflicts[0];
        assert_eq!((refused.version, refused.modified_ms, &refused.body), (5, NOW, &ServerBody::At(1)));
        assert_eq!((refused.op.version, refused.op.kind), (version, kind));
    }
}

#[test]
fn rule_4_the_first_version_of_an_entity_is_free_and_versions_may_jump() {
    play(vec![
        ("a", vec![upsert(1, "x", 0, "1"), upsert(2, "y", 900, "1")], (2, 0, 0, 2)),
        ("b", vec![upsert(1, "y", 100_000, "2")], (1, 0, 0, 1)),
    ]);
}

#[test]
fn rule_4_a_conflict_is_answered_with_what_is_there_now_also_if_it_came_in_the_same_group() {
    let mut kept = Kept::new();
    kept.push("a", &[upsert(1, "old", 5, "old"), upsert(2, "gone", 5, "gone")]).unwrap();
    let mut ledger = kept.ledger();
    kept.decide(&mut ledger, &push("a", &[upsert(3, "new", 5, "new"), delete(4, "gone", 6)])).unwrap();
    let late = [upsert(1, "old", 1, "b"), upsert(2, "new", 2, "b"), upsert(3, "gone", 3, "b")];
    let decision = kept.decide(&mut ledger, &push("b", &late)).unwrap();
    let bodies = decision.conflicts.into_iter().map(|refused| (refused.version, refused.body)).collect::<Vec<_>>();
    assert_eq!(bodies, [(5, ServerBody::At(1)), (5, ServerBody::Here(body("new"))), (6, ServerBody::Deleted)]);
}

#[test]
fn rule_5_acknowledged_is_the_last_that_was_settled_in_the_order_of_the_push() {
    for (ops, expected) in [
        (vec![], (0, 0, 0, 0)),
        (vec![upsert(1, "x", 1, "n")], (0, 0, 1, 0)),
        (vec![upsert(1, "y", 1, "n")], (1, 0, 0, 1)),
        // a conflict before an accepted one is passed, as it always was
        (vec![upsert(1, "x", 1, "n"), upsert(2, "y", 1, "n")], (1, 0, 1, 2)),
        // one after it is not
        (vec![upsert(1, "y", 1, "n"), upsert(2, "x", 1, "n")], (1, 0, 1, 1)),
        // nor if its number is below or the same
        (vec![upsert(9, "y", 1, "n"), upsert(2, "x", 1, "n")], (1, 0, 1, 1)),
        (vec![upsert(9, "y", 1, "n"), upsert(9, "x", 1, "n")], (1, 0, 1, 8)),
        (vec![upsert(9, "y", 1, "n"), upsert(3, "z", 1, "n")], (2, 0, 0, 3)),
        (vec![upsert(9, "y", 1, "n"), upsert(0, "x", 1, "n")], (1, 0, 1, 0)),
    ] {
        let mut kept = play(vec![("a", vec![upsert(1, "x", 5, "1")], (1, 0, 0, 1))]);
        assert_eq!(figures(&kept.push("b", &ops).unwrap()), expected, "{ops:?}");
    }
}

#[test]
fn rule_5_operations_beyond_the_most_that_are_taken_stay_in_the_queue() {
    let mut kept = Kept::new();
    kept.rules.push_ops_max = 2;
    let ops = [upsert(1, "x", 1, "1"), upsert(2, "y", 1, "1"), upsert(3, "z", 1, "1")];
    assert_eq!(figures(&kept.push("a", &ops).unwrap()), (2, 0, 0, 2));
    assert_eq!(kept.database.head, 2);
    // also where numbers do not rise
    let ops = [upsert(8, "p", 1, "1"), upsert(9, "q", 1, "1"), upsert(4, "r", 1, "1")];
    assert_eq!(figures(&kept.push("a", &ops).unwrap()), (2, 0, 0, 3));
}

#[test]
fn rule_5_a_queue_whose_numbers_do_not_rise_gets_on_a_few_operations_at_a_time() {
    let mut kept = Kept::new();
    kept.rules.push_ops_max = 2;
    kept.push("b", &[upsert(1, "y", 9, "b")]).unwrap();
    let queue =
        [4, 5, 6, 1, 2].map(|at| upsert(at, ["", "x", "y", "", "p", "q", "r"][usize::try_from(at).unwrap()], 5, "1"));
    let pushes = [0, 1, 2, 3].map(|_| figures(&kept.push("a", &queue).unwrap()));
    // what is known already is free; the last, in conflict, is acknowledged when it comes again
    assert_eq!(pushes, [(2, 0, 0, 0), (2, 2, 0, 1), (0, 4, 1, 1), (0, 4, 1, 2)]);
}

#[test]
fn rule_6_an_upsert_of_the_same_value_moves_the_version_and_nothing_else() {
    let mut kept = play(vec![(
        "a",
        vec![op(1, "x", 5, Kind::Upsert, Some(Bytes::from_static(b"\xa2\x61a\x01\x61b\x02")))],
        (1, 0, 0, 1),
    )]);
    let before = kept.entity("x").clone();
    kept.now += 1_000;
    // the same map, in another order and with longer heads
    let same = Bytes::from_static(b"\xbf\x61b\x18\x02\x61a\x01\xff");
    let decision = kept.push("b", &[op(3, "x", 9, Kind::Upsert, Some(same))]).unwrap();
    assert_eq!(figures(&decision), (0, 1, 0, 3));
    assert_eq!(kept.database.head, 1);
    let after = EntityState { version: 9, device: Name::from("b"), op_id: 3, ..before };
    assert_eq!(*kept.entity("x"), after);
    // what it displaced is still known, and itself as well
    assert_eq!(figures(&kept.push("a", &[upsert(1, "x", 5, "any")]).unwrap()), (0, 1, 0, 1));
    assert_eq!(figures(&kept.push("b", &[upsert(3, "x", 9, "any")]).unwrap()), (0, 1, 0, 3));
    // the version that moved is the one that decides
    assert_eq!(figures(&kept.push("a", &[upsert(2, "x", 8, "late")]).unwrap()), (0, 0, 1, 0));
}

#[test]
fn rule_6_what_only_looks_the_same_is_new_in_the_log() {
    play(vec![
        ("a", vec![upsert(1, "x", 1, "1")], (1, 0, 0, 1)),
        ("a", vec![upsert(2, "x", 2, "2")], (1, 0, 0, 2)),
        ("a", vec![delete(3, "x", 3)], (1, 0, 0, 3)),
        // not there is not the same as there
        ("a", vec![upsert(4, "x", 4, "2")], (1, 0, 0, 4)),
        ("a", vec![delete(5, "never", 1)], (1, 0, 0, 5)),
    ]);
}

#[test]
fn rule_6_a_deletion_of_what_is_deleted_already_moves_the_version_and_nothing_else() {
    let kept = play(vec![
        ("a", vec![upsert(1, "x", 1, "1"), delete(2, "x", 2)], (2, 0, 0, 2)),
        ("b", vec![delete(1, "x", 3)], (0, 1, 0, 1)),
        ("c", vec![upsert(1, "x", 3, "late")], (0, 0, 1, 0)),
    ]);
    assert_eq!((kept.database.head, kept.entity("x").version), (2, 3));
}

#[test]
fn rule_7_a_push_that_breaks_a_bound_has_no_effect_on_what_others_of_its_group_did() {
    let mut kept = Kept::new();
    kept.rules.body_bytes_max = 100;
    kept.rules.entities_max = 4;
    kept.push("a", &[upsert(1, "x", 1, "1"), upsert(2, "y", 1, "1")]).unwrap();
    let mut ledger = kept.ledger();
    kept.decide(&mut ledger, &push("b", &[upsert(1, "x", 2, "b"), upsert(2, "y", 1, "late")])).unwrap();
    let bad = push(
        "c",
        &[
            upsert(1, "x", 3, "c"),
            upsert(2, "y", 1, "late"),
            upsert(3, "new", 1, "c"),
            delete(4, "y", 5),
            upsert(5, "newer", 1, "c"),
            upsert(6, "newest", 1, "c"),
        ],
    );
    let wanted = ledger.wanted(&bad);
    ledger.know_entities(wanted, Vec::new());
    ledger.know_settled(Vec::new(), Vec::new());
    let before = format!("{ledger:?}");
    assert!(matches!(kept.decide(&mut ledger, &bad), Err(NotDecided::Full { what: "entities", would: 5, max: 4 })));
    assert_eq!(format!("{ledger:?}"), before);
    // and it goes on from there
    let decision = kept.decide(&mut ledger, &push("c", &[upsert(1, "x", 3, "c")])).unwrap();
    assert_eq!(figures(&decision), (1, 0, 0, 1));
    kept.keep(ledger);
    assert_eq!(kept.log.iter().map(|entry| &*entry.device).collect::<Vec<_>>(), ["a", "a", "b", "c"]);
}

#[test]
fn rule_11_a_version_far_ahead_of_the_servers_clock_is_refused() {
    let day = 86_400_000;
    for (version, taken) in [(NOW + day, true), (NOW + day + 1, false), (u64::MAX >> 1, false), (3, true)] {
        let mut kept = Kept::new();
        let decision = kept.push("a", &[upsert(4, "x", version, "1")]);
        match decision {
            Ok(_) => assert!(taken, "{version}"),
            Err(NotDecided::ClockAhead { op_id: 4, max_secs: 86_400, .. }) => assert!(!taken, "{version}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn rule_11_what_was_accepted_before_the_clock_was_set_back_is_acknowledged_all_the_same() {
    let mut kept = play(vec![("a", vec![upsert(1, "x", NOW, "1")], (1, 0, 0, 1))]);
    kept.now -= 400 * 86_400_000;
    assert_eq!(figures(&kept.push("a", &[upsert(1, "x", NOW, "1")]).unwrap()), (0, 1, 0, 1));
    assert_eq!(figures(&kept.push("b", &[upsert(1, "x", NOW, "1")]).unwrap()), (0, 0, 1, 0));
}

#[test]
fn rule_12_the_server_stamps_what_it_accepts_and_leaves_the_body_as_it_is() {
    let mut kept = Kept::new();
    let odd = Bytes::from_static(b"\xbf\x61b\x18\x02\xff");
    kept.push("a", &[op(1, "x", 1, Kind::Upsert, Some(odd.clone())), delete(2, "y", 1)]).unwrap();
    assert_eq!(kept.log[0].timestamp_ms, NOW);
    assert_eq!(kept.log[0].body.as_ref(), Some(&odd));
    assert_eq!(kept.log[1].body, None);
}

#[test]
fn replicas_alone_are_kept_but_do_not_make_a_database() {
    let replica = Replica { device: Name::from("a"), resume: 0, seen_ms: NOW, client: Name::from("") };
    let mut kept = Kept::new();
    let now = Wall::from_unix_millis(NOW);
    assert_eq!(kept.ledger().into_change(vec![replica.clone()], now), None);
    kept.push("a", &[upsert(1, "x", 1, "1")]).unwrap();
    assert_eq!(kept.ledger().into_change(Vec::new(), now), None);
    let change = kept.ledger().into_change(vec![replica.clone()], now).unwrap();
    assert_eq!((change.replicas, change.log, change.entities), (vec![replica], Vec::new(), Vec::new()));
    assert_eq!((change.head_before, change.database.head), (1, 1));
}
