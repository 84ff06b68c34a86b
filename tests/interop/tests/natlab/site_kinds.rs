//! Each kind of site is what its table says: by the tests of RFC 5780 section 4, and by holes that are punched or not.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_testkit::network::{Dependence, Host, Nat, Network, Place, SiteKind};

const PRIMARY: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const ALTERNATE: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 2);
const PRIMARY_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 1);
const ALTERNATE_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 2);
const PORT: u16 = 3_478;
const OTHER_PORT: u16 = 3_479;
/// Nothing takes this long here. It is waited for in full only for what must not come.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A server with two addresses and two ports on each, as RFC 5780 has it, of one family.
struct Server {
    _host: Host,
    /// The primary address with both ports, then the alternate one.
    sockets: [[UdpSocket; 2]; 2],
}

impl Server {
    fn start(network: &Network, kind: SiteKind) -> Result<Self> {
        let ips: [IpAddr; 2] = match kind {
            SiteKind::Ipv6Only => [PRIMARY_V6.into(), ALTERNATE_V6.into()],
            _ => [PRIMARY.into(), ALTERNATE.into()],
        };
        let host = network.host("server", &ips)?;
        let open = |ip, port| udp(&host, SocketAddr::new(ip, port));
        let [one, other] = ips;
        let sockets = [[open(one, PORT)?, open(one, OTHER_PORT)?], [open(other, PORT)?, open(other, OTHER_PORT)?]];
        Ok(Self { _host: host, sockets })
    }

    /// The address that one of its sockets sees of a client's.
    fn sees(&self, client: &UdpSocket, address: usize, port: usize) -> Result<SocketAddr> {
        let socket = &self.sockets[address][port];
        client.send_to(b"binding request", socket.local_addr()?)?;
        Ok(socket.recv_from(&mut [0; 32]).context("no UDP comes out of the site")?.1)
    }
}

fn udp(host: &Host, addr: SocketAddr) -> Result<UdpSocket> {
    host.inside(|| {
        let socket = UdpSocket::bind(addr)?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(socket)
    })
}

fn client(place: &Place) -> Result<UdpSocket> {
    udp(place.host(), SocketAddr::new(place.address(), 0))
}

/// RFC 5780 section 4.3: one socket asks the primary address, the alternate address, and the alternate port there.
fn mapping(server: &Server, place: &Place) -> Result<Dependence> {
    let client = client(place)?;
    let first = server.sees(&client, 0, 0)?;
    if server.sees(&client, 1, 0)? == first {
        ensure!(server.sees(&client, 1, 1)? == first, "another port alone makes another mapping");
        return Ok(Dependence::EndpointIndependent);
    }
    let of_address = server.sees(&client, 1, 0)? == server.sees(&client, 1, 1)?;
    Ok(if of_address { Dependence::AddressDependent } else { Dependence::AddressAndPortDependent })
}

/// RFC 5780 section 4.4: after a question to the primary address, answers come from elsewhere. The one that is let in
/// under every rule is sent last, and nothing is waited for beyond it.
fn filtering(server: &Server, place: &Place) -> Result<Dependence> {
    let client = client(place)?;
    let mapped = server.sees(&client, 0, 0)?;
    server.sockets[1][1].send_to(b"elsewhere", mapped)?;
    server.sockets[0][1].send_to(b"other port", mapped)?;
    server.sockets[0][0].send_to(b"as asked", mapped)?;
    let mut heard = Vec::new();
    let mut buffer = [0; 32];
    while heard.last().is_none_or(|last| last != b"as asked") {
        let length = client.recv(&mut buffer).context("not even the answer comes in")?;
        heard.push(buffer[..length].to_vec());
    }
    let hears = |text: &[u8]| heard.iter().any(|it| it == text);
    Ok(match (hears(b"elsewhere"), hears(b"other port")) {
        (true, true) => Dependence::EndpointIndependent,
        (false, true) => Dependence::AddressDependent,
        (false, false) => Dependence::AddressAndPortDependent,
        (true, false) => anyhow::bail!("a filter that no RFC knows: {heard:?}"),
    })
}

#[test]
fn each_kind_of_site_maps_and_filters_as_it_says() -> Result<()> {
    for kind in SiteKind::ALL {
        let (Some(expected_mapping), Some(expected_filtering)) = (kind.mapping(), kind.filtering()) else { continue };
        let network = Network::new()?;
        let server = Server::start(&network, kind)?;
        let place = network.place("site", kind, 1, None)?;
        let found = (mapping(&server, &place), filtering(&server, &place));
        let (mapping, filtering) =
            (found.0.with_context(|| kind.to_string())?, found.1.with_context(|| kind.to_string())?);
        assert_eq!((mapping, filtering), (expected_mapping, expected_filtering), "{kind}");
    }
    Ok(())
}

/// Which of these ports of a public host a machine reaches over TCP; what it does not reach is silent.
fn reached(place: &Place, ports: &[u16]) -> Result<Vec<u16>> {
    let connects = |port: u16| -> Result<bool> {
        let connected = TcpStream::connect_timeout(&(PRIMARY, port).into(), Duration::from_millis(300));
        match connected {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                stream.read_exact(&mut [0])?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(false),
            Err(error) => Err(error.into()),
        }
    };
    place.host().inside(|| {
        let mut reached = Vec::new();
        for &port in ports {
            if connects(port)? {
                reached.push(port);
            }
        }
        Ok(reached)
    })
}

/// Greets whoever comes to one of these ports, until the network is gone.
fn greet(host: &Host, ports: &[u16]) -> Result<()> {
    for &port in ports {
        let listener = host.inside(|| Ok(TcpListener::bind((PRIMARY, port))?))?;
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                stream.and_then(|mut stream| stream.write_all(b".")).ok();
            }
        });
    }
    Ok(())
}

#[test]
fn a_site_without_udp_lets_out_tcp_to_its_few_ports_alone() -> Result<()> {
    let ports = [22, 80, 443, 3_478, 5_349];
    let network = Network::new()?;
    let host = network.host("server", &[PRIMARY.into()])?;
    greet(&host, &ports)?;
    let listening = udp(&host, (PRIMARY, 443).into())?;
    listening.set_nonblocking(true)?;
    for (number, kind, expected) in
        [(1, SiteKind::UdpBlocked, &ports[1..]), (2, SiteKind::WebOnly, &ports[2..3]), (3, SiteKind::Cgnat, &ports)]
    {
        let place = network.place(kind.name(), kind, number, None)?;
        client(&place)?.send_to(b"out", (PRIMARY, 443))?;
        // What came out over UDP did so before the last connection, which took the same way.
        assert_eq!(reached(&place, &ports)?, expected, "{kind}");
        assert_eq!(listening.recv(&mut [0; 8]).is_ok(), kind.mapping().is_some(), "{kind}");
    }
    Ok(())
}

#[test]
fn a_machine_behind_two_nats_is_seen_by_the_carriers_address() -> Result<()> {
    let network = Network::new()?;
    let server = Server::start(&network, SiteKind::Cgnat)?;
    let place = network.place("site", SiteKind::Cgnat, 7, None)?;
    assert_eq!(place.address(), IpAddr::from(Ipv4Addr::new(10, 7, 0, 2)));
    assert_eq!(server.sees(&client(&place)?, 0, 0)?.ip(), IpAddr::from(Ipv4Addr::new(20, 1, 7, 1)));
    Ok(())
}

#[test]
fn a_rebound_site_is_seen_by_another_address_and_what_goes_to_the_old_one_is_lost() -> Result<()> {
    let network = Network::new()?;
    let server = Server::start(&network, SiteKind::PortRestricted)?;
    for (number, kind) in [(1, SiteKind::FullCone), (2, SiteKind::Symmetric), (3, SiteKind::Cgnat)] {
        let mut place = network.place(kind.name(), kind, number, None)?;
        let client = client(&place)?;
        let before = server.sees(&client, 0, 0)?;
        let moved = network.rebind(&mut place)?;
        let socket = &server.sockets[0][0];
        socket.send_to(b"to the old address", before)?;
        let after = server.sees(&client, 0, 0)?;
        assert_eq!(after.ip(), IpAddr::from(moved), "{kind}");
        assert_ne!(before.ip(), after.ip(), "{kind}");
        socket.send_to(b"to the new one", after)?;
        let mut buffer = [0; 32];
        let length = client.recv(&mut buffer)?;
        assert_eq!(&buffer[..length], b"to the new one", "{kind}");
    }
    Ok(())
}

#[test]
fn a_nat_that_forgot_its_mappings_makes_new_ones() -> Result<()> {
    let network = Network::new()?;
    let server = Server::start(&network, SiteKind::Symmetric)?;
    let site = network.site("office", &Nat::Symmetric, Ipv4Addr::new(20, 1, 1, 1))?;
    let private = Ipv4Addr::new(10, 1, 0, 2);
    let host = site.host("peer", private)?;
    let client = udp(&host, (private, 0).into())?;
    let before = server.sees(&client, 0, 0)?;
    assert_eq!(server.sees(&client, 0, 0)?, before);
    site.forget_mappings()?;
    assert_ne!(server.sees(&client, 0, 0)?, before);
    Ok(())
}

/// Two machines that learned their public addresses from a server send to each other until both have heard the other, or
/// for as long as both are patient. Whoever hears a packet answers its sender, as ICE does.
fn punches(server: &Server, one: &Place, other: &Place) -> Result<bool> {
    const ROUNDS: usize = 12;
    let clients = [client(one)?, client(other)?];
    let mut targets = [Vec::new(), Vec::new()];
    for (at, client) in clients.iter().enumerate() {
        targets[1 - at].push(server.sees(client, 0, 0)?);
        client.set_read_timeout(Some(Duration::from_millis(10)))?;
    }
    let mut has_heard = [false; 2];
    for _ in 0..ROUNDS {
        for (at, client) in clients.iter().enumerate() {
            for target in &targets[at] {
                client.send_to(b"check", target)?;
            }
        }
        for (at, client) in clients.iter().enumerate() {
            while let Ok((_, from)) = client.recv_from(&mut [0; 32]) {
                has_heard[at] = true;
                if !targets[at].contains(&from) {
                    targets[at].push(from);
                }
            }
        }
        if has_heard == [true; 2] {
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn holes_are_punched_between_exactly_the_pairs_that_the_oracle_names() -> Result<()> {
    let kinds = SiteKind::ALL.into_iter().filter(|kind| kind.mapping().is_some() && *kind != SiteKind::Ipv6Only);
    let kinds: Vec<SiteKind> = kinds.collect();
    let network = Network::new()?;
    let server = Server::start(&network, SiteKind::Public)?;
    let mut places = Vec::new();
    for (number, &kind) in (1..).zip(&kinds) {
        let twin = |side, number| network.place(&format!("{kind}{side}"), kind, number, None);
        places.push([twin("a", number)?, twin("b", number + 100)?]);
    }
    for (at, one) in places.iter().enumerate() {
        for other in &places[at..] {
            let (a, b) = (one[0].kind(), other[1].kind());
            assert_eq!(punches(&server, &one[0], &other[1])?, a.is_direct_possible(b), "{a} and {b}");
        }
    }
    Ok(())
}
