//! The addresses of this machine, as the kernel lists them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses of this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// Every local address, loopback included. Empty if the kernel does not tell.
    pub(crate) addresses: Vec<IpAddr>,
    /// The address that IPv4 packets to the Internet leave from.
    pub(crate) route_v4: Option<IpAddr>,
    /// The address that IPv6 packets to the Internet leave from.
    pub(crate) route_v6: Option<IpAddr>,
}

impl Machine {
    /// Asks the kernel.
    pub(crate) fn read() -> Self {
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        // Documentation addresses (RFC 5737, RFC 3849): they take the default route and nobody has them.
        Self {
            addresses: parse(&file("/proc/net/fib_trie"), &file("/proc/net/if_inet6")),
            route_v4: source_towards(IpAddr::from([198, 51, 100, 1])),
            route_v6: source_towards(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
        }
    }

    /// The address of a family that leads to the world, or to the local network, or else any.
    pub(crate) fn main_address(&self, v4: bool) -> Option<IpAddr> {
        let route = if v4 { self.route_v4 } else { self.route_v6 };
        let of_family = || self.addresses.iter().copied().filter(move |ip| ip.is_ipv4() == v4);
        route.or_else(|| of_family().find(|ip| !ip.is_loopback() && !is_link_local(*ip))).or_else(|| of_family().next())
    }
}

/// Where a packet to `target` would leave from. Connecting a UDP socket asks the routing table and sends nothing.
fn source_towards(target: IpAddr) -> Option<IpAddr> {
    let any = if target.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(target, 9)).ok()?;
    socket.local_addr().ok().map(|addr| addr.ip()).filter(|ip| !ip.is_unspecified())
}

/// Link-local IPv6 addresses mean nothing without an interface.
fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

fn parse(fib_trie: &str, if_inet6: &str) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = v4(fib_trie).map(IpAddr::V4).chain(v6(if_inet6).map(IpAddr::V6)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// A local address is a leaf `|-- 192.0.2.7` with a line `/32 host LOCAL` below it.
fn v4(fib_trie: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut leaf = None;
    fib_trie.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        }
        if line == "/32 host LOCAL" { leaf } else { None }
    })
}

/// Each line begins with an address of 32 hex digits.
fn v6(if_inet6: &str) -> impl Iterator<Item = Ipv6Addr> {
    if_inet6.lines().filter_map(|line| u128::from_str_radix(line.split(' ').next()?, 16).ok().map(Ipv6Addr::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIB_TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 192.168.1.0
           /24 link UNICAST
        |-- 192.168.1.5
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
Local:
        |-- 192.168.1.5
           /32 host LOCAL
";
    const IF_INET6: &str = "\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000007 02 40 00 80     eth0
";

    #[test]
    fn local_addresses_are_listed_once_and_no_others() {
        let addresses: Vec<String> = parse(FIB_TRIE, IF_INET6).iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["127.0.0.1", "192.168.1.5", "::1", "2001:db8::7"]);
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        assert!(Machine::read().addresses.iter().any(IpAddr::is_loopback));
    }
}
