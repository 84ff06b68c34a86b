use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::Result;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, eth, ipproto, sockopt};

/// One end of a link, in a namespace that has nothing but this end: it hears what comes in, as IP packets, and sends
/// packets as they are.
#[derive(Debug)]
pub(super) struct End {
    heard: [OwnedFd; 2],
    to_v4: OwnedFd,
    to_v6: OwnedFd,
}

/// What may come while the thread that reads does not get its turn.
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;

impl End {
    /// Opens its sockets. Call it in its namespace.
    pub(super) fn open() -> Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let open = |family, kind, protocol: Protocol| rustix::net::socket_with(family, kind, flags, Some(protocol));
        // Each for one protocol: a socket for all protocols would hear what goes out as well.
        let hear = |protocol| {
            let socket = open(AddressFamily::PACKET, SocketType::DGRAM, protocol)?;
            sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER_BYTES)?;
            Ok::<_, anyhow::Error>(socket)
        };
        Ok(Self {
            heard: [hear(eth::IP)?, hear(eth::IPV6)?],
            to_v4: open(AddressFamily::INET, SocketType::RAW, ipproto::RAW)?,
            to_v6: open(AddressFamily::INET6, SocketType::RAW, ipproto::RAW)?,
        })
    }

    pub(super) fn heard(&self) -> [BorrowedFd<'_>; 2] {
        [self.heard[0].as_fd(), self.heard[1].as_fd()]
    }

    /// The next packet that has come, if any, that is not of the link itself (neighbour discovery and its like).
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        for socket in &self.heard {
            while let Ok((length, _)) = rustix::net::recv(socket, &mut *buffer, RecvFlags::empty()) {
                if destination(&buffer[..length]).is_some() {
                    return Some(length);
                }
            }
        }
        None
    }

    /// Sends a packet on. The machine behind may refuse it as it likes.
    pub(super) fn send(&self, packet: &[u8]) {
        let Some(destination) = destination(packet) else { return };
        let socket = if destination.is_ipv4() { &self.to_v4 } else { &self.to_v6 };
        rustix::net::sendto(socket, packet, SendFlags::empty(), &SocketAddr::new(destination, 0)).ok();
    }
}

/// Where a packet goes; none if not beyond its link.
fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => {
            let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let ip = Ipv4Addr::from(octets);
            (!ip.is_multicast() && !ip.is_broadcast() && !ip.is_link_local()).then_some(ip.into())
        }
        6 => {
            let octets: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            let ip = Ipv6Addr::from(octets);
            (!ip.is_multicast() && !ip.is_unicast_link_local()).then_some(ip.into())
        }
        _ => None,
    }
}
