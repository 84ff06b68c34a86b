//! Our node, as its users start it, and nodes that behave as Synapse-NG's do, on one LAN.

mod control;
mod gossip;
mod links;
mod on_the_lan;
mod relaying;

use std::net::IpAddr;

use anyhow::Result;
use sangam_interop::Script;
use sangam_testkit::network::{Host, Lan};
use sangam_testkit::{Program, Server, WAIT_MAX};
use serde_json::Value;

const RENDEZVOUS: &str = "http://10.77.0.9:8080";
const OURS: &str = "http://10.77.0.1:8000";

fn address(last: u8) -> IpAddr {
    [10, 77, 0, last].into()
}

/// Hosts on one LAN. The first is for our node.
struct Ground {
    hosts: Vec<Host>,
    lan: Lan,
}

impl Ground {
    fn new(hosts: u8) -> Result<Self> {
        let lan = Lan::new()?;
        let hosts = (1..=hosts).map(|number| lan.host(&format!("h{number}"), address(number), 24));
        Ok(Self { hosts: hosts.collect::<Result<_>>()?, lan })
    }

    /// With a host for a server behind the others.
    fn with_server(hosts: u8) -> Result<(Self, Server)> {
        let mut ground = Self::new(hosts)?;
        let host = ground.lan.host("server", address(9), 24)?;
        let builder = Server::builder()
            .argument("--roles=signal")
            .set("http.listen", "10.77.0.9:8080")
            .set("signal.open", "true");
        let server = host.inside(|| builder.start())?;
        ground.hosts.push(host);
        Ok((ground, server))
    }

    fn host(&self, number: u8) -> &Host {
        &self.hosts[usize::from(number) - 1]
    }
}

/// A rendezvous as the original one is, for programs of one host, and its URL.
fn plain_rendezvous(ground: &Ground) -> Result<(Program, String)> {
    let mut server = ground.host(1).inside(|| Script::node("clients/plain_rendezvous.mjs").start())?;
    let port = server
        .wait_for_line("its port", WAIT_MAX, |line| serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64())?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}
