//! The account of one broker: what went through it, minute by minute. Time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sangam_control::BrokerTally;
use sangam_types::Mono;

/// Minutes that are kept: seven days of some hundred bytes each are 1 MB.
const MINUTES_MAX: usize = 7 * 24 * 60;

/// Seconds that are kept one by one.
const SECONDS_MAX: usize = 60;

/// What went through in a minute, or a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    /// Most connections at a time.
    pub(super) connections: u64,
    pub(super) tally: BrokerTally,
}

/// What went through a broker.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    total: BrokerTally,
    /// The last is the one that is now.
    minutes: VecDeque<Slot>,
    /// The number of the last, counted from the start of the process.
    minute: u64,
    seconds: VecDeque<Slot>,
    second: u64,
    began: Mono,
    connections: u64,
    errors: BTreeMap<&'static str, u64>,
    last_message: Option<Mono>,
}

impl Ledger {
    pub(super) fn new(now: Mono) -> Self {
        let (minute, second) = numbers(now);
        Self {
            minutes: VecDeque::from([Slot::default()]),
            minute,
            seconds: VecDeque::from([Slot::default()]),
            second,
            began: now,
            ..Self::default()
        }
    }

    /// So many connections are there.
    pub(super) fn connected(&mut self, now: Mono, connections: u64) {
        self.advance(now);
        self.connections = connections;
        for slots in [&mut self.minutes, &mut self.seconds] {
            if let Some(slot) = slots.back_mut() {
                slot.connections = slot.connections.max(connections);
            }
        }
    }

    pub(super) fn received(&mut self, now: Mono) {
        self.last_message = Some(now);
        self.add(now, |tally| tally.received += 1);
    }

    pub(super) fn published(&mut self, now: Mono, took: Duration) {
        self.last_message = Some(now);
        self.add(now, |tally| {
            tally.published += 1;
            tally.publishing += took;
        });
    }

    pub(super) fn acked(&mut self, now: Mono, took: Duration) {
        self.add(now, |tally| {
            tally.acked += 1;
            tally.acking += took;
        });
    }

    pub(super) fn nacked(&mut self, now: Mono) {
        self.add(now, |tally| tally.nacked += 1);
    }

    /// Something went wrong; reasons are words of the program.
    pub(super) fn failed(&mut self, now: Mono, reason: &'static str) {
        *self.errors.entry(reason).or_default() += 1;
        self.add(now, |tally| tally.errors += 1);
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections
    }

    pub(super) fn last_message(&self) -> Option<Mono> {
        self.last_message
    }

    pub(super) fn errors(&self) -> Vec<(&'static str, u64)> {
        self.errors.iter().map(|(reason, count)| (*reason, *count)).collect()
    }

    /// Since the start.
    pub(super) fn total(&self, now: Mono) -> BrokerTally {
        BrokerTally { span: now.saturating_since(self.began), ..self.total }
    }

    /// In the last minute.
    pub(super) fn last_minute(&mut self, now: Mono) -> BrokerTally {
        self.advance(now);
        let spans = (Duration::from_secs(1), self.second);
        sum(&self.seconds, SECONDS_MAX, spans, now, self.began)
    }

    /// In that many minutes until now: whole ones and what has passed of this one.
    pub(super) fn window(&mut self, now: Mono, minutes: usize) -> BrokerTally {
        self.advance(now);
        sum(&self.minutes, minutes, (MINUTE, self.minute), now, self.began)
    }

    /// That many minutes until now, the last of which has not ended, each with its beginning.
    pub(super) fn history(&mut self, now: Mono, minutes: usize) -> Vec<(Mono, Slot)> {
        self.advance(now);
        let first = self.minutes.len().saturating_sub(minutes);
        let oldest = self.minute + 1 - self.minutes.len() as u64;
        let of = |(index, slot): (usize, &Slot)| {
            let begins = Mono::from_start(Duration::from_secs((oldest + index as u64) * MINUTE.as_secs()));
            let span = now.min(begins + MINUTE).saturating_since(begins.max(self.began));
            (begins, Slot { tally: BrokerTally { span, ..slot.tally }, ..*slot })
        };
        self.minutes.iter().enumerate().skip(first).map(of).collect()
    }

    fn add(&mut self, now: Mono, change: impl Fn(&mut BrokerTally)) {
        self.advance(now);
        change(&mut self.total);
        for slots in [&mut self.minutes, &mut self.seconds] {
            if let Some(slot) = slots.back_mut() {
                change(&mut slot.tally);
            }
        }
    }

    /// Minutes and seconds that have passed since get their slots.
    fn advance(&mut self, now: Mono) {
        let (minute, second) = numbers(now);
        let fresh = Slot { connections: self.connections, tally: BrokerTally::default() };
        fill(&mut self.minutes, MINUTES_MAX, minute.saturating_sub(self.minute), fresh);
        fill(&mut self.seconds, SECONDS_MAX, second.saturating_sub(self.second), fresh);
        (self.minute, self.second) = (self.minute.max(minute), self.second.max(second));
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn numbers(now: Mono) -> (u64, u64) {
    let secs = now.since_start().as_secs();
    (secs / MINUTE.as_secs(), secs)
}

fn fill(slots: &mut VecDeque<Slot>, most: usize, count: u64, fresh: Slot) {
    for _ in 0..count.min(most as u64) {
        if slots.len() == most {
            slots.pop_front();
        }
        slots.push_back(fresh);
    }
}

/// The last `count` slots together; the span is what has passed since the first of them began.
fn sum(slots: &VecDeque<Slot>, count: usize, (width, last): (Duration, u64), now: Mono, began: Mono) -> BrokerTally {
    let taken = slots.len().min(count);
    let all = slots.iter().skip(slots.len() - taken).fold(BrokerTally::default(), |all, slot| all.and(&slot.tally));
    let first = width * u32::try_from(last + 1 - taken as u64).unwrap_or(u32::MAX);
    BrokerTally { span: now.saturating_since(Mono::from_start(first).max(began)), ..all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Mono {
        Mono::from_start(Duration::from_secs(secs))
    }

    #[test]
    fn each_window_counts_what_lies_in_it() {
        let mut ledger = Ledger::new(at(0));
        for secs in [10, 3_000, 3_590, 3_599] {
            ledger.received(at(secs));
        }
        ledger.published(at(3_599), Duration::from_millis(4));
        let now = at(3_600);
        assert_eq!(ledger.last_minute(now).received, 2);
        assert_eq!(ledger.window(now, 5).received, 2);
        assert_eq!(ledger.window(now, 60).received, 3, "the first is older than an hour");
        assert_eq!(ledger.window(now, 24 * 60).received, 4);
        assert_eq!(ledger.total(now).received, 4);
        assert_eq!(ledger.total(now).publish_ms(), 4.0);
        // Nothing of it is in the window once it has passed.
        assert_eq!(
            ledger.last_minute(at(3_700)),
            BrokerTally { span: Duration::from_secs(59), ..BrokerTally::default() }
        );
        assert_eq!(ledger.window(at(3_600 + 600), 5).published, 0);
    }

    #[test]
    fn a_rate_is_over_the_time_that_has_passed() {
        let mut ledger = Ledger::new(at(90));
        for _ in 0..20 {
            ledger.received(at(95));
        }
        let window = ledger.window(at(100), 5);
        assert_eq!((window.span, window.per_second()), (Duration::from_secs(10), 2.0), "it began ten seconds ago");
        assert_eq!(ledger.last_minute(at(100)).per_second(), 2.0);
    }

    #[test]
    fn the_history_has_each_minute_and_is_bounded() {
        let mut ledger = Ledger::new(at(30));
        ledger.connected(at(40), 1);
        ledger.received(at(40));
        ledger.connected(at(130), 0);
        let history = ledger.history(at(190), 60);
        let shown: Vec<_> = history
            .iter()
            .map(|(begins, slot)| {
                let span = slot.tally.span.as_secs();
                (begins.since_start().as_secs(), slot.connections, slot.tally.received, span)
            })
            .collect();
        assert_eq!(shown, [(0, 1, 1, 30), (60, 1, 0, 60), (120, 1, 0, 60), (180, 0, 0, 10)]);
        assert_eq!(ledger.history(at(190), 2).len(), 2);
        let late = at(60 * 60 * 24 * 30);
        assert_eq!(ledger.history(late, usize::MAX).len(), MINUTES_MAX);
        assert_eq!(ledger.window(late, MINUTES_MAX).received, 0);
        assert_eq!(ledger.total(late).received, 1);
    }

    #[test]
    fn errors_are_counted_by_their_reason() {
        let mut ledger = Ledger::new(at(0));
        for reason in ["silent", "refused", "silent"] {
            ledger.failed(at(1), reason);
        }
        assert_eq!(ledger.errors(), [("refused", 1), ("silent", 2)]);
        assert_eq!(ledger.window(at(2), 5).errors, 3);
    }
}
