use std::net::{IpAddr, SocketAddr};

use crate::address::{FiveTuple, RelayedAddr, Transport};

/// A five-tuple in 48 bytes, so that it and an allocation's key fill one cache line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FiveTupleKey {
    client: u128,
    server: u128,
    /// Client port, server port, transport, and the zone of a link-local client.
    rest: u64,
}

impl From<&FiveTuple> for FiveTupleKey {
    fn from(tuple: &FiveTuple) -> Self {
        let client = tuple.client.0;
        let transport = match tuple.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
        };
        let zone = match client {
            SocketAddr::V4(_) => 0,
            // Zones are interface indices: far below 2^24.
            SocketAddr::V6(v6) => u64::from(v6.scope_id() & 0x00FF_FFFF),
        };
        Self {
            client: ip_bits(client.ip()),
            server: ip_bits(tuple.server.ip()),
            rest: u64::from(client.port()) << 48 | u64::from(tuple.server.port()) << 32 | transport << 24 | zone,
        }
    }
}

/// A relayed address as a table key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RelayedKey {
    ip: u128,
    port: u16,
}

impl From<RelayedAddr> for RelayedKey {
    fn from(RelayedAddr(address): RelayedAddr) -> Self {
        Self { ip: ip_bits(address.ip()), port: address.port() }
    }
}

fn ip_bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
