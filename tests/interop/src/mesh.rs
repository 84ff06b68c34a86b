//! Nodes in this process, made by the library that `sangam node` is made of.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use sangam_mesh_node::discovery::Server;
use sangam_mesh_node::node::{Command, LinkView};
use sangam_mesh_node::{Deps, Node, NodeOptions};
use sangam_mesh_proto::identity::Identity;
use sangam_mesh_proto::{LinkState, PeerId};
use sangam_telemetry::metrics::mesh::MeshMetrics;
use sangam_testkit::WAIT_MAX;
use sangam_types::Wall;
use tokio::sync::oneshot;

/// A node of a test.
#[derive(Debug)]
pub struct TestNode {
    /// Its handle.
    pub node: Node,
    /// Who it is.
    pub id: PeerId,
}

/// How often what a node says is looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Options of a node on this host's loopback that finds nobody by itself.
#[must_use]
pub fn options_on_loopback() -> NodeOptions {
    let mut options = NodeOptions::new(Identity::generate(&mut rand::rng()));
    options.endpoint.with_loopback = true;
    options.discovery.loopback = true;
    options.endpoint.addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    options.discovery.mdns.enabled = false;
    options
}

/// The time of day.
#[must_use]
pub fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall::from_unix_millis(since.as_millis() as u64)
}

/// The JSON signaling server at this URL.
#[must_use]
pub fn signaling(url: String) -> Server {
    Server { url, token: None }
}

impl TestNode {
    /// Starts one.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(options: NodeOptions) -> Result<Self> {
        let id = options.agent_id.clone().unwrap_or_else(|| options.identity.id().clone());
        let deps = Deps { metrics: MeshMetrics::default(), wall: Arc::new(wall) };
        Ok(Self { node: Node::start(options, deps).await?, id })
    }

    /// Its links now.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn links(&self) -> Result<Vec<LinkView>> {
        self.node.ask(Command::Links).await.context("the node has stopped")
    }

    /// Waits until there is an open link with a peer that carries messages.
    ///
    /// # Errors
    /// None comes about in time.
    pub async fn linked_with(&self, peer: &PeerId) -> Result<LinkView> {
        self.until(&format!("a link with {peer}"), async || {
            let links = self.links().await?;
            Ok(links.into_iter().find(|link| link.peer == *peer && link.state == LinkState::Open && link.channel_open))
        })
        .await
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    /// Nothing is found in time.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let deadline = tokio::time::Instant::now() + WAIT_MAX;
        while tokio::time::Instant::now() < deadline {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("{}: no {what} in {WAIT_MAX:?}; links: {:?}", self.id, self.links().await)
    }

    /// Stops it with a goodbye.
    ///
    /// # Errors
    /// It has stopped before.
    pub async fn stop(self) -> Result<()> {
        let asked = self.node.ask(|reply: oneshot::Sender<()>| Command::Stop(reply)).await;
        asked.context("the node had stopped")
    }
}
