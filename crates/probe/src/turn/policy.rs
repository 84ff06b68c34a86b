//! What a relay must not be used to reach: addresses that only its own host or network should.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::fault::Fault;
use crate::finding::Finding;

/// An address that a permission is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    /// What is behind it.
    pub(super) what: &'static str,
}

/// What is behind an address of the relay's own host.
const HOST: &str = "the relay's own host";
/// What is behind 169.254.169.254 and fd00:ec2::254.
const METADATA: &str = "a cloud's metadata service, which gives out keys";

/// The addresses to try, of the relayed address's family: of another one the server must refuse them anyway (443).
pub(super) fn peers(relayed: Option<SocketAddr>) -> [Peer; 2] {
    let (host, metadata): (IpAddr, IpAddr) = match relayed {
        Some(SocketAddr::V6(_)) => {
            (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254).into())
        }
        Some(SocketAddr::V4(_)) | None => (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(169, 254, 169, 254).into()),
    };
    let peer = |ip, what| Peer { addr: SocketAddr::new(ip, 80), what };
    [peer(host, HOST), peer(metadata, METADATA)]
}

/// Judges the answer to a CreatePermission.
pub(super) fn judge(subject: &str, peer: &Peer, answer: &Result<(), Fault>, server: IpAddr) -> Finding {
    let ip = peer.addr.ip();
    match answer {
        Err(Fault::Error { code, .. }) => Finding::fine(subject, format!("peer {ip} is refused with {code}")),
        Ok(()) if peer.what == HOST && server.is_loopback() => {
            Finding::fine(subject, format!("peer {ip} is permitted, and the server itself was reached there"))
        }
        Ok(()) => Finding::warning(subject, format!("peer {ip} is permitted; a good relay answers 403")).because(
            format!("anybody with a credential can send to {}", peer.what),
            format!("deny it (coturn: denied-peer-ip={ip}; ours denies it unless relay.allow_peers names it)"),
        ),
        Err(fault) => Finding::warning(subject, format!("whether peer {ip} is permitted is not known: {fault}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    fn mark(peer: usize, answer: &Result<(), Fault>, server: &str) -> Mark {
        let relayed = SocketAddr::new(server.parse().unwrap(), 50_000);
        judge("policy", &peers(Some(relayed))[peer], answer, relayed.ip()).mark
    }

    #[test]
    fn a_relay_that_reaches_inward_is_warned_of() {
        let forbidden = Err(Fault::Error { code: 403, reason: "Forbidden".to_owned() });
        for server in ["192.0.2.1", "2001:db8::1", "127.0.0.1"] {
            assert_eq!(mark(0, &forbidden, server), Mark::Fine);
            assert_eq!(mark(1, &forbidden, server), Mark::Fine);
            assert_eq!(mark(1, &Ok(()), server), Mark::Warning);
        }
        assert_eq!(mark(0, &Ok(()), "192.0.2.1"), Mark::Warning);
        assert_eq!(mark(0, &Err(Fault::Silent), "192.0.2.1"), Mark::Warning);
    }

    #[test]
    fn a_relay_on_loopback_may_reach_loopback() {
        assert_eq!(mark(0, &Ok(()), "127.0.0.1"), Mark::Fine);
        assert_eq!(mark(0, &Ok(()), "::1"), Mark::Fine);
    }
}
