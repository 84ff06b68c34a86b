use std::time::Duration;

use sangam_mesh_proto::{Failure, LinkId, LinkState};

use super::network::Network;
use crate::webrtc::SendError;

const LINK: LinkId = LinkId(7);

fn connected() -> (Network, usize, usize) {
    let mut net = Network::new(20);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    (net, a, b)
}

#[test]
fn a_link_that_one_side_closes_is_closed_on_both_and_forgotten() {
    let (mut net, a, b) = connected();
    let now = net.now;
    net.hosts[a].links.close(LINK, now);
    net.pass(Duration::from_millis(500));
    assert_eq!(net.hosts[a].states(LINK), [LinkState::Open, LinkState::Closed(Failure::ClosedByUs)]);
    assert_eq!(net.hosts[b].states(LINK), [LinkState::Open, LinkState::Closed(Failure::ClosedByPeer)]);
    net.pass(Duration::from_secs(3));
    for host in [a, b] {
        assert_eq!(net.hosts[host].links.totals().links, 0);
        assert_eq!(net.hosts[host].links.send(LINK, false, b"x"), Err(SendError::Closed));
    }
    let before = net.packets;
    net.pass(Duration::from_secs(60));
    assert_eq!(net.packets, before, "nothing is left that sends");
}

#[test]
fn a_link_whose_goodbye_nobody_hears_is_forgotten_after_a_while() {
    let (mut net, a, b) = connected();
    net.cut.insert("198.51.100.2".parse().unwrap());
    let now = net.now;
    net.hosts[a].links.close(LINK, now);
    net.pass(Duration::from_secs(3));
    assert_eq!(net.hosts[a].links.totals().links, 0);
    assert_eq!(net.hosts[b].links.state(LINK), Some(LinkState::Open));
}

#[test]
fn a_link_that_was_never_answered_can_be_closed() {
    let mut net = Network::new(21);
    let a = net.host(&["198.51.100.1:4000"]);
    let now = net.now;
    net.hosts[a].links.offer(LINK, "test", &[], now).unwrap();
    net.hosts[a].links.close(LINK, now);
    net.pass(Duration::from_secs(3));
    assert_eq!(net.hosts[a].links.totals().links, 0);
    assert_eq!(net.hosts[a].states(LINK), [LinkState::Closed(Failure::ClosedByUs)]);
}

#[test]
fn a_new_session_between_the_same_addresses_leaves_the_old_one_as_it_is() {
    let (mut net, a, b) = connected();
    let newer = LinkId(8);
    net.hosts[a].links.send(LINK, false, b"before").unwrap();
    net.dial(a, b, newer);
    for round in 0..50 {
        net.hosts[a].links.send(LINK, false, format!("old {round}").as_bytes()).unwrap();
        net.pass(Duration::from_millis(3));
    }
    assert!(net.run(Duration::from_secs(5), |net| net.both_open(a, b, newer)));
    for round in 0..50 {
        net.hosts[b].links.send(LINK, false, format!("old {round}").as_bytes()).unwrap();
        net.hosts[b].links.send(newer, false, format!("new {round}").as_bytes()).unwrap();
        net.pass(Duration::from_millis(3));
    }
    net.pass(Duration::from_secs(8));
    assert_eq!(net.hosts[b].messages(LINK).len(), 51);
    assert_eq!(net.hosts[a].messages(LINK).len(), 50);
    assert_eq!(net.hosts[a].messages(newer).len(), 50);
    let now = net.now;
    net.hosts[a].links.close(LINK, now);
    net.pass(Duration::from_secs(3));
    assert_eq!(net.hosts[b].links.state(LINK), None, "the goodbye reached the session it was for");
    assert!(net.both_open(a, b, newer));
}
