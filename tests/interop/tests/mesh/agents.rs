use std::time::Duration;

use anyhow::{Context as _, Result};
use sangam_interop::mesh::TestNode;
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::node::LinkView;
use sangam_mesh_proto::Profile;
use sangam_mesh_proto::agent_event::AgentEventKind;
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

/// The agent cannot be dialled again: it keeps its connection with whoever has this id. It lives, and is linked when it is started
/// anew.
async fn a_node_comes_back(stack: Stack) -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let mut agent = Agent::start("agent-a", stack, &url)?;
    let options = options_at(&url, AT_ONCE);
    let identity = options.identity.clone();
    let node = TestNode::start(options).await?;
    linked(&node, &mut agent).await?;
    node.stop().await?;
    let mut options = NodeOptions { identity, ..options_at(&url, AT_ONCE) };
    (options.mesh.answer_timeout, options.mesh.connect_timeout) = (Duration::from_secs(1), Duration::from_secs(4));
    let node = TestNode::start(options).await?;
    let mut events = node.node.events();
    let offered = async {
        while events.recv().await?.event != AgentEventKind::OfferCreated {}
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(WAIT_MAX, offered).await.context("an offer")??;
    // Neither stack makes a link of it.
    node.until("the end of the attempt", async || Ok(node.links().await?.is_empty().then_some(()))).await?;
    agent.is_alive()?;
    agent.crash()?;
    let mut agent = Agent::start("agent-a", stack, &url)?;
    linked(&node, &mut agent).await?;
    talk(&node, &mut agent, "two").await?;
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_node_does_not_kill_an_agent_on_libwebrtc() -> Result<()> {
    a_node_comes_back(Stack::Libwebrtc).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_node_does_not_kill_an_agent_on_libdatachannel() -> Result<()> {
    a_node_comes_back(Stack::Libdatachannel).await
}
