//! What is left when the power is cut: all that was committed, and of what was not, all or nothing.

use sangam_storage_sqlite::{SqliteOptions, open_devices};
use sangam_testkit::device_store::{Chance, MemoryDeviceStore, Story, everything};
use sangam_testkit::faulty_disk::{FaultyDisk, Survives};

use super::options;

#[test]
fn a_cut_leaves_the_last_commit_whole_or_not_at_all() {
    let (mut lost, mut kept) = (0, 0);
    for seed in 0..24 {
        let mut disk = FaultyDisk::new().unwrap();
        let options = SqliteOptions { wal_bytes_max: 1 << 16, ..options() };
        let model = MemoryDeviceStore::default();
        let (mut story, mut dice) = (Story::new(seed), Chance(seed + 1_000));
        let mut store = open_devices(&disk.dir(), &options).unwrap();
        for turn in 0..12 {
            let changes = story.changes(&mut store);
            let mut like = model.open();
            let before = everything(&mut like);
            // With syncs on, what the last commit wrote is on the disk when it returns.
            let synced = disk.image().unwrap();
            let outcomes = store.writer.commit(&changes).unwrap();
            let cut = dice.below(3) == 0;
            if cut {
                let survives = [Survives::Beginning, Survives::Sectors, Survives::Everything][dice.below(3) as usize];
                disk.cut(&synced, survives, &mut |sides| dice.below(sides as u64) as usize).unwrap();
                drop(store);
                store = open_devices(&disk.dir(), &options).unwrap();
            }
            assert_eq!(like.writer.commit(&changes).unwrap(), outcomes);
            let after = everything(&mut like);
            while store.writer.checkpoint().unwrap() > 0 {}
            let found = everything(&mut store);
            if found != after {
                assert!(cut && found == before, "seed {seed}, turn {turn}: neither the one nor the other");
                lost += 1;
                break;
            }
            kept += usize::from(cut);
        }
    }
    assert!(lost > 3 && kept > 3, "both happen: {lost} {kept}");
}
