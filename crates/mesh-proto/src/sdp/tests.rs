use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::{Candidate, CandidateKind, PeerId};

/// As aiortc 1.16 writes it, candidates and fingerprints shortened in number only.
const AIORTC: &str = "v=0\r\no=- 3974123456 3974123456 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic:WMS *\r\nm=application 41234 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.7\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\na=candidate:0b1c5e9f3a7d42aab1c5e9f3a7d42aab 1 udp 2130706431 192.0.2.7 41234 typ host\r\na=candidate:ab1c5e9f3a7d42aab1c5e9f3a7d42aa0 1 udp 1694498815 198.51.100.4 41234 typ srflx raddr 192.0.2.7 rport 41234\r\na=end-of-candidates\r\na=ice-ufrag:Xy4T\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:11\r\na=fingerprint:sha-384 22:33\r\na=fingerprint:sha-512 44:55\r\na=setup:actpass\r\n";

/// As libwebrtc writes it before it has gathered.
const LIBWEBRTC: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:h4Fg\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\na=fingerprint:sha-256 AA:bb\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

/// As libdatachannel writes it: it shows `WMS *` like aiortc, and trickles.
const LIBDATACHANNEL: &str = "v=0\r\no=rtc 3121312 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=group:LS 0\r\na=msid-semantic:WMS *\r\na=ice-options:ice2,trickle\r\na=fingerprint:sha-256 AA:BB\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=sctp-port:5000\r\na=max-message-size:262144\r\na=setup:actpass\r\na=ice-ufrag:Nn0q\r\na=ice-pwd:0123456789012345678901\r\n";

fn trickled(line: &str) -> Candidate {
    Candidate { line: line.to_owned(), mid: None, line_index: None, ufrag: None }
}

#[test]
fn descriptions_show_what_made_them() {
    assert_eq!(profile(AIORTC), Profile::Synapse);
    assert_eq!(profile(LIBWEBRTC), Profile::Agent);
    assert_eq!(profile(LIBDATACHANNEL), Profile::Agent);
    assert_eq!(profile(&AIORTC.replace("a=msid-semantic:WMS *\r\n", "")), Profile::Synapse);
    assert_eq!(profile(&without_candidates(&AIORTC.replace("a=msid-semantic:WMS *\r\n", ""))), Profile::Unknown);
    assert_eq!(profile("\0\u{fffd}"), Profile::Unknown);
}

#[test]
fn a_description_of_aiortc_is_read() {
    let all = candidates(AIORTC).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].kind, CandidateKind::ServerReflexive);
    assert_eq!(all[1].related, Some("192.0.2.7:41234".parse().unwrap()));
    assert!(has_end_of_candidates(AIORTC) && !has_end_of_candidates(LIBWEBRTC));
    assert_eq!((ufrag(AIORTC), mid(AIORTC)), (Some("Xy4T"), Some("0")));
    let algorithms: Vec<_> = fingerprints(AIORTC).into_iter().map(|one| one.algorithm).collect();
    assert_eq!(algorithms, ["sha-256", "sha-384", "sha-512"]);
    assert_eq!(fingerprints(LIBWEBRTC)[0].digest, [0xAA, 0xBB]);
}

#[test]
fn candidates_are_read_as_every_library_writes_them() {
    let plain = "candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host";
    let line = CandidateLine::parse(plain).unwrap();
    assert_eq!(line.to_string(), plain);
    assert_eq!(line.address(), Some("192.0.2.1:5000".parse().unwrap()));
    for same in [
        "a=candidate:1 1 UDP 2122260223 192.0.2.1 5000 typ host",
        " candidate:1 1 Udp 2122260223 192.0.2.1 5000 TYP HOST generation 0 network-id 3\r\n",
        "candidate:1 1 udp 2122260223 192.0.2.1 5000",
    ] {
        assert_eq!(CandidateLine::parse(same).as_ref(), Ok(&line), "{same}");
    }
}

#[test]
fn candidates_over_tcp_on_relays_and_with_names_are_read() {
    let tcp = "candidate:2 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active ufrag h4Fg";
    let line = CandidateLine::parse(tcp).unwrap();
    assert_eq!((line.transport, line.tcptype), (Transport::Tcp, Some(TcpType::Active)));
    assert_eq!(line.ufrag.as_deref(), Some("h4Fg"));
    assert_eq!(line.to_string(), tcp);
    let relay = CandidateLine::parse("candidate:3 1 udp 1 203.0.113.9 49200 typ relay raddr 0.0.0.0 rport 0").unwrap();
    assert_eq!(relay.kind, CandidateKind::Relayed);
    let name = "candidate:4 1 udp 2 8D2F21C4-0d5e-4a1c-9f1e-7a2f4b1c3d5e.LOCAL 5000 typ host";
    let line = CandidateLine::parse(name).unwrap();
    assert_eq!(line.host, CandidateHost::Name("8d2f21c4-0d5e-4a1c-9f1e-7a2f4b1c3d5e.local".into()));
    assert_eq!(line.address(), None);
    let ip: IpAddr = "192.0.2.9".parse().unwrap();
    assert_eq!(line.at(ip).address(), Some("192.0.2.9:5000".parse().unwrap()));
    let zoned = CandidateLine::parse("candidate:5 1 udp 2 fe80::1%eth0 5000 typ host").unwrap();
    assert_eq!(zoned.address(), Some("[fe80::1]:5000".parse().unwrap()));
}

#[test]
fn what_is_no_candidate_is_refused_with_its_reason() {
    let long = format!("candidate:{} 1 udp 1 192.0.2.1 1 typ host", "x".repeat(CandidateLine::BYTES_MAX));
    for (text, why) in [
        ("", CandidateLineError::Malformed),
        ("candidate:", CandidateLineError::Malformed),
        ("candidate:1 1 udp 5 192.0.2.1", CandidateLineError::Malformed),
        ("candidate:1 1 udp -5 192.0.2.1 1", CandidateLineError::Malformed),
        ("candidate:1 1 udp 5 192.0.2.1 65536", CandidateLineError::Malformed),
        ("candidate:1 2 udp 5 192.0.2.1 1 typ host", CandidateLineError::Component),
        ("candidate:1 1 sctp 5 192.0.2.1 1 typ host", CandidateLineError::Transport),
        ("candidate:1 1 udp 5 example.org 1 typ host", CandidateLineError::Address),
        ("candidate:1 1 udp 5 .local 1 typ host", CandidateLineError::Address),
        ("candidate:1 1 udp 5 a..local 1 typ host", CandidateLineError::Address),
        ("candidate:1 1 udp 5 192.0.2.1 1 typ magic", CandidateLineError::Kind),
        (&long, CandidateLineError::TooLong),
    ] {
        assert_eq!(CandidateLine::parse(text), Err(why), "{text}");
    }
    for end in ["", "candidate:", "a=end-of-candidates", " a=candidate:\r\n"] {
        assert!(is_end_marker(end), "{end}");
    }
    assert!(!is_end_marker("candidate:1"));
}

#[test]
fn candidates_that_came_by_themselves_are_written_in_once_and_before_the_end() {
    let came = [
        trickled("a=candidate:9 1 UDP 5 203.0.113.5 6000 typ host"),
        trickled("candidate:10 1 udp 6 203.0.113.5 6000 typ host"),
        trickled("candidate:11 1 udp 7 192.0.2.7 41234 typ host"),
        Candidate { ufrag: Some("older".into()), ..trickled("candidate:12 1 udp 8 203.0.113.6 1 typ host") },
        trickled("nonsense"),
        trickled(""),
    ];
    let folded = fold(AIORTC, &came).unwrap();
    let added = "a=candidate:9 1 udp 5 203.0.113.5 6000 typ host\r\na=end-of-candidates\r\n";
    assert_eq!(folded, AIORTC.replace("a=end-of-candidates\r\n", added));
    assert_eq!(without_candidates(&folded), without_candidates(AIORTC));
    assert_eq!(candidates(&without_candidates(&folded)).unwrap(), []);
}

#[test]
fn a_whole_description_says_that_it_is_whole() {
    let of_now = Candidate { ufrag: Some("h4Fg".into()), ..trickled("candidate:9 1 udp 5 203.0.113.5 6000 typ host") };
    let whole = whole(LIBWEBRTC, std::slice::from_ref(&of_now)).unwrap();
    assert_eq!(whole, format!("{LIBWEBRTC}a=candidate:9 1 udp 5 203.0.113.5 6000 typ host\r\na=end-of-candidates\r\n"));
    assert_eq!(super::whole(&whole, &[of_now]).unwrap(), whole);
}

#[test]
fn a_candidate_goes_into_the_section_it_names() {
    let two = format!("{LIBWEBRTC}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:sound\r\n");
    let line = "candidate:9 1 udp 5 203.0.113.5 6000 typ host";
    let by_name = Candidate { mid: Some("sound".into()), line_index: Some(0), ..trickled(line) };
    let by_number = Candidate { mid: Some("other".into()), line_index: Some(1), ..trickled(line) };
    let by_neither = Candidate { line_index: Some(7), ..trickled(line) };
    assert_eq!(fold(&two, &[by_name]).unwrap(), format!("{two}a={line}\r\n"));
    assert_eq!(fold(&two, &[by_number]).unwrap(), format!("{two}a={line}\r\n"));
    assert_eq!(fold(&two, &[by_neither]).unwrap(), two.replace("m=audio", &format!("a={line}\r\nm=audio")));
}

#[test]
fn only_candidates_that_are_wanted_stay() {
    let relays = retain_candidates(AIORTC, |line| line.kind == CandidateKind::ServerReflexive);
    let kinds: Vec<_> = candidates(&relays).unwrap().iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [CandidateKind::ServerReflexive]);
    assert!(has_end_of_candidates(&relays));
}

#[test]
fn a_description_beyond_a_bound_is_refused() {
    let line = |n: usize| format!("a=candidate:{n} 1 udp 5 203.0.113.5 {n} typ host\r\n");
    let lines: String = (1..=CANDIDATES_MAX).map(line).collect();
    let full = format!("{LIBWEBRTC}{lines}");
    assert_eq!(candidates(&full).unwrap().len(), CANDIDATES_MAX);
    assert_eq!(candidates(&format!("{full}{}", line(999))), Err(SdpError::TooManyCandidates));
    let one_more = trickled("candidate:9 1 udp 5 203.0.113.6 6000 typ host");
    assert_eq!(fold(&full, &[one_more]), Err(SdpError::TooManyCandidates));
    let fits = format!("{LIBWEBRTC}a=x:{}\r\n", "y".repeat(BYTES_MAX - LIBWEBRTC.len() - 6));
    assert_eq!((fits.len(), check(&fits)), (BYTES_MAX, Ok(())));
    assert_eq!(mark(&fits, &Mark::new(PeerId::new("a").unwrap(), None)), Err(SdpError::TooLarge));
    let large = format!("{fits}\n");
    assert_eq!(check(&large), Err(SdpError::TooLarge));
    assert_eq!((ufrag(&large), fingerprints(&large).len(), read_mark(&large)), (None, 0, None));
    for text in ["", "v=0\r\n", "m=application 9 x\r\n", "v=0\r\na=x\ry\r\nm=application\r\n"] {
        assert_eq!(check(text), Err(SdpError::NotSdp), "{text}");
    }
}

#[test]
fn a_mark_is_written_once_before_the_media_and_taken_out_again() {
    let (one, other) = (Mark::new(PeerId::new("one").unwrap(), None), Mark::new(PeerId::new("other").unwrap(), None));
    let marked = mark(AIORTC, &one).unwrap();
    assert_eq!(marked, AIORTC.replace("m=app", "a=sangam-mesh:eyJ2IjoxLCJpZCI6Im9uZSJ9\r\nm=app"));
    let again = mark(&marked, &other).unwrap();
    assert_eq!(read_mark(&again), Some(other));
    assert_eq!(unmarked(&again), AIORTC);
    assert_eq!(unmarked(AIORTC), AIORTC);
}

#[test]
fn a_mark_that_is_doubled_or_in_a_media_section_or_unreadable_is_none() {
    let line = "a=sangam-mesh:eyJ2IjoxLCJpZCI6Im9uZSJ9\r\n";
    assert_eq!(read_mark(&format!("v=0\r\n{line}m=x\r\n")).unwrap().id.as_str(), "one");
    let long = format!("a=sangam-mesh:{}\r\n", "A".repeat(MARK_BYTES_MAX + 1));
    for text in [
        format!("v=0\r\n{line}{line}m=x\r\n"),
        format!("v=0\r\nm=x\r\n{line}"),
        format!("v=0\r\n{long}m=x\r\n"),
        "v=0\r\na=sangam-mesh:%%%\r\nm=x\r\n".to_owned(),
        "v=0\r\na=sangam-mesh:e30\r\nm=x\r\n".to_owned(),
    ] {
        assert_eq!(read_mark(&text), None, "{text}");
        assert!(!unmarked(&text).contains("sangam-mesh"));
    }
}

#[test]
fn a_mark_of_a_later_version_is_read_as_far_as_it_is_known() {
    use base64::Engine as _;
    let json = r#"{"v":9,"id":"one","more":{"x":[1]}}"#;
    let value = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    let mark = read_mark(&format!("v=0\r\na=sangam-mesh:{value}\r\nm=x\r\n")).unwrap();
    assert_eq!((mark.version, mark.id.as_str(), mark.proof), (9, "one", None));
}

proptest! {
    #[test]
    fn no_text_is_misread(text in "(v=0|m=x|a=candidate:|a=sangam-mesh:|a=mid:|[ -~é\0]|\r|\n| 1 | udp )*") {
        if let Ok(folded) = fold(&text, &[trickled(&text)]) {
            prop_assert_eq!(check(&folded), Ok(()));
        }
        prop_assert!(profile(&text) != Profile::Sangam || read_mark(&text).is_some());
        prop_assert_eq!(read_mark(&unmarked(&text)), None);
        if let Ok(line) = CandidateLine::parse(&text) {
            prop_assert_eq!(CandidateLine::parse(&line.to_string()), Ok(line));
        }
    }

    #[test]
    fn a_written_candidate_reads_as_it_was(priority: u32, port: u16, ip: IpAddr, other: std::net::SocketAddr, relay: bool) {
        let other = std::net::SocketAddr::new(other.ip(), other.port());
        let line = CandidateLine {
            foundation: "f".into(), transport: Transport::Udp, priority, host: CandidateHost::Address(ip), port,
            kind: if relay { CandidateKind::Relayed } else { CandidateKind::PeerReflexive },
            related: Some(other), tcptype: None, ufrag: Some("u".into()),
        };
        prop_assert_eq!(CandidateLine::parse(&line.to_string()), Ok(line));
    }
}
