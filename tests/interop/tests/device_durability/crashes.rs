use std::fs;

use anyhow::Result;
use sangam_testkit::disk::LoopDisk;

use crate::load::Load;
use crate::{cuts, server, server_on, store};

#[test]
fn what_devices_were_thanked_for_outlasts_being_killed_and_each_task_runs_once_or_is_unknown() -> Result<()> {
    let mut server = server().start()?;
    let load = Load::start(&server)?;
    for round in 0..cuts() {
        load.wait_for_progress(3 + round * 7 % 20)?;
        let killed = server.kill()?;
        store::check(&killed.data_dir())?;
        server = killed.replace()?;
        load.check()?;
    }
    load.wait_for_progress(3)?;
    load.settle()?;
    load.check()?;
    load.check_settled()?;
    store::check(&server.kill()?.data_dir())
}

#[test]
fn what_devices_were_thanked_for_outlasts_power_cuts_and_each_task_runs_once_or_is_unknown() -> Result<()> {
    let mut disk = LoopDisk::new(256 << 20)?;
    let mut server = server_on(&disk).start()?;
    let load = Load::start(&server)?;
    for round in 0..cuts() {
        load.wait_for_progress(3 + round * 7 % 20)?;
        // The test of the test: what nobody synced is lost.
        let unsynced = disk.path().join(format!("unsynced-{round}"));
        fs::write(&unsynced, b"written")?;
        let before = load.refusals();
        load.disk_fails();
        disk.cut_power()?;
        if round % 2 == 0 {
            // It still answers, and the disk takes nothing any more.
            load.wait_for_refusal(before)?;
        }
        let killed = server.kill()?;
        disk.power_on()?;
        assert_eq!(fs::read(&unsynced).unwrap_or_default(), b"", "the cut loses nothing, so it shows nothing");
        store::check(&killed.data_dir())?;
        server = killed.replace()?;
        load.check()?;
    }
    load.wait_for_progress(3)?;
    load.settle()?;
    load.check()?;
    load.check_settled()
}
