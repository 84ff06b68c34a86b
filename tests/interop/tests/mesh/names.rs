//! Names in `.local`, behind which browsers hide where they are, looked up on the LAN.

use std::net::IpAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sangam_interop::running_node::RunningNode;
use sangam_testkit::Server;
use sangam_testkit::network::{Host, Lan};
use serde_json::Value;

use crate::agent::Agent;

const SIGNALING: &str = "ws://10.77.0.9:8080/ws";
const PAGE: &str = "10.77.0.2";

/// A server, a host for a page, and one for a node that nobody reaches whom the node has not sent to before: what it is not told,
/// or does not look up, no check shows it.
struct Ground {
    _server: Server,
    hosts: Vec<Host>,
    _lan: Lan,
}

impl Ground {
    fn new() -> Result<Self> {
        let lan = Lan::new()?;
        let host = |last: u8| lan.host(&format!("h{last}"), IpAddr::from([10, 77, 0, last]), 24);
        let hosts = [1, 2, 9].into_iter().map(host).collect::<Result<Vec<Host>>>()?;
        hosts[0].inside(|| {
            let chain = "add chain inet t c { type filter hook input priority 0; }";
            let rule = "add rule inet t c iifname eth0 udp dport != 5353 ct state new drop";
            for rule in ["add table inet t", chain, rule] {
                ensure!(Command::new("nft").arg(rule).status()?.success(), "nft {rule}");
            }
            Ok(())
        })?;
        // A browser shows the address that leads out.
        hosts[1].ip("route add default via 10.77.0.9")?;
        let builder = Server::builder()
            .argument("--roles=signal")
            .set("http.listen", "10.77.0.9:8080")
            .set("http.origins", "*")
            .set("signal.open", "true");
        let server = hosts[2].inside(|| builder.start())?;
        Ok(Self { _server: server, hosts, _lan: lan })
    }

    fn node(&self, more: &[&str]) -> Result<RunningNode<'_>> {
        RunningNode::start(&self.hosts[0], &[&["--signaling", SIGNALING], more].concat())
    }

    /// A page that dials the node, and shows names alone.
    fn page(&self, node: &RunningNode<'_>) -> Result<Agent> {
        let mut page = Agent::start_page_on(&self.hosts[1], "page", SIGNALING, &node.id)?;
        let told = page.says("to have told a candidate", |said| said["candidate"].is_string())?;
        let line = told["candidate"].as_str().context("a line")?;
        ensure!(line.contains(".local ") && !line.contains(PAGE), "{line}");
        Ok(page)
    }
}

#[test]
fn the_name_that_a_page_in_chromium_hides_behind_is_looked_up_and_leads_to_it() -> Result<()> {
    let ground = Ground::new()?;
    let mut node = ground.node(&[])?;
    let _page = ground.page(&node)?;
    let link = node.linked_with("page")?;
    let remote = &link["selected_pair"]["remote"];
    assert_eq!(remote["kind"], "host", "{link}");
    assert!(remote["address"].as_str().is_some_and(|address| address.starts_with(PAGE)), "{link}");
    node.said("the candidate with its address", |said| {
        (said["message"] == "a candidate of a peer" && said["kind"] == "host" && said["peer"] == "page").then_some(())
    })
}

#[test]
fn without_looking_names_up_nothing_leads_to_that_page() -> Result<()> {
    let ground = Ground::new()?;
    let mut node = ground.node(&["--no-mdns"])?;
    let _page = ground.page(&node)?;
    let why = node.said("the end of the attempt", |said: &Value| {
        (said["message"] == "no link came about" && said["peer"] == "page").then(|| said["why"].clone())
    })?;
    assert_eq!(why, "no_path");
    Ok(())
}
