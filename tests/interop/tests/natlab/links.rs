//! Links that delay, lose and are cut do what was asked of them, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sangam_testkit::network::{Host, Impairment, Network, SiteKind};
use sangam_testkit::{WAIT_MAX, wait_until};

const NEAR: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 2);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 2);

/// A machine on a plain cable, and one over a link that does this.
fn two(network: &Network, impairment: Impairment) -> Result<[Host; 2]> {
    let near_v6 = Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 1);
    let near = network.host("near", &[NEAR.into(), near_v6.into()])?;
    let far = network.host_over("far", &[FAR.into(), FAR_V6.into()], Some(impairment))?;
    Ok([near, far])
}

fn udp(host: &Host, ip: IpAddr) -> Result<UdpSocket> {
    host.inside(|| {
        let socket = UdpSocket::bind((ip, 0))?;
        socket.set_read_timeout(Some(WAIT_MAX))?;
        Ok(socket)
    })
}

#[test]
fn a_round_trip_takes_the_delay_of_both_ways_at_least_in_either_family() -> Result<()> {
    let network = Network::new()?;
    let delay = Duration::from_millis(40);
    let hosts = two(&network, Impairment { delay, ..Impairment::default() })?;
    for (any, to) in [(IpAddr::from(Ipv4Addr::UNSPECIFIED), FAR.into()), (Ipv6Addr::UNSPECIFIED.into(), FAR_V6.into())]
    {
        let (near, far) = (udp(&hosts[0], any)?, udp(&hosts[1], to)?);
        let began = Instant::now();
        near.send_to(b"there", far.local_addr()?)?;
        let mut buffer = [0; 8];
        let (length, from) = far.recv_from(&mut buffer).context("nothing comes over the link")?;
        assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
        far.send_to(&buffer[..length], from)?;
        assert_eq!(near.recv(&mut buffer)?, 5);
        assert!(began.elapsed() >= 2 * delay, "{:?}", began.elapsed());
    }
    Ok(())
}

#[test]
fn megabytes_over_tcp_arrive_whole_over_a_link_that_delays_and_loses() -> Result<()> {
    let network = Network::new()?;
    let impairment = Impairment {
        delay: Duration::from_millis(2),
        jitter: Duration::from_millis(1),
        loss: 0.005,
        seed: 3,
        ..Impairment::default()
    };
    let hosts = two(&network, impairment)?;
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[usize::from(n % 2 == 0)]).collect();
    for ip in [IpAddr::from(FAR), FAR_V6.into()] {
        let listener = hosts[1].inside(|| Ok(TcpListener::bind((ip, 0))?))?;
        let mut stream = hosts[0].inside(|| Ok(TcpStream::connect(listener.local_addr()?)?))?;
        let (mut far, _) = listener.accept()?;
        far.set_read_timeout(Some(WAIT_MAX))?;
        let received = std::thread::scope(|scope| {
            scope.spawn(|| stream.write_all(&sent));
            let mut received = vec![0; sent.len()];
            far.read_exact(&mut received).map(|()| received)
        });
        assert!(received? == sent, "a byte was changed");
    }
    let figures = hosts[1].link().context("no link")?.figures();
    assert!(figures.lost > 0 && figures.passed > 4_000 && figures.overflowed == 0, "{figures:?}");
    Ok(())
}

/// Which of so many datagrams come over a link.
fn arrived(impairment: Impairment, datagrams: u16) -> Result<Vec<u16>> {
    let network = Network::new()?;
    let hosts = two(&network, impairment)?;
    let (near, far) = (udp(&hosts[0], NEAR.into())?, udp(&hosts[1], FAR.into())?);
    let link = hosts[1].link().context("no link")?;
    let mut buffer = [0; 2];
    let mut arrived = Vec::new();
    for number in 0..datagrams {
        near.send_to(&number.to_be_bytes(), far.local_addr()?)?;
        // One at a time: no queue of anybody's overflows.
        let figures = wait_until("the datagram's fate", WAIT_MAX, || {
            let figures = link.figures();
            Ok((figures.passed + figures.lost > u64::from(number)).then_some(figures))
        })?;
        if figures.passed > arrived.len() as u64 {
            far.recv(&mut buffer).context("what the link passed does not arrive")?;
            arrived.push(u16::from_be_bytes(buffer));
        }
    }
    let figures = link.figures();
    assert_eq!(figures.passed + figures.lost, u64::from(datagrams), "{figures:?}");
    Ok(arrived)
}

#[test]
fn loss_is_as_asked_and_the_same_datagrams_are_lost_with_the_same_seed() -> Result<()> {
    let impairment = Impairment { loss: 0.2, seed: 42, ..Impairment::default() };
    let first = arrived(impairment, 500)?;
    assert!((350..450).contains(&first.len()), "{} of 500 arrived", first.len());
    assert_eq!(arrived(impairment, 500)?, first);
    assert_ne!(arrived(Impairment { seed: 43, ..impairment }, 500)?, first);
    assert_eq!(arrived(Impairment::default(), 500)?.len(), 500);
    Ok(())
}

#[test]
fn a_cut_link_loses_all_and_a_healed_one_nothing() -> Result<()> {
    let network = Network::new()?;
    let server = network.host("server", &[NEAR.into()])?;
    let place = network.place("home", SiteKind::PortRestricted, 1, Some(Impairment::default()))?;
    let (server, client) = (udp(&server, NEAR.into())?, udp(place.host(), place.address())?);
    let link = place.link().context("no link")?;
    let to = server.local_addr()?;
    let mut buffer = [0; 8];
    for _ in 0..3 {
        link.cut();
        let lost = link.figures().lost;
        client.send_to(b"cut", to)?;
        wait_until("the loss", WAIT_MAX, || Ok((link.figures().lost > lost).then_some(())))?;
        link.heal();
        client.send_to(b"healed", to)?;
        let (length, from) = server.recv_from(&mut buffer)?;
        assert_eq!(&buffer[..length], b"healed");
        assert_eq!(from.ip(), IpAddr::from(Ipv4Addr::new(20, 1, 1, 1)));
    }
    Ok(())
}

#[test]
fn a_link_loses_nothing_at_fifty_megabits_a_second_and_a_round_trip_of_a_tenth_of_one() -> Result<()> {
    // Sent at that rate by the clock, whatever the machine does besides. What the link cannot keep up with is dropped by the
    // kernel before it: it has room for fewer than these. Whether the receiver keeps up is not asked.
    const BYTES: usize = 1_200;
    const DATAGRAMS: u32 = 10_000;
    let network = Network::new()?;
    let hosts = two(&network, Impairment { delay: Duration::from_millis(50), ..Impairment::default() })?;
    let (near, far) = (udp(&hosts[0], NEAR.into())?, udp(&hosts[1], FAR.into())?);
    let to = far.local_addr()?;
    let interval = Duration::from_secs_f64(BYTES as f64 * 8.0 / 50e6);
    let began = Instant::now();
    for number in 0..DATAGRAMS {
        while began.elapsed() < interval * number {
            std::thread::yield_now();
        }
        near.send_to(&[0; BYTES], to)?;
    }
    let link = hosts[1].link().context("no link")?;
    let passed =
        wait_until("every datagram", WAIT_MAX, || Ok((link.figures().passed == u64::from(DATAGRAMS)).then_some(())));
    passed.with_context(|| format!("{:?}", link.figures()))
}
