use std::time::Duration;

use proptest::prelude::*;
use sangam_mesh_proto::{Candidate, LinkId, PathProtocol};

use super::network::Network;
use crate::webrtc::{LinkError, LinkEvent, LinkOptions, Links};

const LINK: LinkId = LinkId(7);

fn two() -> (Network, usize, usize, String) {
    let mut net = Network::new(60);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let (now, locals) = (net.now, net.hosts[a].locals.clone());
    let offer = net.hosts[a].links.offer(LINK, "test", &locals, now).unwrap();
    (net, a, b, offer)
}

fn line(text: &str) -> Candidate {
    Candidate { line: text.into(), mid: None, line_index: None, ufrag: None }
}

#[test]
fn a_description_that_lacks_something_is_refused_and_leaves_no_link() {
    let (mut net, _, b, offer) = two();
    let now = net.now;
    for without in ["a=fingerprint:", "a=ice-ufrag:", "a=ice-pwd:", "a=mid:", "m=application"] {
        let lines = offer.lines().filter(|line| !line.starts_with(without));
        let sdp: String = lines.map(|line| format!("{line}\r\n")).collect();
        let refused = net.hosts[b].links.answer(LINK, &sdp, &[], now);
        assert!(matches!(refused, Err(LinkError::Description(_))), "without {without}: {refused:?}");
        assert_eq!(net.hosts[b].links.totals().links, 0, "without {without}");
    }
    for sdp in ["", "v=0", "\0", &"v=0\r\n".repeat(1000)] {
        assert!(matches!(net.hosts[b].links.answer(LINK, sdp, &[], now), Err(LinkError::Description(_))));
    }
    let huge = offer.clone() + &"a=x\r\n".repeat(20_000);
    assert_eq!(net.hosts[b].links.answer(LINK, &huge, &[], now), Err(LinkError::TooLarge(65_536)));
}

#[test]
fn of_several_fingerprints_that_of_sha_256_counts() {
    let (mut net, a, b, offer) = two();
    let now = net.now;
    let more = offer.replacen(
        "a=fingerprint:sha-256",
        "a=fingerprint:sha-384 AA:BB:CC\r\na=fingerprint:sha-512 AA:BB\r\na=fingerprint:SHA-256",
        1,
    );
    let locals = net.hosts[b].locals.clone();
    let answer = net.hosts[b].links.answer(LINK, &more, &locals, now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    assert!(net.run(Duration::from_secs(5), |net| net.both_open(a, b, LINK)));
}

#[test]
fn more_links_than_allowed_are_refused() {
    let mut links = Links::new(LinkOptions { links_max: 2, ..LinkOptions::default() }).unwrap();
    let now = std::time::Instant::now();
    links.offer(LinkId(1), "test", &[], now).unwrap();
    assert_eq!(links.offer(LinkId(1), "test", &[], now), Err(LinkError::Exists));
    links.offer(LinkId(2), "test", &[], now).unwrap();
    assert_eq!(links.offer(LinkId(3), "test", &[], now), Err(LinkError::TooMany));
}

#[test]
fn candidates_beyond_the_bound_are_left_out() {
    let (mut net, _, b, offer) = two();
    let now = net.now;
    let many: String = (0..500).map(|n| format!("a=candidate:1 1 udp 1 192.0.2.1 {} typ host\r\n", 1000 + n)).collect();
    net.hosts[b].links.answer(LINK, &(offer + &many), &[], now).unwrap();
    assert_eq!(net.hosts[b].links.totals().candidates_refused, 501 - 64);
}

#[test]
fn candidates_of_no_use_are_taken_and_forgotten_and_nonsense_is_refused() {
    let (mut net, a, b, offer) = two();
    let now = net.now;
    let answer = net.hosts[b].links.answer(LINK, &offer, &[], now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    let mut add = |text: &str| net.hosts[a].links.add_remote(LINK, &line(text), now);
    for ignored in [
        "",
        "a=end-of-candidates",
        "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active",
        "candidate:1 2 udp 1 192.0.2.1 9000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 0 typ host",
        "a=candidate:1 1 UDP 1 224.0.0.1 9000 typ host",
    ] {
        assert_eq!(add(ignored), Ok(()), "{ignored}");
    }
    for refused in
        ["candidate:", "x", "candidate:1 1 udp x 192.0.2.1 9 typ host", "candidate:1 1 udp 1 a.example 9 typ host"]
            .into_iter()
            .skip(1)
    {
        assert_eq!(add(refused), Err(LinkError::Candidate), "{refused}");
    }
}

#[test]
fn packets_of_strangers_are_counted_and_change_nothing() {
    let (mut net, a, b, offer) = two();
    let now = net.now;
    let locals = net.hosts[b].locals.clone();
    let answer = net.hosts[b].links.answer(LINK, &offer, &locals, now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    let (local, stranger) = ("198.51.100.2:4000".parse().unwrap(), "203.0.113.9:9".parse().unwrap());
    for bytes in [&b""[..], b"\x00", b"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00", &[0x80; 100]] {
        assert!(!net.hosts[b].links.handle_packet(local, stranger, PathProtocol::Udp, bytes, now));
    }
    assert_eq!(net.hosts[b].links.totals().packets_unknown, 4);
    assert!(net.run(Duration::from_secs(5), |net| net.both_open(a, b, LINK)));
}

#[test]
fn a_peer_has_us_send_nothing_to_our_own_loopback() {
    let (mut net, _, b, offer) = two();
    let now = net.now;
    let offer = offer + "a=candidate:1 1 udp 2130706431 127.0.0.1 53 typ host\r\n";
    let locals = net.hosts[b].locals.clone();
    net.hosts[b].links.answer(LINK, &offer, &locals, now).unwrap();
    assert!(net.hosts[b].links.add_remote(LINK, &line("candidate:1 1 udp 2130706431 ::1 53 typ host"), now).is_ok());
    let told = net.run(Duration::from_secs(3), |net| {
        net.hosts[b].events.iter().any(|(_, event)| *event == LinkEvent::RemoteCandidates(1))
    });
    assert!(told, "only the other one is of use");
    assert!(!net.sent_to.iter().any(|to| to.ip().is_loopback()));
}

/// Bytes that come as if from the peer, at every stage: nothing may panic, and the link that is open must outlive them.
fn disturb(net: &mut Network, host: usize, from: &str, to: &str, bytes: &[u8]) {
    let (local, from, now) = (to.parse().unwrap(), from.parse().unwrap(), net.now);
    net.hosts[host].links.handle_packet(local, from, PathProtocol::Udp, bytes, now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn forged_packets_end_no_link(
        packets in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..200)), 1..60),
        when in 0_u64..60,
    ) {
        let (mut net, a, b, offer) = two();
        let now = net.now;
        let locals = net.hosts[b].locals.clone();
        let answer = net.hosts[b].links.answer(LINK, &offer, &locals, now).unwrap();
        net.hosts[a].links.accept(LINK, &answer, now).unwrap();
        net.run(Duration::from_secs(20), |net| net.both_open(a, b, LINK));
        prop_assert!(net.both_open(a, b, LINK));
        net.pass(Duration::from_millis(when));
        for (kind, bytes) in &packets {
            // Every kind that is demultiplexed (RFC 7983), with heads that pass the first look.
            let bytes = match kind % 5 {
                0 => bytes.clone(),
                1 => [&[0x16, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, *kind, 0, bytes.len() as u8][..], bytes].concat(),
                2 => [&[0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, *kind, 0, bytes.len() as u8][..], bytes].concat(),
                3 => [&[0, 1, 0, bytes.len() as u8, 0x21, 0x12, 0xa4, 0x42][..], &[*kind; 12], bytes].concat(),
                _ => [&[0x15, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, *kind, 0, 2, 2, *kind][..]].concat(),
            };
            disturb(&mut net, b, "198.51.100.1:4000", "198.51.100.2:4000", &bytes);
            net.pass(Duration::from_millis(1));
        }
        net.hosts[a].links.send(LINK, false, b"alive").unwrap();
        prop_assert!(net.run(Duration::from_secs(5), |net| net.hosts[b].messages(LINK) == [b"alive".to_vec()]));
        prop_assert_eq!(net.hosts[b].links.totals().broken, 0);
    }

    #[test]
    fn a_damaged_description_never_panics(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[ -~]{0,12}"), 1..5),
        as_answer in any::<bool>(),
    ) {
        let (mut net, a, b, offer) = two();
        let now = net.now;
        let mut text = if as_answer { net.hosts[b].links.answer(LINK, &offer, &[], now).unwrap() } else { offer };
        for (at, length, with) in &cuts {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.replace_range(at..end, with);
        }
        if as_answer {
            net.hosts[a].links.accept(LINK, &text, now).ok();
        } else {
            net.hosts[b].links.answer(LINK, &text, &[], now).ok();
        }
        net.pass(Duration::from_secs(3));
        prop_assert_eq!(net.hosts[a].links.totals().broken + net.hosts[b].links.totals().broken, 0);
    }
}
