use std::time::Duration;

use anyhow::{Context as _, Result};
use sangam_interop::mesh::{TestNode, options_on_loopback, signaling};
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::node::Command;
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::gossip::Delivery;
use sangam_testkit::{Server, WAIT_MAX};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// An agent is waited for however long.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);
/// An agent is dialled as soon as it is seen.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(50);

/// A node at this signaling server that waits for agents so long before it dials.
pub(crate) fn options_at(url: &str, agent_patience: Duration) -> NodeOptions {
    let mut options = options_on_loopback();
    options.discovery.signaling = vec![signaling(url.to_owned())];
    options.mesh.agent_patience = agent_patience;
    options
}

pub(crate) fn url_of(server: &Server) -> Result<String> {
    Ok(format!("ws://{}/", server.listener("signal")?))
}

/// Hears what agents say to a node.
pub(crate) async fn listen(node: &TestNode) -> mpsc::Receiver<Delivery> {
    let (to, heard) = mpsc::channel(16);
    let topic = "if-agent-messages".to_owned();
    node.node.ask(|reply| Command::Subscribe { topic, to, reply }).await;
    heard
}

/// The next message of an agent.
pub(crate) async fn next(heard: &mut mpsc::Receiver<Delivery>) -> Result<Value> {
    let delivery = tokio::time::timeout(WAIT_MAX, heard.recv()).await.context("no message came")?;
    Ok(serde_json::from_slice(&delivery.context("the node has stopped")?.payload)?)
}

/// Has a node send a message to an agent: how many took it.
pub(crate) async fn send(node: &TestNode, to: &PeerId, payload: &Value) -> Result<usize> {
    let message = json!({ "payload": payload, "performative": "inform", "conversation_id": "c" });
    let to = to.as_str().to_owned();
    node.node.ask(|reply| Command::SendIf { to, message, reply }).await.context("the node has stopped")
}

/// Waits until a node knows of a peer.
pub(crate) async fn sees(node: &TestNode, peer: &PeerId) -> Result<()> {
    let seen = node.until("sight of the agent", async || {
        let peers = node.node.ask(Command::Peers).await.context("the node has stopped")?;
        Ok(peers.iter().any(|seen| seen.peer == *peer).then_some(()))
    });
    seen.await
}
