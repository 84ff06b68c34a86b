use anyhow::{Context as _, Result};
use sangam_interop::mesh::TestNode;
use sangam_testkit::Server;
use serde_json::json;

use crate::agent::{Agent, Stack};
use crate::agents::linked;
use crate::scene::{AT_ONCE, listen, next, options_at, url_of};

/// A node, an agent that is linked with it, and what the agent must not be.
async fn scene(server: &Server, require_signature: bool) -> Result<(TestNode, Agent)> {
    let url = url_of(server)?;
    let mut options = options_at(&url, AT_ONCE);
    options.require_signature = require_signature;
    let mut agent = Agent::start("agent-a", Stack::Libwebrtc, &url)?;
    let node = TestNode::start(options).await?;
    linked(&node, &mut agent).await?;
    Ok((node, agent))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_agents_messages_those_that_are_signed_and_new_are_taken() -> Result<()> {
    let server = Server::start()?;
    let (node, mut agent) = scene(&server, true).await?;
    let mut heard = listen(&node).await;
    // The channel keeps their order: what is missing before the last was refused.
    for (payload, how) in [("a", "unsigned"), ("b", "tampered"), ("c", "signed"), ("c", "again"), ("d", "signed")] {
        agent.say(&node, &json!(payload), how)?;
    }
    let first = next(&mut heard).await?;
    assert_eq!((&first["payload"], &first["conversation_id"]), (&json!("c"), &json!("talk")));
    assert_eq!(next(&mut heard).await?["payload"], "d");
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_message_is_taken_where_no_signature_is_required() -> Result<()> {
    let server = Server::start()?;
    let (node, mut agent) = scene(&server, false).await?;
    let mut heard = listen(&node).await;
    for (payload, how) in [("a", "unsigned"), ("a", "again"), ("b", "tampered"), ("c", "unsigned")] {
        agent.say(&node, &json!(payload), how)?;
    }
    assert_eq!(next(&mut heard).await?["payload"], "a");
    assert_eq!(next(&mut heard).await?["payload"], "c");
    node.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_link_are_told_in_their_order_as_an_agent_tells_them() -> Result<()> {
    let server = Server::start()?;
    let url = url_of(&server)?;
    let mut agent = Agent::start("agent-a", Stack::Libwebrtc, &url)?;
    let node = TestNode::start(options_at(&url, AT_ONCE)).await?;
    let mut events = node.node.events();
    linked(&node, &mut agent).await?;
    agent.say(&node, &json!("a"), "signed")?;
    let id = node.id.clone();
    let mut told = Vec::new();
    while !told.contains(&"ifmessage_received") {
        let event = events.recv().await?;
        assert_eq!(event.agent_id, id);
        told.push(event.event.as_str());
    }
    node.stop().await?;
    while let Ok(event) = events.recv().await {
        told.push(event.event.as_str());
    }
    let steps = [
        "webrtc_offer_created",
        "webrtc_answer_received",
        "datachannel_open",
        "ifmessage_received",
        "agent_disconnected",
        "datachannel_closed",
        "peer_disconnected",
    ];
    let places = steps.map(|step| told.iter().position(|name| *name == step).context(step));
    let places: Vec<usize> = places.into_iter().collect::<Result<_>>().with_context(|| format!("{told:?}"))?;
    assert!(places.is_sorted(), "{told:?}");
    assert!(told.contains(&"connection_state_changed"), "{told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signaling_server_of_ours_counts_what_became_of_links() -> Result<()> {
    let server = Server::start()?;
    let (node, _agent) = scene(&server, true).await?;
    let counted = |outcome: &str| -> Result<Option<()>> {
        let metrics = server.get("/metrics")?.body;
        let line = format!("sangam_signal_links_total{{outcome=\"{outcome}\"");
        let mut lines = metrics.lines().filter(|found| found.starts_with(&line));
        Ok(lines.any(|found| found.ends_with(" 1")).then_some(()))
    };
    node.until("an established link in the metrics", async || counted("established")).await?;
    assert_eq!(counted("failed")?, None);
    node.stop().await
}
