//! Which servers are asked. A URL that others tell of is a wish: it must not make this node a door to what only it can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::place::Place;

/// Who named a server, and so where it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// The configuration: anywhere.
    Configured,
    /// Anybody else, by gossip, on the LAN, through a rendezvous or over our HTTP API.
    Told {
        /// Programs of this host, its own HTTP API among them, may be meant.
        loopback: bool,
        /// We live on a network without a router or DHCP (RFC 3927), so a neighbour may be meant.
        link_local: bool,
    },
}

/// Where clouds tell a machine its secrets: no node is there.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

impl Reach {
    /// For URLs that others tell: a place that is ours alone is meant only if we are reached at such a place ourselves, or if nodes
    /// of this host are wanted (`loopback`).
    pub(super) fn of_told(our_url: Option<&str>, loopback: bool) -> Self {
        let host = our_url.and_then(|url| Some(Place::of(&url.parse().ok()?)?.host));
        let address = host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
        let is_local = host.as_deref() == Some("localhost") || address.is_some_and(|it| it.is_loopback());
        let link_local = matches!(address, Some(IpAddr::V4(it)) if it.is_link_local());
        Self::Told { loopback: loopback || is_local, link_local }
    }

    /// Whether a server may have this address. Asked after the name was resolved, so that a name is no way around it.
    pub(super) fn admits(self, address: IpAddr) -> bool {
        let Self::Told { loopback, link_local } = self else { return true };
        let address = address.to_canonical();
        let is_allowed = match address {
            IpAddr::V4(it) if it.is_link_local() => link_local,
            IpAddr::V4(it) => it.octets()[0] != 0 && !it.is_broadcast(),
            IpAddr::V6(it) => !it.is_unicast_link_local() && !it.is_unspecified(),
        };
        is_allowed && !address.is_multicast() && (loopback || !address.is_loopback()) && !METADATA.contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(reach: Reach, address: &str) -> bool {
        reach.admits(address.parse().unwrap())
    }

    #[test]
    fn what_others_tell_leads_to_networks_and_not_to_this_host_its_link_or_its_cloud() {
        let told = Reach::of_told(Some("http://192.168.1.2:8000"), false);
        for fine in ["192.168.1.3", "10.0.0.1", "203.0.113.1", "fd00::1", "2001:db8::1"] {
            assert!(admitted(told, fine), "{fine}");
        }
        for refused in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.1.1",
            "fe80::1",
            "224.0.0.251",
            "ff02::1",
            "255.255.255.255",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
        ] {
            assert!(!admitted(told, refused), "{refused}");
            assert!(admitted(Reach::Configured, refused), "{refused}");
        }
    }

    #[test]
    fn who_is_reached_on_this_host_or_this_link_itself_finds_others_there() {
        for ours in ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"] {
            assert!(admitted(Reach::of_told(Some(ours), false), "127.0.0.1"), "{ours}");
        }
        assert!(admitted(Reach::of_told(None, true), "::1"));
        let link = Reach::of_told(Some("http://169.254.7.7:8000"), true);
        assert!(admitted(link, "169.254.1.1") && !admitted(link, "169.254.169.254"));
        assert!(!admitted(Reach::of_told(Some("http://node.example:8000"), false), "127.0.0.1"));
    }
}
