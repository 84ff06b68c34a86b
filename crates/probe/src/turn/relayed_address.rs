//! Whether peers can reach what the server announces as relayed address.

use std::net::{IpAddr, SocketAddr};

use crate::finding::Finding;

/// Judges a relayed address by the address at which the server was reached.
pub(super) fn judge(subject: &str, relayed: SocketAddr, server: SocketAddr) -> Finding {
    let (relayed_ip, server_ip) = (relayed.ip().to_canonical(), server.ip().to_canonical());
    let mend = "tell the server its public address (ours: relay.external_ip, coturn: external-ip)";
    let said = |what: &str| format!("{relayed}: {what}");
    if relayed_ip.is_unspecified() || relayed_ip.is_multicast() || relayed.port() == 0 {
        return Finding::failed(subject, said("no address at all"))
            .because("the server announces what it bound, not where it is", mend);
    }
    match (scope(relayed_ip), scope(server_ip)) {
        (relayed, server) if relayed >= server => Finding::fine(subject, said(reach(relayed))),
        (Scope::Host, _) => {
            let cause = "the server announces a loopback address: only its own host can reach it";
            Finding::failed(subject, said("nobody else can reach it")).because(cause, mend)
        }
        (Scope::Private | Scope::Public, _) => {
            let cause = "the server stands behind a 1:1 NAT and does not know its public address";
            Finding::failed(subject, said("private, while the server was reached at a public address"))
                .because(cause, mend)
        }
    }
}

/// How far an address reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Host,
    Private,
    Public,
}

fn reach(scope: Scope) -> &'static str {
    match scope {
        Scope::Host => "reachable on this host",
        Scope::Private => "reachable in its private network",
        Scope::Public => "public",
    }
}

/// RFC 1918, 6598, 3927, 4193, 4291.
fn scope(ip: IpAddr) -> Scope {
    match ip {
        _ if ip.is_loopback() => Scope::Host,
        IpAddr::V4(v4) if v4.is_private() || v4.is_link_local() => Scope::Private,
        IpAddr::V4(v4) if v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]) => Scope::Private,
        IpAddr::V6(v6) if v6.is_unique_local() || v6.is_unicast_link_local() => Scope::Private,
        IpAddr::V4(_) | IpAddr::V6(_) => Scope::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    fn check(relayed: &str, server: &str, mark: Mark) {
        let found = judge("relayed", relayed.parse().unwrap(), server.parse().unwrap());
        assert_eq!(found.mark, mark, "{found:?}");
        assert_eq!(found.mend.is_some(), mark == Mark::Failed);
    }

    #[test]
    fn an_address_that_reaches_less_far_than_the_server_is_a_misconfiguration() {
        check("198.51.100.1:50000", "198.51.100.1:3478", Mark::Fine);
        check("198.51.100.2:50000", "10.0.0.1:3478", Mark::Fine);
        check("10.0.0.1:50000", "10.0.0.1:3478", Mark::Fine);
        check("127.0.0.1:50000", "127.0.0.1:3478", Mark::Fine);
        check("[::1]:50000", "127.0.0.1:3478", Mark::Fine);
        check("10.0.0.1:50000", "198.51.100.1:3478", Mark::Failed);
        check("100.64.0.1:50000", "198.51.100.1:3478", Mark::Failed);
        check("[fd00::1]:50000", "[2001:db8::1]:3478", Mark::Failed);
        check("127.0.0.1:50000", "10.0.0.1:3478", Mark::Failed);
        check("0.0.0.0:50000", "10.0.0.1:3478", Mark::Failed);
    }
}
