use crate::address::Transport;
use crate::api::DropReason;
use crate::end_cause::EndCause;
use crate::error_code::ErrorCode;
use crate::mobility::MoveRefusal;

/// What one server has counted since its start. Plain numbers: copy, subtract, publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Allocations alive now.
    pub allocations_live: u64,
    /// Allocations that ever began.
    pub allocations_begun: u64,
    /// Allocations that followed their client to another five-tuple, each time.
    pub moves: u64,
    /// Binding requests that were answered with an error.
    pub binding_errors: u64,
    pub(crate) live_over: [u64; Transport::ALL.len()],
    /// Payload relayed from clients to peers.
    pub sent: Traffic,
    /// Payload relayed from peers to clients.
    pub received: Traffic,
    /// Payload bytes dropped as [`DropReason::AllocationRate`].
    pub bytes_over_allocation_rate: u64,
    /// Payload bytes dropped as [`DropReason::ServerRate`].
    pub bytes_over_server_rate: u64,
    requests: [u64; RequestKind::ALL.len()],
    errors: [u64; ErrorCode::ALL.len()],
    drops: [u64; DropReason::ALL.len()],
    limited: [u64; Limited::ALL.len()],
    ended: [u64; EndCause::ALL.len()],
    move_refusals: [u64; MoveRefusal::ALL.len()],
}

/// Datagrams and their payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams.
    pub packets: u64,
    /// Payload bytes, without any header.
    pub bytes: u64,
}

/// A request by its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// RFC 8489 §2
    Binding,
    /// RFC 8656 §7
    Allocate,
    /// RFC 8656 §8
    Refresh,
    /// RFC 8656 §10
    CreatePermission,
    /// RFC 8656 §12
    ChannelBind,
    /// RFC 3489 §8.1: a Binding request without a cookie.
    ClassicBinding,
}

/// A limit that turned something away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limited {
    /// [`Limits::allocations`](crate::Limits::allocations)
    Allocations,
    /// [`Limits::allocations_per_user`](crate::Limits::allocations_per_user)
    AllocationsPerUser,
    /// [`Limits::bytes_per_second`](crate::Limits::bytes_per_second), as the sum of what allocations may relay
    Bandwidth,
    /// [`Limits::permissions`](crate::Limits::permissions)
    Permissions,
    /// [`Limits::channels`](crate::Limits::channels)
    Channels,
    /// [`Limits::opening`](crate::Limits::opening)
    Opening,
    /// [`Limits::reservations`](crate::Limits::reservations)
    Reservations,
    /// [`Limits::pending_requests`](crate::Limits::pending_requests)
    PendingRequests,
    /// [`Limits::pending_request_bytes`](crate::Limits::pending_request_bytes)
    PendingRequestBytes,
    /// [`Limits::challenges_per_second`](crate::Limits::challenges_per_second)
    Challenges,
    /// [`Lifetimes::request`](crate::Lifetimes::request): no answer from the driver in time.
    RequestTime,
    /// [`Limits::challenges_per_second`](crate::Limits::challenges_per_second), by Binding requests without a cookie
    ClassicBindings,
}

impl Stats {
    /// Requests of this kind that arrived, answered or not.
    #[must_use]
    pub fn requests(&self, kind: RequestKind) -> u64 {
        self.requests[kind as usize]
    }

    /// Allocations alive now whose client came over this transport.
    #[must_use]
    pub fn allocations_over(&self, transport: Transport) -> u64 {
        self.live_over[transport as usize]
    }

    /// Error responses sent with this code.
    #[must_use]
    pub fn errors(&self, code: ErrorCode) -> u64 {
        self.errors[code as usize]
    }

    /// Messages dropped for this reason.
    #[must_use]
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize]
    }

    /// Refusals because of this limit.
    #[must_use]
    pub fn limited(&self, by: Limited) -> u64 {
        self.limited[by as usize]
    }

    /// Allocations that ended for this cause.
    #[must_use]
    pub fn ended(&self, cause: EndCause) -> u64 {
        self.ended[cause as usize]
    }

    pub(crate) fn count_end(&mut self, cause: EndCause) {
        self.ended[cause as usize] += 1;
    }

    /// Moves refused for this reason.
    #[must_use]
    pub fn move_refusals(&self, reason: MoveRefusal) -> u64 {
        self.move_refusals[reason as usize]
    }

    pub(crate) fn count_move_refusal(&mut self, reason: MoveRefusal) {
        self.move_refusals[reason as usize] += 1;
    }

    pub(crate) fn count_request(&mut self, kind: RequestKind) {
        self.requests[kind as usize] += 1;
    }

    pub(crate) fn count_error(&mut self, code: ErrorCode) {
        self.errors[code as usize] += 1;
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        self.drops[reason as usize] += 1;
    }

    pub(crate) fn count_limited(&mut self, by: Limited) {
        self.limited[by as usize] += 1;
    }
}

impl Traffic {
    pub(crate) fn count(&mut self, payload_len: usize) {
        self.packets += 1;
        self.bytes += payload_len as u64;
    }
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Binding, Self::Allocate, Self::Refresh, Self::CreatePermission, Self::ChannelBind, Self::ClassicBinding];

    /// The method's name in lower case, for a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binding => "binding",
            Self::Allocate => "allocate",
            Self::Refresh => "refresh",
            Self::CreatePermission => "create_permission",
            Self::ChannelBind => "channel_bind",
            Self::ClassicBinding => "classic_binding",
        }
    }
}

impl Limited {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Allocations,
        Self::AllocationsPerUser,
        Self::Bandwidth,
        Self::Permissions,
        Self::Channels,
        Self::Opening,
        Self::Reservations,
        Self::PendingRequests,
        Self::PendingRequestBytes,
        Self::Challenges,
        Self::RequestTime,
        Self::ClassicBindings,
    ];

    /// The limit's name, for a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allocations => "allocations",
            Self::AllocationsPerUser => "allocations_per_user",
            Self::Bandwidth => "bandwidth",
            Self::Permissions => "permissions",
            Self::Channels => "channels",
            Self::Opening => "opening",
            Self::Reservations => "reservations",
            Self::PendingRequests => "pending_requests",
            Self::PendingRequestBytes => "pending_request_bytes",
            Self::Challenges => "challenges",
            Self::RequestTime => "request_time",
            Self::ClassicBindings => "classic_bindings",
        }
    }
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::NoAllocation,
        Self::NoChannel,
        Self::NoPermission,
        Self::PeerDenied,
        Self::PeerGone,
        Self::AllocationRate,
        Self::ServerRate,
    ];

    /// The reason's name, for a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoAllocation => "no_allocation",
            Self::NoChannel => "no_channel",
            Self::NoPermission => "no_permission",
            Self::PeerDenied => "peer_denied",
            Self::PeerGone => "peer_gone",
            Self::AllocationRate => "allocation_rate",
            Self::ServerRate => "server_rate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_counter_of_its_own() {
        assert!(RequestKind::ALL.iter().enumerate().all(|(at, &kind)| kind as usize == at));
        assert!(ErrorCode::ALL.iter().enumerate().all(|(at, &code)| code as usize == at));
        assert!(DropReason::ALL.iter().enumerate().all(|(at, &reason)| reason as usize == at));
        assert!(Transport::ALL.iter().enumerate().all(|(at, &transport)| transport as usize == at));
        assert!(EndCause::ALL.iter().enumerate().all(|(at, &cause)| cause as usize == at));
        assert!(Limited::ALL.iter().enumerate().all(|(at, &by)| by as usize == at));
        assert!(MoveRefusal::ALL.iter().enumerate().all(|(at, &reason)| reason as usize == at));
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.number()));
    }
}
