//! A relay for nobody but this machine may reach this machine, and ceases to the moment others could use it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use sangam_interop::TurnService;
use sangam_testkit::peers::special_peers;
use sangam_testkit::{Server, ServerBuilder};
use sangam_turn_proto::AddressFamily;

use crate::inward::Attempts;
use crate::turn_client::{Transport, TurnClient};

const BOTH: &str = "127.0.0.1:0,[::1]:0";

struct Relay {
    _server: Server,
    udp: TurnService,
    tcp: TurnService,
}

fn start(settings: &[(&str, &str)]) -> Result<Relay> {
    let secret = "loopback-secret-52c3a94e77886f1d0b";
    let builder = Server::builder().environment("TURN_AUTH_SECRET", secret);
    let server =
        settings.iter().fold(builder, |builder: ServerBuilder, (key, value)| builder.set(key, value)).start()?;
    let udp = TurnService { addr: server.listener("relay")?, secret: secret.to_owned() };
    let tcp = TurnService { addr: server.listener("turn")?, ..udp.clone() };
    Ok(Relay { _server: server, udp, tcp })
}

/// Special addresses, and the two on which the relay itself stands.
fn peers() -> BTreeSet<IpAddr> {
    let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    special_peers().into_iter().chain(own).collect()
}

/// What a relay agreed to reach, whatever the transport.
fn accepted(relay: &Relay, peers: &BTreeSet<IpAddr>) -> Result<BTreeSet<IpAddr>> {
    let udp = Attempts::on(&relay.udp, Transport::Udp, peers)?;
    let tcp = Attempts::on(&relay.tcp, Transport::Tcp, peers)?;
    assert_eq!(udp.accepted, tcp.accepted);
    Ok(udp.accepted)
}

/// Whether a service on loopback hears a client that sends to it by all means.
fn reaches_a_service_on(ip: IpAddr, relay: &Relay) -> Result<bool> {
    let service = UdpSocket::bind((ip, 0))?;
    service.set_read_timeout(Some(Duration::from_millis(200)))?;
    let addr = service.local_addr()?;
    let mut client = TurnClient::allocate(&relay.udp, Transport::Udp, AddressFamily::of(ip))?;
    client.permit(addr)?;
    client.bind_channel(addr)?;
    client.send(addr, b"knock")?;
    client.sync()?;
    Ok(service.recv(&mut [0; 16]).is_ok())
}

#[test]
fn a_relay_on_loopback_alone_reaches_loopback_as_usually_spelled_and_nothing_else() -> Result<()> {
    let relay = start(&[("relay.listen", BOTH)])?;
    let expected: BTreeSet<IpAddr> = peers().into_iter().filter(IpAddr::is_loopback).collect();
    assert_eq!(expected.len(), 4, "127.0.0.0, 127.0.0.1, 127.255.255.255, ::1");
    assert_eq!(accepted(&relay, &peers())?, expected);
    for ip in [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(127, 9, 9, 9).into(), Ipv6Addr::LOCALHOST.into()] {
        assert!(reaches_a_service_on(ip, &relay)?, "{ip}");
    }
    Ok(())
}

/// Its own relayed addresses stay permitted, as those of every relay do, but lead to live allocations only.
fn reaches_no_service(settings: &[(&str, &str)], peers: &BTreeSet<IpAddr>, own: &[IpAddr]) -> Result<()> {
    let relay = start(settings).with_context(|| format!("with {settings:?}"))?;
    assert_eq!(accepted(&relay, peers)?, own.iter().copied().collect(), "{settings:?}");
    for &ip in own {
        assert!(!reaches_a_service_on(ip, &relay)?, "{settings:?}: {ip}");
    }
    assert!(!reaches_a_service_on(Ipv4Addr::new(127, 9, 9, 9).into(), &relay)?, "{settings:?}");
    Ok(())
}

#[test]
fn a_relay_on_loopback_with_an_external_address_reaches_no_service_there() -> Result<()> {
    let own = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let v4: BTreeSet<IpAddr> = peers().into_iter().filter(IpAddr::is_ipv4).collect();
    reaches_no_service(&[("relay.external_ip", "20.0.0.9")], &v4, &own)
}

#[test]
fn a_relay_on_loopback_behind_a_trusted_proxy_reaches_no_service_there() -> Result<()> {
    let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    reaches_no_service(&[("relay.listen", BOTH), ("http.trusted_proxies", "20.0.0.9")], &peers(), &own)
}
