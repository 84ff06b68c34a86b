use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use super::Host;
use super::leftovers::prefix_of_new_network;
use super::namespace::Namespace;
use super::router::{Attachment, NextHop, UPLINK};

/// One Ethernet: its hosts see each other's multicasts, and nothing else. Drop it after its hosts.
#[derive(Debug)]
pub struct Lan {
    switch: Namespace,
    ports: AtomicU32,
    prefix: String,
}

const BRIDGE: &str = "br0";

impl Lan {
    /// An Ethernet without hosts.
    ///
    /// # Errors
    /// Not root, or `ip` is missing: the message says what to do.
    pub fn new() -> Result<Self> {
        let prefix = prefix_of_new_network()?;
        let switch = Namespace::new(format!("{prefix}-switch"))?;
        // Without snooping a bridge passes every multicast on, as a plain switch does.
        switch.ip(&format!("link add {BRIDGE} type bridge mcast_snooping 0"))?;
        switch.ip(&format!("link set {BRIDGE} up"))?;
        Ok(Self { switch, ports: AtomicU32::new(0), prefix })
    }

    /// A host with this address in a network of `length` bits.
    ///
    /// # Errors
    /// The name is taken on this LAN.
    pub fn host(&self, name: &str, address: IpAddr, length: u8) -> Result<Host> {
        let namespace = Namespace::new(format!("{}-{name}", self.prefix))?;
        let port = format!("port{}", self.ports.fetch_add(1, Ordering::Relaxed));
        self.switch.ip(&format!("link add {port} type veth peer name {UPLINK} netns {}", namespace.name()))?;
        self.switch.ip(&format!("link set {port} master {BRIDGE} up"))?;
        let last = if address.is_ipv6() { " nodad" } else { "" };
        namespace.ip(&format!("address add {address}/{length} dev {UPLINK}{last}"))?;
        namespace.ip(&format!("link set {UPLINK} up"))?;
        Ok(Host { attachment: Attachment::to_switch(port), namespace, next_hop: NextHop::at_depth(0).v4 })
    }
}
