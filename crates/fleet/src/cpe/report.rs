use std::collections::BTreeMap;

use serde::Serialize;

use super::tally::EventCount;
use super::task_report::TaskReport;
use crate::histogram::Percentiles;

/// What came of a fleet of CPEs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CpeReport {
    /// How many.
    pub devices: u32,
    /// Of these, with which quirks, by name. A device may have up to three.
    pub quirks: BTreeMap<&'static str, u64>,
    /// From the first boot to the end.
    pub took_secs: f64,
    /// Devices whose first Inform was acknowledged.
    pub booted: u64,
    /// From the first boot until the last of them was; `None` if some never were.
    pub boot_storm_secs: Option<f64>,
    /// Informs that were sent, with those that were challenged or refused.
    pub informs_sent: u64,
    /// InformResponses that came.
    pub informs_acknowledged: u64,
    /// By code.
    pub events: BTreeMap<String, EventCount>,
    /// Sessions that the ACS ended when it had nothing more to ask.
    pub sessions_complete: u64,
    /// In a second, from the first boot on until the fleet began to settle.
    pub sessions_per_sec: f64,
    /// Sessions that failed, by reason.
    pub sessions_failed: BTreeMap<String, u64>,
    /// Answers with 401.
    pub unauthorized: u64,
    /// Answers with 503.
    pub busy: u64,
    /// Sessions that a device had to try again.
    pub retries: u64,
    /// What the ACS asked devices, by method.
    pub served: BTreeMap<&'static str, u64>,
    /// Faults, by code: of devices, and of the ACS on what devices asked.
    pub faults: BTreeMap<u16, u64>,
    /// What devices asked the ACS, and was answered, by method.
    pub asked: BTreeMap<&'static str, u64>,
    /// Logins that the ACS gave a device.
    pub logins_taken: u64,
    /// Files that came or went.
    pub transfers_ended: u64,
    /// How often one was taken up again where it broke off.
    pub transfers_resumed: u64,
    /// Of these, those that failed, by fault.
    pub transfers_failed: BTreeMap<u16, u64>,
    /// Of these, those whose end the ACS acknowledged.
    pub transfers_acknowledged: u64,
    /// Boots, the first of each device among them.
    pub boots: u64,
    /// Factory resets.
    pub resets: u64,
    /// Values that changed by themselves and had to be told.
    pub changes: u64,
    /// Connection requests, by what they were told.
    pub connection_requests: BTreeMap<&'static str, u64>,
    /// HTTP requests of devices.
    pub requests: u64,
    /// Bytes of their bodies.
    pub sent_bytes: u64,
    /// Bytes of the bodies of their answers.
    pub received_bytes: u64,
    /// From an Inform that was taken to its InformResponse.
    pub inform: Option<Percentiles>,
    /// A session that was complete, from connecting to its end.
    pub session: Option<Percentiles>,
    /// How late sessions began, as too many were open: the limit of the fleet itself.
    pub late: Option<Percentiles>,
    /// What was made to go wrong, by name.
    pub mishaps: BTreeMap<&'static str, u64>,
    /// What became of the tasks of an operator, if there was one.
    pub tasks: Option<TaskReport>,
    /// What must not be.
    pub faulty: CpeFaults,
}

/// What must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CpeFaults {
    /// Devices whose first Inform was never acknowledged.
    pub unheard: u64,
    /// Events that devices still hold in the end.
    pub undelivered: u64,
    /// Ends of transfers that the ACS has not acknowledged.
    pub untold_transfers: u64,
    /// Sessions that failed as the ACS did what none may do.
    pub broken: u64,
    /// Sessions and transfers that were open when the time was over.
    pub unfinished: u64,
}

impl CpeReport {
    /// Whether every device was heard, and all its events.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        let has_tasks_done = self.tasks.as_ref().is_none_or(|tasks| tasks.reasons().is_empty());
        self.faulty == CpeFaults::default() && self.booted > 0 && has_tasks_done
    }

    /// Everything that is wrong, in words.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let faulty = &self.faulty;
        let mut reasons: Vec<String> = [
            (faulty.unheard, format!("of {} devices were never heard", self.devices)),
            (faulty.undelivered, "events were not acknowledged in the end".to_owned()),
            (faulty.untold_transfers, "ends of transfers were not acknowledged in the end".to_owned()),
            (faulty.broken, "sessions failed as the server broke the protocol".to_owned()),
            (faulty.unfinished, "sessions were still open in the end".to_owned()),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        if self.booted == 0 && faulty.unheard == 0 {
            reasons.push("no device was heard".to_owned());
        }
        reasons.extend(self.tasks.iter().flat_map(TaskReport::reasons));
        reasons
    }

    /// One sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        if self.is_fine() {
            return "every device was heard, and every event was acknowledged".to_owned();
        }
        let why = self.sessions_failed.iter().max_by_key(|(_, count)| **count);
        let why = why.map(|(why, count)| format!(" (sessions failed {count} times: {why})")).unwrap_or_default();
        format!("no: {}{why}", self.reasons().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_a_no_with_its_reason() {
        let fine = CpeReport { devices: 5, booted: 5, ..CpeReport::default() };
        assert!(fine.is_fine() && fine.verdict().starts_with("every device was heard"));
        let zero = serde_json::to_value(CpeFaults::default()).unwrap();
        assert_eq!(zero.as_object().unwrap().len(), 5);
        for (faulty, part) in [
            (CpeFaults { unheard: 2, ..CpeFaults::default() }, "2 of 5 devices were never heard"),
            (CpeFaults { undelivered: 2, ..CpeFaults::default() }, "2 events"),
            (CpeFaults { untold_transfers: 2, ..CpeFaults::default() }, "2 ends of transfers"),
            (CpeFaults { broken: 2, ..CpeFaults::default() }, "broke the protocol"),
            (CpeFaults { unfinished: 2, ..CpeFaults::default() }, "still open"),
        ] {
            let failed = [("HTTP 500".to_owned(), 7)].into();
            let report = CpeReport { faulty, sessions_failed: failed, ..fine.clone() };
            let verdict = report.verdict();
            assert!(!report.is_fine() && verdict.contains(part), "{verdict}");
            assert!(verdict.ends_with("(sessions failed 7 times: HTTP 500)"), "{verdict}");
        }
        assert_eq!(CpeReport::default().verdict(), "no: no device was heard");
    }
}
