use std::net::{IpAddr, SocketAddr};
use std::task::Context;

use sangam_mesh_proto::PathProtocol;
use sangam_net::udp::{AsyncSocket, BATCH_MAX, BindError, RecvBatch, SocketBuffers};

use super::figures::Drop;
use super::outbox::Outbox;
use super::{EndpointOptions, Packet};

/// The sockets of the host's addresses.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    sockets: Vec<AsyncSocket>,
    /// Which socket is read first, so that none starves the others.
    first: usize,
}

/// What changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) opened: Vec<SocketAddr>,
    pub(super) closed: Vec<SocketAddr>,
    /// The last error of an address that could not be bound.
    pub(super) error: Option<BindError>,
}

impl Hosts {
    /// Opens sockets on the addresses that have none, and closes those of others.
    pub(super) fn follow(&mut self, addresses: &[IpAddr], options: &EndpointOptions) -> Changed {
        let mut changed = Changed::default();
        self.sockets.retain(|socket| {
            let stays = addresses.contains(&socket.local().ip());
            if !stays {
                changed.closed.push(socket.local());
            }
            stays
        });
        for ip in addresses {
            if self.sockets.iter().any(|socket| socket.local().ip() == *ip) {
                continue;
            }
            match bind(*ip, options) {
                Ok(socket) => {
                    changed.opened.push(socket.local());
                    self.sockets.push(socket);
                }
                // An IPv6 address that is still being checked for duplicates, or every port of the range is taken.
                Err(error) => changed.error = Some(error),
            }
        }
        changed
    }

    pub(super) fn bases(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(AsyncSocket::local)
    }

    /// The socket with this address.
    pub(super) fn socket(&self, base: SocketAddr) -> Option<&AsyncSocket> {
        self.sockets.iter().find(|socket| socket.local() == base)
    }

    /// Whether a socket may have something.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> bool {
        let mut is_any = false;
        for socket in &self.sockets {
            is_any |= socket.poll_readable(context).is_ready();
        }
        is_any
    }

    /// Takes up to `max` datagrams, and gives how many there were. What `is_ours` says is not a peer's packet.
    pub(super) fn drain(
        &mut self,
        max: usize,
        batch: &mut RecvBatch,
        outbox: &mut Outbox,
        mut is_ours: impl FnMut(SocketAddr, SocketAddr, &[u8]) -> bool,
        each: &mut dyn FnMut(Packet<'_>),
    ) -> usize {
        let (mut taken, count) = (0, self.sockets.len());
        self.first = if count == 0 { 0 } else { (self.first + 1) % count };
        for socket in self.sockets.iter().cycle().skip(self.first).take(count) {
            while taken < max {
                batch.clear();
                let asked = (max - taken).min(BATCH_MAX);
                // A broken socket is found by the next look at the host's addresses, or is broken for good.
                let filled = socket.try_fill(batch, asked).unwrap_or_default();
                outbox.figures.dropped[Drop::Oversized as usize] += filled.oversized;
                let found = filled.datagrams.len();
                taken += found;
                for datagram in filled.datagrams.filter_map(|index| batch.datagram(index)) {
                    let local = socket.local();
                    if !is_ours(local, datagram.from, datagram.bytes) {
                        outbox.figures.arrived(datagram.bytes.len());
                        let (from, bytes) = (datagram.from, datagram.bytes);
                        each(Packet { local, from, protocol: PathProtocol::Udp, bytes });
                    }
                }
                if found < asked {
                    break;
                }
            }
        }
        taken
    }
}

fn bind(ip: IpAddr, options: &EndpointOptions) -> Result<AsyncSocket, BindError> {
    let buffers = SocketBuffers { receive_bytes: options.receive_buffer_bytes, send_bytes: options.send_buffer_bytes };
    let Some(ports) = options.ports.clone() else { return AsyncSocket::bind(SocketAddr::new(ip, 0), buffers) };
    let (mut ports, last) = (ports.clone(), *ports.end());
    loop {
        let port = ports.next().unwrap_or(last);
        match AsyncSocket::bind(SocketAddr::new(ip, port), buffers) {
            Err(BindError::InUse { .. }) if port < last => {}
            bound => return bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn bound(addresses: &[SocketAddr]) -> Vec<String> {
        addresses.iter().map(|address| address.ip().to_string()).collect()
    }

    #[tokio::test]
    async fn sockets_follow_the_addresses_of_the_host() {
        let (mut hosts, options) = (Hosts::default(), EndpointOptions::default());
        let changed = hosts.follow(&ips(&["127.0.0.1", "127.0.0.2"]), &options);
        assert_eq!(bound(&changed.opened), ["127.0.0.1", "127.0.0.2"]);
        let stays = changed.opened[1];
        let changed = hosts.follow(&ips(&["127.0.0.2", "127.0.0.3"]), &options);
        assert_eq!((bound(&changed.opened), bound(&changed.closed)), (ips_text("127.0.0.3"), ips_text("127.0.0.1")));
        assert!(hosts.socket(stays).is_some(), "the socket of an address that stays is not opened anew");
        let changed = hosts.follow(&ips(&["127.0.0.2", "127.0.0.3"]), &options);
        assert!(changed.opened.is_empty() && changed.closed.is_empty() && changed.error.is_none());
    }

    fn ips_text(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_bound_costs_no_other() {
        let (mut hosts, options) = (Hosts::default(), EndpointOptions::default());
        let changed = hosts.follow(&ips(&["192.0.2.77", "127.0.0.1"]), &options);
        assert_eq!(bound(&changed.opened), ["127.0.0.1"]);
        assert!(matches!(changed.error, Some(BindError::NotAvailable { .. })), "{:?}", changed.error);
    }
}
