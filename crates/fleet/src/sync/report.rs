use std::collections::BTreeMap;

use serde::Serialize;

use super::verdict::SyncFaults;
use crate::histogram::Percentiles;

/// What came of a fleet of devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SyncReport {
    /// Names of the databases.
    pub databases: Vec<String>,
    /// In all of them.
    pub devices: u32,
    /// From the first edit to the last look.
    pub took_secs: f64,
    /// Edits that devices made.
    pub edits: u64,
    /// Changes that were acknowledged as accepted. What a device puts on top of a conflict is a change too.
    pub accepted: u64,
    /// Changes that were refused, as the server had a newer state.
    pub conflicts: u64,
    /// Of these, how many ended with the server's state.
    pub kept_server: u64,
    /// And with the device's, on top of the server's.
    pub kept_local: u64,
    /// How often changes were pushed.
    pub pushed: u64,
    /// Changes that were pushed more than once before they were known to be accepted, and stand once.
    pub sent_again: u64,
    /// Operations that were pulled.
    pub pulled: u64,
    /// How often a device was cut off.
    pub cut: u64,
    /// Of these, how often amid a push: its answer was never read.
    pub answers_lost: u64,
    /// Syncs that followed one that failed.
    pub retries: u64,
    /// Syncs that gave up as others changed the same entities all the time.
    pub contended: u64,
    /// How often a device had to begin anew.
    pub resets: u64,
    /// Requests that nobody answered.
    pub unreached: u64,
    /// Requests, but for streams.
    pub requests: u64,
    /// Bytes of their bodies.
    pub sent_bytes: u64,
    /// Bytes of the bodies of their answers.
    pub received_bytes: u64,
    /// From a change being acknowledged to another device having it, that was online all the time.
    pub lag: Option<Percentiles>,
    /// From coming back to having a change that was acknowledged meanwhile.
    pub catch_up: Option<Percentiles>,
    /// How long a sync took.
    pub cycle: Option<Percentiles>,
    /// What the server refused, in its words, and how often.
    pub refused: BTreeMap<String, u64>,
    /// What must not be.
    pub faults: SyncFaults,
}

impl SyncReport {
    /// Whether nothing was lost and all devices have what the server has.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.faults == SyncFaults::default() && self.accepted > 0
    }

    /// Everything that is wrong, in words.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let faults = &self.faults;
        let (accepted, devices, databases) = (self.accepted, self.devices, self.databases.len());
        let mut reasons: Vec<String> = [
            (faults.lost, format!("of {accepted} acknowledged changes were lost")),
            (faults.foreign, "operations were seen in a database that is not theirs".to_owned()),
            (faults.altered, "operations came with another content than they were pushed with".to_owned()),
            (faults.twice, "operations stand in a log twice".to_owned()),
            (faults.untold, "operations stand in a log that no device was told are accepted".to_owned()),
            (faults.out_of_order, "operations came out of order".to_owned()),
            (faults.miscounted, "operations more or less are in the logs than were accepted".to_owned()),
            (faults.diverged, format!("of {devices} devices have another state than the server")),
            (faults.unfinished, format!("of {devices} devices could not push and pull everything in the end")),
            (faults.unread, format!("of {databases} databases could not be read in the end")),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        if self.accepted == 0 {
            reasons.push("nothing was accepted".to_owned());
        }
        reasons
    }

    /// One sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        if self.is_fine() {
            return "every acknowledged change stands or was overtaken, and all devices have the same".to_owned();
        }
        let why = self.refused.iter().max_by_key(|(_, count)| **count);
        let why = why.map(|(why, count)| format!(" (refused {count} times: {why})"));
        let unreached = || (self.unreached > 0).then(|| format!(" (unanswered {} times)", self.unreached));
        format!("no: {}{}", self.reasons().join("; "), why.or_else(unreached).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_a_no_with_its_reason() {
        let fine = SyncReport { accepted: 9, devices: 3, ..SyncReport::default() };
        assert!(fine.is_fine() && fine.verdict().starts_with("every acknowledged change"));
        let zero = serde_json::to_value(SyncFaults::default()).unwrap();
        let faults: Vec<String> = zero.as_object().unwrap().keys().cloned().collect();
        assert_eq!(faults.len(), 10);
        for (set, part) in [
            (SyncFaults { lost: 2, ..SyncFaults::default() }, "2 of 9 acknowledged changes were lost"),
            (SyncFaults { untold: 2, ..SyncFaults::default() }, "no device was told"),
            (SyncFaults { altered: 2, ..SyncFaults::default() }, "another content"),
            (SyncFaults { twice: 2, ..SyncFaults::default() }, "twice"),
            (SyncFaults { foreign: 2, ..SyncFaults::default() }, "not theirs"),
            (SyncFaults { out_of_order: 2, ..SyncFaults::default() }, "out of order"),
            (SyncFaults { miscounted: 2, ..SyncFaults::default() }, "2 operations more or less"),
            (SyncFaults { diverged: 2, ..SyncFaults::default() }, "2 of 3 devices have another state"),
            (SyncFaults { unfinished: 2, ..SyncFaults::default() }, "2 of 3 devices could not"),
            (SyncFaults { unread: 2, ..SyncFaults::default() }, "could not be read"),
        ] {
            let report = SyncReport { faults: set, refused: [("429".to_owned(), 7)].into(), ..fine.clone() };
            assert!(!report.is_fine(), "{part}");
            let verdict = report.verdict();
            assert!(verdict.starts_with("no: 2") && verdict.contains(part), "{verdict}");
            assert!(verdict.ends_with("(refused 7 times: 429)"), "{verdict}");
        }
    }

    #[test]
    fn a_fleet_of_which_nothing_was_accepted_is_a_no() {
        let report = SyncReport { unreached: 6, ..SyncReport::default() };
        assert_eq!(report.verdict(), "no: nothing was accepted (unanswered 6 times)");
    }
}
