use std::fs;

use anyhow::Result;
use sangam_testkit::disk::LoopDisk;

use crate::load::Load;
use crate::replicas::Replicas;
use crate::{cuts, server, server_on};

#[test]
fn what_was_acknowledged_outlasts_being_killed_under_load() -> Result<()> {
    let mut server = server().start()?;
    let load = Load::start(&server)?;
    let replicas = Replicas::start(&load)?;
    for round in 0..cuts() {
        load.wait_for_acked(10 + round * 29 % 60)?;
        server = server.kill_and_replace()?;
        load.check_resume_points()?;
        load.check()?;
    }
    load.wait_for_acked(10)?;
    // They were kept, or nothing would have been shown above.
    assert!(load.check_resume_points()? > 0);
    replicas.settle(&load)?;
    load.check()
}

#[test]
fn what_was_acknowledged_outlasts_power_cuts_under_load() -> Result<()> {
    let mut disk = LoopDisk::new(256 << 20)?;
    let mut server = server_on(&disk).start()?;
    let load = Load::start(&server)?;
    for round in 0..cuts() {
        load.wait_for_acked(10 + round * 29 % 60)?;
        // The test of the test: what nobody synced is lost. A new file each time: what replaces another, ext4 writes out.
        let unsynced = disk.path().join(format!("unsynced-{round}"));
        fs::write(&unsynced, b"written")?;
        let before = load.refusals().len();
        disk.cut_power()?;
        if round % 2 == 0 {
            // It still answers, and the disk takes nothing any more.
            load.wait_for_refusal(before)?;
        }
        let killed = server.kill()?;
        disk.power_on()?;
        assert_eq!(fs::read(&unsynced).unwrap_or_default(), b"", "the cut loses nothing, so it shows nothing");
        server = killed.replace()?;
        load.check_resume_points()?;
        load.check()?;
    }
    load.wait_for_acked(10)?;
    load.check()
}
