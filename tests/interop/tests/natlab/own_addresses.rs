//! The relay's own machine: its services are not to be had through it, its live allocations are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use sangam_interop::TurnService;
use sangam_interop::natlab::start_sangam;
use sangam_testkit::Server;
use sangam_testkit::network::{Host, Network};
use sangam_testkit::peers::spellings;
use sangam_turn_proto::AddressFamily;

use crate::turn_client::{Transport, TurnClient};

const LISTEN: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 3);
const EXTERNAL: Ipv4Addr = Ipv4Addr::new(20, 0, 7, 7);
const RELAY_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 2);
const OTHER_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 3);

/// A machine with all of these addresses, and a client elsewhere.
struct Machine {
    _server: Server,
    service: TurnService,
    relay: Host,
    client: Host,
    _network: Network,
}

impl Machine {
    fn start() -> Result<Self> {
        let network = Network::new()?;
        let addresses: [IpAddr; 5] = [LISTEN.into(), RELAY.into(), OTHER.into(), RELAY_V6.into(), OTHER_V6.into()];
        let relay = network.host("relay", &addresses)?;
        let client = network.host("client", &[Ipv4Addr::new(20, 0, 0, 9).into()])?;
        let settings = [
            &format!("relay.relay_ip={RELAY},{RELAY_V6}"),
            &format!("relay.external_ip={EXTERNAL}/{RELAY}"),
            // A wide rule must not open the relay's own machine.
            "relay.allow_peers=20.0.0.0/8,2600::/16",
        ];
        let (server, service) = start_sangam(&relay, LISTEN, &settings)?;
        Ok(Self { _server: server, service, relay, client, _network: network })
    }

    fn client(&self, family: AddressFamily) -> Result<TurnClient> {
        self.client.inside(|| TurnClient::allocate(&self.service, Transport::Udp, family))
    }
}

#[test]
fn addresses_of_the_relays_machine_are_denied_in_every_spelling() -> Result<()> {
    let machine = Machine::start()?;
    let (mut v4, mut v6) = (machine.client(AddressFamily::V4)?, machine.client(AddressFamily::V6)?);
    for ip in [LISTEN, OTHER] {
        assert_eq!(v4.permit((ip, 80).into())?, Some(403), "{ip}");
        assert_eq!(v4.bind_channel((ip, 80).into())?, Some(403), "{ip}");
    }
    assert_eq!(v6.permit((OTHER_V6, 80).into())?, Some(403));
    // In disguise even the address that relayed ones are opened on is denied.
    for (ip, spelling) in [LISTEN, OTHER, RELAY, EXTERNAL].iter().flat_map(|&ip| spellings(ip).map(|s| (ip, s))) {
        assert_eq!(v6.permit((spelling, 80).into())?, Some(403), "{ip} as {spelling}");
        assert_eq!(v6.bind_channel((spelling, 80).into())?, Some(403), "{ip} as {spelling}");
    }
    // The rule itself is in force.
    assert_eq!(v4.permit((Ipv4Addr::new(20, 0, 0, 8), 80).into())?, None);
    Ok(())
}

#[test]
fn on_the_relays_own_address_live_allocations_are_reached_and_services_are_not() -> Result<()> {
    let machine = Machine::start()?;
    let service = machine.relay.inside(|| Ok(UdpSocket::bind((RELAY, 9_000))?))?;
    service.set_read_timeout(Some(Duration::from_millis(200)))?;
    let (mut near, mut far) = (machine.client(AddressFamily::V4)?, machine.client(AddressFamily::V4)?);
    assert_eq!(near.relayed.ip(), EXTERNAL);
    for ip in [RELAY, EXTERNAL] {
        let addr = SocketAddr::from((ip, 9_000));
        assert_eq!(near.permit(addr)?, None, "a peer could have its relayed address there");
        near.send(addr, b"knock")?;
    }
    near.sync()?;
    assert!(service.recv(&mut [0; 16]).is_err(), "a service of the relay's machine was reached");

    assert_eq!((near.permit(far.relayed)?, far.permit(near.relayed)?), (None, None));
    near.send(far.relayed, b"between allocations")?;
    assert_eq!(far.data()?.as_deref(), Some(&b"between allocations"[..]));
    Ok(())
}
