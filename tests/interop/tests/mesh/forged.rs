use std::time::Instant;

use anyhow::{Context as _, Result};
use sangam_interop::mesh::{TestNode, options_on_loopback, signaling, wall};
use sangam_mesh_node::node::Command;
use sangam_mesh_node::webrtc::{LinkOptions, Links};
use sangam_mesh_proto::identity::{Identity, Proof};
use sangam_mesh_proto::sdp::{self, Mark};
use sangam_mesh_proto::{Description, DescriptionKind, LinkId, PeerId, Signal};
use sangam_testkit::Server;

/// An offer that nobody stands behind, signed by this key for `to`.
fn offer_signed_by(key: &Identity, to: &PeerId) -> Result<Signal> {
    let kind = DescriptionKind::Offer;
    let text = Links::new(LinkOptions::default())?.offer(LinkId(1), "synapse-data", &[], Instant::now())?;
    let proof = Proof::make(key, Some(to), kind, &text, wall())?;
    let sdp = sdp::mark(&text, &Mark::new(key.id().clone(), Some(proof)))?;
    Ok(Signal::Description(Description { kind, sdp: sdp.into() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_signed_with_another_key_puts_no_link_in_the_place_of_another() -> Result<()> {
    let server = Server::start()?;
    let url = format!("ws://{}/", server.listener("signal")?);
    let options = || {
        let mut options = options_on_loopback();
        options.discovery.signaling = vec![signaling(url.clone())];
        options
    };
    let (honest, forger) = (options(), options());
    let (name, key) = (honest.identity.id().clone(), forger.identity.clone());
    let node = TestNode::start(options()).await?;
    let signal = offer_signed_by(&key, &node.id)?;
    node.node.ask(|reply| Command::Signal { from: name, signal, reply }).await.context("the node has stopped")?;
    let (honest, forger) = (TestNode::start(honest).await?, TestNode::start(forger).await?);
    for peer in [&honest, &forger] {
        node.linked_with(&peer.id).await?;
        peer.linked_with(&node.id).await?;
    }
    let linked: Vec<PeerId> = node.links().await?.into_iter().map(|link| link.peer).collect();
    assert!(linked.contains(&honest.id) && linked.contains(&forger.id), "{linked:?}");
    for node in [node, honest, forger] {
        node.stop().await?;
    }
    Ok(())
}
