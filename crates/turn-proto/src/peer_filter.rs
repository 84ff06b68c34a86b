use std::net::{IpAddr, SocketAddr};

use crate::address::{AddressFamily, RelayedAddr};
use crate::api::Route;
use crate::options::RelayAddress;
use crate::peer_policy::PeerPolicy;

/// Decides which peers are reachable, and by which way: the operator's policy and our own relay addresses together.
#[derive(Debug)]
pub(crate) struct PeerFilter {
    policy: PeerPolicy,
    relays: Vec<RelayAddress>,
}

/// The address of a reachable peer, in the one form that tables use: one of our own as bound here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReachablePeer {
    pub(crate) ip: IpAddr,
    pub(crate) route: Route,
}

impl PeerFilter {
    pub(crate) fn new(policy: PeerPolicy, relays: Vec<RelayAddress>) -> Self {
        let mut filter = Self { policy: PeerPolicy::default(), relays };
        filter.replace_policy(policy);
        filter
    }

    /// Our relay addresses are addresses of this machine: what is not a live allocation there is nobody's business,
    /// however it is spelled.
    pub(crate) fn replace_policy(&mut self, mut policy: PeerPolicy) {
        policy.own_addresses.extend(self.relays.iter().flat_map(|relay| [relay.bound, relay.external]));
        self.policy = policy;
    }

    /// The policy must be [replaced](Self::replace_policy) with it.
    pub(crate) fn replace_relays(&mut self, relays: Vec<RelayAddress>) {
        self.relays = relays;
    }

    pub(crate) fn supports(&self, family: AddressFamily) -> bool {
        self.relays.iter().any(|relay| AddressFamily::of(relay.bound) == family)
    }

    /// `None` if the policy denies it.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<ReachablePeer> {
        match self.relays.iter().find(|relay| relay.external == peer || relay.bound == peer) {
            Some(relay) => Some(ReachablePeer { ip: relay.bound, route: self.own_route(relay) }),
            None if self.policy.allows(peer) => Some(ReachablePeer { ip: peer, route: Route::Wire }),
            None => None,
        }
    }

    /// Other services on our relay addresses are reachable only on loopback or if the operator names that address.
    fn own_route(&self, relay: &RelayAddress) -> Route {
        let is_open = self.policy.names(relay.bound)
            || self.policy.names(relay.external)
            || (self.policy.allow_loopback && relay.bound.is_loopback());
        if is_open { Route::OwnOrWire } else { Route::OwnOnly }
    }

    /// The form in which tables hold this address.
    pub(crate) fn bound_of(&self, peer: IpAddr) -> IpAddr {
        self.relays.iter().find(|relay| relay.external == peer).map_or(peer, |relay| relay.bound)
    }

    /// What the world calls this relayed address.
    pub(crate) fn external_of(&self, relayed: RelayedAddr) -> SocketAddr {
        let RelayedAddr(bound) = relayed;
        let ip = self.relays.iter().find(|relay| relay.bound == bound.ip()).map_or(bound.ip(), |relay| relay.external);
        SocketAddr::new(ip, bound.port())
    }
}
