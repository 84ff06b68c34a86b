use std::collections::BTreeMap;
use std::time::Duration;

use sangam_types::Mono;
use serde::Serialize;

use super::tally::Tally;
use crate::histogram::Histogram;

/// All that was counted.
#[derive(Default)]
pub(super) struct Account {
    pub(super) tally: Tally,
    /// Connections that were opened.
    pub(super) opened: u64,
    /// Connections that are open.
    pub(super) connected: u64,
    /// Attempts that failed, by reason.
    pub(super) not_opened: BTreeMap<String, u64>,
    /// Connections that ended not by an agent's own doing, by reason.
    pub(super) ended: BTreeMap<String, u64>,
    pub(super) heard: u64,
    pub(super) all_heard: Option<Duration>,
    pub(super) open: Histogram,
    pub(super) first_word: Histogram,
    outage: Option<OpenOutage>,
    pub(super) outages: Vec<Outage>,
    /// How many were connected when the fleet began to settle.
    pub(super) connected_settling: Option<u64>,
}

/// A time in which agents had lost their controller.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outage {
    /// How many were away at once, at most.
    pub agents: u64,
    /// From the first that was lost until all were back.
    pub secs: f64,
}

struct OpenOutage {
    began: Mono,
    away: u64,
    most: u64,
}

/// The longest are kept.
const OUTAGES_MAX: usize = 8;
/// Names of reasons come from the other side.
const REASONS_MAX: usize = 64;

impl Account {
    pub(super) fn opened(&mut self, now: Mono, took: Duration, was_lost: bool) {
        self.opened += 1;
        self.connected += 1;
        self.open.record(took);
        if was_lost && let Some(outage) = &mut self.outage {
            outage.away = outage.away.saturating_sub(1);
            if outage.away == 0 {
                let secs = (now.saturating_since(outage.began).as_secs_f64() * 1e3).round() / 1e3;
                self.outages.push(Outage { agents: outage.most, secs });
                self.outages.sort_by(|one, other| other.secs.total_cmp(&one.secs));
                self.outages.truncate(OUTAGES_MAX);
                self.outage = None;
            }
        }
    }

    pub(super) fn not_opened(&mut self, why: &str) {
        count(&mut self.not_opened, why);
    }

    /// A connection ended; `why` only if it was not the agent's doing.
    pub(super) fn closed(&mut self, now: Mono, why: Option<&str>) {
        self.connected = self.connected.saturating_sub(1);
        let Some(why) = why else { return };
        count(&mut self.ended, why);
        let outage = self.outage.get_or_insert(OpenOutage { began: now, away: 0, most: 0 });
        outage.away += 1;
        outage.most = outage.most.max(outage.away);
    }

    /// The fleet begins to settle, or is stopped before it does.
    pub(super) fn settles(&mut self) {
        self.connected_settling.get_or_insert(self.connected);
    }

    /// Agents that lost their controller and are not back.
    pub(super) fn away(&self) -> u64 {
        self.outage.as_ref().map_or(0, |it| it.away)
    }
}

fn count(counts: &mut BTreeMap<String, u64>, why: &str) {
    if let Some(count) = counts.get_mut(why) {
        *count += 1;
    } else {
        let why = if counts.len() < REASONS_MAX { why } else { "other" };
        *counts.entry(why.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lasts_until_all_are_back() {
        let mut account = Account::default();
        let at = |secs| Mono::from_start(Duration::from_secs(secs));
        for _ in 0..3 {
            account.opened(at(0), Duration::ZERO, false);
        }
        account.closed(at(10), Some("closed"));
        account.closed(at(11), Some("closed"));
        account.closed(at(11), None);
        account.opened(at(15), Duration::ZERO, true);
        assert_eq!((account.away(), account.outages.len()), (1, 0));
        account.opened(at(17), Duration::ZERO, true);
        assert_eq!(account.outages, [Outage { agents: 2, secs: 7.0 }]);
        assert_eq!((account.away(), account.connected, account.ended["closed"]), (0, 2, 2));
    }
}
