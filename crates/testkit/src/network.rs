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
//! Every host is a namespace of its own with one interface, `eth0`, and a default route. The internet carries what has a
//! public address of some host or site and drops the rest without a word, as the real one does. What runs on a host is
//! started by [`Host::inside`]: sockets opened and programs started there belong to that host for good.
//!
//! Needs root, `iproute2` and, for NAT, `nftables`. Names are unique per process, so tests may run at the same time; all is
//! removed on drop, and what a killed run left behind at the next start.

mod leftovers;
mod namespace;
mod nat;
mod tool;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, ensure};

use self::leftovers::remove_leftovers;
use self::namespace::Namespace;
pub use self::nat::Nat;

/// A namespace that passes packets between its links.
#[derive(Debug)]
struct Router {
    namespace: Namespace,
    next_hop: NextHop,
    links: AtomicU32,
}

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
    namespace: Namespace,
    /// As the host sees it.
    next_hop: Ipv4Addr,
}

/// What lies behind one NAT: its hosts have private addresses.
#[derive(Debug)]
pub struct Site {
    gateway: Router,
    prefix: String,
}

/// The interface of each host, and the public side of each NAT.
const UPLINK: &str = "eth0";
/// A router's own addresses, the same on each of its links: a host sees one of them only. A NAT sees two routers, itself
/// and the internet's, so these must differ.
#[derive(Debug)]
struct NextHop {
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

const INTERNET: NextHop = NextHop { v4: Ipv4Addr::new(169, 254, 1, 1), v6: Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 1) };
const SITE: NextHop = NextHop { v4: Ipv4Addr::new(169, 254, 2, 1), v6: Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 2) };

impl Network {
    /// An internet without hosts.
    ///
    /// # Errors
    /// Not root, or `ip` is missing: the message says what to do.
    pub fn new() -> Result<Self> {
        static NETWORKS: AtomicU32 = AtomicU32::new(0);
        ensure!(
            rustix::process::geteuid().is_root(),
            "this builds a network of namespaces, which only root may: run it as root, or leave it out with \
             `cargo xtask test --fast`"
        );
        remove_leftovers()?;
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{}-{number}", leftovers::prefix_of_this_process()?);
        let router = Router::new(Namespace::new(format!("{prefix}-internet"))?, INTERNET)?;
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
        let namespace = Namespace::new(format!("{}-{name}", self.prefix))?;
        self.router.attach(&namespace, addresses)?;
        Ok(Host { namespace, next_hop: INTERNET.v4 })
    }

    /// A site with this public address.
    ///
    /// # Errors
    /// The name is taken in this network, or `nft` is missing.
    pub fn site(&self, name: &str, nat: &Nat, public: Ipv4Addr) -> Result<Site> {
        let prefix = format!("{}-{name}", self.prefix);
        let gateway = Namespace::new(format!("{prefix}-nat"))?;
        self.router.attach(&gateway, &[public.into()])?;
        gateway.load_rules(&nat.rules(UPLINK, public))?;
        Ok(Site { gateway: Router::new(gateway, SITE)?, prefix })
    }
}

impl Site {
    /// A host with this private address.
    ///
    /// # Errors
    /// The name is taken in this site.
    pub fn host(&self, name: &str, private: Ipv4Addr) -> Result<Host> {
        let namespace = Namespace::new(format!("{}-{name}", self.prefix))?;
        self.gateway.attach(&namespace, &[private.into()])?;
        Ok(Host { namespace, next_hop: SITE.v4 })
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
}

impl Router {
    fn new(namespace: Namespace, next_hop: NextHop) -> Result<Self> {
        namespace.forward_packets()?;
        Ok(Self { namespace, next_hop, links: AtomicU32::new(0) })
    }

    /// Joins a host by a link of its own.
    fn attach(&self, host: &Namespace, addresses: &[IpAddr]) -> Result<()> {
        ensure!(!addresses.is_empty(), "{} has no address", host.name());
        let NextHop { v4: next_v4, v6: next_v6 } = self.next_hop;
        let router = &self.namespace;
        let near = format!("to{}", self.links.fetch_add(1, Ordering::Relaxed));
        router.ip(&format!("link add {near} type veth peer name {UPLINK} netns {}", host.name()))?;
        router.ip(&format!("address add {next_v4}/32 dev {near}"))?;
        router.ip(&format!("address add {next_v6}/64 dev {near} nodad"))?;
        router.ip(&format!("link set {near} up"))?;
        host.ip(&format!("link set {UPLINK} up"))?;
        for address in addresses {
            let (length, last) = if address.is_ipv4() { (32, "") } else { (128, " nodad") };
            host.ip(&format!("address add {address}/{length} dev {UPLINK}{last}"))?;
            router.ip(&format!("route add {address}/{length} dev {near}"))?;
        }
        if addresses.iter().any(IpAddr::is_ipv4) {
            host.ip(&format!("route add {next_v4} dev {UPLINK}"))?;
            host.ip(&format!("route add default via {next_v4} dev {UPLINK}"))?;
        }
        if addresses.iter().any(IpAddr::is_ipv6) {
            host.ip(&format!("-6 route add default via {next_v6} dev {UPLINK}"))?;
        }
        Ok(())
    }
}
