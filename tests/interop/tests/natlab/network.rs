//! The lab itself: its NATs are what they claim to be, and nothing of it is left behind.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sangam_testkit::network::{Host, Nat, Network};
use sangam_testkit::{Program, WAIT_MAX, wait_until};

/// What two public hosts see of one socket behind a NAT.
struct Observed {
    /// The address each of them sees.
    mapped: [SocketAddr; 2],
    /// Whether the socket hears a port that it never sent to, on a host that it did send to.
    hears_other_ports: bool,
}

fn udp(host: &Host, ip: Ipv4Addr, port: u16) -> Result<UdpSocket> {
    host.inside(|| {
        let socket = UdpSocket::bind((ip, port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(socket)
    })
}

fn observe(nat: Option<Nat>) -> Result<Observed> {
    let network = Network::new()?;
    let (first, second) = (Ipv4Addr::new(20, 0, 0, 1), Ipv4Addr::new(20, 0, 0, 2));
    let hosts = [network.host("first", &[first.into()])?, network.host("second", &[second.into()])?];
    let sockets = [udp(&hosts[0], first, 7_000)?, udp(&hosts[1], second, 7_000)?];
    let stranger = udp(&hosts[0], first, 7_001)?;
    let (client, _site, ip) = match nat {
        Some(nat) => {
            let site = network.site("site", &nat, Ipv4Addr::new(20, 0, 1, 1))?;
            let ip = Ipv4Addr::new(10, 1, 0, 2);
            (site.host("client", ip)?, Some(site), ip)
        }
        None => {
            let ip = Ipv4Addr::new(20, 0, 1, 1);
            (network.host("client", &[ip.into()])?, None, ip)
        }
    };
    let client_socket = udp(&client, ip, 7_000)?;
    let mut buffer = [0; 16];
    let mut mapped = Vec::new();
    for socket in &sockets {
        client_socket.send_to(b"out", socket.local_addr()?)?;
        mapped.push(socket.recv_from(&mut buffer).context("nothing arrives from behind the NAT")?.1);
    }
    // The second comes after the first on the same way: once it is there, the first was let through or dropped.
    stranger.send_to(b"stranger", mapped[0])?;
    sockets[0].send_to(b"known", mapped[0])?;
    let len = client_socket.recv(&mut buffer).context("nothing comes back")?;
    Ok(Observed { mapped: [mapped[0], mapped[1]], hears_other_ports: &buffer[..len] == b"stranger" })
}

#[test]
fn each_nat_maps_and_filters_as_its_type_says() -> Result<()> {
    let one_to_one = Nat::OneToOne(Ipv4Addr::new(10, 1, 0, 2));
    let expected = [
        (None, true, true),
        (Some(one_to_one), true, true),
        (Some(Nat::PortRestricted), true, false),
        (Some(Nat::Symmetric), false, false),
    ];
    for (nat, is_endpoint_independent, hears_other_ports) in expected {
        let observed = observe(nat)?;
        let [first, second] = observed.mapped;
        assert_eq!(first.ip(), Ipv4Addr::new(20, 0, 1, 1), "{nat:?}");
        assert_eq!(first == second, is_endpoint_independent, "{nat:?}: {first} and {second}");
        assert_eq!(observed.hears_other_ports, hears_other_ports, "{nat:?}");
    }
    Ok(())
}

#[test]
fn the_internet_is_silent_about_what_it_does_not_carry() -> Result<()> {
    let network = Network::new()?;
    let ip = Ipv4Addr::new(20, 0, 0, 1);
    let host = network.host("host", &[ip.into()])?;
    let socket = udp(&host, ip, 0)?;
    socket.connect((Ipv4Addr::new(10, 0, 0, 1), 9))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.send(b"to nowhere")?;
    let error = socket.recv(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    Ok(())
}

/// Namespaces of the network of this process that has, or had, a host of this name.
fn namespaces(of: &str) -> Result<Vec<String>> {
    let ours = format!("sangam-{}-", std::process::id());
    let entries = fs::read_dir("/run/netns")?.collect::<std::io::Result<Vec<_>>>()?;
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.filter(|name| name.starts_with(&ours)).collect();
    let prefix = names.iter().find_map(|name| name.strip_suffix(of)).map(str::to_owned);
    Ok(names.into_iter().filter(|name| prefix.as_ref().is_some_and(|prefix| name.starts_with(prefix))).collect())
}

#[test]
fn a_network_and_what_runs_in_it_are_gone_after_a_panic() -> Result<()> {
    let (mut pid, mut made) = (0, Vec::new());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let network = Network::new().unwrap();
        let host = network.host("doomed", &[Ipv4Addr::new(20, 0, 0, 1).into()]).unwrap();
        let program = host.inside(|| Program::start(Command::new("sleep").arg("1000"))).unwrap();
        pid = program.pid();
        // Nobody will stop it but the network itself.
        std::mem::forget(program);
        made = namespaces("doomed").unwrap();
        panic!("a test that fails");
    }));
    assert!(panicked.is_err());
    assert_eq!(made.len(), 2, "the internet and the host: {made:?}");
    assert!(made.iter().all(|name| !Path::new("/run/netns").join(name).exists()), "{made:?}");
    // Killed and not waited for, as its owner was forgotten.
    wait_until("the program's end", WAIT_MAX, || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Ok(stat.contains(") Z ").then_some(()))
    })
}

#[test]
fn what_a_killed_run_left_behind_is_removed_at_the_next_start() -> Result<()> {
    // No process has this id: Linux counts to 2^22.
    let leftover = "sangam-4194999-1-0-relay";
    let added = Command::new("ip").args(["netns", "add", leftover]).status()?;
    assert!(added.success());
    let _network = Network::new()?;
    assert!(!fs::exists(format!("/run/netns/{leftover}"))?);
    Ok(())
}
