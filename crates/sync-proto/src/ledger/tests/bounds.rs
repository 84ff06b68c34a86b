use super::*;

fn named(device: &str, collection: &str, entity: &str) -> Push {
    let op = Operation { collection: Name::from(collection), ..upsert(3, entity, 1, "1") };
    push(device, &[op])
}

#[test]
fn a_name_that_is_empty_or_too_long_is_refused_by_its_own_name() {
    let (fits, long) = ("n".repeat(8), "n".repeat(9));
    for (db, device, collection, entity, refused) in [
        ("d", "a", "c", "e", None),
        ("d", &*fits, &*fits, &*fits, None),
        ("d", "", "c", "e", Some(NotDecided::Empty { op_id: 3, what: "deviceId" })),
        ("d", "a", "", "e", Some(NotDecided::Empty { op_id: 3, what: "collection" })),
        ("d", "a", "c", "", Some(NotDecided::Empty { op_id: 3, what: "entityId" })),
        ("", "a", "c", "e", Some(NotDecided::Empty { op_id: 3, what: "dbId" })),
        (&*long, "a", "c", "e", Some(NotDecided::TooLong { op_id: 3, what: "dbId", len: 9, max: 8 })),
        ("d", &*long, "c", "e", Some(NotDecided::TooLong { op_id: 3, what: "deviceId", len: 9, max: 8 })),
        ("d", "a", &*long, "e", Some(NotDecided::TooLong { op_id: 3, what: "collection", len: 9, max: 8 })),
        ("d", "a", "c", &*long, Some(NotDecided::TooLong { op_id: 3, what: "entityId", len: 9, max: 8 })),
    ] {
        let mut kept = Kept::new();
        kept.rules.name_bytes_max = 8;
        kept.database.name = Name::from(db);
        let mut ledger = kept.ledger();
        let decision = kept.decide(&mut ledger, &named(device, collection, entity));
        assert_eq!(decision.err(), refused, "{db:?} {device:?} {collection:?} {entity:?}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_and_that_of_a_deletion_does_not_count() {
    let mut kept = Kept::new();
    kept.rules.body_bytes_max = 5;
    let large = || Some(Bytes::from_static(b"\x65abcde"));
    let refused = kept.push("a", &[op(1, "x", 1, Kind::Upsert, large())]);
    assert_eq!(refused, Err(NotDecided::TooLong { op_id: 1, what: "entityCbor", len: 6, max: 5 }));
    assert_eq!(figures(&kept.push("a", &[op(1, "x", 1, Kind::Delete, large())]).unwrap()), (1, 0, 0, 1));
    assert_eq!(kept.database.totals.bytes, 3);
}

#[test]
fn what_is_not_looked_at_is_not_refused_either() {
    let mut kept = Kept::new();
    kept.rules.push_ops_max = 1;
    assert_eq!(figures(&kept.push("a", &[upsert(1, "x", 1, "1"), upsert(2, "", 1, "1")]).unwrap()), (1, 0, 0, 1));
}

#[test]
fn a_database_that_is_full_of_entities_takes_no_new_one_but_every_change_of_one() {
    let mut kept = Kept::new();
    kept.rules.entities_max = 2;
    kept.push("a", &[upsert(1, "x", 1, "1"), delete(2, "y", 1)]).unwrap();
    let full = Err(NotDecided::Full { what: "entities", would: 3, max: 2 });
    assert_eq!(kept.push("a", &[upsert(3, "z", 1, "1")]), full);
    assert_eq!(kept.push("a", &[delete(3, "z", 1)]), full);
    assert_eq!(figures(&kept.push("a", &[upsert(3, "y", 2, "1"), upsert(4, "x", 2, "2")]).unwrap()), (2, 0, 0, 4));
}

#[test]
fn a_database_that_is_full_of_bytes_still_takes_deletions_and_what_changes_nothing() {
    let mut kept = Kept::new();
    kept.push("a", &[upsert(1, "x", 1, "1"), upsert(2, "y", 1, "1")]).unwrap();
    kept.rules.database_bytes_max = kept.database.totals.bytes;
    let full = kept.push("a", &[upsert(3, "x", 2, "2")]);
    assert_eq!(full, Err(NotDecided::Full { what: "bytes", would: 18, max: 12 }));
    assert_eq!(figures(&kept.push("a", &[upsert(3, "x", 2, "1"), delete(4, "y", 2)]).unwrap()), (1, 1, 0, 4));
    // deletions of what was never there make no room
    assert!(matches!(kept.push("a", &[delete(5, "never", 1)]), Err(NotDecided::Full { what: "bytes", .. })));
    // what conflicts is told so, as it takes no room
    assert_eq!(figures(&kept.push("b", &[upsert(1, "x", 1, "9")]).unwrap()), (0, 0, 1, 0));
}

#[test]
fn an_upsert_without_a_body_is_one_of_nothing() {
    let mut kept = Kept::new();
    assert_eq!(figures(&kept.push("a", &[op(1, "x", 1, Kind::Upsert, None)]).unwrap()), (1, 0, 0, 1));
    assert_eq!(kept.log[0].body, Some(Bytes::new()));
}
