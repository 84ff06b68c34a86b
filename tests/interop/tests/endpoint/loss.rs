use anyhow::{Result, ensure};
use sangam_interop::TurnService;
use sangam_mesh_node::endpoint::{Drop, Woken};

use crate::node::{Node, echo, ice_server, options};

/// The old address goes, another comes, and it carries.
async fn returns(one: &mut Node, other: &mut Node, again: impl FnOnce() -> Result<()>) -> Result<()> {
    again()?;
    for node in [&mut *one, &mut *other] {
        node.wait("the old address to go", |woken| matches!(woken, Woken::Gone(_)).then_some(())).await?;
        if node.endpoint.candidates().is_empty() {
            node.candidate().await?;
        }
    }
    ensure!(one.endpoint.figures().allocations_lost >= 1, "{:?}", one.endpoint.figures());
    echo(one, other, true).await
}

#[tokio::test]
async fn an_allocation_returns_when_our_relay_was_started_anew() -> Result<()> {
    let (server, relay) = TurnService::sangam()?;
    let mut one = Node::gathered(options(ice_server(&relay, "turn:{}")?)).await?;
    let mut other = Node::gathered(options(ice_server(&relay, "turn:{}")?)).await?;
    echo(&mut one, &mut other, true).await?;
    let mut next = None;
    let addr = relay.addr.to_string();
    returns(&mut one, &mut other, || {
        drop(server.kill()?);
        next = Some(TurnService::sangam_set(&[("relay.listen", &addr)])?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_allocation_over_tcp_returns_when_our_relay_was_started_anew() -> Result<()> {
    let (server, udp) = TurnService::sangam()?;
    let relay = TurnService { addr: server.listener("turn")?, ..udp };
    let addr = relay.addr.to_string();
    let mut one = Node::gathered(options(ice_server(&relay, "turn:{}?transport=tcp")?)).await?;
    let mut other = Node::gathered(options(ice_server(&relay, "turn:{}?transport=tcp")?)).await?;
    let mut next = None;
    returns(&mut one, &mut other, || {
        drop(server.kill()?);
        next = Some(TurnService::sangam_set(&[("relay.listen_tcp", &addr)])?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_unroutable_or_forbidden_peer_costs_its_packets_and_not_the_relay() -> Result<()> {
    // Ours alone: coturn closes the allocation's socket when one peer cannot be routed.
    let (_server, relay) = TurnService::sangam()?;
    let mut one = Node::gathered(options(ice_server(&relay, "turn:{}")?)).await?;
    let mut other = Node::gathered(options(ice_server(&relay, "turn:{}")?)).await?;
    let base = one.relayed(true)?;
    for peer in ["169.254.169.254:80", "240.0.0.1:9", "192.0.2.1:9", "[2001:db8::1]:9"] {
        one.endpoint.permit(peer.parse()?);
        one.endpoint.send(base, peer.parse()?, b"lost");
    }
    ensure!(!one.endpoint.send(base, "198.51.100.1:9".parse()?, b"never permitted"));
    ensure!(one.endpoint.figures().dropped(Drop::NotPermitted) >= 1);
    echo(&mut one, &mut other, true).await?;
    assert_eq!(one.endpoint.figures().allocations_made, 1, "{:?}", one.endpoint.figures());
    Ok(())
}
