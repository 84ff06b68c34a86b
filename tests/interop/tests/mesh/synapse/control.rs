//! The control: originals among themselves. What stays broken here and works in the other tests is what our node cures.

use anyhow::Result;
use sangam_interop::original::Original;

use super::{Ground, address, plain_rendezvous};

#[test]
fn two_originals_that_dial_each_other_at_once_lose_both_answers_and_never_try_again() -> Result<()> {
    let ground = Ground::new(1)?;
    ground.host(1).ip("address add 10.77.0.2/24 dev eth0")?;
    let (_rendezvous, url) = plain_rendezvous(&ground)?;
    let options = [("rendezvous", url.as_str())];
    let mut one = Original::start(ground.host(1), address(1), &options)?;
    let mut other = Original::start(ground.host(1), address(2), &options)?;
    one.order(&format!("dial {}", other.id))?;
    other.order(&format!("dial {}", one.id))?;
    for node in [&one, &other] {
        node.until_said("an answer it has no use for", 1, |said| said["batch_lost"].is_string())?;
        assert!(node.said().iter().all(|said| said["open"].is_null()), "{:?}", node.said());
    }
    Ok(())
}

#[test]
fn an_original_does_not_hear_what_another_original_relays_to_it() -> Result<()> {
    let ground = Ground::new(3)?;
    let relay = Original::start(ground.host(1), address(1), &[])?;
    let bootstrap = [("bootstrap", relay.url.as_str()), ("pace", "1")];
    let mut nodes = Vec::new();
    for number in [2, 3] {
        let mut node = Original::start(ground.host(number), address(number), &bootstrap)?;
        node.until_said("the relay's record", 1, |said| said["learned"] == relay.id.as_str())?;
        node.order(&format!("dial {}", relay.id))?;
        node.linked_with(&relay.id, 1)?;
        nodes.push(node);
    }
    let known = nodes[0].id.clone();
    nodes[1].until_said("the other's record", 1, |said| said["learned"] == known.as_str())?;
    nodes[1].order(&format!("dial {known}"))?;
    nodes[1].until_said("its offer by the relay", 1, |said| {
        said["to"] == known.as_str() && said["by"] == relay.id.as_str()
    })?;
    nodes[0].until_said("the offer, ignored", 1, |said| said["heard"] == "SIGNAL_RELAY")?;
    assert!(nodes[0].said().iter().all(|said| said["got"] != "offer" || said["by"] == relay.id.as_str()));
    Ok(())
}
