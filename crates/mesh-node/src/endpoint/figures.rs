use std::time::Duration;

use sangam_mesh_proto::PathProtocol;

/// Why a packet was lost here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drop {
    /// The socket's queue, or that of a relay's connection, was full.
    QueueFull,
    /// No route leads there.
    Unroutable,
    /// It is longer than the socket or a TURN message can carry.
    TooLong,
    /// The relay has no permission for the peer, or refused one.
    NotPermitted,
    /// No socket and no relayed address is called so (any longer).
    NoSuchBase,
    /// A datagram that arrived was longer than the buffer for it.
    Oversized,
    /// A relay sent what is no TURN message.
    Malformed,
    /// The system refused it for another reason.
    System,
    /// [`loss_share`](super::EndpointOptions::loss_share) wants it so.
    OnPurpose,
}

impl Drop {
    /// Every one of them, for metrics.
    pub const ALL: [Self; 9] = [
        Self::QueueFull,
        Self::Unroutable,
        Self::TooLong,
        Self::NotPermitted,
        Self::NoSuchBase,
        Self::Oversized,
        Self::Malformed,
        Self::System,
        Self::OnPurpose,
    ];

    /// The word for it in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Unroutable => "unroutable",
            Self::TooLong => "too_long",
            Self::NotPermitted => "not_permitted",
            Self::NoSuchBase => "no_such_base",
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
            Self::System => "system",
            Self::OnPurpose => "on_purpose",
        }
    }
}

/// What passed an endpoint since its start, and how its relays are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointFigures {
    /// Packets from peers.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Packets to peers that were handed to the system or a relay's connection.
    pub packets_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Of these packets, both ways, those through a relay.
    pub relayed_packets: u64,
    /// Packets lost, by reason, in the order of [`Drop::ALL`].
    pub dropped: [u64; Drop::ALL.len()],
    /// Allocations by transport and state, now.
    pub relays: Vec<RelayFigures>,
    /// Allocations made since the start.
    pub allocations_made: u64,
    /// Attempts to make one that failed.
    pub allocations_failed: u64,
    /// Allocations that were lost after they had been made.
    pub allocations_lost: u64,
    /// Permissions asked for that relays refused.
    pub permissions_refused: u64,
    /// Peers refused because too many were permitted.
    pub permits_refused: u64,
    /// Changes of the host's or the outer addresses.
    pub network_changes: u64,
    /// Host sockets open.
    pub sockets: usize,
}

/// One relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayFigures {
    /// Its URL.
    pub server: String,
    /// What leads to it.
    pub protocol: PathProtocol,
    /// How it is.
    pub state: RelayState,
    /// How long the last allocation took to make, from the name on.
    pub allocated_in: Option<Duration>,
    /// Why the last attempt failed, if none has succeeded since.
    pub failure: Option<String>,
}

/// How a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayState {
    /// It is being asked.
    Allocating,
    /// There is an allocation.
    Allocated,
    /// It failed, and is asked again after a pause.
    Waiting,
}

impl RelayState {
    /// The word for it in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allocating => "allocating",
            Self::Allocated => "allocated",
            Self::Waiting => "waiting",
        }
    }
}

impl EndpointFigures {
    /// Packets lost for this reason.
    #[must_use]
    pub fn dropped(&self, reason: Drop) -> u64 {
        self.dropped[reason as usize]
    }

    pub(super) fn drop_one(&mut self, reason: Drop) {
        self.dropped[reason as usize] += 1;
    }

    pub(super) fn arrived(&mut self, bytes: usize) {
        self.packets_in += 1;
        self.bytes_in += bytes as u64;
    }

    pub(super) fn left(&mut self, bytes: usize) {
        self.packets_out += 1;
        self.bytes_out += bytes as u64;
    }
}
