use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

/// The prefixes that make up coturn's `address` or `first-last`. A prefix is taken too, as newer versions do.
pub(super) fn prefixes(text: &str) -> Option<Vec<IpNet>> {
    if let Ok(prefix) = text.parse::<IpNet>() {
        return Some(vec![prefix.trunc()]);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    if first > last {
        return None;
    }
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Some(Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect()),
        (IpAddr::V6(first), IpAddr::V6(last)) => Some(Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_prefixes_it_is_made_of() {
        for (text, expected) in [
            ("10.0.0.0-10.255.255.255", &["10.0.0.0/8"][..]),
            ("192.0.2.7", &["192.0.2.7/32"]),
            ("192.0.2.7-192.0.2.9", &["192.0.2.7/32", "192.0.2.8/31"]),
            ("172.16.0.0/12", &["172.16.0.0/12"]),
            ("0.0.0.0-255.255.255.255", &["0.0.0.0/0"]),
            ("fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["fc00::/7"]),
        ] {
            let found: Vec<String> = prefixes(text).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["", "10.0.0.9-10.0.0.1", "10.0.0.1-fc00::", "private"] {
            assert_eq!(prefixes(text), None, "{text}");
        }
    }
}
