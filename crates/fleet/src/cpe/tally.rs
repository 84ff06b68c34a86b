use std::collections::BTreeMap;
use std::ops::AddAssign;

use sangam_cwmp_proto::EventCode;
use serde::Serialize;

use super::ledger::Deed;

/// What became of the events of one code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventCount {
    /// Things happened that the ACS has to hear of. One of a kind waits at a time, but for those with a command key.
    pub raised: u64,
    /// How often they stood in an Inform.
    pub told: u64,
    /// Delivered: the InformResponse came.
    pub acknowledged: u64,
    /// Forgotten with a factory reset.
    pub discarded: u64,
}

/// What devices did, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) events: BTreeMap<EventCode, EventCount>,
    pub(super) informs_sent: u64,
    pub(super) informs_acknowledged: u64,
    pub(super) unauthorized: u64,
    pub(super) busy: u64,
    pub(super) retries: u64,
    /// What the ACS asked, by method.
    pub(super) served: BTreeMap<&'static str, u64>,
    /// Faults that it was answered with.
    pub(super) faults: BTreeMap<u16, u64>,
    /// What devices asked, and was answered, by method.
    pub(super) asked: BTreeMap<&'static str, u64>,
    pub(super) logins_taken: u64,
    pub(super) transfers_ended: u64,
    pub(super) transfers_resumed: u64,
    pub(super) transfers_failed: BTreeMap<u16, u64>,
    pub(super) transfers_acknowledged: u64,
    pub(super) boots: u64,
    pub(super) resets: u64,
    pub(super) changes: u64,
    pub(super) requests: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    /// What was made to go wrong, by name.
    pub(super) mishaps: BTreeMap<&'static str, u64>,
    /// What was done of the tasks of an ACS, if somebody wants to know.
    pub(super) deeds: Vec<Deed>,
}

impl Tally {
    pub(super) fn event(&mut self, code: &EventCode) -> &mut EventCount {
        self.events.entry(code.clone()).or_default()
    }

    pub(super) fn add(&mut self, other: Self) {
        for (code, count) in other.events {
            let sum = self.events.entry(code).or_default();
            sum.raised += count.raised;
            sum.told += count.told;
            sum.acknowledged += count.acknowledged;
            sum.discarded += count.discarded;
        }
        self.informs_sent += other.informs_sent;
        self.informs_acknowledged += other.informs_acknowledged;
        self.unauthorized += other.unauthorized;
        self.busy += other.busy;
        self.retries += other.retries;
        sum_up(&mut self.served, other.served);
        sum_up(&mut self.faults, other.faults);
        sum_up(&mut self.asked, other.asked);
        self.logins_taken += other.logins_taken;
        self.transfers_ended += other.transfers_ended;
        self.transfers_resumed += other.transfers_resumed;
        sum_up(&mut self.transfers_failed, other.transfers_failed);
        self.transfers_acknowledged += other.transfers_acknowledged;
        self.boots += other.boots;
        self.resets += other.resets;
        self.changes += other.changes;
        self.requests += other.requests;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        sum_up(&mut self.mishaps, other.mishaps);
        self.deeds.extend(other.deeds);
    }
}

fn sum_up<K: Ord>(sums: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        sums.entry(key).or_default().add_assign(count);
    }
}
