use std::collections::BTreeMap;

use serde::Serialize;

use super::account::Outage;
use super::tally::{CommandCount, FaultCount};
use crate::histogram::Percentiles;

/// What came of a fleet of USP agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UspReport {
    /// How many.
    pub devices: u32,
    /// Of these, with which quirks, by name. An agent may have up to three.
    pub quirks: BTreeMap<&'static str, u64>,
    /// From the first boot to the end.
    pub took_secs: f64,
    /// Whether somebody ended it before its time.
    pub was_stopped: bool,
    /// Agents that heard from the controller.
    pub heard: u64,
    /// From the first boot until the last of them did; `None` if some never did.
    pub boot_storm_secs: Option<f64>,
    /// Connections that were open when the fleet began to settle.
    pub connected: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Attempts that failed, by reason.
    pub connections_refused: BTreeMap<String, u64>,
    /// Connections that ended not by an agent's own doing, by reason.
    pub connections_lost: BTreeMap<String, u64>,
    /// Times in which agents had lost the controller, the longest first.
    pub outages: Vec<Outage>,
    /// Requests that agents served whole or in part, by kind.
    pub served: BTreeMap<&'static str, u64>,
    /// Errors that they were answered with, by code.
    pub errors: BTreeMap<u32, u64>,
    /// Commands that go on, by name.
    pub commands: BTreeMap<&'static str, CommandCount>,
    /// What happened that a controller may subscribe to, by event.
    pub happened: BTreeMap<&'static str, u64>,
    /// Notifications that the controller took, by subscription.
    pub delivered: BTreeMap<String, u64>,
    /// Notifications that agents gave up, as they expired or too many waited.
    pub given_up: u64,
    /// What came and was not taken, by reason.
    pub not_taken: BTreeMap<&'static str, u64>,
    /// Disconnect Records of the controller, by code.
    pub goodbyes: BTreeMap<u32, u64>,
    /// Boots, the first of each device among them.
    pub boots: u64,
    /// Factory resets.
    pub resets: u64,
    /// Values that changed by themselves.
    pub changes: u64,
    /// Files that came or went.
    pub transfers_ended: u64,
    /// Of these, those that failed, by reason.
    pub transfers_failed: BTreeMap<&'static str, u64>,
    /// What went wrong on purpose.
    pub faults: FaultCount,
    /// Records that agents sent.
    pub records_sent: u64,
    /// Records that they received.
    pub records_received: u64,
    /// Bytes of the records sent.
    pub sent_bytes: u64,
    /// Bytes of the records received.
    pub received_bytes: u64,
    /// From connecting to an open connection.
    pub open: Option<Percentiles>,
    /// From an open connection to the controller's first word.
    pub first_word: Option<Percentiles>,
    /// What must not be.
    pub faulty: UspFaults,
}

/// What must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UspFaults {
    /// Agents that never heard from the controller.
    pub unheard: u64,
    /// Notifications that the controller had not taken in the end.
    pub undelivered: u64,
    /// Commands that still went on in the end.
    pub unfinished: u64,
    /// Records that no controller may send.
    pub broken: u64,
    /// Agents that lost the controller and were not back in the end.
    pub away: u64,
}

impl UspReport {
    /// Whether every agent was heard, and all that it told.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.faulty == UspFaults::default() && self.heard > 0
    }

    /// Everything that is wrong, in words.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let faulty = &self.faulty;
        let mut reasons: Vec<String> = [
            (faulty.unheard, format!("of {} agents never heard from the controller", self.devices)),
            (faulty.undelivered, "notifications were not taken in the end".to_owned()),
            (faulty.unfinished, "commands still went on in the end".to_owned()),
            (faulty.broken, "records came that no controller may send".to_owned()),
            (faulty.away, "agents lost the controller and were not back in the end".to_owned()),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        if self.heard == 0 && faulty.unheard == 0 {
            reasons.push("no agent heard from the controller".to_owned());
        }
        reasons
    }

    /// One sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        if self.is_fine() {
            return "every agent heard from the controller, and all that agents told was taken".to_owned();
        }
        let refused = self.connections_refused.iter().chain(&self.connections_lost).max_by_key(|(_, count)| **count);
        let why = refused.map(|(why, count)| format!(" (connections failed {count} times: {why})")).unwrap_or_default();
        format!("no: {}{why}", self.reasons().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_a_no_with_its_reason() {
        let fine = UspReport { devices: 5, heard: 5, ..UspReport::default() };
        assert!(fine.is_fine() && fine.verdict().starts_with("every agent heard"));
        let zero = serde_json::to_value(UspFaults::default()).unwrap();
        assert_eq!(zero.as_object().unwrap().len(), 5);
        for (faulty, part) in [
            (UspFaults { unheard: 2, ..UspFaults::default() }, "2 of 5 agents never heard"),
            (UspFaults { undelivered: 2, ..UspFaults::default() }, "2 notifications"),
            (UspFaults { unfinished: 2, ..UspFaults::default() }, "2 commands"),
            (UspFaults { broken: 2, ..UspFaults::default() }, "no controller may send"),
            (UspFaults { away: 2, ..UspFaults::default() }, "were not back"),
        ] {
            let refused = [("HTTP 404".to_owned(), 7)].into();
            let report = UspReport { faulty, connections_refused: refused, ..fine.clone() };
            let verdict = report.verdict();
            assert!(!report.is_fine() && verdict.contains(part), "{verdict}");
            assert!(verdict.ends_with("(connections failed 7 times: HTTP 404)"), "{verdict}");
        }
        assert_eq!(UspReport::default().verdict(), "no: no agent heard from the controller");
    }
}
