//! Small networks of network namespaces: an internet, hosts on it, and sites behind NAT.
//!
//! ```text
//!              ┌────────── Network: one router ──────────┐
//!         20.0.0.1                                   20.0.1.1
//!   Host "relay" (public)                Site: NAT of some type
//!                                            │
//!                                        10.1.0.2
//!                                        Host "peer"
//! ```
//!
//! [`Network::place`] builds a machine behind a site of some [`SiteKind`] at once.
//!
//! Every host is a namespace of its own with one interface, `eth0`, and a default route. The internet carries what has a
//! public address of some host or site and drops the rest without a word, as the real one does. What runs on a host is
//! started by [`Host::inside`]: sockets opened and programs started there belong to that host for good.
//!
//! Needs root, `iproute2` and, for NAT, `nftables`. Names are unique per process, so tests may run at the same time; all is
//! removed on drop, and what a killed run left behind at the next start.

mod conntrack;
mod lan;
mod leftovers;
mod link;
mod namespace;
mod nat;
mod place;
mod router;
mod site_kind;
mod tool;

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;

pub use self::lan::Lan;
use self::leftovers::prefix_of_new_network;
pub use self::link::{Impairment, Link, LinkFigures};
use self::namespace::Namespace;
pub use self::nat::{Firewall, Nat};
pub use self::place::Place;
use self::router::{Attachment, NextHop, Router, UPLINK};
pub use self::site_kind::{Dependence, SiteKind};

/// An internet of one router. Drop it after its hosts and sites, or they are cut off.
#[derive(Debug)]
pub struct Network {
    router: Router,
    /// Of this network alone: names of its namespaces begin with it.
    prefix: String,
}

/// A machine with one interface.
#[derive(Debug)]
pub struct Host {
    attachment: Attachment,
    namespace: Namespace,
    /// As the host sees it.
    next_hop: Ipv4Addr,
}

/// What lies behind one NAT: its hosts have private addresses.
#[derive(Debug)]
pub struct Site {
    attachment: Attachment,
    gateway: Router,
    prefix: String,
    public: Ipv4Addr,
    /// Routers between it and the internet's.
    depth: u8,
}

/// How a site is joined to the internet.
#[derive(Clone, Copy, Debug)]
pub struct Gateway {
    /// How it translates.
    pub nat: Nat,
    /// What it lets out.
    pub firewall: Firewall,
    /// What its link to the internet does; none: a plain cable.
    pub impairment: Option<Impairment>,
}

impl From<Nat> for Gateway {
    fn from(nat: Nat) -> Self {
        Self { nat, firewall: Firewall::Open, impairment: None }
    }
}

impl Network {
    /// An internet without hosts.
    ///
    /// # Errors
    /// Not root, or `ip` is missing: the message says what to do.
    pub fn new() -> Result<Self> {
        let prefix = prefix_of_new_network()?;
        let router = Router::new(Namespace::new(format!("{prefix}-internet"))?, NextHop::at_depth(0))?;
        // Silence, not an error: the sender of a packet to nowhere does not hear of it.
        router.namespace.ip("route add blackhole default")?;
        router.namespace.ip("-6 route add blackhole default")?;
        Ok(Self { router, prefix })
    }

    /// A host with these public addresses; it sends from the first of each family unless told otherwise.
    ///
    /// # Errors
    /// The name is taken in this network, or no address is given.
    pub fn host(&self, name: &str, addresses: &[IpAddr]) -> Result<Host> {
        self.host_over(name, addresses, None)
    }

    /// The same over a link that does this.
    ///
    /// # Errors
    /// As [`Network::host`].
    pub fn host_over(&self, name: &str, addresses: &[IpAddr], impairment: Option<Impairment>) -> Result<Host> {
        let namespace = Namespace::new(format!("{}-{name}", self.prefix))?;
        let attachment = self.router.attach(&namespace, addresses, impairment)?;
        Ok(Host { attachment, namespace, next_hop: self.router.next_hop.v4 })
    }

    /// A site with this public address.
    ///
    /// # Errors
    /// The name is taken in this network, or `nft` is missing.
    pub fn site(&self, name: &str, nat: &Nat, public: Ipv4Addr) -> Result<Site> {
        self.site_with(name, &Gateway::from(*nat), public)
    }

    /// The same with a gateway that does more than translate.
    ///
    /// # Errors
    /// As [`Network::site`].
    pub fn site_with(&self, name: &str, gateway: &Gateway, public: Ipv4Addr) -> Result<Site> {
        Site::behind(&self.router, format!("{}-{name}", self.prefix), gateway, public, 1)
    }

    /// Gives a site another public address. Mappings of its NAT that are in use go on with the old one until they are
    /// forgotten ([`Site::forget_mappings`]).
    fn move_site(&self, site: &mut Site, public: Ipv4Addr) -> Result<()> {
        let gateway = &site.gateway.namespace;
        gateway.ip(&format!("address add {public}/32 dev {UPLINK}"))?;
        gateway.ip(&format!("address del {}/32 dev {UPLINK}", site.public))?;
        self.router.add_route(&site.attachment, public.into())?;
        self.router.remove_route(&site.attachment, site.public.into())?;
        site.public = public;
        Ok(())
    }
}

impl Site {
    fn behind(outside: &Router, prefix: String, gateway: &Gateway, public: Ipv4Addr, depth: u8) -> Result<Self> {
        let namespace = Namespace::new(format!("{prefix}-nat"))?;
        let attachment = outside.attach(&namespace, &[public.into()], gateway.impairment)?;
        namespace.load_rules(&gateway.nat.rules(UPLINK, gateway.firewall))?;
        let gateway = Router::new(namespace, NextHop::at_depth(depth))?;
        Ok(Self { attachment, gateway, prefix, public, depth })
    }

    /// A host with this private address.
    ///
    /// # Errors
    /// The name is taken in this site.
    pub fn host(&self, name: &str, private: Ipv4Addr) -> Result<Host> {
        let namespace = Namespace::new(format!("{}-{name}", self.prefix))?;
        let attachment = self.gateway.attach(&namespace, &[private.into()], None)?;
        Ok(Host { attachment, namespace, next_hop: self.gateway.next_hop.v4 })
    }

    /// A site behind this one, with this address of its: NAT behind NAT.
    ///
    /// # Errors
    /// As [`Network::site`].
    pub fn site(&self, name: &str, nat: &Nat, address: Ipv4Addr) -> Result<Self> {
        let prefix = format!("{}-{name}", self.prefix);
        Self::behind(&self.gateway, prefix, &Gateway::from(*nat), address, self.depth + 1)
    }

    /// Has its NAT forget every mapping, as one does that is started anew.
    ///
    /// # Errors
    /// The kernel has no `nf_conntrack_netlink`.
    pub fn forget_mappings(&self) -> Result<()> {
        self.gateway.namespace.inside(conntrack::flush)
    }

    /// What its packets pass on the way to the internet; none if it was not asked for.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.attachment.link.as_ref()
    }
}

impl Host {
    /// Does `work` on this host, in a thread of its own: every socket it opens and every program it starts is here and
    /// stays here.
    ///
    /// # Errors
    /// That of `work`; the host cannot be entered.
    ///
    /// # Panics
    /// If `work` does.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.namespace.inside(work)
    }

    /// `ip` with these words, on this host: `route add unreachable 10.0.0.0/8`.
    ///
    /// # Errors
    /// It refuses: the message holds what it said.
    pub fn ip(&self, words: &str) -> Result<()> {
        self.namespace.ip(words)
    }

    /// Has a route to this network and no default route any more: every other address is out of reach.
    ///
    /// # Errors
    /// It was told so before.
    pub fn reach_only(&self, network: &str) -> Result<()> {
        self.ip(&format!("route add {network} via {} dev {UPLINK}", self.next_hop))?;
        self.ip("route del default")
    }

    /// What its packets pass on the way to its router; none if it was not asked for.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.attachment.link.as_ref()
    }
}
