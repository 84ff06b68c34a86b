use std::net::SocketAddr;
use std::time::Duration;

use sangam_mesh_proto::{Candidate, CandidateKind, LinkId, LinkState, PathProtocol};

use super::network::{Network, host_candidate};
use crate::endpoint::LocalCandidate;
use crate::webrtc::{
    LinkError, LinkEvent, LinkOptions, Links, LinksOutput, names_in, with_address, with_end_of_candidates,
};

const LINK: LinkId = LinkId(7);

#[test]
fn two_nodes_connect_and_a_message_passes_each_way() {
    let mut net = Network::new(1);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    net.hosts[a].links.send(LINK, false, b"hello").unwrap();
    net.hosts[b].links.send(LINK, true, b"\x00\x01").unwrap();
    let limit = Duration::from_secs(1);
    assert!(net.run(limit, |net| net.hosts[b].messages(LINK) == [b"hello".to_vec()]));
    assert!(net.run(limit, |net| net.hosts[a].messages(LINK) == [vec![0, 1]]));
    for host in [a, b] {
        let opened = net.hosts[host]
            .events
            .iter()
            .any(|(_, event)| *event == LinkEvent::Opened { label: "test".into(), message_bytes_max: 256 * 1024 });
        assert!(opened, "the channel is told on both sides");
        assert_eq!(net.hosts[host].states(LINK), [LinkState::Open]);
        let pair = net.hosts[host].links.pair(LINK).unwrap();
        assert_eq!((pair.local_kind, pair.remote_kind), (CandidateKind::Host, CandidateKind::Host));
    }
    let figures = net.hosts[a].links.figures(LINK).unwrap();
    assert_eq!((figures.messages_sent, figures.bytes_sent), (1, 5));
    assert_eq!((figures.messages_received, figures.bytes_received), (1, 2));
}

#[test]
fn a_link_that_is_polled_with_a_moment_before_its_own_checks_its_ways_all_the_same() {
    let early = std::time::Instant::now();
    let late = early + Duration::from_millis(5);
    let (mut one, mut other) =
        (Links::new(LinkOptions::default()).unwrap(), Links::new(LinkOptions::default()).unwrap());
    let offer = one.offer(LINK, "test", &[host_candidate("198.51.100.1:4000")], early).unwrap();
    other.answer(LINK, &offer, &[host_candidate("198.51.100.2:4000")], late).unwrap();
    let next = loop {
        match other.poll(early) {
            LinksOutput::Wait(next) => break next,
            LinksOutput::Transmit { .. } => break Some(early),
            LinksOutput::Event(..) => {}
        }
    };
    assert!(next.is_some_and(|at| at <= late + Duration::from_millis(100)), "{:?}", next.map(|at| at - early));
}

#[test]
fn a_handshake_that_begins_before_our_own_check_is_answered_is_not_lost() {
    // Whether both are open soon, if so many early records are kept and one that is lost comes again after a second.
    let is_soon_open = |early_records_max| {
        let mut net = Network::new(9);
        let a = net.host_behind_nat("10.0.0.1:4000", "203.0.113.1", false);
        let b = net.host_behind_nat("10.0.0.2:4000", "203.0.113.2", false);
        for host in [a, b] {
            let (repeat_pause, repeat_pause_max) = (Duration::from_secs(1), Duration::from_secs(1));
            let options = LinkOptions { early_records_max, repeat_pause, repeat_pause_max, ..LinkOptions::default() };
            net.hosts[host].links = Links::new(options).unwrap();
        }
        let (now, locals) = (net.now, [net.hosts[a].locals.clone(), net.hosts[b].locals.clone()]);
        let offer = net.hosts[a].links.offer(LINK, "test", &locals[0], now).unwrap();
        let answer = net.hosts[b].links.answer(LINK, &offer, &locals[1], now).unwrap();
        // The first checks of the one that answers find the other's NAT closed.
        net.pass(Duration::from_millis(10));
        net.hosts[a].links.accept(LINK, &answer, net.now).unwrap();
        net.run(Duration::from_millis(700), |net| net.both_open(a, b, LINK))
    };
    assert!(is_soon_open(LinkOptions::default().early_records_max));
    assert!(!is_soon_open(0));
}

#[test]
fn an_offer_to_skip_the_handshake_of_sctp_is_answered_without() {
    let mut net = Network::new(12);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let (now, locals) = (net.now, [net.hosts[a].locals.clone(), net.hosts[b].locals.clone()]);
    let offer = net.hosts[a].links.offer(LINK, "test", &locals[0], now).unwrap();
    let init = str0m::channel::SctpInitData::new().local_init_string().unwrap();
    let answer = net.hosts[b].links.answer(LINK, &format!("{offer}a=sctp-init:{init}\r\n"), &locals[1], now).unwrap();
    assert!(!answer.contains("sctp-init"), "{answer}");
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    assert!(net.run(Duration::from_secs(2), |net| net.both_open(a, b, LINK)));
}

#[test]
fn an_offer_without_candidates_is_completed_by_those_that_follow() {
    let mut net = Network::new(2);
    let (a, b) = (net.host(&[]), net.host(&[]));
    net.dial(a, b, LINK);
    net.pass(Duration::from_secs(3));
    assert!(!net.both_open(a, b, LINK));
    for (host, other, address) in [(a, b, "198.51.100.1:4000"), (b, a, "198.51.100.2:4000")] {
        let (now, local) = (net.now, host_candidate(address));
        let trickled = net.hosts[host].links.add_local(&local, now);
        net.hosts[host].locals.push(local);
        assert_eq!(trickled.len(), 1);
        let (id, candidate) = &trickled[0];
        assert!(candidate.line.starts_with("candidate:") && candidate.line.ends_with("typ host"), "{candidate:?}");
        net.hosts[other].links.add_remote(*id, candidate, now).unwrap();
    }
    assert!(net.run(Duration::from_secs(2), |net| net.both_open(a, b, LINK)));
}

#[test]
fn a_peer_that_turns_out_to_remember_nothing_is_linked_by_an_offer_for_one_that_may() {
    let mut net = Network::new(3);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let (now, locals) = (net.now, [net.hosts[a].locals.clone(), net.hosts[b].locals.clone()]);
    let offer = net.hosts[a].links.offer_anew(LINK, "test", &locals[0], now).unwrap();
    let answer = net.hosts[b].links.answer(LINK, &offer, &locals[1], now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    assert!(net.run(Duration::from_secs(2), |net| net.both_open(a, b, LINK)));
}

#[test]
fn candidates_that_overtake_their_description_are_kept_for_it() {
    let mut net = Network::new(3);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let now = net.now;
    let offer = net.hosts[a].links.offer(LINK, "test", &[], now).unwrap();
    let answer = net.hosts[b].links.answer(LINK, &offer, &[], now).unwrap();
    let fragment = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    let line = "a=candidate:1 1 UDP 2130706431 198.51.100.2 4000 typ host".to_owned();
    let candidate = Candidate { line, mid: None, line_index: None, ufrag: Some(fragment.to_owned()) };
    net.hosts[a].links.add_remote(LINK, &candidate, now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    // Neither description says an address, so only that candidate can lead one to the other.
    net.hosts[a].links.add_local(&host_candidate("198.51.100.1:4000"), now);
    net.hosts[b].links.add_local(&host_candidate("198.51.100.2:4000"), now);
    assert!(net.run(Duration::from_secs(2), |net| net.both_open(a, b, LINK)));
}

#[test]
fn two_nodes_behind_nats_meet_at_their_outer_addresses() {
    let mut net = Network::new(4);
    let a = net.host_behind_nat("10.0.0.2:4000", "203.0.113.1", false);
    let b = net.host_behind_nat("10.1.0.2:4000", "203.0.113.2", false);
    net.connect(a, b, LINK);
    let pair = net.hosts[a].links.pair(LINK).unwrap();
    assert_eq!(pair.local, "10.0.0.2:4000".parse().unwrap());
    assert_eq!(pair.remote, "203.0.113.2:20001".parse().unwrap());
    assert_eq!(pair.remote_kind, CandidateKind::ServerReflexive);
}

#[test]
fn behind_a_symmetric_nat_the_peer_is_met_where_its_checks_come_from() {
    let mut net = Network::new(5);
    let a = net.host_behind_nat("10.0.0.2:4000", "203.0.113.1", true);
    let b = net.host(&["198.51.100.2:4000"]);
    net.connect(a, b, LINK);
    assert_eq!(net.hosts[b].links.pair(LINK).unwrap().remote_kind, CandidateKind::PeerReflexive);
}

#[test]
fn a_relayed_address_is_its_own_base_and_told_as_udp() {
    let mut net = Network::new(6);
    let (a, b) = (net.host(&[]), net.host(&["198.51.100.2:4000"]));
    let address = "192.0.2.9:50000".parse().unwrap();
    let relayed = LocalCandidate {
        kind: CandidateKind::Relayed,
        address,
        base: address,
        protocol: PathProtocol::Tls,
        server: Some("turns:relay.example".into()),
    };
    net.hosts[a].locals.push(relayed);
    net.connect(a, b, LINK);
    let pair = net.hosts[a].links.pair(LINK).unwrap();
    assert_eq!((pair.local_kind, pair.protocol, pair.local), (CandidateKind::Relayed, PathProtocol::Tls, address));
    assert_eq!(net.hosts[b].links.pair(LINK).unwrap().remote_kind, CandidateKind::Relayed);
}

#[test]
fn a_hundred_links_share_one_socket() {
    let mut net = Network::new(7);
    let hub = net.host(&["198.51.100.1:4000"]);
    let peers: Vec<usize> = (0..100).map(|n| net.host(&[&format!("198.51.101.{n}:4000")])).collect();
    for peer in &peers {
        net.dial(hub, *peer, LinkId(*peer as u64));
    }
    let open = |net: &mut Network| peers.iter().all(|peer| net.both_open(hub, *peer, LinkId(*peer as u64)));
    assert!(net.run(Duration::from_secs(10), open));
    for peer in &peers {
        net.hosts[hub].links.send(LinkId(*peer as u64), false, peer.to_string().as_bytes()).unwrap();
    }
    net.pass(Duration::from_secs(1));
    for peer in &peers {
        assert_eq!(net.hosts[*peer].messages(LinkId(*peer as u64)), [peer.to_string().into_bytes()]);
    }
}

#[test]
fn of_sessions_that_begin_at_once_between_the_same_two_sockets_the_newest_opens() {
    let mut net = Network::new(7);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    for id in 0..3 {
        net.dial(a, b, LinkId(id));
    }
    assert!(net.run(Duration::from_secs(2), |net| net.both_open(a, b, LinkId(2))));
    net.hosts[a].links.send(LinkId(2), false, b"hello").unwrap();
    assert!(net.run(Duration::from_secs(1), |net| net.hosts[b].messages(LinkId(2)) == [b"hello".to_vec()]));
}

#[test]
fn our_description_has_what_other_stacks_ask_for() {
    let mut net = Network::new(8);
    let a = net.host(&["198.51.100.1:4000"]);
    let locals = net.hosts[a].locals.clone();
    let now = net.now;
    let offer = net.hosts[a].links.offer(LINK, "test", &locals, now).unwrap();
    let whole = with_end_of_candidates(&offer);
    let fingerprint = format!("a=fingerprint:sha-256 {}", net.hosts[a].links.fingerprint());
    for line in [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "a=setup:actpass",
        "a=end-of-candidates",
        &fingerprint,
    ] {
        assert!(whole.lines().any(|other| other == line), "{line} is not in\n{whole}");
    }
    assert!(whole.lines().any(|line| line.starts_with("a=candidate:") && line.ends_with("198.51.100.1 4000 typ host")));
    assert!(whole.ends_with("\r\n") && whole.split("\r\n").all(|line| !line.contains('\n')));
}

#[test]
fn all_links_of_a_node_show_one_certificate() {
    let mut net = Network::new(9);
    let a = net.host(&["198.51.100.1:4000"]);
    let now = net.now;
    let lines: Vec<String> = (0..2)
        .map(|id| net.hosts[a].links.offer(LinkId(id), "test", &[], now).unwrap())
        .map(|sdp| sdp.lines().find(|line| line.starts_with("a=fingerprint:")).unwrap().to_owned())
        .collect();
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn candidates_with_names_are_handed_out_and_used_once_resolved() {
    let mut net = Network::new(10);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let now = net.now;
    let locals = net.hosts[a].locals.clone();
    let offer = net.hosts[a].links.offer(LINK, "test", &locals, now).unwrap();
    let name = "7a5e0b0c-1d6c-4f0e-9d55-2c0f3d2f9a11.local";
    let hidden = offer.replace("198.51.100.1 4000", &format!("{name} 4000"));
    let names = names_in(&hidden);
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].0, name);
    let answer = net.hosts[b].links.answer(LINK, &hidden, &[], now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    assert_eq!(net.hosts[b].links.add_remote(LINK, &names[0].1, now), Err(LinkError::Name));
    net.hosts[b].links.add_local(&host_candidate("198.51.100.2:4000"), now);
    net.pass(Duration::from_secs(2));
    assert!(!net.both_open(a, b, LINK), "nobody knows an address of the other");
    let (ip, now) = ("198.51.100.1".parse().unwrap(), net.now);
    net.hosts[b].links.add_remote(LINK, &with_address(&names[0].1, ip), now).unwrap();
    assert!(net.run(Duration::from_secs(3), |net| net.both_open(a, b, LINK)));
}

#[test]
fn checks_do_not_wait_for_each_other_longer_than_they_must() {
    let mut net = Network::new(17);
    net.delay = Duration::from_micros(500);
    // Only the last address of each leads anywhere.
    let addresses = |host: u8| (1..=3).map(move |n| format!("198.51.{host}.{n}:4000")).collect::<Vec<_>>();
    let (ours, theirs) = (addresses(1), addresses(2));
    let host = |net: &mut Network, all: &[String]| net.host(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let (a, b) = (host(&mut net, &ours), host(&mut net, &theirs));
    let cut = ours[..2].iter().chain(&theirs[..2]).map(|text| text.parse::<SocketAddr>().unwrap().ip());
    net.cut.extend(cut);
    let start = net.now;
    net.connect(a, b, LINK);
    let took = net.now - start;
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[test]
fn a_relayed_address_that_is_met_before_it_is_told_gives_way_to_a_better_one() {
    let relayed = |port| LocalCandidate {
        kind: CandidateKind::Relayed,
        server: Some("test".to_owned()),
        ..host_candidate(&format!("192.0.2.9:{port}"))
    };
    let mut net = Network::new(9);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.hosts[a].locals.push(relayed(5000));
    let mapped = "a=candidate:1 1 udp 1694498815 198.51.100.2 4000 typ srflx raddr 0.0.0.0 rport 9";
    let line = |line| if str::starts_with(line, "a=candidate:") { mapped } else { line };
    let answer = net.answered(a, b, LINK).lines().map(line).collect::<Vec<_>>().join("\r\n") + "\r\n";
    let now = net.now;
    net.hosts[b].locals.push(relayed(6000));
    let told = net.hosts[b].links.add_local(&relayed(6000), now);
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    net.pass(Duration::from_secs(1));
    assert!(net.sent_to.iter().any(|to| to.port() == 6000), "it is met");
    let now = net.now;
    for (link, candidate) in told {
        net.hosts[a].links.add_remote(link, &candidate, now).unwrap();
    }
    net.pass(Duration::from_secs(3));
    assert!(net.both_open(a, b, LINK));
    assert_eq!(net.hosts[a].links.pair(LINK).unwrap().remote_kind, CandidateKind::ServerReflexive);
}
