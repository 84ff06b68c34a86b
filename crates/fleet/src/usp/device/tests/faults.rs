use std::collections::BTreeMap;

use super::rig::{Rig, secs};
use super::{ends, operate};
use crate::usp::world::World;

/// Twenty lives in which every seventh record or request goes wrong: in the end all that was told is stored once or more, and nothing
/// is owed.
#[test]
fn whatever_goes_wrong_nothing_that_was_to_be_told_is_lost() {
    let mut counted = BTreeMap::<&str, u64>::new();
    for seed in 0..10 {
        for sessions in [0.0, 1.0] {
            let world = World { faults: 0.15, sessions, change_interval: Some(secs(40)), ..World::of_test(seed) };
            let mut rig = Rig::new(world);
            rig.pass(secs(60));
            for at in 0..6 {
                rig.try_ask(operate("Device.IP.Diagnostics.IPPing()", &format!("ping-{at}"), &[("Host", "a")]));
                rig.pass(secs(30));
            }
            rig.try_ask(operate("Device.Reboot()", "reboot", &[]));
            rig.pass(secs(7_200));
            let begun = rig.tally.commands.get("IPPing()").copied().unwrap_or_default();
            let mut keys: Vec<String> = ends(&rig).into_iter().map(|(key, _)| key).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len() as u64, begun.begun, "seed {seed} {sessions}: {:?}", rig.tally);
            assert_eq!((rig.device.unfinished(), rig.tally.broken), (0, 0), "seed {seed}: {:?}", rig.tally.not_taken);
            let faults = rig.tally.faults;
            let all = [
                ("dropped", faults.dropped),
                ("twice", faults.duplicated),
                ("late", faults.late),
                ("refused", faults.refused),
            ];
            for (name, count) in all {
                *counted.entry(name).or_default() += count;
            }
        }
    }
    assert!(counted.values().all(|count| *count > 10), "{counted:?}");
}
