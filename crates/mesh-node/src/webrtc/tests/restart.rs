use std::time::Duration;

use sangam_mesh_proto::{LinkId, LinkState};

use super::network::{Network, host_candidate};
use crate::webrtc::{LinkError, LinkEvent};

const LINK: LinkId = LinkId(7);

fn restart(net: &mut Network, from: usize, to: usize) {
    let now = net.now;
    let locals = net.hosts[from].locals.clone();
    let offer = net.hosts[from].links.restart(LINK, &locals, now).unwrap();
    let locals = net.hosts[to].locals.clone();
    let answer = net.hosts[to].links.answer(LINK, &offer, &locals, now).unwrap();
    net.hosts[from].links.accept(LINK, &answer, now).unwrap();
}

fn opened(net: &Network, host: usize) -> usize {
    net.hosts[host].events.iter().filter(|(_, event)| matches!(event, LinkEvent::Opened { .. })).count()
}

/// Both ways, with messages that were sent in between.
fn restarted_by(offerer: bool) {
    let mut net = Network::new(30);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    let (from, to) = if offerer { (a, b) } else { (b, a) };
    for round in 0..3 {
        net.hosts[a].links.send(LINK, false, format!("{round}").as_bytes()).unwrap();
        restart(&mut net, from, to);
        net.pass(Duration::from_secs(2));
    }
    net.pass(Duration::from_secs(10));
    assert_eq!(net.hosts[b].messages(LINK), [b"0".to_vec(), b"1".to_vec(), b"2".to_vec()]);
    for host in [a, b] {
        assert_eq!(opened(&net, host), 1, "the session is the same");
        assert_eq!(net.hosts[host].states(LINK), [LinkState::Open], "nobody noticed");
    }
}

#[test]
fn ice_is_renewed_by_the_side_that_offered() {
    restarted_by(true);
}

#[test]
fn ice_is_renewed_by_the_side_that_answered() {
    restarted_by(false);
}

#[test]
fn a_node_that_moves_to_another_address_keeps_its_link_by_a_restart() {
    let mut net = Network::new(31);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    let (old, new) = (host_candidate("198.51.100.1:4000"), host_candidate("203.0.113.77:4000"));
    net.cut.insert(old.address.ip());
    let now = net.now;
    net.hosts[a].links.remove_local(&old, now);
    net.hosts[a].links.add_local(&new, now);
    net.hosts[a].locals = vec![new.clone()];
    restart(&mut net, a, b);
    net.hosts[a].links.send(LINK, false, b"moved").unwrap();
    assert!(net.run(Duration::from_secs(10), |net| net.hosts[b].messages(LINK) == [b"moved".to_vec()]));
    net.pass(Duration::from_secs(10));
    assert!(net.both_open(a, b, LINK));
    assert_eq!(net.hosts[a].links.pair(LINK).unwrap().local, new.address);
    assert_eq!(net.hosts[b].links.pair(LINK).unwrap().remote, new.address);
    assert_eq!((opened(&net, a), opened(&net, b)), (1, 1));
}

#[test]
fn a_restart_whose_answer_never_comes_changes_nothing() {
    let mut net = Network::new(32);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    let now = net.now;
    net.hosts[a].links.restart(LINK, &[], now).unwrap();
    net.pass(Duration::from_secs(20));
    assert_eq!(net.hosts[a].states(LINK), [LinkState::Open]);
    restart(&mut net, a, b);
    net.pass(Duration::from_secs(5));
    assert!(net.both_open(a, b, LINK));
}

#[test]
fn an_offer_of_another_certificate_is_not_taken_for_a_restart() {
    let mut net = Network::new(33);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let c = net.host(&["198.51.100.3:4000"]);
    net.connect(a, b, LINK);
    let now = net.now;
    let offer = net.hosts[c].links.offer(LINK, "test", &[], now).unwrap();
    assert_eq!(net.hosts[b].links.answer(LINK, &offer, &[], now), Err(LinkError::OtherSession));
    net.pass(Duration::from_secs(10));
    assert!(net.both_open(a, b, LINK));
}

#[test]
fn an_answer_that_nobody_asked_for_is_refused() {
    let mut net = Network::new(34);
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    let now = net.now;
    let offer = net.hosts[a].links.offer(LINK, "test", &[], now).unwrap();
    let answer = net.hosts[b].links.answer(LINK, &offer, &[], now).unwrap();
    net.hosts[a].links.accept(LINK, &answer, now).unwrap();
    assert_eq!(net.hosts[a].links.accept(LINK, &answer, now), Err(LinkError::NotOffered));
    assert_eq!(net.hosts[a].links.accept(LinkId(99), &answer, now), Err(LinkError::Unknown));
}
