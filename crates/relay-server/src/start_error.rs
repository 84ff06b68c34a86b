use std::io;
use std::net::IpAddr;

use sangam_net::udp::BindError;

/// Why the relay could not start. Nothing is left running or bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listen address cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A relay address cannot be bound: most often the public address of a host behind NAT.
    #[error(
        "the relay cannot open sockets on {address}: name an address of this host to relay from, and the address that \
         the world sees as its external one"
    )]
    RelayAddress {
        /// As given.
        address: IpAddr,
        /// Why not.
        source: BindError,
    },
    /// Nothing to listen on.
    #[error("the relay has no listen address: name at least one")]
    NoListenAddress,
    /// No thread to run on.
    #[error("the relay has no thread to run on: allow at least one")]
    NoThread,
    /// Only wildcards to listen on, and no relay address.
    #[error(
        "the relay listens on all addresses but has none to relay from: name the address of this host that peers reach"
    )]
    NoRelayAddress,
    /// A wildcard is no address that peers could send to.
    #[error("{address} is no address to relay from: name the address of this host that peers reach")]
    UnspecifiedRelayAddress {
        /// As given.
        address: IpAddr,
    },
    /// A relay address given twice.
    #[error("{address} is named twice as a relay address: one external address for each")]
    RepeatedRelayAddress {
        /// As given.
        address: IpAddr,
    },
    /// Address and external address are of two families.
    #[error("the relay address {bound} cannot be announced as {external}: both must be IPv4 or both IPv6")]
    MixedFamilies {
        /// As bound.
        bound: IpAddr,
        /// As announced.
        external: IpAddr,
    },
    /// The last port comes before the first, or the range begins at 0.
    #[error("{first}-{last} is no range of relay ports: it needs a first port above 0 and a last one not below it")]
    PortRange {
        /// As given.
        first: u16,
        /// As given.
        last: u16,
    },
    /// The system refused a thread, a readiness queue or a descriptor.
    #[error("the system refused the relay a thread or a descriptor")]
    System(#[from] io::Error),
}
