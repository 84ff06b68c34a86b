use std::fmt;
use std::net::Ipv4Addr;

use anyhow::Result;
use sangam_testkit::Server;
use sangam_testkit::network::{Host, Nat, Network, Site};

use super::call::{Call, Peer, Policy, call};
use super::{counter, start_sangam};
use crate::coturn::Coturn;
use crate::turn_service::TurnService;

/// The way from the relay's host to the private addresses of peers. But for the last kind, the kernel refuses the send call,
/// each with another error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// There is no route at all (ENETUNREACH).
    Absent,
    /// `unreachable` (EHOSTUNREACH).
    Unreachable,
    /// `prohibit` (EACCES).
    Prohibit,
    /// `blackhole` (EINVAL).
    Blackhole,
    /// There is a default route, and the internet loses it in silence: for the control, as every relay stands that.
    Default,
}

/// A relay, and two peers between which no hole can be punched: one behind a symmetric NAT, one behind a port-restricted
/// one. The relay may reach private addresses by its rules, but its host has no way to them: each peer has a candidate that
/// makes the relay's send call fail.
#[derive(Debug)]
pub struct UnroutableLab {
    service: TurnService,
    server: Relay,
    relay: Host,
    peers: [Host; 2],
    _sites: [Site; 2],
    _network: Network,
}

#[derive(Debug)]
enum Relay {
    Sangam(Server),
    Coturn { _server: Coturn },
}

const RELAY: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);

/// What a call passes each way.
const CALL_BYTES: u64 = 3_000_000;

impl UnroutableLab {
    /// With our relay.
    ///
    /// # Errors
    /// Not root, or something is not installed.
    pub fn with_sangam(kind: RouteKind) -> Result<Self> {
        Self::build(kind, |host| {
            let (server, service) = start_sangam(host, RELAY, &["relay.allow_peers=10.0.0.0/8"])?;
            Ok((Relay::Sangam(server), service))
        })
    }

    /// With coturn, which allows private peers by itself.
    ///
    /// # Errors
    /// As [`UnroutableLab::with_sangam`].
    pub fn with_coturn(kind: RouteKind) -> Result<Self> {
        Self::build(kind, |host| {
            let coturn = host.inside(|| Coturn::start_at((RELAY, super::RELAY_PORT).into()))?;
            let service = coturn.service().clone();
            Ok((Relay::Coturn { _server: coturn }, service))
        })
    }

    fn build(kind: RouteKind, start: impl FnOnce(&Host) -> Result<(Relay, TurnService)>) -> Result<Self> {
        let network = Network::new()?;
        let relay = network.host("relay", &[RELAY.into()])?;
        kind.cut_off(&relay)?;
        let office = network.site("office", &Nat::Symmetric, Ipv4Addr::new(20, 0, 1, 1))?;
        let home = network.site("home", &Nat::PortRestricted, Ipv4Addr::new(20, 0, 2, 1))?;
        let peers = [office.host("peer", Ipv4Addr::new(10, 1, 0, 2))?, home.host("peer", Ipv4Addr::new(10, 2, 0, 2))?];
        let (server, service) = start(&relay)?;
        Ok(Self { service, server, relay, peers, _sites: [office, home], _network: network })
    }

    /// One call between the two, every candidate allowed, 3 MB there and back.
    ///
    /// # Errors
    /// They do not connect, or something is lost.
    pub fn call(&self) -> Result<Call> {
        let [offerer, answerer] =
            [0, 1].map(|side| Peer { host: &self.peers[side], relay: &self.service, policy: Policy::All });
        call(&offerer, &answerer, CALL_BYTES)
    }

    /// Datagrams that our relay could not send for want of a route, so far; none for another's relay.
    ///
    /// # Errors
    /// It does not answer.
    pub fn unroutable(&self) -> Result<Option<u64>> {
        match &self.server {
            Relay::Sangam(server) => {
                counter(&self.relay, server, "sangam_relay_drops", "reason=\"unroutable\"").map(Some)
            }
            Relay::Coturn { .. } => Ok(None),
        }
    }
}

impl RouteKind {
    /// The four that make the send call fail.
    pub const UNROUTABLE: [Self; 4] = [Self::Absent, Self::Unreachable, Self::Prohibit, Self::Blackhole];

    fn cut_off(self, relay: &Host) -> Result<()> {
        match self {
            Self::Absent => relay.reach_only("20.0.0.0/8"),
            Self::Unreachable => relay.ip("route add unreachable 10.0.0.0/8"),
            Self::Prohibit => relay.ip("route add prohibit 10.0.0.0/8"),
            Self::Blackhole => relay.ip("route add blackhole 10.0.0.0/8"),
            Self::Default => Ok(()),
        }
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "no route",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Blackhole => "blackhole",
            Self::Default => "default",
        })
    }
}
