//! Who may open a store, and what becomes of one that is not as it should be.

use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use sangam_storage::StoreError;
use sangam_storage::sync::{Change, Database, EntityKey, Epoch, PageQuery, Store, Totals};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_testkit::sync_store::{Edit, ask, draft};

use super::{open, options};

#[test]
fn a_store_that_is_open_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &options());
    let second = open_sync(dir.path(), &SqliteOptions::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    drop(store.writer);
    let third = open_sync(dir.path(), &SqliteOptions::default());
    assert!(matches!(third, Err(StoreError::InUse { .. })), "its readers are still there: {third:?}");
    drop(store.readers);
    open(dir.path(), &options());
}

#[test]
fn a_directory_that_is_not_there_is_made_and_nobody_else_reads_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    let mut store = open(&inner, &SqliteOptions { synced: true, ..options() });
    let change = draft(&mut *store.writer, "db", &[Edit::upsert("d", 1, "c", "e", b"")], 1);
    store.writer.commit(&[change]).unwrap();
    assert_eq!(std::fs::metadata(&inner).unwrap().mode() & 0o777, 0o700);
    let files: Vec<_> = std::fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{}", file.display());
    }
}

/// A store with a log that is long enough to have inner pages, closed.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = open(dir.path(), &options());
    let edits: Vec<Edit> =
        (1..=300).map(|op_id| Edit::upsert("d", op_id, "c", &format!("e{op_id}"), &[7; 200])).collect();
    let change = draft(&mut *store.writer, "db", &edits, 1);
    store.writer.commit(&[change]).expect("committed");
    drop(store);
    // A store that was closed needs its file alone.
    for beside in ["sync.sqlite3-wal", "sync.sqlite3-shm"] {
        drop(std::fs::remove_file(dir.path().join(beside)));
    }
    dir
}

#[test]
fn the_file_alone_has_everything_of_a_store_that_was_closed() {
    let dir = filled();
    let mut store = open(dir.path(), &options());
    assert_eq!(store.writer.databases(&["db"]).unwrap()[0].head, 300);
    assert_eq!(count_of_damage(&mut store), 0);
}

fn file(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("sync.sqlite3")
}

/// Everything is asked for that the store has; how many of the answers were that it is damaged.
fn count_of_damage(store: &mut Store) -> usize {
    let keys: Vec<EntityKey> =
        (1..=300).map(|op_id| EntityKey { collection: "c".into(), entity: format!("e{op_id}").into() }).collect();
    let cursors: Vec<u64> = (1..=300).collect();
    let paged = ask(store, |snapshot| {
        let query = PageQuery {
            db: "db".into(),
            since: 0,
            limit: usize::MAX,
            collections: None,
            current_only: false,
            scan_max: usize::MAX,
        };
        snapshot.page(&query, &mut |_| ControlFlow::Continue(())).map(drop)
    });
    let change = nothing_new(store);
    let all = [
        store.writer.databases(&["db"]).map(drop),
        store.writer.entities("db", &keys).map(drop),
        store.writer.bodies("db", &cursors).map(drop),
        paged,
        store.writer.commit(&[change]),
        store.writer.checkpoint().map(drop),
    ];
    all.iter().filter(|answer| matches!(answer, Err(StoreError::Damaged { .. }))).count()
}

fn nothing_new(store: &mut Store) -> Change {
    let database = Database {
        name: "another".into(),
        epoch: Epoch(1),
        head: 0,
        tombstones_to: 0,
        totals: Totals::default(),
        created_ms: 1,
    };
    let found = store.writer.databases(&["another"]).ok().and_then(|mut found| found.pop());
    let database = found.unwrap_or(database);
    Change {
        head_before: database.head,
        database,
        log: Vec::new(),
        entities: Vec::new(),
        settled: Vec::new(),
        refused: Vec::new(),
        conflicts: Vec::new(),
        replicas: Vec::new(),
        at_ms: 1,
    }
}

#[test]
fn what_a_reset_leaves_goes_with_checkpoints_until_none_is_called_for() {
    let dir = filled();
    let mut store = open(dir.path(), &options());
    let database = store.writer.databases(&["db"]).unwrap().remove(0);
    store.writer.reset(&Database { head: 0, totals: Totals::default(), ..database }).unwrap();
    let mut checkpoints = 1;
    while store.writer.checkpoint().unwrap() > 0 {
        checkpoints += 1;
        assert!(checkpoints < 10, "300 operations and entities take two");
    }
    assert!(checkpoints > 1, "more was left than one takes");
}

#[test]
fn pages_that_were_overwritten_are_told_as_damage() {
    let dir = filled();
    let len = std::fs::metadata(file(&dir)).unwrap().len();
    let mut bytes = std::fs::read(file(&dir)).unwrap();
    // The first page stays: without the schema it is no store at all, which is the next test's.
    bytes[4096..].fill(0xA5);
    std::fs::write(file(&dir), &bytes).unwrap();
    assert_eq!(std::fs::metadata(file(&dir)).unwrap().len(), len);
    match open_sync(dir.path(), &options()) {
        Ok(mut store) => assert!(count_of_damage(&mut store) > 0),
        Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
    }
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    for content in [
        &b"this is a text, and quite a long one, as it has to fill a header of a hundred bytes or so, at the least"[..],
        &[0xFF; 8192],
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(file(&dir), content).unwrap();
        let refused = open_sync(dir.path(), &options());
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
        assert_eq!(std::fs::read(file(&dir)).unwrap(), content);
    }
}

#[test]
fn one_flipped_bit_is_never_a_panic() {
    let dir = filled();
    let whole = std::fs::read(file(&dir)).unwrap();
    for step in 0..120 {
        let mut bytes = whole.clone();
        let at = (step * 7_919 + 13) % bytes.len();
        bytes[at] ^= 1 << (step % 8);
        std::fs::write(file(&dir), &bytes).unwrap();
        drop(std::fs::remove_file(dir.path().join("sync.sqlite3-wal")));
        if let Ok(mut store) = open_sync(dir.path(), &options()) {
            count_of_damage(&mut store);
        }
    }
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let dir = filled();
    let mut bytes = std::fs::read(file(&dir)).unwrap();
    // `user_version` in the header of the file (sqlite.org/fileformat2.html §1.3).
    bytes[60..64].copy_from_slice(&77_u32.to_be_bytes());
    std::fs::write(file(&dir), &bytes).unwrap();
    let refused = open_sync(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Newer { found: 77, known: 1, .. })), "{refused:?}");
    assert_eq!(std::fs::read(file(&dir)).unwrap(), bytes);
}

#[test]
fn a_read_too_many_is_refused_and_what_waits_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &SqliteOptions { readers: 1, reads_waiting_max: 2, ..options() });
    let (begun, wait_for_begin) = channel();
    let (go_on, wait_to_go_on) = channel::<()>();
    store
        .readers
        .read(Box::new(move |_| {
            begun.send(()).unwrap();
            wait_to_go_on.recv().unwrap_or_default();
        }))
        .unwrap();
    wait_for_begin.recv().unwrap();
    let (done, wait_for_done) = channel();
    for _ in 0..2 {
        let done = done.clone();
        store.readers.read(Box::new(move |_| done.send(()).unwrap())).unwrap();
    }
    let refused = store.readers.read(Box::new(|_| ()));
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    drop(go_on);
    wait_for_done.recv().unwrap();
    wait_for_done.recv().unwrap();
}

#[test]
fn a_read_that_panics_leaves_its_reader_to_the_next() {
    let dir = filled();
    let store = open(dir.path(), &SqliteOptions { readers: 1, ..options() });
    store
        .readers
        .read(Box::new(|snapshot| {
            drop(snapshot.database("db"));
            panic!("a test wants it");
        }))
        .unwrap();
    assert!(ask(&store, |snapshot| snapshot.database("db").unwrap().is_some()));
}
