use anyhow::Result;
use sangam_interop::Avahi;
use sangam_interop::original::Original;
use sangam_interop::running_node::RunningNode;
use sangam_testkit::{WAIT_MAX, wait_until};

use super::{Ground, OURS, address};

#[test]
fn ours_and_an_original_find_each_other_and_link_without_any_configuration() -> Result<()> {
    let ground = Ground::new(2)?;
    let original = Original::start(ground.host(2), address(2), &[("mdns", "both")])?;
    let ours = RunningNode::start(ground.host(1), &[])?;
    let found = original.until_said("our node by mDNS", 1, |said| said["mdns"] == ours.id.as_str())?;
    assert_eq!((found["url"].as_str(), found["channels"].as_str()), (Some(OURS), Some(r#"["global"]"#)));
    original.linked_with(&ours.id, 1)?;
    ours.linked_with(&original.id)?;
    let peers = ours.get("/api/v1/peers")?;
    let sources = &peers["peers"][0]["sources"];
    assert!(sources.as_array().is_some_and(|sources| sources.iter().any(|source| source == "mdns")), "{peers}");
    ours.stop()?;
    original.until_said("the goodbye", 1, |said| said["goodbye"].is_string())?;
    Ok(())
}

#[test]
fn a_node_that_is_told_to_be_silent_on_the_lan_is() -> Result<()> {
    let ground = Ground::new(3)?;
    let original = Original::start(ground.host(2), address(2), &[("mdns", "both")])?;
    let silent = RunningNode::start_with(ground.host(1), &[], &[("DISABLE_MDNS", "true")])?;
    let heard = RunningNode::start(ground.host(3), &[])?;
    original.until_said("the other node", 1, |said| said["mdns"] == heard.id.as_str())?;
    heard.linked_with(&original.id)?;
    assert!(original.said().iter().all(|said| said["mdns"] != silent.id.as_str()), "{:?}", original.said());
    assert_eq!(silent.get("/api/v1/peers")?["peers"].as_array().map(Vec::len), Some(0));
    Ok(())
}

#[test]
fn avahi_shows_the_running_node_with_its_keys() -> Result<()> {
    let ground = Ground::new(2)?;
    let ours = RunningNode::start(ground.host(1), &["--channel", "sviluppo_ui"])?;
    let line = ground.host(2).inside(|| {
        let avahi = Avahi::start("witness")?;
        wait_until("avahi to show the node", WAIT_MAX, || {
            let shown = avahi.browse("_synapse-ng._tcp")?;
            Ok(shown.lines().find(|line| line.starts_with('=')).map(str::to_owned))
        })
    })?;
    let fields: Vec<&str> = line.split(';').collect();
    assert_eq!((fields[7], fields[8]), ("10.77.0.1", "8000"), "{line}");
    assert!(fields[9].contains(&format!("\"node_id={}\"", ours.id)), "{line}");
    assert!(fields[9].contains(&format!("\"node_url={OURS}\"")), "{line}");
    assert!(fields[9].contains("sviluppo_ui") && fields[9].contains("global"), "{line}");
    Ok(())
}
