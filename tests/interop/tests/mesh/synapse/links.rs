use anyhow::Result;
use sangam_interop::original::Original;
use sangam_interop::running_node::RunningNode;
use sangam_testkit::{WAIT_MAX, http, wait_until};
use serde_json::{Value, json};

use super::{Ground, OURS, RENDEZVOUS, address, plain_rendezvous};

const LABEL: &str = "synapse-data";
const AT_THE_RENDEZVOUS: [&str; 3] = ["--no-mdns", "--rendezvous", RENDEZVOUS];

/// What our node says of a link with that peer to everybody who asks.
fn expect_truth(ours: &RunningNode<'_>, peer: &str, direction: &str) -> Result<()> {
    let connections = ours.get("/webrtc/connections")?;
    let connection = &connections["connections"][peer];
    assert_eq!((&connections["total_connections"], &connections["active_data_channels"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&connection["connection_state"], &connection["data_channel_state"]),
        (&json!("connected"), &json!("open"))
    );
    assert!(
        connection["ice_connection_state"] == "completed" || connection["ice_connection_state"] == "connected",
        "{connection}"
    );
    let metrics = ours.get("/webrtc/ice-metrics")?;
    let summary = &metrics["summary"];
    assert_eq!((&summary["total_established"], &summary["total_failed"]), (&json!(1), &json!(0)), "{metrics}");
    assert_eq!(metrics[direction]["established"], 1, "{metrics}");
    assert!(summary["ice_candidates_sent"].as_u64() > Some(0), "{metrics}");
    assert!(summary["ice_candidates_received"].as_u64() > Some(0), "{metrics}");
    let history = metrics["connection_states"][peer].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(history.last().map(|entry| &entry["state"]), Some(&json!("connected")), "{metrics}");
    let stats = ours.get("/network/stats")?;
    assert_eq!(stats["webrtc_connections"]["total_established"], 1, "{stats}");
    assert_eq!(stats["webrtc_connections"]["peers"][peer]["data_channel"], "open", "{stats}");
    assert_eq!(stats["network_topology"]["connected_direct"], 1, "{stats}");
    assert_eq!(ours.get("/whoami")?, json!({ "node_id": ours.id }));
    assert_eq!(ours.get("/channels")?, json!(["global"]));
    Ok(())
}

/// Waits until that URL is told at the rendezvous.
fn until_registered(ground: &Ground, url: &str) -> Result<()> {
    ground.host(1).inside(|| {
        wait_until("a node to register", WAIT_MAX, || {
            let told = http::get((address(9), 8080).into(), "/get_peers?limit=10")?.body;
            Ok(told.contains(url).then_some(()))
        })
    })
}

#[test]
fn ours_dials_an_original_it_finds_at_the_rendezvous() -> Result<()> {
    let (ground, _server) = Ground::with_server(2)?;
    let original = Original::start(ground.host(2), address(2), &[("rendezvous", RENDEZVOUS), ("pace", "40")])?;
    until_registered(&ground, &original.url)?;
    let ours = RunningNode::start(ground.host(1), &AT_THE_RENDEZVOUS)?;
    assert_eq!(original.linked_with(&ours.id, 1)?, LABEL);
    let link = ours.linked_with(&original.id)?;
    assert_eq!((&link["profile"], &link["selected_pair"]["relayed"]), (&json!("synapse"), &json!(false)), "{link}");
    expect_truth(&ours, &original.id, "outbound")
}

#[test]
fn ours_answers_an_original_that_dials_by_the_rendezvous() -> Result<()> {
    let (ground, _server) = Ground::with_server(2)?;
    let ours = RunningNode::start(ground.host(1), &AT_THE_RENDEZVOUS)?;
    let mut original = Original::start(ground.host(2), address(2), &[("rendezvous", RENDEZVOUS)])?;
    original.order(&format!("dial {}", ours.id))?;
    assert_eq!(original.linked_with(&ours.id, 1)?, LABEL);
    ours.linked_with(&original.id)?;
    expect_truth(&ours, &original.id, "inbound")
}

#[test]
fn an_original_finds_ours_at_the_rendezvous_by_its_state_and_they_link() -> Result<()> {
    let (ground, _server) = Ground::with_server(2)?;
    let ours = RunningNode::start(ground.host(1), &AT_THE_RENDEZVOUS)?;
    until_registered(&ground, OURS)?;
    let original = Original::start(ground.host(2), address(2), &[("rendezvous", RENDEZVOUS), ("pace", "1")])?;
    original.linked_with(&ours.id, 1)?;
    ours.linked_with(&original.id)?;
    assert_eq!(ours.get("/state")?["global"]["nodes"][&ours.id]["url"], OURS);
    Ok(())
}

#[test]
fn ours_links_with_an_original_that_it_was_told_of() -> Result<()> {
    let ground = Ground::new(2)?;
    let original = Original::start(ground.host(2), address(2), &[])?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &original.url])?;
    assert_eq!(original.linked_with(&ours.id, 1)?, LABEL);
    ours.linked_with(&original.id)?;
    expect_truth(&ours, &original.id, "outbound")?;
    // The original sends its answers to nodes that it knows: it was told before it was dialled.
    assert!(original.said().iter().all(|said| said["lost"].is_null()), "{:?}", original.said());
    Ok(())
}

#[test]
fn an_original_links_with_ours_that_it_was_told_of() -> Result<()> {
    let ground = Ground::new(2)?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns"])?;
    let original = Original::start(ground.host(2), address(2), &[("bootstrap", OURS), ("pace", "1")])?;
    original.until_said("our answer to its greeting", 1, |said| said["met"] == ours.id.as_str())?;
    // Its first offer crosses ours, or gets lost as it does not know us yet; it never makes a second one.
    assert_eq!(original.linked_with(&ours.id, 1)?, LABEL);
    ours.linked_with(&original.id).map(drop)
}

#[test]
fn an_offer_of_an_original_by_http_takes_the_place_of_the_open_link() -> Result<()> {
    let ground = Ground::new(2)?;
    let mut original = Original::start(ground.host(2), address(2), &[])?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &original.url])?;
    original.linked_with(&ours.id, 1)?;
    let first = ours.linked_with(&original.id)?;
    original.order(&format!("dial {}", ours.id))?;
    original.until_said("its offer by HTTP", 1, |said| said["sent"] == "offer" && said["by"] == "http")?;
    assert_eq!(original.linked_with(&ours.id, 2)?, LABEL);
    ours.until("the new link alone", "/api/v1/links", |answer| {
        let links = answer["links"].as_array()?;
        (links.len() == 1 && links[0]["state"] == "open" && links[0]["link"] != first["link"]).then_some(())
    })
}

#[test]
fn a_link_comes_about_when_ours_and_an_original_dial_each_other_at_once() -> Result<()> {
    let (ground, _server) = Ground::with_server(2)?;
    let mut ours = RunningNode::start(ground.host(1), &AT_THE_RENDEZVOUS)?;
    let mut original = Original::start(ground.host(2), address(2), &[("rendezvous", RENDEZVOUS)])?;
    ours.dial(&original.id)?;
    original.order(&format!("dial {}", ours.id))?;
    ours.said("our offer", |said| (said["event"] == "webrtc_offer_created").then_some(()))?;
    original.until_said("its offer", 1, |said| said["sent"] == "offer")?;
    original.linked_with(&ours.id, 1)?;
    let link = ours.linked_with(&original.id)?;
    // Both mean the same link.
    original.order(&format!("gossip {}", ours.id))?;
    ours.until("what came over it", "/api/v1/links", |answer| {
        let now = answer["links"].as_array()?.iter().find(|now| now["link"] == link["link"])?;
        (now["messages_received"].as_u64() > link["messages_received"].as_u64()).then_some(())
    })
}

#[test]
fn offers_that_cross_at_a_plain_rendezvous_end_in_one_link() -> Result<()> {
    let ground = Ground::new(1)?;
    ground.host(1).ip("address add 10.77.0.2/24 dev eth0")?;
    let (_rendezvous, url) = plain_rendezvous(&ground)?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--rendezvous", &url, "--url", OURS])?;
    let mut original = Original::start(ground.host(1), address(2), &[("rendezvous", &url), ("port", "8002")])?;
    // The original looks into its mailbox each two seconds, and has just done so.
    ours.dial(&original.id)?;
    original.order(&format!("dial {}", ours.id))?;
    original.linked_with(&ours.id, 1)?;
    ours.linked_with(&original.id).map(drop)
}

#[test]
fn the_link_comes_back_after_ours_was_started_anew() -> Result<()> {
    let (ground, _server) = Ground::with_server(2)?;
    let options = [("rendezvous", RENDEZVOUS), ("pace", "1")];
    let original = Original::start(ground.host(2), address(2), &options)?;
    let ours = RunningNode::start(ground.host(1), &AT_THE_RENDEZVOUS)?;
    ours.linked_with(&original.id)?;
    let id = ours.id.clone();
    let ours = ours.restart()?;
    assert_eq!(ours.id, id);
    ours.linked_with(&original.id)?;
    original.linked_with(&id, 2)?;
    let ours = ours.kill_and_restart()?;
    ours.linked_with(&original.id)?;
    original.linked_with(&id, 3).map(drop)
}

#[test]
fn the_link_comes_back_after_the_original_was_started_anew() -> Result<()> {
    let ground = Ground::new(2)?;
    let original = Original::start(ground.host(2), address(2), &[])?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &original.url])?;
    let first: Value = ours.linked_with(&original.id)?;
    original.linked_with(&ours.id, 1)?;
    let original = original.restart()?;
    original.linked_with(&ours.id, 1)?;
    ours.until("the new link alone", "/api/v1/links", |answer| {
        let links = answer["links"].as_array()?;
        (links.len() == 1 && links[0]["state"] == "open" && links[0]["link"] != first["link"]).then_some(())
    })
}
