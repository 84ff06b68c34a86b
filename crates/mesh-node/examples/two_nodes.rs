//! Two nodes in one process find each other at a signaling server, link up, and one hears what the other publishes.
//!
//! ```text
//! sangam serve                                                  # JSON signaling on 127.0.0.1:8443
//! cargo run --package sangam-mesh-node --example two_nodes -- ws://127.0.0.1:8443/
//! ```

use std::time::Duration;

use sangam_mesh_node::discovery::Server;
use sangam_mesh_node::node::LinkView;
use sangam_mesh_node::proto::identity::Identity;
use sangam_mesh_node::proto::{LinkState, PeerId};
use sangam_mesh_node::{Deps, Node, NodeOptions};

type Failed = Box<dyn std::error::Error>;

/// Both are here and the server is near: who needs longer has no server.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let url = std::env::args().nth(1).ok_or("usage: two_nodes ws://HOST:PORT/")?;
    let (one, _) = start(&url).await?;
    let (other, other_id) = start(&url).await?;
    let mut news = other.subscribe("news", 16).await?;

    let link = tokio::time::timeout(PATIENCE, linked(&one, &other_id)).await.map_err(|_| "no link came about")??;
    println!("linked in {:?} over {:?}", link.connect_time.unwrap_or_default(), link.pair);

    one.publish("news", "hello").await?;
    let message = tokio::time::timeout(PATIENCE, news.recv()).await?.ok_or("the node has stopped")?;
    println!("{} says {:?}", message.origin, message.payload);

    one.stop().await;
    other.stop().await;
    Ok(())
}

/// A node with a new key that links over this machine's loopback too, and looks for peers at one server alone.
async fn start(url: &str) -> Result<(Node, PeerId), Failed> {
    let identity = Identity::generate(&mut rand::rng());
    let id = identity.id().clone();
    let mut options = NodeOptions::new(identity);
    options.endpoint.with_loopback = true;
    options.discovery.mdns.enabled = false;
    options.discovery.signaling = vec![Server { url: url.to_owned(), token: None }];
    Ok((Node::start(options, Deps::default()).await?, id))
}

/// Waits for an open link with a peer: whatever happens to a node is an event.
async fn linked(node: &Node, peer: &PeerId) -> Result<LinkView, Failed> {
    let mut events = node.events();
    loop {
        let links = node.links().await?;
        let is_open = |link: &LinkView| link.peer == *peer && link.state == LinkState::Open && link.channel_open;
        if let Some(link) = links.into_iter().find(is_open) {
            return Ok(link);
        }
        events.recv().await?;
    }
}
