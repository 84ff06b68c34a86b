use std::process::Command;

use anyhow::{Result, ensure};
use sangam_interop::original::Original;
use sangam_interop::running_node::RunningNode;
use sangam_testkit::network::Host;

use super::{Ground, OURS, address};

#[test]
fn two_originals_link_up_by_way_of_ours() -> Result<()> {
    let ground = Ground::new(3)?;
    let one = Original::start(ground.host(2), address(2), &[])?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &one.url])?;
    let mut other = Original::start(ground.host(3), address(3), &[])?;
    one.linked_with(&ours.id, 1)?;
    // Ours hears of the other by its greeting.
    let greeting = serde_json::json!({ "peer_id": other.id, "peer_url": other.url });
    let (status, body) = ours.post("/bootstrap/handshake", &greeting)?;
    assert!(status == 200 && body.contains(&one.url), "{body}");
    other.linked_with(&ours.id, 1)?;
    other.until_said("the first's record", 1, |said| said["learned"] == one.id.as_str())?;
    other.order(&format!("dial {}", one.id))?;
    let sent = other.until_said("its offer", 1, |said| said["sent"] == "offer" && said["to"] == one.id.as_str())?;
    assert_eq!(sent["by"], ours.id.as_str(), "{sent}");
    let answered =
        one.until_said("its answer", 1, |said| said["sent"] == "answer" && said["to"] == other.id.as_str())?;
    assert_eq!(answered["by"], ours.id.as_str(), "{answered}");
    one.linked_with(&other.id, 1)?;
    other.linked_with(&one.id, 1)?;
    ours.linked_with(&one.id)?;
    ours.linked_with(&other.id)?;
    Ok(())
}

#[test]
fn ours_links_with_an_original_that_dials_it_by_way_of_another() -> Result<()> {
    let ground = Ground::new(3)?;
    let relay = Original::start(ground.host(2), address(2), &[])?;
    let ours = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &relay.url])?;
    relay.linked_with(&ours.id, 1)?;
    // The third links with the relay, and knows of ours what the relay tells.
    let mut third = Original::start(ground.host(3), address(3), &[("bootstrap", &relay.url), ("pace", "1")])?;
    third.until_said("our record", 1, |said| said["learned"] == ours.id.as_str() && said["url"] == OURS)?;
    // An original answers those that it knows.
    relay.until_said("the third's record", 1, |said| said["learned"] == third.id.as_str())?;
    third.order(&format!("dial {}", relay.id))?;
    third.linked_with(&relay.id, 1)?;
    third.order(&format!("dial {}", ours.id))?;
    third.until_said("its offer by the relay", 1, |said| {
        said["sent"] == "offer" && said["to"] == ours.id.as_str() && said["by"] == relay.id.as_str()
    })?;
    third.linked_with(&ours.id, 1)?;
    ours.linked_with(&third.id)?;
    ours.linked_with(&relay.id)?;
    Ok(())
}

/// Has a host refuse connections to a node's HTTP API from one address.
fn refuse_api(host: &Host, from: u8) -> Result<()> {
    host.inside(|| {
        let chain = "add chain inet t c { type filter hook input priority 0; }".to_owned();
        let rule = format!("add rule inet t c ip saddr {} tcp dport 8000 reject with tcp reset", address(from));
        for rule in ["add table inet t".to_owned(), chain, rule] {
            ensure!(Command::new("nft").arg(&rule).status()?.success(), "nft {rule}");
        }
        Ok(())
    })
}

#[test]
fn two_of_ours_that_do_not_reach_each_others_api_link_up_by_way_of_an_original() -> Result<()> {
    let ground = Ground::new(3)?;
    let relay = Original::start(ground.host(2), address(2), &[])?;
    refuse_api(ground.host(1), 3)?;
    refuse_api(ground.host(3), 1)?;
    let one = RunningNode::start(ground.host(1), &["--no-mdns", "--bootstrap", &relay.url])?;
    one.linked_with(&relay.id)?;
    let other = RunningNode::start(ground.host(3), &["--no-mdns", "--bootstrap", &relay.url])?;
    other.linked_with(&relay.id)?;
    let link = one.linked_with(&other.id)?;
    assert_eq!(link["profile"], "sangam", "{link}");
    other.linked_with(&one.id).map(drop)
}
