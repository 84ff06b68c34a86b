use std::time::Duration;

use anyhow::{Context as _, Result};
use sangam_interop::mesh::TestNode;
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::node::{Command, LinkView};
use sangam_mesh_proto::agent_event::AgentEventKind;
use sangam_mesh_proto::identity::Identity;
use sangam_mesh_proto::{PeerId, Profile};
use sangam_testkit::{Server, WAIT_MAX};
use serde_json::json;

use crate::agent::{Agent, Stack};
use crate::scene::{AT_ONCE, NEVER, listen, next, options_at, sees, send, url_of};

/// A signed message each way, and no other frame.
pub(crate) async fn talk(node: &TestNode, agent: &mut Agent, word: &str) -> Result<()> {
    let mut heard = listen(node).await;
    let payload = json!({ "text": format!("{word} ü"), "level": 9, "nested": { "id": [1.5e300, { "z": null }] } });
    agent.say(node, &payload, "signed")?;
    assert_eq!(next(&mut heard).await?["payload"], payload);
    let payload = json!({ "text": format!("{word} back"), "id": [{ "level": 1, "zz": 2 }, 3] });
    assert_eq!(send(node, &agent.id, &payload).await?, 1);
    let said = agent.heard(&payload)?;
    assert_eq!((&said["signed"], &said["from"]), (&json!(true), &json!(node.id.as_str())), "{said}");
    assert!(!agent.output().contains("odd"), "{}", agent.output());
    Ok(())
}

pub(crate) async fn linked(node: &TestNode, agent: &mut Agent) -> Result<LinkView> {
    let link = node.linked_with(&agent.id).await?;
    assert_eq!(link.profile, Profile::Agent, "{link:?}");
    assert_eq!(agent.is_open(node)?, "if-agent-messaging");
    Ok(link)
}

async fn an_agent_dials(stack: Stack) -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let node = TestNode::start(options_at(&url, NEVER)).await?;
    let mut agent = Agent::start("agent-a", stack, &url)?;
    sees(&node, &agent.id).await?;
    agent.dial(&node)?;
    linked(&node, &mut agent).await?;
    talk(&node, &mut agent, "one").await?;
    node.stop().await
}

async fn a_node_dials(stack: Stack) -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let mut agent = Agent::start("agent-a", stack, &url)?;
    let node = TestNode::start(options_at(&url, AT_ONCE)).await?;
    linked(&node, &mut agent).await?;
    talk(&node, &mut agent, "one").await?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libwebrtc_that_dials_is_linked() -> Result<()> {
    an_agent_dials(Stack::Libwebrtc).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libdatachannel_that_dials_is_linked() -> Result<()> {
    an_agent_dials(Stack::Libdatachannel).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libwebrtc_that_does_not_dial_is_dialled() -> Result<()> {
    a_node_dials(Stack::Libwebrtc).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libdatachannel_that_does_not_dial_is_dialled() -> Result<()> {
    a_node_dials(Stack::Libdatachannel).await
}

async fn an_agent_comes_back(stack: Stack) -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let mut agent = Agent::start("agent-a", stack, &url)?;
    let node = TestNode::start(options_at(&url, AT_ONCE)).await?;
    let first = linked(&node, &mut agent).await?.link;
    agent.crash()?;
    let mut agent = Agent::start("agent-a", stack, &url)?;
    linked(&node, &mut agent).await?;
    let second = node.until("a link of the new process", async || {
        let links = node.links().await?;
        Ok(links.into_iter().find(|link| link.link != first && link.channel_open))
    });
    second.await?;
    // It has other keys, and is somebody else for that.
    assert_eq!(send(&node, &agent.id, &json!("again")).await?, 1);
    agent.heard(&json!("again"))?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libwebrtc_that_crashed_is_linked_again() -> Result<()> {
    an_agent_comes_back(Stack::Libwebrtc).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libdatachannel_that_crashed_is_linked_again() -> Result<()> {
    an_agent_comes_back(Stack::Libdatachannel).await
}

/// A node and an agent that are linked, whoever dialled.
async fn linked_at(url: &str, stack: Stack, agent_dials: bool) -> Result<(TestNode, Identity, Agent)> {
    let options = options_at(url, if agent_dials { NEVER } else { AT_ONCE });
    let identity = options.identity.clone();
    let (node, mut agent) = if agent_dials {
        let node = TestNode::start(options).await?;
        let mut agent = Agent::start("agent-a", stack, url)?;
        sees(&node, &agent.id).await?;
        agent.dial(&node)?;
        (node, agent)
    } else {
        let agent = Agent::start("agent-a", stack, url)?;
        (TestNode::start(options).await?, agent)
    };
    linked(&node, &mut agent).await?;
    Ok((node, identity, agent))
}

/// Of the next process of a node.
fn options_again(url: &str, identity: &Identity) -> NodeOptions {
    NodeOptions { identity: identity.clone(), ..options_at(url, AT_ONCE) }
}

/// It goes without a goodbye, so that its peers hold their sessions.
async fn vanish(node: TestNode) {
    node.node.tell(Command::Vanish).await;
    drop(node);
}

/// The agent keeps its connection with whoever has this id: the offer of the next process becomes a new session on it.
async fn a_node_comes_back(agent_dials: bool) -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let (node, identity, mut agent) = linked_at(&url, Stack::Libwebrtc, agent_dials).await?;
    node.stop().await?;
    let node = TestNode::start(options_again(&url, &identity)).await?;
    linked(&node, &mut agent).await?;
    talk(&node, &mut agent, "after a goodbye").await?;
    vanish(node).await;
    let node = TestNode::start(options_again(&url, &identity)).await?;
    linked(&node, &mut agent).await?;
    talk(&node, &mut agent, "after none").await?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libwebrtc_that_was_dialled_is_linked_again_after_the_node_was_started_anew() -> Result<()> {
    a_node_comes_back(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libwebrtc_that_dialled_is_linked_again_after_the_node_was_started_anew() -> Result<()> {
    a_node_comes_back(true).await
}

/// libdatachannel takes no new session on a connection. The agent lives, and is linked when it or the node's name is a new one.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_on_libdatachannel_lives_and_is_linked_again_once_it_or_the_nodes_name_is_new() -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let (node, identity, mut agent) = linked_at(&url, Stack::Libdatachannel, false).await?;
    node.stop().await?;
    let mut hasty = options_again(&url, &identity);
    (hasty.mesh.answer_timeout, hasty.mesh.connect_timeout) = (Duration::from_secs(1), Duration::from_secs(4));
    let node = TestNode::start(hasty).await?;
    let mut events = node.node.events();
    let offered = async {
        while events.recv().await?.event != AgentEventKind::OfferCreated {}
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(WAIT_MAX, offered).await.context("an offer")??;
    node.until("the end of the attempt", async || Ok(node.links().await?.is_empty().then_some(()))).await?;
    agent.is_alive()?;
    node.stop().await?;
    let renamed = NodeOptions { agent_id: Some(PeerId::new("another-name")?), ..options_again(&url, &identity) };
    let node = TestNode::start(renamed).await?;
    linked(&node, &mut agent).await?;
    node.stop().await?;
    agent.crash()?;
    let node = TestNode::start(options_again(&url, &identity)).await?;
    let mut agent = Agent::start("agent-a", Stack::Libdatachannel, &url)?;
    linked(&node, &mut agent).await?;
    talk(&node, &mut agent, "two").await?;
    node.stop().await
}
