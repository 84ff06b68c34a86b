//! Which peers the relay reaches: what the operator says, and what this machine is.

use std::net::SocketAddr;

use sangam_turn_proto::{PeerPolicy, RelayAddress};

use crate::options::{Live, Options};

/// What of this machine decides about peers; fixed at the start.
#[derive(Clone, Debug)]
pub(crate) struct Premises {
    listen: Vec<SocketAddr>,
    is_on_loopback: bool,
}

impl Premises {
    pub(crate) fn new(options: &Options) -> Self {
        let listen: Vec<SocketAddr> = options.listen.iter().chain(&options.stream_listen).copied().collect();
        let is_on_loopback = listen.iter().all(|addr| addr.ip().is_loopback()) && !options.has_trusted_proxy;
        Self { listen, is_on_loopback }
    }

    pub(crate) fn policy(&self, live: &Live, relay_addresses: &[RelayAddress]) -> PeerPolicy {
        let listen = self.listen.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
        // A laptop on which everything is loopback has nothing to protect from itself. Anything that lets strangers in
        // ends that.
        let allow_loopback = self.is_on_loopback
            && relay_addresses.iter().all(|address| address.bound == address.external && address.bound.is_loopback());
        PeerPolicy {
            allowed: live.allowed_peers.clone(),
            denied: live.denied_peers.clone(),
            own_addresses: live.own_addresses.iter().copied().chain(listen).collect(),
            allow_loopback,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use arc_swap::ArcSwap;
    use sangam_auth::turn::{RestOptions, RestSecret, RestSecrets};
    use sangam_turn_proto::NonceSecret;

    use super::*;

    fn options(listen: &[&str]) -> Options {
        let secrets = RestSecrets::new(vec![RestSecret::new("s")], RestOptions::default()).unwrap();
        let listen = listen.iter().map(|text| text.parse().unwrap()).collect();
        Options::new(listen, "sangam", Arc::new(ArcSwap::from_pointee(secrets)), NonceSecret([0; 32]))
    }

    fn allows_loopback(options: &Options) -> bool {
        let premises = Premises::new(options);
        premises.policy(&options.live, &options.effective_relay_addresses()).allows("127.0.0.1".parse().unwrap())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn loopback_is_reachable_only_while_nothing_but_loopback_reaches_the_relay() {
        assert!(allows_loopback(&options(&["127.0.0.1:0", "[::1]:0"])));
        assert!(!allows_loopback(&options(&["127.0.0.1:0", "192.0.2.1:0"])));
        let wildcard =
            Options { relay_addresses: vec![RelayAddress::plain(ip("127.0.0.1"))], ..options(&["0.0.0.0:0"]) };
        assert!(!allows_loopback(&wildcard));
        let external = RelayAddress { bound: ip("127.0.0.1"), external: ip("198.51.100.1") };
        assert!(!allows_loopback(&Options { relay_addresses: vec![external], ..options(&["127.0.0.1:0"]) }));
        assert!(!allows_loopback(&Options { has_trusted_proxy: true, ..options(&["127.0.0.1:0"]) }));
    }

    #[test]
    fn listen_addresses_and_addresses_of_this_host_are_not_reachable() {
        let mut options = options(&["203.0.114.1:3478"]);
        options.live.own_addresses.push(ip("203.0.115.1"));
        options.live.allowed_peers.push("203.0.114.0/23".parse().unwrap());
        let premises = Premises::new(&options);
        let policy = premises.policy(&options.live, &options.effective_relay_addresses());
        for (address, reachable) in [("203.0.114.1", false), ("203.0.115.1", false), ("203.0.114.2", true)] {
            assert_eq!(policy.allows(ip(address)), reachable, "{address}");
        }
    }
}
