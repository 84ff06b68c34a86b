use std::time::Duration;

use sangam_mesh_proto::{LinkId, PathProtocol};

use super::network::Network;
use crate::webrtc::LinksOutput;

const LINK: LinkId = LinkId(9);

/// Two that have a link on which much may be on the way.
fn connected() -> (Network, usize, usize) {
    let mut net = Network::new(60);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    for messages in 1..=8 {
        net.hosts[a].links.send(LINK, true, &[0; 60_000]).unwrap();
        assert!(net.run(Duration::from_secs(5), |net| net.hosts[b].messages(LINK).len() == messages));
        net.pass(Duration::from_secs(1));
    }
    (net, a, b)
}

/// The packets that a host has to send now.
fn packets(net: &mut Network, host: usize) -> Vec<Vec<u8>> {
    let now = net.now;
    let outputs = std::iter::from_fn(|| match net.hosts[host].links.poll(now) {
        LinksOutput::Wait(_) => None,
        other => Some(other),
    });
    let packet = |output| if let LinksOutput::Transmit { bytes, .. } = output { Some(bytes) } else { None };
    outputs.filter_map(packet).collect()
}

#[test]
fn packets_of_one_poll_leave_in_the_order_they_were_made_in() {
    let (mut net, a, _) = connected();
    net.hosts[a].links.send(LINK, true, &[0; 40_000]).unwrap();
    let sent = packets(&mut net, a);
    assert!(sent.len() > 30, "{} packets", sent.len());
    // RFC 6347 §4.1: the number of a record.
    let numbers: Vec<&[u8]> = sent.iter().map(|packet| &packet[3..11]).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next));
}

#[test]
fn packets_that_come_together_are_acknowledged_by_one() {
    let (mut net, a, b) = connected();
    net.hosts[a].links.send(LINK, true, &[0; 40_000]).unwrap();
    let (sent, now) = (packets(&mut net, a), net.now);
    let (from, to) = (net.hosts[a].locals[0].base, net.hosts[b].locals[0].base);
    for packet in &sent[..12] {
        assert!(net.hosts[b].links.handle_packet(to, from, PathProtocol::Udp, packet, now));
    }
    assert_eq!(packets(&mut net, b).len(), 1);
}

#[test]
fn packets_after_one_that_is_missing_are_acknowledged_one_by_one() {
    let (mut net, a, b) = connected();
    net.hosts[a].links.send(LINK, true, &[0; 40_000]).unwrap();
    let (sent, now) = (packets(&mut net, a), net.now);
    let (from, to) = (net.hosts[a].locals[0].base, net.hosts[b].locals[0].base);
    for packet in &sent[1..9] {
        net.hosts[b].links.handle_packet(to, from, PathProtocol::Udp, packet, now);
    }
    // Three begin a fast retransmission (RFC 4960 §7.2.4); one would leave it to a timer of a second.
    assert_eq!(packets(&mut net, b).len(), 8);
}

#[test]
fn of_packets_that_come_together_none_is_lost_however_many_they_are() {
    let (mut net, a, b) = connected();
    net.hosts[a].links.send(LINK, true, &[7; 60_000]).unwrap();
    let (sent, now) = (packets(&mut net, a), net.now);
    let (from, to) = (net.hosts[a].locals[0].base, net.hosts[b].locals[0].base);
    assert!(sent.len() > 45, "{} packets", sent.len());
    for packet in &sent {
        net.hosts[b].links.handle_packet(to, from, PathProtocol::Udp, packet, now);
    }
    assert_eq!(net.hosts[b].links.totals().packets_refused, 0);
    net.pass(Duration::ZERO);
    assert_eq!(net.hosts[b].messages(LINK).last(), Some(&vec![7; 60_000]));
}
