use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, ensure};

use super::link::{Impairment, Link};
use super::namespace::Namespace;

/// A namespace that passes packets between its links.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) namespace: Namespace,
    pub(super) next_hop: NextHop,
    links: AtomicU32,
}

/// A router's own addresses, the same on each of its links: a host sees one of them only. A NAT sees two routers, itself
/// and the one outside, so these must differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextHop {
    pub(super) v4: Ipv4Addr,
    v6: Ipv6Addr,
}

impl NextHop {
    /// That of routers which have this many others between them and the internet's.
    pub(super) const fn at_depth(depth: u8) -> Self {
        Self::numbered(depth + 1)
    }

    const fn numbered(number: u8) -> Self {
        Self { v4: Ipv4Addr::new(169, 254, number, 1), v6: Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, number as u16) }
    }
}

/// The end of a link that delays, as a router knows it.
const FAR_END: NextHop = NextHop::numbered(100);

/// The interface of each host, and the public side of each NAT.
pub(super) const UPLINK: &str = "eth0";

/// How a machine is joined to its router.
#[derive(Debug)]
pub(super) struct Attachment {
    /// The router's interface.
    near: String,
    pub(super) link: Option<Link>,
}

impl Attachment {
    /// A plain cable to this port of a switch.
    pub(super) fn to_switch(near: String) -> Self {
        Self { near, link: None }
    }

    /// The words of `ip route` for the way to this address.
    fn route_to(&self, address: IpAddr) -> String {
        let near = &self.near;
        let length = if address.is_ipv4() { 32 } else { 128 };
        let via = match (&self.link, address) {
            (None, _) => String::new(),
            (Some(_), IpAddr::V4(_)) => format!(" via {} onlink", FAR_END.v4),
            (Some(_), IpAddr::V6(_)) => format!(" via {} onlink", FAR_END.v6),
        };
        format!("{address}/{length}{via} dev {near}")
    }
}

impl Router {
    pub(super) fn new(namespace: Namespace, next_hop: NextHop) -> Result<Self> {
        namespace.forward_packets()?;
        Ok(Self { namespace, next_hop, links: AtomicU32::new(0) })
    }

    /// Joins a machine by a link of its own.
    pub(super) fn attach(
        &self,
        host: &Namespace,
        addresses: &[IpAddr],
        impairment: Option<Impairment>,
    ) -> Result<Attachment> {
        ensure!(!addresses.is_empty(), "{} has no address", host.name());
        let near = format!("to{}", self.links.fetch_add(1, Ordering::Relaxed));
        let link = match impairment {
            None => {
                wire(&self.namespace, &near, host, self.next_hop)?;
                None
            }
            Some(impairment) => Some(self.start_link(&near, host, impairment)?),
        };
        let attachment = Attachment { near, link };
        self.next_hop.configure(host, addresses)?;
        for &address in addresses {
            self.add_route(&attachment, address)?;
        }
        Ok(attachment)
    }

    /// Has packets to this address go there.
    pub(super) fn add_route(&self, to: &Attachment, address: IpAddr) -> Result<()> {
        self.namespace.ip(&format!("route add {}", to.route_to(address)))
    }

    pub(super) fn remove_route(&self, to: &Attachment, address: IpAddr) -> Result<()> {
        self.namespace.ip(&format!("route del {}", to.route_to(address)))
    }

    fn start_link(&self, near: &str, host: &Namespace, impairment: Impairment) -> Result<Link> {
        let inner = Namespace::new(format!("{}-inner", host.name()))?;
        let outer = Namespace::new(format!("{}-outer", host.name()))?;
        wire(&inner, "host", host, self.next_hop)?;
        inner.ip("route add default dev host")?;
        inner.ip("-6 route add default dev host")?;
        wire(&self.namespace, near, &outer, self.next_hop)?;
        self.next_hop.configure(&outer, &[FAR_END.v4.into(), FAR_END.v6.into()])?;
        // The link passes packets as they would be on a cable: none larger than one.
        host.ip(&format!("link set {UPLINK} gso_max_segs 1"))?;
        self.namespace.ip(&format!("link set {near} gso_max_segs 1"))?;
        Link::start(inner, outer, impairment)
    }
}

impl NextHop {
    /// Gives a machine its addresses, and default routes by this router.
    fn configure(self, host: &Namespace, addresses: &[IpAddr]) -> Result<()> {
        let Self { v4, v6 } = self;
        for address in addresses {
            let (length, last) = if address.is_ipv4() { (32, "") } else { (128, " nodad") };
            host.ip(&format!("address add {address}/{length} dev {UPLINK}{last}"))?;
        }
        if addresses.iter().any(IpAddr::is_ipv4) {
            host.ip(&format!("route add {v4} dev {UPLINK}"))?;
            host.ip(&format!("route add default via {v4} dev {UPLINK}"))?;
        }
        if addresses.iter().any(IpAddr::is_ipv6) {
            host.ip(&format!("-6 route add default via {v6} dev {UPLINK}"))?;
        }
        Ok(())
    }
}

/// A cable between a router and a machine, the router's addresses at its end.
fn wire(router: &Namespace, near: &str, host: &Namespace, hop: NextHop) -> Result<()> {
    router.ip(&format!("link add {near} type veth peer name {UPLINK} netns {}", host.name()))?;
    router.ip(&format!("address add {}/32 dev {near}", hop.v4))?;
    router.ip(&format!("address add {}/64 dev {near} nodad", hop.v6))?;
    router.ip(&format!("link set {near} up"))?;
    host.ip(&format!("link set {UPLINK} up"))
}
