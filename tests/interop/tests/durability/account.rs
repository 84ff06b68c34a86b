use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use sangam_storage::sync::{Database, EntityKey, EntityState, Kind, PageQuery, Store, Totals, bytes_counted};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_testkit::sync_store::ask;

/// One row as the log has it: cursor, entity, whether it deletes, body.
type Row = (u64, String, bool, Vec<u8>);

/// Opens what was left and checks all of it; the head, which both databases have.
///
/// `left` is never swept: its log is dense and each body says where it stands. Of `right` the newest are there. Entities are what their
/// last operation made of them, and totals what can be counted.
pub(super) fn check(dir: &Path) -> u64 {
    let mut store =
        open_sync(dir, &SqliteOptions { wal_bytes_laid_down: 0, ..SqliteOptions::default() }).expect("opened");
    let databases = store.writer.databases(&["left", "right"]).expect("read");
    let [left, right] = &databases[..] else {
        assert!(databases.is_empty(), "one commit made both: {databases:?}");
        return 0;
    };
    assert_eq!(left.head, right.head, "both are changed together");
    let rows = rows(&store, "left");
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), (1..=left.head).collect::<Vec<_>>());
    check_database(&mut store, left, &rows);
    let rows = self::rows(&store, "right");
    assert_eq!(rows.last().map(|row| row.0), Some(right.head));
    check_database(&mut store, right, &rows);
    left.head
}

fn rows(store: &Store, db: &'static str) -> Vec<Row> {
    ask(store, move |snapshot| {
        let query = PageQuery {
            db: db.into(),
            since: 0,
            limit: usize::MAX,
            collections: None,
            current_only: false,
            scan_max: usize::MAX,
        };
        let mut rows = Vec::new();
        let end = snapshot.page(&query, &mut |row| {
            let body = row.body.unwrap_or_default().to_vec();
            rows.push((row.cursor, row.entity.to_owned(), row.kind == Kind::Delete, body));
            ControlFlow::Continue(())
        });
        end.expect("read");
        rows
    })
}

fn check_database(store: &mut Store, database: &Database, rows: &[Row]) {
    let mut newest: BTreeMap<&str, &Row> = BTreeMap::new();
    let mut bytes = 0;
    for row in rows {
        let (cursor, entity, deleted, body) = row;
        assert!(*deleted || body.chunks(8).all(|part| cursor.to_be_bytes().starts_with(part)), "{row:?}");
        assert_eq!(*entity, format!("e{}", cursor * 7 % 101));
        bytes += bytes_counted("d", "c", entity, body.len());
        newest.insert(entity, row);
    }
    let keys: Vec<EntityKey> =
        (0..101).map(|number| EntityKey { collection: "c".into(), entity: format!("e{number}").into() }).collect();
    let found: Vec<(EntityKey, EntityState)> = store.writer.entities(&database.name, &keys).expect("read");
    assert_eq!(found.len(), newest.len());
    for (key, state) in &found {
        let row = newest[&*key.entity];
        assert_eq!((state.cursor, state.deleted), (row.0, row.2), "{key:?}");
    }
    let dead = newest.values().filter(|row| row.2).count() as u64;
    let counted = Totals {
        log_len: rows.len() as u64,
        superseded: (rows.len() - newest.len()) as u64,
        live: newest.len() as u64 - dead,
        tombstones: dead,
        bytes,
    };
    assert_eq!(database.totals, counted, "{}", database.name);
}
