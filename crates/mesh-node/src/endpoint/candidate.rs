use std::net::SocketAddr;

use sangam_mesh_proto::{CandidateKind, PathProtocol};

/// An address at which peers may reach us (RFC 8445 §5.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalCandidate {
    /// Where the address comes from.
    pub kind: CandidateKind,
    /// It: what peers are told.
    pub address: SocketAddr,
    /// What packets are sent from and arrive at, as [`send`](super::Endpoint::send) and [`Packet`](super::Packet) name it:
    /// the socket's address for host and server-reflexive candidates, the relayed address for relayed ones.
    pub base: SocketAddr,
    /// What it runs over here; for a relayed one the leg to the relay.
    pub protocol: PathProtocol,
    /// The server it came by, as its URL; `None` for a host candidate.
    pub server: Option<String>,
}

impl LocalCandidate {
    pub(super) fn host(address: SocketAddr) -> Self {
        Self { kind: CandidateKind::Host, address, base: address, protocol: PathProtocol::Udp, server: None }
    }

    pub(super) fn reflexive(address: SocketAddr, base: SocketAddr, server: String) -> Self {
        let kind = CandidateKind::ServerReflexive;
        Self { kind, address, base, protocol: PathProtocol::Udp, server: Some(server) }
    }

    pub(super) fn relayed(address: SocketAddr, protocol: PathProtocol, server: String) -> Self {
        Self { kind: CandidateKind::Relayed, address, base: address, protocol, server: Some(server) }
    }
}
