use std::sync::atomic::{AtomicU64, Ordering};

use sangam_telemetry::metrics::relay::{Labelled, RelaySnapshot};
use sangam_turn_proto::{DropReason, EndCause, ErrorCode, Limited, MoveRefusal, RequestKind, Stats, Transport};

use crate::connections::Closed;
use crate::counters::{Counter, Counters};

/// One thread's figures as a scrape sees them: written by that thread alone with plain stores, in cache lines (two, for
/// the pair that the processor fetches) that no other thread writes.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Figures {
    values: [AtomicU64; LEN],
    /// Wakes of the thread so far.
    heartbeat: AtomicU64,
}

/// What the core counts besides its lists: two of allocations, two of each direction, two of bandwidth, the moves, and
/// errors to Binding requests.
const PLAIN: usize = 10;
const TRANSPORTS: usize = PLAIN;
const REQUESTS: usize = TRANSPORTS + Transport::ALL.len();
const ERRORS: usize = REQUESTS + RequestKind::ALL.len();
const DROPS: usize = ERRORS + ErrorCode::ALL.len();
const LIMITED: usize = DROPS + DropReason::ALL.len();
const ENDED: usize = LIMITED + Limited::ALL.len();
const MOVE_REFUSALS: usize = ENDED + EndCause::ALL.len();
const DRIVER: usize = MOVE_REFUSALS + MoveRefusal::ALL.len();
const LEN: usize = DRIVER + Counter::COUNT;

impl Figures {
    pub(crate) fn new() -> Self {
        Self { values: [const { AtomicU64::new(0) }; LEN], heartbeat: AtomicU64::new(0) }
    }

    pub(crate) fn beat(&self) {
        let next = self.heartbeat.load(Ordering::Relaxed).wrapping_add(1);
        self.heartbeat.store(next, Ordering::Release);
    }

    pub(crate) fn heartbeat(&self) -> u64 {
        self.heartbeat.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, stats: &Stats, counters: &Counters) {
        let plain = [
            stats.allocations_live,
            stats.allocations_begun,
            stats.sent.packets,
            stats.sent.bytes,
            stats.received.packets,
            stats.received.bytes,
            stats.bytes_over_allocation_rate,
            stats.bytes_over_server_rate,
            stats.moves,
            stats.binding_errors,
        ];
        let values = plain
            .into_iter()
            .chain(Transport::ALL.map(|transport| stats.allocations_over(transport)))
            .chain(RequestKind::ALL.map(|kind| stats.requests(kind)))
            .chain(ErrorCode::ALL.map(|code| stats.errors(code)))
            .chain(DropReason::ALL.map(|reason| stats.drops(reason)))
            .chain(Limited::ALL.map(|limited| stats.limited(limited)))
            .chain(EndCause::ALL.map(|cause| stats.ended(cause)))
            .chain(MoveRefusal::ALL.map(|reason| stats.move_refusals(reason)))
            .chain(*counters.values());
        for (published, value) in self.values.iter().zip(values) {
            published.store(value, Ordering::Relaxed);
        }
    }

    /// Its values now.
    pub(crate) fn read(&self) -> Values {
        Values(std::array::from_fn(|index| self.values[index].load(Ordering::Relaxed)))
    }

    pub(crate) fn show_allocations(&self, live: u64) {
        self.values[0].store(live, Ordering::Release);
    }

    pub(crate) fn allocations_live(&self) -> u64 {
        self.values[0].load(Ordering::Acquire)
    }
}

/// Figures that have been read: one life's, or those of many added up.
#[derive(Clone, Debug)]
pub(crate) struct Values([u64; LEN]);

/// Those that tell how it is, not what has been.
const GAUGES: [usize; 3 + Transport::ALL.len()] = [
    0,
    DRIVER + Counter::PortsInUse as usize,
    DRIVER + Counter::Connections as usize,
    TRANSPORTS + Transport::Udp as usize,
    TRANSPORTS + Transport::Tcp as usize,
    TRANSPORTS + Transport::Tls as usize,
];

impl Values {
    pub(crate) fn zero() -> Self {
        Self([0; LEN])
    }

    pub(crate) fn add(&mut self, more: &Self) {
        for (sum, value) in self.0.iter_mut().zip(&more.0) {
            *sum += value;
        }
    }

    /// What remains of a life that is over.
    pub(crate) fn without_gauges(mut self) -> Self {
        GAUGES.into_iter().for_each(|index| self.0[index] = 0);
        self
    }

    pub(crate) fn allocations_live(&self) -> u64 {
        self.0[0]
    }

    pub(crate) fn ports_in_use(&self) -> u64 {
        self.0[GAUGES[1]]
    }

    pub(crate) fn connections(&self) -> u64 {
        self.0[GAUGES[2]]
    }
}

/// The figures of all threads together; what no thread knows is left at its default.
pub(crate) fn snapshot(threads: impl IntoIterator<Item = Values>) -> RelaySnapshot {
    let mut sum = Values::zero();
    threads.into_iter().for_each(|values| sum.add(&values));
    let Values(sum) = sum;
    let driver = |counter: Counter| sum[DRIVER + counter as usize];
    RelaySnapshot {
        allocations: sum[0],
        allocations_created: sum[1],
        allocations_expired: sum[ENDED + EndCause::Expired as usize],
        allocations_ended: labelled(EndCause::ALL.map(EndCause::as_str), &sum[ENDED..]),
        moves: sum[8],
        move_refusals: labelled(MoveRefusal::ALL.map(MoveRefusal::as_str), &sum[MOVE_REFUSALS..]),
        packets: vec![("to_peer", sum[2]), ("to_client", sum[4])],
        bytes: vec![("to_peer", sum[3]), ("to_client", sum[5])],
        bytes_over_rate: vec![("allocation", sum[6]), ("server", sum[7])],
        allocations_over: labelled(Transport::ALL.map(Transport::as_str), &sum[TRANSPORTS..]),
        client_messages: vec![
            ("from_client", driver(Counter::ClientMessagesIn)),
            ("to_client", driver(Counter::ClientMessagesOut)),
        ],
        client_bytes: vec![
            ("from_client", driver(Counter::ClientBytesIn)),
            ("to_client", driver(Counter::ClientBytesOut)),
        ],
        binding_errors: sum[9],
        clients_refused: vec![
            ("datagram", driver(Counter::RefusedDatagrams)),
            ("connection", driver(Counter::RefusedConnections)),
        ],
        requests: labelled(RequestKind::ALL.map(RequestKind::as_str), &sum[REQUESTS..]),
        refusals: labelled(ErrorCode::ALL.map(code_text), &sum[ERRORS..]),
        limited: labelled(Limited::ALL.map(Limited::as_str), &sum[LIMITED..]),
        drops: drops(&sum),
        hairpin: vec![("same", driver(Counter::HairpinSameThread)), ("other", driver(Counter::HairpinOtherThread))],
        credential_refusals: vec![
            ("unknown_user", driver(Counter::KeyUnknownUser)),
            ("expired", driver(Counter::KeyExpired)),
            ("too_far_ahead", driver(Counter::KeyTooFarAhead)),
            ("unknown_hash", driver(Counter::KeyUnknownHash)),
            ("revoked", driver(Counter::KeyRevoked)),
            ("busy", driver(Counter::KeyBusy)),
        ],
        open_failures: vec![
            ("no_port", driver(Counter::OpenNoPort)),
            ("no_descriptor", driver(Counter::OpenNoDescriptor)),
            ("refused", driver(Counter::OpenRefused)),
            ("not_reserved", driver(Counter::OpenNotReserved)),
        ],
        kept_bindings: vec![("told", driver(Counter::BindingsTold)), ("missed", driver(Counter::BindingsMissed))],
        outward_datagrams: driver(Counter::OutwardDatagrams),
        socket_errors: driver(Counter::SocketErrors),
        log_lines_suppressed: driver(Counter::LogLinesSuppressed),
        probe_allocations: driver(Counter::ProbeAllocations),
        ports_in_use: driver(Counter::PortsInUse),
        connections: driver(Counter::Connections),
        connections_closed: Closed::ALL.map(|closed| (closed.as_str(), driver(closed.counter()))).to_vec(),
        ..RelaySnapshot::default()
    }
}

/// The core's reasons, then ours. A peer that is an address of ours where nobody lives is found out by either.
fn drops(sum: &[u64; LEN]) -> Labelled {
    let driver = |counter: Counter| sum[DRIVER + counter as usize];
    let mut drops = labelled(DropReason::ALL.map(DropReason::as_str), &sum[DROPS..]);
    if let Some((_, gone)) = drops.iter_mut().find(|(reason, _)| *reason == DropReason::PeerGone.as_str()) {
        *gone += driver(Counter::DropOwnGone) + driver(Counter::DropHandoverGone);
    }
    drops.extend([
        ("unroutable", driver(Counter::DropUnroutable)),
        ("send_queue_full", driver(Counter::DropSendQueueFull)),
        ("too_long_to_send", driver(Counter::DropTooLong)),
        ("send_error", driver(Counter::DropSendError)),
        ("oversized", driver(Counter::DropOversized)),
        ("handover_queue_full", driver(Counter::DropHandoverFull)),
        ("stream_queue_full", driver(Counter::DropStreamQueueFull)),
        ("no_connection", driver(Counter::DropNoConnection)),
    ]);
    drops
}

fn labelled<const N: usize>(names: [&'static str; N], values: &[u64]) -> Labelled {
    names.into_iter().zip(values.iter().copied()).collect()
}

/// The number of a code, as a label.
fn code_text(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TryAlternate => "300",
        ErrorCode::BadRequest => "400",
        ErrorCode::Unauthenticated => "401",
        ErrorCode::Forbidden => "403",
        ErrorCode::MobilityForbidden => "405",
        ErrorCode::UnknownAttribute => "420",
        ErrorCode::AllocationMismatch => "437",
        ErrorCode::StaleNonce => "438",
        ErrorCode::AddressFamilyNotSupported => "440",
        ErrorCode::WrongCredentials => "441",
        ErrorCode::UnsupportedTransportProtocol => "442",
        ErrorCode::PeerAddressFamilyMismatch => "443",
        ErrorCode::AllocationQuotaReached => "486",
        ErrorCode::InsufficientCapacity => "508",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_numbers_that_stand_on_the_wire() {
        for code in ErrorCode::ALL {
            assert_eq!(code_text(code), code.number().to_string());
        }
    }

    #[test]
    fn what_a_life_had_is_gone_with_it_and_what_it_did_is_not() {
        let snapshot = snapshot([Values([5; LEN]).without_gauges()]);
        assert_eq!((snapshot.allocations, snapshot.ports_in_use, snapshot.connections), (0, 0, 0));
        assert_eq!(snapshot.allocations_over, [("udp", 0), ("tcp", 0), ("tls", 0)]);
        assert_eq!((snapshot.allocations_created, snapshot.binding_errors), (5, 5));
        assert!(snapshot.requests.iter().chain(&snapshot.client_bytes).all(|(_, count)| *count == 5));
    }

    #[test]
    fn figures_of_all_threads_are_added_under_their_names() {
        let threads = [Figures::new(), Figures::new()];
        for (index, figures) in threads.iter().enumerate() {
            let mut counters = Counters::new();
            counters.add(Counter::DropUnroutable, 10 + index as u64);
            counters.add(Counter::DropOwnGone, 1);
            counters.add(Counter::HairpinOtherThread, 5);
            let mut stats = Stats::default();
            stats.allocations_live = 3;
            figures.publish(&stats, &counters);
        }
        let snapshot = snapshot(threads.iter().map(Figures::read));
        let value = |labelled: &Labelled, name| labelled.iter().find(|(label, _)| *label == name).map(|(_, v)| *v);
        assert_eq!(snapshot.allocations, 6);
        assert_eq!(value(&snapshot.drops, "unroutable"), Some(21));
        assert_eq!(value(&snapshot.drops, "peer_gone"), Some(2));
        assert_eq!(value(&snapshot.drops, "malformed"), Some(0));
        assert_eq!(value(&snapshot.hairpin, "other"), Some(10));
        assert_eq!(value(&snapshot.refusals, "508"), Some(0));
    }
}
