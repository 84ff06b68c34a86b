use std::net::SocketAddr;

use sangam_mesh_proto::PathProtocol;

use super::LocalCandidate;

/// A datagram that a peer sent us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The base it arrived at: a socket's address, or a relayed address.
    pub local: SocketAddr,
    /// Who sent it; through a relay, whom the relay had it from.
    pub from: SocketAddr,
    /// What it came over; for a relayed one the leg to the relay.
    pub protocol: PathProtocol,
    /// What it says.
    pub bytes: &'a [u8],
}

/// What an endpoint woke its owner for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Packets wait: [`drain`](super::Endpoint::drain) them.
    Packets,
    /// An address was found; peers should be told.
    Candidate(LocalCandidate),
    /// An address is no longer ours.
    Gone(LocalCandidate),
    /// Every server has answered or failed, or the time for it is over. What comes later still comes as
    /// [`Candidate`](Self::Candidate).
    Gathered,
    /// Addresses of this host, or the address it has outside, are no longer what they were: links should be restarted.
    NetworkChanged,
    /// There is no relay by this server, for now; it is tried again.
    RelayFailed {
        /// Its URL.
        server: String,
        /// One sentence.
        why: String,
    },
}
