use anyhow::{Context as _, Result};
use sangam_interop::mesh::TestNode;
use sangam_interop::{Certificate, TurnService};
use sangam_mesh_node::endpoint::IceServer;
use sangam_mesh_proto::{CandidateKind, PathProtocol};
use sangam_testkit::Server;
use serde_json::{Value, json};

use crate::agent::{Agent, Stack};
use crate::agents::{linked, talk};
use crate::scene::{AT_ONCE, NEVER, listen, options_at, url_of};

/// A relay, and a signaling server that hands out none.
struct Scene {
    certificate: Certificate,
    relay: Server,
    service: TurnService,
    server: Server,
}

impl Scene {
    fn start() -> Result<Self> {
        let certificate = Certificate::make()?;
        let (relay, service) = TurnService::sangam_with(&certificate, "relay")?;
        let server = Server::builder().set("server.roles", "signal").start()?;
        Ok(Self { certificate, relay, service, server })
    }

    /// The relay over one transport, for a browser or a node.
    fn ice_servers(&self, protocol: PathProtocol) -> Result<Value> {
        let (username, credential) = self.service.credentials()?;
        let url = match protocol {
            PathProtocol::Udp => format!("turn:{}?transport=udp", self.relay.listener("relay")?),
            PathProtocol::Tcp => format!("turn:{}?transport=tcp", self.relay.listener("turn")?),
            PathProtocol::Tls => format!("turns:{}?transport=tcp", self.relay.listener("turns")?),
        };
        Ok(json!([{ "urls": [url], "username": username, "credential": credential }]))
    }

    /// A node that tells of relayed paths alone.
    async fn relayed_node(&self, protocol: PathProtocol) -> Result<TestNode> {
        let mut options = options_at(&url_of(&self.server)?, AT_ONCE);
        options.endpoint.relay_only = true;
        options.endpoint.ca_file = Some(self.certificate.chain().into());
        options.endpoint.servers = IceServer::list_from_value(&self.ice_servers(protocol)?)?.servers;
        TestNode::start(options).await
    }
}

async fn relayed_on_our_side(node: &TestNode, agent: &mut Agent, protocol: PathProtocol) -> Result<()> {
    let link = linked(node, agent).await?;
    let pair = link.pair.context("an open link has a pair")?;
    assert_eq!((pair.local_kind, pair.protocol), (CandidateKind::Relayed, protocol), "{pair:?}");
    talk(node, agent, "relayed").await
}

async fn both_relayed(protocol: PathProtocol) -> Result<()> {
    let scene = Scene::start()?;
    let servers = scene.ice_servers(PathProtocol::Udp)?;
    let mut agent = Agent::start_relayed("agent-a", &url_of(&scene.server)?, &servers)?;
    let node = scene.relayed_node(protocol).await?;
    relayed_on_our_side(&node, &mut agent, protocol).await?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ends_that_know_but_a_relay_over_udp_are_linked() -> Result<()> {
    both_relayed(PathProtocol::Udp).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ends_that_know_but_a_relay_one_of_them_over_tcp_are_linked() -> Result<()> {
    both_relayed(PathProtocol::Tcp).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ends_that_know_but_a_relay_one_of_them_over_tls_are_linked() -> Result<()> {
    both_relayed(PathProtocol::Tls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_may_use_but_a_relay_is_linked_with_an_agent_that_has_none() -> Result<()> {
    let scene = Scene::start()?;
    let mut agent = Agent::start("agent-a", Stack::Libwebrtc, &url_of(&scene.server)?)?;
    let node = scene.relayed_node(PathProtocol::Udp).await?;
    relayed_on_our_side(&node, &mut agent, PathProtocol::Udp).await?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_may_use_but_a_relay_is_linked_with_a_node_that_has_none() -> Result<()> {
    let scene = Scene::start()?;
    let url = url_of(&scene.server)?;
    let mut agent = Agent::start_relayed("agent-a", &url, &scene.ice_servers(PathProtocol::Udp)?)?;
    let node = TestNode::start(options_at(&url, AT_ONCE)).await?;
    let pair = linked(&node, &mut agent).await?.pair.context("an open link has a pair")?;
    assert_ne!(pair.local_kind, CandidateKind::Relayed, "{pair:?}");
    talk(&node, &mut agent, "relayed").await?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_that_may_use_but_a_relay_is_linked() -> Result<()> {
    let scene = Scene::start()?;
    let servers = scene.ice_servers(PathProtocol::Udp)?;
    let mut options = options_at("", NEVER);
    options.require_signature = false;
    let server =
        Server::builder().set("http.origins", "*").set("signal.open", "true").set("server.roles", "signal").start()?;
    let url = url_of(&server)?;
    options.discovery.signaling = vec![sangam_interop::mesh::signaling(url.clone())];
    let node = TestNode::start(options).await?;
    let mut heard = listen(&node).await;
    let mut page = Agent::start_page("page", &url, Some(&node), Some(&servers))?;
    crate::browser::talk_with_page(&node, &mut page, &mut heard).await?;
    node.stop().await
}
