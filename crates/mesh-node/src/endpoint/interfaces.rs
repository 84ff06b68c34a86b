//! The addresses of this host that peers may use.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use if_addrs::{IfAddr, IfOperStatus, Interface};

use super::EndpointOptions;

/// The usable addresses now, in a steady order: IPv4 first, then by interface.
///
/// # Errors
/// The system does not tell its interfaces.
pub(super) fn usable(options: &EndpointOptions) -> std::io::Result<Vec<IpAddr>> {
    Ok(select(if_addrs::get_if_addrs()?, options))
}

fn select(mut interfaces: Vec<Interface>, options: &EndpointOptions) -> Vec<IpAddr> {
    interfaces.sort_by_key(|interface| (interface.ip().is_ipv6(), interface.index, interface.ip()));
    let mut ipv6_of: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<IpAddr> = Vec::new();
    for interface in interfaces {
        let ip = interface.ip();
        if found.len() == options.addresses_max || found.contains(&ip) || !is_usable(&interface, options) {
            continue;
        }
        if ip.is_ipv6() {
            let taken = ipv6_of.entry(interface.name).or_default();
            if *taken == options.ipv6_per_interface_max {
                continue;
            }
            *taken += 1;
        }
        found.push(ip);
    }
    found
}

fn is_usable(interface: &Interface, options: &EndpointOptions) -> bool {
    let ip = interface.ip();
    if !options.addresses.is_empty() {
        return options.addresses.contains(&ip);
    }
    // Loopback and tunnels tell no operational state.
    let is_up = matches!(interface.oper_status, IfOperStatus::Up | IfOperStatus::Unknown);
    let is_ignored = options.ignored_interfaces.iter().any(|prefix| interface.name.starts_with(prefix));
    if !is_up || is_ignored {
        return false;
    }
    if interface.is_loopback() {
        return options.with_loopback && (options.with_ipv6 || ip.is_ipv4());
    }
    match &interface.addr {
        IfAddr::V4(v4) => !v4.ip.is_link_local() && !v4.ip.is_unspecified(),
        IfAddr::V6(v6) => options.with_ipv6 && is_global_or_unique_local(v6.ip),
    }
}

/// 2000::/3 and fc00::/7. Link-local addresses need a zone, which candidates cannot carry; mapped and translated ones
/// (RFC 4291 §2.5.5, RFC 6052) lead elsewhere.
fn is_global_or_unique_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xe000 == 0x2000 || ip.is_unique_local()
}

#[cfg(test)]
mod tests {
    use if_addrs::{Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(name: &str, ip: &str, oper_status: IfOperStatus) -> Interface {
        let addr = match ip.parse().unwrap() {
            IpAddr::V4(ip) => IfAddr::V4(Ifv4Addr { ip, netmask: ip, prefixlen: 24, broadcast: None }),
            IpAddr::V6(ip) => IfAddr::V6(Ifv6Addr { ip, netmask: ip, prefixlen: 64, broadcast: None }),
        };
        Interface { name: name.to_owned(), addr, index: Some(1), oper_status, is_p2p: false }
    }

    fn chosen(interfaces: &[(&str, &str)], options: &EndpointOptions) -> Vec<String> {
        let interfaces = interfaces.iter().map(|(name, ip)| interface(name, ip, IfOperStatus::Up)).collect();
        select(interfaces, options).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_no_peer_can_reach_is_left_out() {
        let host = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("eth0", "169.254.7.7"),
            ("eth0", "fe80::1"),
            ("eth0", "64:ff9b::1"),
            ("docker0", "172.17.0.1"),
            ("eth0", "192.0.2.1"),
            ("eth0", "2001:db8::1"),
            ("eth0", "fd00::1"),
        ];
        let options = EndpointOptions::default();
        assert_eq!(chosen(&host, &options), ["192.0.2.1", "2001:db8::1", "fd00::1"]);
        let options = EndpointOptions { with_loopback: true, with_ipv6: false, ..options };
        assert_eq!(chosen(&host, &options), ["127.0.0.1", "192.0.2.1"]);
        let options = EndpointOptions { addresses: vec!["172.17.0.1".parse().unwrap()], ..options };
        assert_eq!(chosen(&host, &options), ["172.17.0.1"]);
    }

    #[test]
    fn an_interface_that_is_down_is_not_used() {
        let down = vec![interface("eth0", "192.0.2.1", IfOperStatus::Down)];
        assert_eq!(select(down, &EndpointOptions::default()), [] as [IpAddr; 0]);
    }

    #[test]
    fn the_number_of_addresses_is_bounded_and_ipv4_comes_first() {
        let options = EndpointOptions { addresses_max: 3, ..EndpointOptions::default() };
        let host = [
            ("a", "2001:db8::1"),
            ("a", "2001:db8::2"),
            ("a", "2001:db8::3"),
            ("b", "2001:db8:1::1"),
            ("a", "192.0.2.1"),
        ];
        assert_eq!(chosen(&host, &options), ["192.0.2.1", "2001:db8::1", "2001:db8::2"]);
        let options = EndpointOptions { ipv6_per_interface_max: 1, ..options };
        assert_eq!(chosen(&host, &options), ["192.0.2.1", "2001:db8::1", "2001:db8:1::1"]);
    }
}
