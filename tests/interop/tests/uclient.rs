//! What coturn's own client can do beyond plain echoes, against our relay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};
use sangam_interop::{EchoPeer, Probe, Report, TurnService, Way, run_uclient, start_uclient};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// What two clients of 20 messages each must report.
const ALL: Report = Report { sent: 40, received: 40, lost: 0 };

/// Two clients with these flags to an echo server and back, at a relay that listens at `client`.
fn echoes(client: IpAddr, listener: &str, peer: IpAddr, flags: &[&str]) -> Result<()> {
    let (_server, relay) = TurnService::sangam_at(client, listener)?;
    let peer = EchoPeer::start_at(peer)?;
    assert_eq!(run_uclient(&relay, &Way::Echo(&peer), flags, 2, 20)?, ALL, "{flags:?}");
    Ok(())
}

#[test]
fn uclient_over_ipv6_gets_an_ipv6_relay_over_udp_and_tcp() -> Result<()> {
    echoes(V6, "relay", V6, &["-x"])?;
    echoes(V6, "turn", V6, &["-x", "-t"])
}

#[test]
fn uclient_over_ipv6_reaches_ipv4_peers_if_it_asks_for_an_ipv4_relay() -> Result<()> {
    echoes(V6, "relay", V4, &["-X"])?;
    echoes(V6, "turn", V4, &["-X", "-t", "-s"])
}

#[test]
fn uclient_over_ipv4_reaches_ipv6_peers_through_an_ipv6_relay() -> Result<()> {
    echoes(V4, "relay", V6, &["-x"])?;
    echoes(V4, "turn", V6, &["-x", "-t"])
}

/// It asks for both families by the number of a draft, and then refreshes the one or the other at random.
#[test]
fn uclient_gets_an_address_of_each_family_under_one_allocation() -> Result<()> {
    echoes(V4, "relay", V4, &["-Z"])?;
    echoes(V6, "turn", V4, &["-Z", "-t"])
}

#[test]
fn uclient_joins_two_ipv6_relays_of_ipv4_clients() -> Result<()> {
    let (_server, relay) = TurnService::sangam_at(V4, "relay")?;
    assert_eq!(run_uclient(&relay, &Way::ClientToClient, &["-x"], 2, 20)?, ALL);
    Ok(())
}

#[test]
fn uclient_may_pad_every_channel_message_also_over_udp() -> Result<()> {
    echoes(V4, "relay", V4, &["-D", "-l", "161"])?;
    echoes(V4, "turn", V4, &["-D", "-t", "-l", "163"])
}

#[test]
fn uclient_asks_for_dont_fragment_and_gets_it() -> Result<()> {
    echoes(V4, "relay", V4, &["-g"])?;
    echoes(V4, "relay", V4, &["-g", "-s"])
}

#[test]
fn uclient_repeats_permissions_and_channel_binds_at_will() -> Result<()> {
    echoes(V4, "relay", V4, &["-G"])?;
    echoes(V4, "relay", V4, &["-G", "-s"])
}

#[test]
fn uclient_with_everything_at_once_loses_nothing() -> Result<()> {
    echoes(V4, "turn", V4, &["-g", "-s", "-G", "-D", "-X", "-t"])?;
    echoes(V6, "relay", V6, &["-g", "-G", "-D", "-x", "-B"])
}

/// One of the two clients has its allocation on the port above that of the other.
#[test]
fn uclient_reserves_the_port_above_an_even_one_and_uses_both() -> Result<()> {
    for (listener, flags) in [("relay", &[][..]), ("turn", &["-t"])] {
        let (server, relay) = TurnService::sangam_at(V4, listener)?;
        let peer = EchoPeer::start()?;
        assert_eq!(run_uclient(&relay, &Way::EchoWithTwins(&peer), flags, 2, 20)?, ALL, "{listener}");
        let log = server.log();
        let ports: Vec<u16> = log.lines().filter_map(relayed_port).collect();
        let twins = |even: &&u16| even.is_multiple_of(2) && ports.contains(&(**even + 1));
        ensure!(ports.iter().any(|port| twins(&port)), "no twins among {ports:?}");
    }
    Ok(())
}

/// The port in a line that says an allocation began.
fn relayed_port(line: &str) -> Option<u16> {
    let (_, relayed) = line.split_once("\"relayed\":\"127.0.0.1:")?;
    relayed.split_once('"')?.0.parse().ok()
}

/// It comes back from another port in the middle of its work and starts anew.
#[test]
fn uclient_may_leave_without_a_word_and_begin_again() -> Result<()> {
    let (_server, relay) = TurnService::sangam_at(V4, "relay")?;
    assert_eq!(run_uclient(&relay, &Way::ClientToClient, &["-B"], 2, 20)?, ALL);
    let (_server, relay) = TurnService::sangam_at(V4, "turn")?;
    assert_eq!(run_uclient(&relay, &Way::ClientToClient, &["-B", "-t"], 2, 20)?, ALL);
    Ok(())
}

/// `-N` asks for things that must be refused, such as a second channel to the same peer, and ends at once with an error
/// of its own if one is granted.
#[test]
fn uclient_is_refused_what_it_must_not_get() -> Result<()> {
    for (listener, flags) in [("relay", &["-N"][..]), ("turn", &["-N", "-t"])] {
        let (_server, relay) = TurnService::sangam_at(V4, listener)?;
        assert_eq!(run_uclient(&relay, &Way::ClientToClient, flags, 2, 20)?, ALL, "{listener}");
    }
    Ok(())
}

/// `-O` allocates, binds and leaves at once; `-R` overwrites bytes of its own messages at random, so that it sometimes
/// waits for ever for an answer, with any server. How far each gets is chance, and so not asked; what counts is
/// everybody else.
#[test]
fn uclients_that_attack_or_write_garbage_harm_no_other() -> Result<()> {
    for (listener, target, flags) in [("relay", "udp", &[][..]), ("turn", "tcp", &["-t"])] {
        let (server, relay) = TurnService::sangam_at(V4, listener)?;
        let peer = EchoPeer::start()?;
        let garbage = [flags, &["-R"]].concat();
        let attack = [flags, &["-O"]].concat();
        let mut hostile = Vec::new();
        for _ in 0..6 {
            hostile.push(start_uclient(&relay, &Way::ClientToClient, &garbage, 2, 1_000)?);
            hostile.push(start_uclient(&relay, &Way::Echo(&peer), &attack, 4, 1)?);
        }
        assert_eq!(run_uclient(&relay, &Way::Echo(&peer), flags, 2, 20)?, ALL, "{listener}");
        drop(hostile);
        let target = format!("turn:{}?transport={target}", relay.addr);
        let probe = Probe::new(&["turn", &target, "--messages", "5"])?;
        let probed = probe.environment("SANGAM_PROBE_SECRET", &relay.secret).run()?;
        ensure!(probed.code == Some(0), "{listener}, afterwards: {}", probed.output);
        ensure!(!server.log().contains("\"level\":\"ERROR\""), "{}", server.log());
    }
    Ok(())
}
