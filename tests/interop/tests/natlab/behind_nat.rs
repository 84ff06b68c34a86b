//! A relay whose machine has a private address, behind 1:1 NAT, and clients that may use nothing but the relay.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use sangam_interop::TurnService;
use sangam_interop::natlab::{Peer, Policy, RELAY_PORT, call, start_sangam};
use sangam_testkit::Server;
use sangam_testkit::network::{Host, Nat, Network, Site};

const PUBLIC: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const BYTES: u64 = 3_000_000;

struct Cloud {
    server: Server,
    /// As clients outside know it, and as those beside it do.
    service: TurnService,
    service_inside: TurnService,
    _relay: Host,
    site: Site,
    network: Network,
}

impl Cloud {
    fn start() -> Result<Self> {
        let network = Network::new()?;
        let site = network.site("cloud", &Nat::OneToOne(PRIVATE), PUBLIC)?;
        let relay = site.host("relay", PRIVATE)?;
        let external = format!("relay.external_ip={PUBLIC}/{PRIVATE}");
        let (server, service_inside) = start_sangam(&relay, PRIVATE, &[&external])?;
        let service = TurnService { addr: (PUBLIC, RELAY_PORT).into(), ..service_inside.clone() };
        Ok(Self { server, service, service_inside, _relay: relay, site, network })
    }
}

fn connects(cloud: &Cloud, offerer: &Peer<'_>, answerer: &Peer<'_>) -> Result<()> {
    let call = call(offerer, answerer, BYTES).with_context(|| format!("the relay said:\n{}", cloud.server.log()))?;
    ensure!(call.bytes == BYTES && call.pair == "relay/relay", "{call:?}");
    Ok(())
}

#[test]
fn two_relay_only_clients_connect_through_a_relay_behind_one_to_one_nat() -> Result<()> {
    let cloud = Cloud::start()?;
    let hosts = [2, 3].map(|at| {
        let ip = Ipv4Addr::new(20, 0, at, 1);
        cloud.network.host(&format!("client{at}"), &[ip.into()])
    });
    let [near, far] = hosts;
    let (near, far) = (near?, far?);
    let [offerer, answerer] = [&near, &far].map(|host| Peer { host, relay: &cloud.service, policy: Policy::Relay });
    connects(&cloud, &offerer, &answerer)
}

#[test]
fn a_relay_only_client_beside_the_relay_connects_with_one_outside_its_nat() -> Result<()> {
    let cloud = Cloud::start()?;
    let outside = cloud.network.host("client", &[Ipv4Addr::new(20, 0, 2, 1).into()])?;
    let inside = cloud.site.host("client", Ipv4Addr::new(10, 0, 0, 6))?;
    let outside = Peer { host: &outside, relay: &cloud.service, policy: Policy::Relay };
    let inside = Peer { host: &inside, relay: &cloud.service_inside, policy: Policy::Relay };
    connects(&cloud, &outside, &inside)?;
    connects(&cloud, &inside, &outside)
}
