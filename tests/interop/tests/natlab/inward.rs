//! The relay as a way inside: every special address in every spelling, by every request that could lead there.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use anyhow::{Context, Result, ensure};
use sangam_interop::TurnService;
use sangam_interop::natlab::{counter, start_sangam};
use sangam_testkit::network::{Host, Network};
use sangam_testkit::peers::{special_peers, spellings};
use sangam_testkit::{Server, WAIT_MAX, wait_until};
use sangam_turn_proto::AddressFamily;

use crate::turn_client::{Transport, TurnClient};

const LISTEN: &str = "relay.listen=20.0.0.1:3478,[2600::1]:3478";
const RELAY_V4: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const RELAY_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 1);

/// What was asked of a relay, and what it agreed to.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// Requests and indications.
    pub(crate) tried: u64,
    /// Those that nobody answers: the relay's counters tell what became of them.
    pub(crate) sends: u64,
    /// The peers of requests that succeeded, and of requests that were refused otherwise than with 403.
    pub(crate) accepted: BTreeSet<IpAddr>,
}

impl Attempts {
    /// Asks for each peer in four ways: Send without any permission, CreatePermission, ChannelBind, Send after both.
    pub(crate) fn on(service: &TurnService, transport: Transport, peers: &BTreeSet<IpAddr>) -> Result<Self> {
        let mut attempts = Self::default();
        for family in [AddressFamily::V4, AddressFamily::V6] {
            let mut peers = peers.iter().filter(|&&ip| AddressFamily::of(ip) == family).peekable();
            if peers.peek().is_none() {
                continue;
            }
            let mut client = TurnClient::allocate(service, transport, family)?;
            for &ip in peers {
                attempts.reach(&mut client, ip)?;
            }
            client.sync()?;
        }
        Ok(attempts)
    }

    fn reach(&mut self, client: &mut TurnClient, ip: IpAddr) -> Result<()> {
        let peer = SocketAddr::new(ip, 80);
        client.send(peer, b"without a permission")?;
        let answers = [client.permit(peer)?, client.bind_channel(peer)?];
        client.send(peer, b"after asking for one")?;
        self.tried += 4;
        self.sends += 2;
        if answers != [Some(403), Some(403)] {
            self.accepted.insert(ip);
        }
        Ok(())
    }
}

struct House {
    server: Server,
    service: TurnService,
    relay: Host,
    client: Host,
    network: Network,
}

impl House {
    fn with(settings: &[&str]) -> Result<Self> {
        let network = Network::new()?;
        let relay = network.host("relay", &[RELAY_V4.into(), RELAY_V6.into()])?;
        let client = network.host("client", &[Ipv4Addr::new(20, 0, 0, 9).into()])?;
        let (server, service) = start_sangam(&relay, RELAY_V4, &[&[LISTEN][..], settings].concat())?;
        Ok(Self { server, service, relay, client, network })
    }

    fn try_all(&self, transport: Transport) -> Result<Attempts> {
        self.client.inside(|| Attempts::on(&self.service, transport, &special_peers()))
    }

    fn denied_sends(&self) -> Result<u64> {
        counter(&self.relay, &self.server, "sangam_relay_drops", "reason=\"peer_denied\"")
    }
}

#[test]
fn none_of_the_special_addresses_is_reached_in_any_spelling_by_any_request() -> Result<()> {
    let house = House::with(&[])?;
    let (mut tried, mut sends) = (0, 0);
    for transport in [Transport::Udp, Transport::Tcp] {
        let attempts = house.try_all(transport)?;
        ensure!(attempts.accepted.is_empty(), "over {transport:?}: {:?}", attempts.accepted);
        tried += attempts.tried;
        sends += attempts.sends;
    }
    // 31 IPv4 addresses, each plain and in nine spellings, and 32 IPv6 addresses of which one is 0.0.0.0 in disguise: four
    // attempts at each, over two transports.
    assert_eq!(tried, 2 * 4 * (31 * 10 + 32 - 1));
    wait_until("every Send to be counted as denied", WAIT_MAX, || Ok((house.denied_sends()? >= sends).then_some(())))?;
    assert_eq!(house.denied_sends()?, sends);
    wait_until("the relay's checks of itself alone to be counted as sent", WAIT_MAX, || {
        // Each of them comes back; nothing answers at the addresses above.
        let counts = |direction| counter(&house.relay, &house.server, "sangam_relay_packets", direction);
        Ok((counts("to_peer")? == counts("to_client")?).then_some(()))
    })?;
    Ok(())
}

/// The same attempts where the operator opened a part: without it the table above could pass on a relay that refuses
/// everything.
#[test]
fn the_attempts_succeed_exactly_where_the_operator_allows_them() -> Result<()> {
    let house = House::with(&["relay.allow_peers=10.0.0.0/8,fc00::/7"])?;
    let private = [Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 255, 255, 255)];
    let unique_local = ["fc00::", "fd00:ec2::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];
    let unique_local = unique_local.iter().map(|text| text.parse()).collect::<Result<Vec<Ipv6Addr>, _>>()?;
    // The first three spellings stand in special prefixes themselves; the others are public addresses that lead to it.
    let disguised = private.iter().flat_map(|&v4| spellings(v4).into_iter().skip(3)).chain(unique_local);
    let allowed: BTreeSet<IpAddr> = disguised.map(IpAddr::V6).chain(private.map(IpAddr::V4)).collect();
    assert_eq!(house.try_all(Transport::Udp)?.accepted, allowed);

    let public = Ipv4Addr::new(20, 0, 0, 8);
    let peer = house.network.host("peer", &[public.into()])?;
    let socket = peer.inside(|| Ok(UdpSocket::bind((public, 9_000))?))?;
    socket.set_read_timeout(Some(WAIT_MAX))?;
    let mut client = house.client.inside(|| TurnClient::allocate(&house.service, Transport::Udp, AddressFamily::V4))?;
    assert_eq!(client.permit(socket.local_addr()?)?, None);
    client.send(socket.local_addr()?, b"to a public peer")?;
    let mut room = [0; 64];
    let (len, from) = socket.recv_from(&mut room).context("a public peer is not reached")?;
    assert_eq!((&room[..len], from), (&b"to a public peer"[..], client.relayed));
    Ok(())
}
