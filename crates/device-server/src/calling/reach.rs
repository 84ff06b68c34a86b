//! Where a device may be called. It tells its URL itself, so that URL is a wish: it must not make this server ask what only this
//! server can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sangam_cwmp_proto::connection_request::Host;

use super::Called;
use super::resolver::Resolver;

/// What is known of a device when it is decided where it may be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Where its last session came from: there it may be called, wherever that is.
    pub(super) origin: Option<IpAddr>,
    /// Whether it may be called elsewhere, but for places that are ours alone.
    pub(super) any_address: bool,
}

/// Where clouds tell a machine its secrets: no device is there.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

impl Rule {
    /// Asked of addresses, after names were resolved, so that a name is no way around it.
    pub(super) fn admits(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.origin == Some(address) || (self.any_address && is_elsewhere(address) && !is_own(address))
    }
}

/// The addresses of that host at which a device may be called.
///
/// # Errors
///
/// None of them may be called, or there is none.
pub(super) async fn addresses(
    resolver: &Resolver,
    host: &Host,
    port: u16,
    rule: Rule,
) -> Result<Vec<SocketAddr>, Called> {
    let found: Vec<SocketAddr> = match host {
        Host::Ip(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => resolver.look_up(name, port).await.map_err(|_| Called::Unreachable)?,
    };
    if found.is_empty() {
        return Err(Called::Unreachable);
    }
    let admitted: Vec<SocketAddr> = found.into_iter().filter(|address| rule.admits(address.ip())).collect();
    if admitted.is_empty() { Err(Called::NotAllowed) } else { Ok(admitted) }
}

/// Neither this host, nor its link, nor its cloud, nor a group.
fn is_elsewhere(address: IpAddr) -> bool {
    if METADATA.contains(&address) || address.is_multicast() || address.is_loopback() || address.is_unspecified() {
        return false;
    }
    match address {
        IpAddr::V4(it) => it.octets()[0] != 0 && !it.is_link_local() && !it.is_broadcast(),
        IpAddr::V6(it) => {
            !it.is_unicast_link_local()
                && !leads_anywhere(it)
                && inside(it).is_none_or(|inner| is_elsewhere(inner.into()))
        }
    }
}

/// Whether it leads to an IPv4 address which cannot be told from it: by a network's own translation (RFC 8215), whose prefix has a
/// length that only that network knows, or through a relay that its client chose (Teredo, RFC 4380 §4).
fn leads_anywhere(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..])
}

/// The IPv4 address that such an address leads to (RFC 6052 §2.1, RFC 3056 §2, RFC 4291 §2.5.5.1).
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        [0x64, 0xff9b, 0, 0, 0, 0] | [0, 0, 0, 0, 0, 0] => Some(of(g, h)),
        [0x2002, ..] => Some(of(b, c)),
        _ => None,
    }
}

/// Whether it is one of this host: then what would be sent there would come from there. Nothing is sent for that.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let route = UdpSocket::bind((any, 0)).and_then(|socket| {
        // Any port: no datagram leaves.
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    match route {
        Ok(from) => from.ip().to_canonical() == address,
        // Without a route nothing can be called there either.
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(rule: Rule, address: &str) -> bool {
        rule.admits(address.parse().unwrap())
    }

    const OURS_ALONE: [&str; 23] = [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.1.1",
        "fe80::1",
        "224.0.0.251",
        "ff02::1",
        "255.255.255.255",
        "169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        // RFC 8215 with a prefix of 96 and of 48 bits; Teredo with 127.0.0.1 and with 192.0.2.8 behind it.
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:7f00:0:100::",
        "2001:0:102:304:0:ffff:80ff:fffe",
        "2001:0:102:304:0:ffff:3fff:fdf7",
        "168.63.129.16",
        "fd00:ec2::254",
    ];

    #[test]
    fn a_device_is_called_where_it_came_from_and_nowhere_else() {
        let rule = Rule { origin: Some("192.0.2.7".parse().unwrap()), any_address: false };
        assert!(admits(rule, "192.0.2.7") && admits(rule, "::ffff:192.0.2.7"));
        for other in ["192.0.2.8", "10.0.0.1", "2001:db8::7"].into_iter().chain(OURS_ALONE) {
            assert!(!admits(rule, other), "{other}");
        }
        assert!(!admits(Rule { origin: None, any_address: false }, "192.0.2.7"));
    }

    #[test]
    fn any_address_is_not_this_host_its_link_or_its_cloud() {
        let rule = Rule { origin: None, any_address: true };
        for other in ["192.0.2.8", "10.0.0.1", "100.64.0.1", "2001:db8::7", "fd00::1"] {
            assert!(admits(rule, other), "{other}");
        }
        for address in OURS_ALONE {
            assert!(!admits(rule, address), "{address}");
        }
    }

    #[test]
    fn a_device_on_this_host_is_called_on_this_host() {
        let rule = Rule { origin: Some(Ipv4Addr::LOCALHOST.into()), any_address: false };
        assert!(admits(rule, "127.0.0.1") && !admits(rule, "127.0.0.2"));
    }

    #[test]
    fn an_address_of_this_host_is_known_as_that() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        let Ok(out) = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect("192.0.2.1:9")?;
            socket.local_addr()
        }) else {
            // A host without a route has no other address.
            return;
        };
        assert!(is_own(out.ip()));
        assert!(!Rule { origin: None, any_address: true }.admits(out.ip()), "{out}");
    }

    #[tokio::test]
    async fn an_address_in_a_url_is_judged_as_it_stands() {
        let resolver = Resolver::new(1);
        let host = Host::parse("192.0.2.7").unwrap();
        let rule = Rule { origin: Some("192.0.2.7".parse().unwrap()), any_address: false };
        assert_eq!(addresses(&resolver, &host, 7547, rule).await, Ok(vec!["192.0.2.7:7547".parse().unwrap()]));
        let localhost = Host::parse("localhost").unwrap();
        assert_eq!(
            addresses(&resolver, &localhost, 1, Rule { any_address: true, ..rule }).await,
            Err(Called::NotAllowed)
        );
    }
}
