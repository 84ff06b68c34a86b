//! The defects of the first server, those that the rules cure.

use super::*;

#[test]
fn d2_a_push_that_is_sent_again_is_acknowledged_once_more() {
    let mut kept = Kept::new();
    let ops = [upsert(1, "x", 5, "1"), upsert(2, "y", 5, "1"), delete(3, "x", 6)];
    assert_eq!(figures(&kept.push("a", &ops).unwrap()), (3, 0, 0, 3));
    for _ in 0..3 {
        assert_eq!(figures(&kept.push("a", &ops).unwrap()), (0, 3, 0, 3));
    }
    // also within a group that is not on the disk yet
    let mut ledger = kept.ledger();
    let ops = [upsert(4, "x", 7, "1"), upsert(5, "z", 5, "1")];
    let decisions = [0, 1].map(|_| figures(&kept.decide(&mut ledger, &push("a", &ops)).unwrap()));
    assert_eq!(decisions, [(2, 0, 0, 5), (0, 2, 0, 5)]);
}

#[test]
fn d4_two_edits_of_one_replica_in_one_millisecond_are_both_taken() {
    let mut kept = Kept::new();
    assert_eq!(figures(&kept.push("a", &[upsert(1, "x", 5, "1"), upsert(2, "x", 5, "2")]).unwrap()), (2, 0, 0, 2));
    assert_eq!(figures(&kept.push("a", &[upsert(3, "x", 5, "3")]).unwrap()), (1, 0, 0, 3));
    // sent again they are known, not taken again in another order
    let again = [upsert(1, "x", 5, "1"), upsert(2, "x", 5, "2"), upsert(3, "x", 5, "3")];
    assert_eq!(figures(&kept.push("a", &again).unwrap()), (0, 3, 0, 3));
    // a lower number is no later edit, and another replica's edit is a conflict
    assert_eq!(figures(&kept.push("a", &[upsert(0, "x", 5, "0")]).unwrap()), (0, 0, 1, 0));
    assert_eq!(figures(&kept.push("b", &[upsert(9, "x", 5, "b")]).unwrap()), (0, 0, 1, 0));
    assert_eq!(kept.database.head, 3);
}

#[test]
fn d5_an_edit_whose_resolver_let_the_client_win_leaves_the_queue_with_the_next_push() {
    let mut kept = Kept::new();
    kept.push("b", &[upsert(1, "x", 9, "b")]).unwrap();
    let edit = upsert(1, "x", 5, "a");
    let first = kept.push("a", std::slice::from_ref(&edit)).unwrap();
    assert_eq!(figures(&first), (0, 0, 1, 0));
    // what the resolver makes of it: the same number, one above the server's version
    let resolved = upsert(1, "x", first.conflicts[0].version + 1, "a");
    assert_eq!(figures(&kept.push("a", &[resolved]).unwrap()), (1, 0, 0, 1));
    // the edit is still in the queue
    for _ in 0..20 {
        assert_eq!(figures(&kept.push("a", std::slice::from_ref(&edit)).unwrap()), (0, 1, 0, 1));
    }
    assert_eq!(kept.database.head, 2);
}

#[test]
fn d6_an_operation_that_stays_in_conflict_is_acknowledged_when_it_comes_again() {
    let mut kept = Kept::new();
    let theirs = (0..100).map(|at| upsert(at + 1, &format!("e{at}"), 9, "b")).collect::<Vec<_>>();
    kept.push("b", &theirs).unwrap();
    let late = (0..100).map(|at| upsert(at + 1, &format!("e{at}"), 5, "a")).collect::<Vec<_>>();
    assert_eq!(figures(&kept.push("a", &late).unwrap()), (0, 0, 100, 0));
    let again = kept.push("a", &late).unwrap();
    assert_eq!(figures(&again), (0, 0, 100, 100));
    assert_eq!(again.conflicts[0].op, push("a", &late).ops[0]);
    // one that differs in anything is another one
    let mut other = late[0].clone();
    other.timestamp_ms += 1;
    assert_eq!(figures(&kept.push("a", &[other]).unwrap()), (0, 0, 1, 0));
    assert_eq!(figures(&kept.push("a", &late[1..2]).unwrap()), (0, 0, 1, 2));
}

#[test]
fn d8_an_edit_that_comes_back_as_an_echo_ends_there() {
    let mut kept = Kept::new();
    kept.push("a", &[upsert(1, "x", 1_000, "1")]).unwrap();
    for round in 1..20 {
        for device in ["b", "c", "a"] {
            let echo = upsert(round + 1, "x", 1_000 + round * 10 + u64::from(device.as_bytes()[0] - b'a'), "1");
            kept.push(device, &[echo]).unwrap();
        }
    }
    assert_eq!(kept.database.head, 1);
    kept.push("a", &[delete(50, "x", 5_000)]).unwrap();
    for round in 1..20 {
        kept.push("b", &[delete(100 + round, "x", 5_000 + round)]).unwrap();
    }
    assert_eq!(kept.database.head, 2);
}

#[test]
fn d10_a_push_with_a_bad_operation_leaves_nothing_behind_that_conflicts_with_its_mended_self() {
    let mut kept = Kept::new();
    let bad = [upsert(1, "x", 1, "1"), upsert(2, "", 1, "1")];
    assert_eq!(kept.push("a", &bad), Err(NotDecided::Empty { op_id: 2, what: "entityId" }));
    assert_eq!((kept.database.head, kept.entities.len()), (0, 0));
    let mended = [upsert(1, "x", 1, "1"), upsert(2, "y", 1, "1")];
    assert_eq!(figures(&kept.push("a", &mended).unwrap()), (2, 0, 0, 2));
}

#[test]
fn d13_a_push_asks_for_its_own_entities_and_for_nothing_else() {
    let mut kept = Kept::new();
    for at in 0..50 {
        kept.push("a", &[upsert(at, &format!("e{at}"), 5, "1")]).unwrap();
    }
    let mut ledger = kept.ledger();
    let next = push("b", &[upsert(1, "e1", 6, "2"), upsert(2, "e2", 4, "2"), upsert(3, "e1", 7, "3")]);
    let wanted = ledger.wanted(&next);
    assert_eq!(wanted, [key("e1"), key("e2")]);
    let found = wanted.iter().map(|key| (key.clone(), kept.entities[key].clone())).collect();
    ledger.know_entities(wanted, found);
    // of what is newer than everything nothing more needs to be known
    let doubtful = ledger.doubtful(&next);
    assert_eq!(doubtful.iter().map(|key| key.op_id).collect::<Vec<_>>(), [2]);
    kept.decide(&mut ledger, &next).unwrap();
    assert_eq!(ledger.wanted(&next), []);
}

#[test]
fn d15_the_head_and_the_log_are_one_change() {
    let kept = Kept::new();
    let mut ledger = kept.ledger();
    kept.decide(&mut ledger, &push("a", &[upsert(1, "x", 1, "1"), upsert(2, "x", 2, "2")])).unwrap();
    kept.decide(&mut ledger, &push("b", &[upsert(1, "y", 1, "1")])).unwrap();
    let change = ledger.into_change(Vec::new(), Wall::from_unix_millis(NOW)).unwrap();
    assert_eq!((change.head_before, change.database.head), (0, 3));
    assert_eq!(change.log.iter().map(|entry| entry.cursor).collect::<Vec<_>>(), [1, 2, 3]);
}
