use std::fs::{self, File};
use std::io::ErrorKind;

use sangam_testkit::disk::LoopDisk;

#[test]
fn what_was_synced_outlasts_a_power_cut_and_what_was_not_does_not() {
    let mut disk = LoopDisk::new(16 << 20).unwrap();
    let synced = disk.path().join("synced");
    fs::write(&synced, b"synced").unwrap();
    File::open(&synced).unwrap().sync_all().unwrap();
    File::open(disk.path()).unwrap().sync_all().unwrap();
    fs::write(disk.path().join("not synced"), b"lost").unwrap();
    disk.cut_power().unwrap();
    assert!(fs::write(disk.path().join("after"), b"never").is_err());
    disk.power_on().unwrap();
    assert_eq!(fs::read(&synced).unwrap(), b"synced");
    let not_synced = fs::read(disk.path().join("not synced")).unwrap_or_default();
    assert_eq!(not_synced, b"");
}

#[test]
fn a_full_disk_has_no_room_until_some_is_made() {
    let disk = LoopDisk::new(16 << 20).unwrap();
    disk.fill().unwrap();
    let refused = fs::write(disk.path().join("more"), [1; 100_000]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    disk.make_room().unwrap();
    fs::write(disk.path().join("more"), [1; 100_000]).unwrap();
}
