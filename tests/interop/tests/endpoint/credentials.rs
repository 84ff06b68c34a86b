use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use sangam_interop::{Coturn, TurnService};
use sangam_mesh_node::endpoint::{RelayState, Woken};

use crate::node::{Node, echo, ice_server, options};

async fn refused(relay: &TurnService) -> Result<()> {
    let stranger = TurnService { secret: "some-other-secret".to_owned(), ..relay.clone() };
    let mut node = Node::start(options(ice_server(&stranger, "turn:{}")?)).await?;
    let why = node.wait("a refusal", |woken| match woken {
        Woken::RelayFailed { why, .. } => Some(why.clone()),
        _ => None,
    });
    let why = why.await?;
    ensure!(why.contains("401") && why.contains("credential is wrong"), "{why}");
    // The right one, handed out later, is used at once.
    node.endpoint.set_servers(ice_server(relay, "turn:{}")?);
    node.candidate().await?;
    let figures = node.endpoint.figures();
    assert_eq!((figures.relays[0].state, figures.relays[0].failure.clone()), (RelayState::Allocated, None));
    Ok(())
}

#[tokio::test]
async fn our_relays_refusal_of_a_wrong_credential_is_named() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    refused(&relay).await
}

#[tokio::test]
async fn coturns_refusal_of_a_wrong_credential_is_named() -> Result<()> {
    refused(Coturn::start()?.service()).await
}

/// The new allocation is told while the old one still carries.
#[tokio::test]
async fn a_credential_that_ends_soon_is_replaced_without_a_gap() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let mut servers = ice_server(&relay, "turn:{}")?;
    servers[0].expires = Some(SystemTime::now() + Duration::from_secs(1));
    let mut one = Node::gathered(options(servers)).await?;
    let mut other = Node::gathered(options(ice_server(&relay, "turn:{}")?)).await?;
    let old = one.endpoint.candidates();
    let mut renewed = ice_server(&relay, "turn:{}")?;
    // A name of its own, as a server that hands out another would give it.
    let (username, credential) = credentials_of(&relay, 900)?;
    (renewed[0].username, renewed[0].credential) = (Some(username), Some(credential.into()));
    echo(&mut one, &mut other, true).await?;
    one.endpoint.set_servers(renewed);
    let new = one.candidate().await?;
    ensure!(!old.iter().any(|old| old.address == new.address), "{new:?}");
    ensure!(one.endpoint.candidates().contains(&new), "new links use the new one");
    ensure!(!one.endpoint.candidates().contains(&old[0]), "and not the old one");
    let there = other.relayed(true)?;
    other.received.clear();
    ensure!(one.endpoint.send(old[0].base, there, b"still here"), "{:?}", one.endpoint.figures());
    other.receive(1).await?;
    assert_eq!(other.received, [(there, old[0].base, b"still here".to_vec())]);
    Ok(())
}

fn credentials_of(relay: &TurnService, seconds: u64) -> Result<(String, String)> {
    relay.credentials_for(Duration::from_secs(seconds))
}
