use std::process::Command;

use sangam_storage::StoreError;
use sangam_storage::sync::Writer;
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_testkit::disk::LoopDisk;
use sangam_testkit::sync_store::{Edit, ask, draft};
use sangam_testkit::{Program, WAIT_MAX, wait_until};

use super::account::check;
use super::power::kill;
use super::{highest, torture, wait_for_acked};

#[test]
fn a_full_disk_refuses_changes_keeps_what_there_is_and_heals_by_itself() {
    let mut disk = LoopDisk::new(24 << 20).unwrap();
    let program = Program::start(&mut torture(&disk.path())).unwrap();
    wait_for_acked(&program, 100).unwrap();
    disk.fill().unwrap();
    wait_until("a commit that has no room", WAIT_MAX, || Ok(program.output().contains("failed ").then_some(())))
        .unwrap();
    disk.make_room().unwrap();
    let before = highest(&program.output(), "acked ").unwrap();
    wait_for_acked(&program, before + 100).unwrap();
    assert!(!program.output().contains("Damaged"), "{}", program.output());
    disk.cut_power().unwrap();
    let acked = kill(program);
    disk.power_on().unwrap();
    let head = check(&disk.path());
    assert!(head >= acked, "{acked} were acknowledged, {head} are there");
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_the_store_goes_on_when_it_is_opened_anew() {
    let mut disk = LoopDisk::new(64 << 20).unwrap();
    let plain = torture(&disk.path());
    let mut traced = Command::new("strace");
    // The first syncs are those of opening; then some fail, also those of the first attempts to open it anew.
    traced
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"])
        .args(["-e", "inject=fsync,fdatasync:error=EIO:when=40..49", "--"])
        .arg(plain.get_program())
        .args(plain.get_args());
    let program = Program::start(&mut traced).unwrap();
    wait_until("a store that was opened anew", WAIT_MAX, || Ok(highest(&program.output(), "reopened "))).unwrap();
    let output = program.output();
    let (before, after) = output.split_once("failed uncertain").expect("it failed first");
    let acked = highest(before, "acked ").unwrap();
    let reopened = highest(after, "reopened ").unwrap();
    assert!(reopened >= acked, "{acked} were acknowledged, {reopened} were there when it was opened anew");
    wait_for_acked(&program, reopened + 100).unwrap();
    disk.cut_power().unwrap();
    // The tracer is killed; what it traced goes with its standard input.
    let acked = kill(program);
    wait_until("its files to be closed", WAIT_MAX, || Ok(disk.power_on().ok())).unwrap();
    let head = check(&disk.path());
    assert!(head >= acked, "{acked} were acknowledged, {head} are there");
}

#[test]
fn a_store_on_a_full_disk_is_opened_and_read() {
    let disk = LoopDisk::new(24 << 20).unwrap();
    let program = Program::start(&mut torture(&disk.path())).unwrap();
    wait_for_acked(&program, 100).unwrap();
    let acked = kill(program);
    disk.fill().unwrap();
    let options = SqliteOptions { wal_bytes_laid_down: 64 << 20, ..SqliteOptions::default() };
    let mut store = open_sync(&disk.path(), &options).unwrap();
    assert!(ask(&store, |snapshot| snapshot.database("left").unwrap().unwrap().head) >= acked);
    // If what the log holds found room in the file, small commits find it in what both have already; enough of them do not.
    let change = |writer: &mut dyn Writer| draft(writer, "left", &[Edit::upsert("d", 1, "c", "e", &[1; 200_000])], 1);
    let refused = loop {
        let asked = store.writer.databases(&["left"]);
        let committed = asked.and_then(|_| {
            let change = change(&mut *store.writer);
            store.writer.commit(&[change])
        });
        if let Err(error) = committed {
            break error;
        }
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    disk.make_room().unwrap();
    let change = change(&mut *store.writer);
    store.writer.commit(&[change]).unwrap();
}

#[test]
fn nothing_is_decided_upon_a_log_that_has_no_room_in_its_file_until_there_is_some() {
    let disk = LoopDisk::new(24 << 20).unwrap();
    let options = SqliteOptions { wal_bytes_laid_down: 0, ..SqliteOptions::default() };
    // As a killed process leaves it: a copy of its files while it has them open.
    let (written, left) = (disk.path().join("written"), disk.path().join("left"));
    let mut running = open_sync(&written, &options).unwrap();
    let change =
        |writer: &mut dyn Writer, op| draft(writer, "db", &[Edit::upsert("d", op, "c", "e", &[1; 500_000])], op);
    for op in 1..=4 {
        let change = change(&mut *running.writer, op);
        running.writer.commit(&[change]).unwrap();
    }
    std::fs::create_dir(&left).unwrap();
    for file in ["sync.sqlite3", "sync.sqlite3-wal", "sync.sqlite3-shm"] {
        std::fs::copy(written.join(file), left.join(file)).unwrap();
    }
    disk.fill().unwrap();
    let mut store = open_sync(&left, &options).unwrap();
    assert_eq!(ask(&store, |snapshot| snapshot.database("db").unwrap().unwrap().head), 4);
    // Who asks the writer is about to acknowledge something, if only that it is there.
    for _ in 0..2 {
        let refused = store.writer.databases(&["db"]).unwrap_err();
        assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    }
    disk.make_room().unwrap();
    assert_eq!(store.writer.databases(&["db"]).unwrap()[0].head, 4);
    let change = change(&mut *store.writer, 5);
    store.writer.commit(&[change]).unwrap();
    assert_eq!(ask(&store, |snapshot| snapshot.database("db").unwrap().unwrap().head), 5);
}
