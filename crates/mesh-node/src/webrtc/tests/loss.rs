use std::time::Duration;

use sangam_mesh_proto::{Failure, LinkId, LinkState};

use super::network::Network;

const LINK: LinkId = LinkId(7);

#[test]
fn a_link_over_a_path_that_loses_packets_delivers_all_in_order() {
    let mut net = Network::new(40);
    net.loss = 100;
    net.delay = Duration::from_millis(20);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    let sent: Vec<Vec<u8>> = (0..50_u16).map(|n| n.to_be_bytes().repeat(500)).collect();
    for message in &sent {
        assert!(net.run(Duration::from_secs(30), |net| net.hosts[a].links.send(LINK, true, message).is_ok()));
    }
    assert!(net.run(Duration::from_secs(60), |net| net.hosts[b].messages(LINK).len() == sent.len()));
    assert_eq!(net.hosts[b].messages(LINK), sent);
}

#[test]
fn a_path_that_is_lost_is_told_in_about_five_seconds_and_its_return_too() {
    let mut net = Network::new(41);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    net.pass(Duration::from_secs(20));
    for minutes in [0, 1, 3] {
        net.cut.insert("198.51.100.2".parse().unwrap());
        let lost = net.now;
        let interrupted = |net: &mut Network| {
            [a, b].iter().all(|host| net.hosts[*host].links.state(LINK) == Some(LinkState::Interrupted))
        };
        assert!(net.run(Duration::from_secs(10), interrupted));
        let took = net.now - lost;
        assert!(took > Duration::from_secs(2) && took < Duration::from_millis(5600), "{took:?}");
        net.pass(Duration::from_secs(10 + 60 * minutes));
        assert!(interrupted(&mut net), "it neither ends nor opens by itself");
        net.cut.clear();
        let back = net.now;
        assert!(net.run(Duration::from_secs(12), |net| net.both_open(a, b, LINK)));
        assert!(net.now - back < Duration::from_secs(8), "{:?}", net.now - back);
        net.pass(Duration::from_secs(5));
        net.hosts[a].links.send(LINK, false, b"again").unwrap();
        let got = net.hosts[b].messages(LINK).len();
        assert!(net.run(Duration::from_secs(5), |net| net.hosts[b].messages(LINK).len() > got));
    }
}

#[test]
fn when_the_path_in_use_is_lost_another_one_takes_over_without_signals() {
    for cut in ["198.51.100.1", "198.51.100.2"] {
        let mut net = Network::new(42);
        let a = net.host(&["198.51.100.1:4000", "203.0.113.1:4000"]);
        let b = net.host(&["198.51.100.2:4000", "203.0.113.2:4000"]);
        net.connect(a, b, LINK);
        net.pass(Duration::from_secs(10));
        let before = net.hosts[a].links.pair(LINK).unwrap();
        let cut = if before.local.ip().to_string().starts_with("203") {
            cut.replace("198.51.100", "203.0.113")
        } else {
            cut.to_owned()
        };
        net.cut.insert(cut.parse().unwrap());
        net.pass(Duration::from_secs(12));
        assert!(net.run(Duration::from_secs(10), |net| net.both_open(a, b, LINK)), "{cut}");
        net.hosts[a].links.send(LINK, false, b"still here").unwrap();
        assert!(net.run(Duration::from_secs(5), |net| !net.hosts[b].messages(LINK).is_empty()));
        assert_ne!(net.hosts[a].links.pair(LINK).unwrap(), before);
    }
}

/// A controlled libwebrtc stays on the path before until data comes by the better one.
#[test]
fn a_better_path_is_shown_to_the_peer_with_data_though_there_is_nothing_to_say() {
    let between = |cut: &[&str]| {
        let mut net = Network::new(48);
        net.cut.extend(cut.iter().map(|address| address.parse::<std::net::IpAddr>().unwrap()));
        let a = net.host(&["198.51.100.1:4000", "203.0.113.1:4000"]);
        let b = net.host(&["198.51.100.2:4000"]);
        net.connect(a, b, LINK);
        net
    };
    let better = between(&[]).hosts[0].links.pair(LINK).unwrap().local;
    let mut net = between(&[&better.ip().to_string()]);
    net.pass(Duration::from_millis(300));
    assert_ne!(net.hosts[0].links.pair(LINK).unwrap().local, better);
    net.cut.clear();
    net.data_to.clear();
    assert!(net.run(Duration::from_secs(8), |net| net.hosts[0].links.pair(LINK).unwrap().local == better));
    net.pass(Duration::from_secs(2));
    assert!(net.data_to.contains(&better) && net.both_open(0, 1, LINK), "{:?}", net.data_to);
    net.hosts[0].links.send(LINK, false, b"still here").unwrap();
    assert!(net.run(Duration::from_secs(5), |net| net.hosts[1].messages(LINK) == [b"still here".to_vec()]));
}

#[test]
fn a_path_that_opens_late_is_found() {
    let mut net = Network::new(43);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.cut.insert("198.51.100.2".parse().unwrap());
    net.dial(a, b, LINK);
    net.pass(Duration::from_secs(200));
    for host in [a, b] {
        assert_eq!(net.hosts[host].links.state(LINK), Some(LinkState::Connecting));
    }
    net.cut.clear();
    assert!(net.run(Duration::from_secs(8), |net| net.both_open(a, b, LINK)));
}

#[test]
fn an_answer_that_takes_long_to_arrive_is_in_time() {
    let mut net = Network::new(44);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let answer = net.answered(a, b, LINK);
    net.pass(Duration::from_secs(50));
    let now = net.now;
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    assert!(net.run(Duration::from_secs(2), |net| net.both_open(a, b, LINK)), "without any delay of timers");
}

#[test]
fn a_certificate_other_than_the_one_described_fails_the_handshake() {
    let mut net = Network::new(45);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let answer = net.answered(a, b, LINK);
    let theirs = net.hosts[b].links.fingerprint().to_owned();
    let other = net.hosts[a].links.fingerprint().to_owned();
    let now = net.now;
    net.hosts[a].links.accept(LINK, &answer.replace(&theirs, &other), now).unwrap();
    net.pass(Duration::from_secs(60));
    assert_eq!(net.hosts[a].states(LINK), [LinkState::Closed(Failure::Handshake)]);
}

#[test]
fn idle_links_are_told_nothing_and_send_only_checks() {
    let mut net = Network::new(46);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    net.pass(Duration::from_secs(30));
    let (events, packets, wakes) = (net.hosts[a].events.len(), net.packets, net.wakes);
    net.pass(Duration::from_secs(60));
    assert_eq!(net.hosts[a].events.len(), events);
    let each_second = (net.packets - packets) as f64 / 60.0;
    assert!(each_second < 4.0, "{each_second} packets each second for one idle link");
    let each_second = (net.wakes - wakes) as f64 / 60.0 / 2.0;
    assert!(each_second < 4.0, "a node is woken {each_second} times each second for one idle link");
}

#[test]
fn what_was_sent_into_a_lost_path_arrives_once_it_is_back() {
    for lost in [10, 60, 180] {
        let mut net = Network::new(47);
        let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
        net.connect(a, b, LINK);
        net.cut.insert("198.51.100.2".parse().unwrap());
        net.hosts[a].links.send(LINK, false, b"kept").unwrap();
        net.pass(Duration::from_secs(lost));
        net.cut.clear();
        // SCTP's own timer may have backed off to a minute (RFC 9260 §6.3.3).
        assert!(net.run(Duration::from_secs(62), |net| net.hosts[b].messages(LINK) == [b"kept".to_vec()]));
    }
}

#[test]
fn each_of_many_ways_is_tried_some_times_within_three_seconds_though_none_leads_anywhere() {
    let mut net = Network::new(62);
    for side in [1, 2] {
        let addresses: Vec<String> = (1..=8).map(|number| format!("203.0.113.{number}{side}:4000")).collect();
        net.host(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
        net.cut.extend(addresses.iter().map(|address| address.parse::<std::net::SocketAddr>().unwrap().ip()));
    }
    net.dial(0, 1, LINK);
    net.pass(Duration::from_secs(3));
    let (each, ways) = (net.packets / 2, 8 * 8);
    assert!(each >= 5 * ways && each <= 8 * ways, "{each} checks of {ways} ways");
}
