//! Who may open a store, and what becomes of one that is not as it should be.

use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use sangam_storage::StoreError;
use sangam_storage::devices::{Change, DeviceId, DeviceQuery, Outcome, Row, Store};
use sangam_storage_sqlite::{SqliteOptions, open_devices, open_sync};
use sangam_testkit::device_store::ask;
use sangam_testkit::device_store::sample::{event, full_device, history, page, row_of, task};

use super::{open, options};

#[test]
fn a_store_that_is_open_is_in_use_and_the_one_of_sync_beside_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &options());
    let second = open_devices(dir.path(), &SqliteOptions::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    let beside = open_sync(dir.path(), &options()).unwrap();
    drop((store, beside));
    open(dir.path(), &options());
}

#[test]
fn nobody_else_reads_in_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    let mut store = open(&inner, &SqliteOptions { synced: true, ..options() });
    store.writer.commit(&[Change { rows: vec![row_of(&full_device(1, "1"))] }]).unwrap();
    assert_eq!(std::fs::metadata(&inner).unwrap().mode() & 0o777, 0o700);
    let files: Vec<PathBuf> = std::fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{}", file.display());
    }
}

/// A store with devices and values, closed.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = open(dir.path(), &options());
    for id in 1..=40 {
        let rows = vec![
            row_of(&full_device(id, &format!("{id}"))),
            Row::page(DeviceId(id), 0, &page(64, "value", 5)),
            Row::History(history(id, 5, 1, "value")),
            Row::Event(event(id, id, 5)),
            Row::Task(Box::new(task(id, id, sangam_storage::devices::TaskKind::Reboot))),
        ];
        assert_eq!(store.writer.commit(&[Change { rows }]).expect("committed"), [Outcome::Done]);
    }
    drop(store);
    // A store that was closed needs its file alone.
    for beside in ["devices.sqlite3-wal", "devices.sqlite3-shm"] {
        drop(std::fs::remove_file(dir.path().join(beside)));
    }
    dir
}

fn file(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("devices.sqlite3")
}

/// Asks for much of what the store has; how many of the answers were that it is damaged.
fn count_of_damage(store: &mut Store) -> usize {
    let mut damage = ask(store, |snapshot| {
        let is_damaged = |found: Result<(), StoreError>| usize::from(matches!(found, Err(StoreError::Damaged { .. })));
        let mut damage = is_damaged(snapshot.devices(&DeviceQuery::default()).map(drop));
        for id in (1..=40).map(DeviceId) {
            damage += is_damaged(snapshot.pages(id, 0..=9).map(drop));
            damage += is_damaged(snapshot.live_tasks(id, 9).map(drop));
        }
        damage += is_damaged(snapshot.totals().map(drop));
        damage
    });
    let rows = vec![Row::Event(event(1_000, 40, 5)), Row::page(DeviceId(3), 0, &page(3, "b", 6))];
    damage += usize::from(matches!(store.writer.commit(&[Change { rows }]), Err(StoreError::Damaged { .. })));
    damage + usize::from(matches!(store.writer.last_ids(), Err(StoreError::Damaged { .. })))
}

#[test]
fn the_file_alone_has_everything_of_a_store_that_was_closed() {
    let dir = filled();
    let mut store = open(dir.path(), &options());
    assert_eq!(store.writer.last_ids().unwrap().device, DeviceId(40));
    assert_eq!(count_of_damage(&mut store), 0);
}

#[test]
fn pages_that_were_overwritten_are_told_as_damage() {
    let dir = filled();
    let mut bytes = std::fs::read(file(&dir)).unwrap();
    // The first page stays: without the schema it is no store at all.
    bytes[4096..].fill(0xA5);
    std::fs::write(file(&dir), &bytes).unwrap();
    match open_devices(dir.path(), &options()) {
        Ok(mut store) => assert!(count_of_damage(&mut store) > 0),
        Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
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
        drop(std::fs::remove_file(dir.path().join("devices.sqlite3-wal")));
        let looked = catch_unwind(AssertUnwindSafe(|| {
            if let Ok(mut store) = open_devices(dir.path(), &options()) {
                count_of_damage(&mut store);
            }
        }));
        assert!(looked.is_ok(), "byte {at}");
    }
}

#[test]
fn the_file_of_sync_is_not_taken_for_one_of_devices() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_sync(dir.path(), &options()).unwrap());
    std::fs::rename(dir.path().join("sync.sqlite3"), file(&dir)).unwrap();
    let refused = open_devices(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let dir = filled();
    let mut bytes = std::fs::read(file(&dir)).unwrap();
    // `user_version` in the header of the file (sqlite.org/fileformat2.html §1.3).
    bytes[60..64].copy_from_slice(&77_u32.to_be_bytes());
    std::fs::write(file(&dir), &bytes).unwrap();
    let refused = open_devices(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Newer { found: 77, known: 2, .. })), "{refused:?}");
    assert_eq!(std::fs::read(file(&dir)).unwrap(), bytes);
}
