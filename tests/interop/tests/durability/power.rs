use std::process::Command;

use sangam_testkit::disk::LoopDisk;
use sangam_testkit::{Program, Signal, WAIT_MAX};

use super::account::check;
use super::{cuts, highest, torture, wait_for_acked};

#[test]
fn what_was_acknowledged_outlasts_power_cuts() {
    let mut disk = LoopDisk::new(256 << 20).unwrap();
    let mut head = 0;
    for round in 0..cuts() as u64 {
        let program = Program::start(&mut torture(&disk.path())).unwrap();
        wait_for_acked(&program, head + 50 + round * 13 % 150).unwrap();
        disk.cut_power().unwrap();
        let acked = kill(program);
        disk.power_on().unwrap();
        head = check(&disk.path());
        assert!(head >= acked, "round {round}: {acked} were acknowledged, {head} are there");
    }
}

/// The test of the test: the same cut loses what is acknowledged without a sync.
#[test]
fn without_syncs_a_power_cut_loses_what_was_acknowledged() {
    let mut disk = LoopDisk::new(64 << 20).unwrap();
    let program = Program::start(torture(&disk.path()).arg("--unsynced")).unwrap();
    wait_for_acked(&program, 50).unwrap();
    disk.cut_power().unwrap();
    let acked = kill(program);
    disk.power_on().unwrap();
    let left = std::panic::catch_unwind(|| check(&disk.path())).unwrap_or(0);
    assert!(left < acked, "{acked} were acknowledged, {left} are there");
}

#[test]
fn what_was_acknowledged_outlasts_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut head = 0;
    for round in 0..cuts() as u64 {
        let program = Program::start(&mut torture(dir.path())).unwrap();
        wait_for_acked(&program, head + 20 + round * 29 % 200).unwrap();
        let acked = kill(program);
        head = check(dir.path());
        assert!(head >= acked, "round {round}: {acked} were acknowledged, {head} are there");
    }
}

/// Kills it; how far it had acknowledged by then.
pub(super) fn kill(mut program: Program) -> u64 {
    program.signal(Signal::KILL).expect("it is killed");
    let ended = program.wait(WAIT_MAX).expect("it ends");
    highest(&ended.output, "acked ").unwrap_or(0)
}

#[test]
fn every_acknowledgement_comes_after_a_sync_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let plain = torture(&dir.path().join("store"));
    let mut traced = Command::new("strace");
    traced.args(["-qq", "-y", "-e", "trace=fsync,fdatasync,write", "-e", "signal=none", "-o"]).arg(&trace).arg("--");
    traced.arg(plain.get_program()).args(plain.get_args());
    let program = Program::start(&mut traced).unwrap();
    wait_for_acked(&program, 200).unwrap();
    kill(program);
    let trace = std::fs::read_to_string(trace).unwrap();
    let (mut synced, mut acknowledged) = (false, 0);
    for call in trace.lines() {
        if call.contains("sync(") && call.contains("sync.sqlite3-wal>") && call.ends_with("= 0") {
            synced = true;
        } else if call.starts_with("write(1<") && call.contains("\"acked ") {
            assert!(synced, "{call}\n{trace}");
            (synced, acknowledged) = (false, acknowledged + 1);
        }
    }
    assert!(acknowledged > 10, "{trace}");
}
