use std::sync::atomic::{AtomicU64, Ordering};

use sangam_engineio_proto::{CloseReason, Refusal};

/// Why a session was not begun, besides [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOpened {
    /// Too many are open.
    Full,
    /// Too many are open from that address.
    AddressFull,
    /// Too many began just now.
    TooFast,
    /// The server is stopping.
    Draining,
    /// The page is of a foreign origin.
    Origin,
}

impl NotOpened {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Full, Self::AddressFull, Self::TooFast, Self::Draining, Self::Origin];
}

/// The reasons in the order of their counters.
const REASONS: [CloseReason; 6] = [
    CloseReason::TransportClose,
    CloseReason::TransportError,
    CloseReason::PingTimeout,
    CloseReason::ParseError,
    CloseReason::ForcedClose,
    CloseReason::TooSlow,
];

/// What sessions and requests count.
#[derive(Debug, Default)]
pub(crate) struct EngineStats {
    pub(crate) opened: Counter,
    pub(crate) upgraded: Counter,
    pub(crate) received: Counter,
    pub(crate) sent: Counter,
    pub(crate) throttled: Counter,
    pub(crate) bodies_too_large: Counter,
    pub(crate) messages_too_large: Counter,
    pub(crate) write_timeouts: Counter,
    pub(crate) queues_full: Counter,
    refused: [Counter; Refusal::ALL.len()],
    not_opened: [Counter; NotOpened::ALL.len()],
    closed: [Counter; REASONS.len()],
}

impl EngineStats {
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].add();
    }

    pub(crate) fn not_opened(&self, reason: NotOpened) {
        self.not_opened[reason as usize].add();
    }

    pub(crate) fn closed(&self, reason: CloseReason) {
        self.closed[reason as usize].add();
    }

    pub(crate) fn snapshot(&self, open: usize) -> EngineSnapshot {
        EngineSnapshot {
            open: open as u64,
            opened: self.opened.value(),
            upgraded: self.upgraded.value(),
            received: self.received.value(),
            sent: self.sent.value(),
            throttled: self.throttled.value(),
            bodies_too_large: self.bodies_too_large.value(),
            messages_too_large: self.messages_too_large.value(),
            write_timeouts: self.write_timeouts.value(),
            queues_full: self.queues_full.value(),
            refused: Refusal::ALL.map(|refusal| (refusal, self.refused[refusal as usize].value())),
            not_opened: NotOpened::ALL.map(|reason| (reason, self.not_opened[reason as usize].value())),
            closed: REASONS.map(|reason| (reason, self.closed[reason as usize].value())),
        }
    }
}

/// One reading of a server's figures. All are totals since its start, except `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSnapshot {
    /// Sessions open now.
    pub open: u64,
    /// Sessions that began.
    pub opened: u64,
    /// Sessions that changed from polling to WebSocket.
    pub upgraded: u64,
    /// Messages received.
    pub received: u64,
    /// Packets handed to a WebSocket, and polls answered.
    pub sent: u64,
    /// How often a client was read more slowly because it sent too fast.
    pub throttled: u64,
    /// Bodies larger than allowed: answered 413.
    pub bodies_too_large: u64,
    /// WebSocket messages larger than allowed: closed with 1009.
    pub messages_too_large: u64,
    /// Sessions ended because their WebSocket took nothing for too long.
    pub write_timeouts: u64,
    /// Sessions ended because too much waited for their WebSocket.
    pub queues_full: u64,
    /// Requests refused with an error of Engine.IO.
    pub refused: [(Refusal, u64); Refusal::ALL.len()],
    /// Sessions not begun for a reason of ours.
    pub not_opened: [(NotOpened, u64); NotOpened::ALL.len()],
    /// Sessions that ended.
    pub closed: [(CloseReason, u64); REASONS.len()],
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        let stats = EngineStats::default();
        Refusal::ALL.iter().for_each(|refusal| stats.refuse(*refusal));
        NotOpened::ALL.iter().for_each(|reason| stats.not_opened(*reason));
        REASONS.iter().for_each(|reason| stats.closed(*reason));
        let snapshot = stats.snapshot(0);
        assert!(snapshot.refused.iter().all(|(_, count)| *count == 1));
        assert!(snapshot.not_opened.iter().all(|(_, count)| *count == 1));
        assert!(snapshot.closed.iter().all(|(_, count)| *count == 1));
    }
}
