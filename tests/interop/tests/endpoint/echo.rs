use anyhow::{Result, ensure};
use sangam_interop::{Certificate, Coturn, TurnService};
use sangam_mesh_node::endpoint::EndpointOptions;
use sangam_mesh_proto::PathProtocol;

use crate::node::{Node, echo, ice_server, options};

/// Two endpoints that know nothing but the relay.
async fn through(relay: &TurnService, url: &str, certificate: Option<&Certificate>) -> Result<(Node, Node)> {
    let options = || -> Result<EndpointOptions> {
        let ca_file = certificate.map(|certificate| certificate.chain().into());
        Ok(EndpointOptions { ca_file, ..options(ice_server(relay, url)?) })
    };
    let (mut one, mut other) = (Node::gathered(options()?).await?, Node::gathered(options()?).await?);
    echo(&mut one, &mut other, true).await?;
    Ok((one, other))
}

fn protocol(node: &Node) -> PathProtocol {
    node.endpoint.candidates()[0].protocol
}

#[tokio::test]
async fn packets_pass_through_our_relay_by_udp() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let (one, _other) = through(&relay, "turn:{}", None).await?;
    assert_eq!(protocol(&one), PathProtocol::Udp);
    Ok(())
}

#[tokio::test]
async fn packets_pass_through_our_relay_by_tcp() -> Result<()> {
    let (_server, relay) = TurnService::sangam_over("turn")?;
    let (one, _other) = through(&relay, "turn:{}?transport=tcp", None).await?;
    assert_eq!(protocol(&one), PathProtocol::Tcp);
    Ok(())
}

#[tokio::test]
async fn packets_pass_through_our_relay_by_tls_and_its_certificate_is_verified() -> Result<()> {
    let certificate = Certificate::make()?;
    let (_server, relay) = TurnService::sangam_with(&certificate, "turns")?;
    let (one, _other) = through(&relay, "turns:{}", Some(&certificate)).await?;
    assert_eq!(protocol(&one), PathProtocol::Tls);
    let stranger = Node::gathered(options(ice_server(&relay, "turns:{}")?)).await?;
    let failure = stranger.endpoint.figures().relays[0].failure.clone().unwrap_or_default();
    ensure!(stranger.endpoint.candidates().is_empty() && failure.contains("TLS handshake failed"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn packets_pass_through_coturn_by_udp() -> Result<()> {
    let coturn = Coturn::start()?;
    through(coturn.service(), "turn:{}", None).await?;
    Ok(())
}

#[tokio::test]
async fn packets_pass_through_coturn_by_tcp() -> Result<()> {
    let coturn = Coturn::start_for_rest_users(&["--no-tls", "--no-dtls"])?;
    through(coturn.service(), "turn:{}?transport=tcp", None).await?;
    Ok(())
}

#[tokio::test]
async fn packets_pass_through_coturn_by_tls() -> Result<()> {
    let certificate = Certificate::make()?;
    let (chain, key) = (format!("--cert={}", certificate.chain()), format!("--pkey={}", certificate.key()));
    let coturn = Coturn::start_for_rest_users(&[&chain, &key])?;
    through(coturn.service(), "turns:{}", Some(&certificate)).await?;
    Ok(())
}

#[tokio::test]
async fn our_relay_gives_an_address_of_each_family_and_both_carry() -> Result<()> {
    let (_server, relay) = TurnService::sangam_at("127.0.0.1".parse()?, "relay")?;
    let (mut one, mut other) = through(&relay, "turn:{}", None).await?;
    assert_eq!(one.endpoint.candidates().len(), 2);
    echo(&mut one, &mut other, false).await?;
    Ok(())
}

#[tokio::test]
async fn servers_of_all_kinds_are_asked_at_once_and_each_gives_an_address() -> Result<()> {
    let certificate = Certificate::make()?;
    let (server, relay) = TurnService::sangam_with(&certificate, "relay")?;
    let coturn = Coturn::start()?;
    let mut servers = ice_server(&relay, "turn:{}")?;
    for (listener, url) in [("turn", "turn:{}?transport=tcp"), ("turns", "turns:{}")] {
        servers.extend(ice_server(&TurnService { addr: server.listener(listener)?, ..relay.clone() }, url)?);
    }
    servers.extend(ice_server(coturn.service(), "turn:{}")?);
    let options = EndpointOptions { ca_file: Some(certificate.chain().into()), ..options(servers) };
    let node = Node::gathered(options).await?;
    let mut by: Vec<&'static str> =
        node.endpoint.candidates().iter().map(|candidate| word(candidate.protocol)).collect();
    by.sort_unstable();
    by.dedup();
    assert_eq!(by, ["tcp", "tls", "udp"]);
    assert_eq!(node.endpoint.figures().allocations_made, 4, "{:?}", node.endpoint.figures());
    Ok(())
}

fn word(protocol: PathProtocol) -> &'static str {
    match protocol {
        PathProtocol::Udp => "udp",
        PathProtocol::Tcp => "tcp",
        PathProtocol::Tls => "tls",
    }
}
