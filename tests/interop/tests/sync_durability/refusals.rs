use std::fs::File;
use std::path::Path;

use anyhow::{Result, ensure};
use sangam_sync_proto::message::ErrorCode;
use sangam_testkit::disk::LoopDisk;
use sangam_testkit::{Server, WAIT_MAX, wait_until};

use crate::load::Load;
use crate::server_on;
use crate::tracer::Tracer;

#[test]
fn a_full_disk_refuses_pushes_and_heals_once_there_is_room() -> Result<()> {
    let mut disk = LoopDisk::new(48 << 20)?;
    // Nothing is laid down that a full disk could still take.
    let server = server_on(&disk).set("sync.store.wal_bytes_laid_down", "0B").set("sync.store.wal_bytes_max", "1MiB");
    let server = server.start()?;
    let load = Load::start(&server)?;
    load.wait_for_acked(20)?;
    disk.fill()?;
    load.wait_for_refusal(0)?;
    wait_for_ready(&server, 503)?;
    disk.make_room()?;
    load.wait_for_acked(20)?;
    wait_for_ready(&server, 200)?;
    check_refusals(&load)?;
    load.check()?;
    cut(&mut disk, server, &load)
}

#[test]
fn a_server_that_is_killed_on_a_full_disk_serves_what_there_is_and_heals_once_there_is_room() -> Result<()> {
    let mut disk = LoopDisk::new(48 << 20)?;
    let server = server_on(&disk).start()?;
    let load = Load::start(&server)?;
    // More in the log than the file has room for.
    load.wait_for_acked(100)?;
    disk.fill()?;
    let server = server.kill()?.replace_unready()?;
    let before = load.refusals().len();
    load.wait_for_refusal(before)?;
    load.check()?;
    disk.make_room()?;
    load.wait_for_acked(20)?;
    wait_for_ready(&server, 200)?;
    load.check()?;
    cut(&mut disk, server, &load)
}

/// SQLite makes the index anew when the store is opened; where its blocks went to somebody else meanwhile, there is the
/// room that was set aside.
#[test]
fn a_server_whose_index_found_no_room_after_it_was_killed_opens_its_store_all_the_same() -> Result<()> {
    let disk = LoopDisk::new(48 << 20)?;
    let server = server_on(&disk).start()?;
    let load = Load::start(&server)?;
    load.wait_for_acked(100)?;
    disk.fill()?;
    let killed = server.kill()?;
    std::fs::remove_file(disk.path().join("data/sync/sync.sqlite3-shm"))?;
    File::open(disk.path())?.sync_all()?;
    disk.fill()?;
    let server = killed.replace_unready()?;
    let before = load.refusals().len();
    load.wait_for_refusal(before)?;
    disk.make_room()?;
    load.wait_for_acked(20)?;
    wait_for_ready(&server, 200)?;
    load.check()
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_the_server_recovers_by_itself() -> Result<()> {
    let mut disk = LoopDisk::new(256 << 20)?;
    let server = server_on(&disk).start()?;
    let load = Load::start(&server)?;
    load.wait_for_acked(20)?;
    // Of each thread: the commits' and those of the first attempts to open the store anew.
    let fails = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=5..8"];
    let tracer = Tracer::attach(&server, Path::new("/dev/null"), &fails)?;
    load.wait_for_refusal(0)?;
    load.wait_for_acked(20)?;
    tracer.detach()?;
    wait_for_ready(&server, 200)?;
    let metrics = server.get("/metrics")?.body;
    let counted = metrics.lines().find(|line| line.starts_with("sangam_sync_store_failures_total{kind=\"uncertain\"}"));
    assert!(counted.is_some_and(|line| !line.ends_with(" 0")), "{counted:?}");
    assert!(server.log().contains("is opened anew"), "{}", server.log());
    check_refusals(&load)?;
    load.check()?;
    cut(&mut disk, server, &load)
}

/// Waits until `/ready` has this status; if it is not 200, sync is among what is wrong.
fn wait_for_ready(server: &Server, status: u16) -> Result<()> {
    let answer = wait_until("the verdict of /ready", WAIT_MAX, || {
        Ok(Some(server.get("/ready")?).filter(|answer| answer.status == status))
    })?;
    ensure!(status == 200 || answer.body.contains("sync"), "{}", answer.body);
    Ok(())
}

/// Every device that could not be served was told when to come back, and the server was there all the time.
fn check_refusals(load: &Load) -> Result<()> {
    for refusal in load.refusals() {
        let told = (refusal.status, refusal.code, refusal.retry_after.is_some());
        ensure!(told == (503, ErrorCode::ServiceUnavailable, true), "{refusal:?}");
    }
    ensure!(load.unanswered() == 0, "{} requests got no answer", load.unanswered());
    Ok(())
}

/// What was acknowledged in bad times is on the disk as well.
fn cut(disk: &mut LoopDisk, server: Server, load: &Load) -> Result<()> {
    // That there is room again is not to be forgotten.
    File::open(disk.path())?.sync_all()?;
    disk.cut_power()?;
    let killed = server.kill()?;
    disk.power_on()?;
    let _server = killed.replace()?;
    load.check()?;
    load.wait_for_acked(1)
}
