//! Servers whose certificates come from an authority of their operator's own.

use std::net::IpAddr;

use anyhow::Result;
use sangam_interop::running_node::RunningNode;
use sangam_interop::{Authority, Certificate};
use sangam_testkit::Server;
use sangam_testkit::network::{Host, Lan};

const SIGNALING: [&str; 3] = ["--no-mdns", "--signaling", "wss://10.77.0.9:8443/ws"];
const RENDEZVOUS: [&str; 3] = ["--no-mdns", "--rendezvous", "https://10.77.0.9:8443"];

/// A server that speaks TLS, and two hosts for nodes.
struct Ground {
    authority: Authority,
    _server: Server,
    _certificate: Certificate,
    hosts: Vec<Host>,
    _lan: Lan,
}

impl Ground {
    fn new() -> Result<Self> {
        let lan = Lan::new()?;
        let host = |last: u8| lan.host(&format!("h{last}"), IpAddr::from([10, 77, 0, last]), 24);
        let hosts = [1, 2, 9].into_iter().map(host).collect::<Result<Vec<Host>>>()?;
        let authority = Authority::make()?;
        let certificate = authority.certify(&["10.77.0.9"])?;
        let builder = Server::builder()
            .argument("--roles=signal")
            // Whoever waits until it is ready does so without TLS, from its own host.
            .set("http.listen", "10.77.0.9:8443,127.0.0.1:8080")
            .set("tls.certificate_file", &certificate.chain())
            .set("tls.key_file", &certificate.key())
            .set("signal.open", "true");
        let server = hosts[2].inside(|| builder.start())?;
        Ok(Self { authority, _server: server, _certificate: certificate, hosts, _lan: lan })
    }

    fn node(&self, host: usize, way: &[&str]) -> Result<RunningNode<'_>> {
        let trusted = format!("node.ca_file={}", self.authority.file());
        RunningNode::start(&self.hosts[host], &[way, &["--set", &trusted]].concat())
    }

    fn expect_links(&self, way: &[&str]) -> Result<()> {
        let (one, other) = (self.node(0, way)?, self.node(1, way)?);
        one.linked_with(&other.id)?;
        other.linked_with(&one.id).map(drop)
    }

    fn expect_refusal(&self, way: &[&str], source: &str) -> Result<()> {
        let mut node = RunningNode::start(&self.hosts[0], way)?;
        let detail = node.said("why the server is not used", |line| {
            let told =
                line["message"].as_str()?.starts_with("a way to find peers does not work") && line["source"] == source;
            told.then(|| line["detail"].as_str().map(str::to_owned))?
        })?;
        for word in ["no authority trusted here made the certificate of 10.77.0.9:8443", "`node.ca_file`"] {
            assert!(detail.contains(word), "{detail}");
        }
        node.stop()
    }
}

#[test]
fn nodes_that_are_told_the_authority_meet_at_a_signaling_server_over_tls() -> Result<()> {
    Ground::new()?.expect_links(&SIGNALING)
}

#[test]
fn nodes_that_are_told_the_authority_meet_at_a_rendezvous_over_tls() -> Result<()> {
    Ground::new()?.expect_links(&RENDEZVOUS)
}

#[test]
fn a_server_whose_authority_is_not_known_is_not_used_and_the_log_says_what_to_do() -> Result<()> {
    let ground = Ground::new()?;
    ground.expect_refusal(&SIGNALING, "signaling")?;
    ground.expect_refusal(&RENDEZVOUS, "rendezvous")
}
