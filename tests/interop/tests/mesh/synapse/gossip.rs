use anyhow::Result;
use sangam_interop::original::Original;
use sangam_interop::running_node::RunningNode;
use serde_json::json;

use super::{Ground, OURS, RENDEZVOUS, address};

#[test]
fn state_passes_both_ways_in_http_rounds() -> Result<()> {
    let ground = Ground::new(2)?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--channel", "garden"])?;
    let options = [("bootstrap", OURS), ("channels", "garden"), ("pace", "1")];
    let mut original = Original::start(ground.host(2), address(2), &options)?;
    let learned = original.until_said("our record", 1, |said| said["learned"] == ours.id.as_str())?;
    assert_eq!(learned["url"], OURS);
    original.order("task garden")?;
    let task = original.until_said("the task", 1, |said| said["made"].is_string())?;
    let task = task["made"].as_str().unwrap_or_default().to_owned();
    let title = ours
        .until("the original's task", "/state", |state| Some(state["garden"]["tasks"].get(&task)?["title"].clone()))?;
    assert_eq!(title, "a task");
    let state = ours.until("it among the channel's participants", "/state", |state| {
        let participants = state["garden"]["participants"].as_array()?;
        participants.contains(&json!(original.id)).then(|| state.clone())
    })?;
    assert_eq!(state["global"]["nodes"][&original.id]["url"], original.url.as_str(), "{state}");
    assert!(original.said().iter().any(|said| said["gossip"] == "global" && said["by"] == "http"));
    Ok(())
}

#[test]
fn state_passes_both_ways_over_the_data_channel_alone() -> Result<()> {
    let (ground, _server) = Ground::with_server(2)?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--rendezvous", RENDEZVOUS])?;
    // It does not register: nobody knows where its HTTP API is.
    let mut original = Original::start(ground.host(2), address(2), &[("rendezvous", RENDEZVOUS)])?;
    original.order(&format!("dial {}", ours.id))?;
    original.linked_with(&ours.id, 1)?;
    let gossip = original.until_said("our state", 1, |said| said["gossip"] == "global")?;
    assert_eq!((gossip["sender"].as_str(), gossip["by"].as_str()), (Some(ours.id.as_str()), Some("channel")));
    original.until_said("our record", 1, |said| said["learned"] == ours.id.as_str() && said["url"] == OURS)?;
    assert!(ours.get("/state")?["global"]["nodes"].get(&original.id).is_none(), "it was not told yet");
    original.order(&format!("gossip {}", ours.id))?;
    ours.until("its record", "/state", |state| {
        (state["global"]["nodes"][&original.id]["url"] == original.url.as_str()).then_some(())
    })
}

#[test]
fn an_original_hears_what_is_published_in_frames_it_can_read() -> Result<()> {
    let ground = Ground::new(2)?;
    let original = Original::start(ground.host(2), address(2), &[])?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &original.url])?;
    original.linked_with(&ours.id, 1)?;
    ours.linked_with(&original.id)?;
    let state = json!({ "topic": "channel:global:state", "payload": { "nodes": {} } });
    let (status, body) = ours.post("/api/v1/publish", &state)?;
    assert_eq!(status, 200, "{body}");
    original.until_said("state", 1, |said| said["heard"] == "MESSAGE" && said["topic"] == "channel:global:state")?;
    let said = original.said();
    assert!(said.iter().all(|said| said["dropped"].is_null() && said["refused"].is_null()), "{said:?}");
    Ok(())
}
