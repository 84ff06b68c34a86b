use std::time::Duration;

use sangam_mesh_proto::LinkId;

use super::network::Network;
use crate::webrtc::{LinkEvent, LinkOptions, SendError};

const LINK: LinkId = LinkId(7);

fn connected(delay: Duration) -> (Network, usize, usize) {
    let mut net = Network::new(50);
    net.delay = delay;
    let (a, b) = (net.host(&["198.51.100.1:4000"]), net.host(&["198.51.100.2:4000"]));
    net.connect(a, b, LINK);
    net.pass(Duration::from_secs(5));
    (net, a, b)
}

fn fill(net: &mut Network, host: usize) -> usize {
    let mut messages = 0;
    while net.hosts[host].links.send(LINK, true, &[0; 8192]).is_ok() {
        messages += 1;
    }
    messages
}

#[test]
fn a_full_window_refuses_and_tells_when_there_is_room() {
    let (mut net, a, _) = connected(Duration::from_micros(500));
    assert_eq!(fill(&mut net, a), 8, "64 KiB on a short way");
    assert_eq!(net.hosts[a].links.send(LINK, true, &[0; 8192]), Err(SendError::Full));
    assert_eq!(net.hosts[a].links.room(LINK), 0);
    let room = |net: &mut Network| net.hosts[a].events.iter().any(|(_, event)| matches!(event, LinkEvent::Room(_)));
    assert!(!room(&mut net));
    assert!(net.run(Duration::from_secs(5), room));
    assert!(net.hosts[a].links.room(LINK) >= 32 * 1024);
    net.hosts[a].links.send(LINK, true, &[0; 8192]).unwrap();
}

/// A consumer that stops by its own account is refused nothing, and was never told of room again.
#[test]
fn whoever_keeps_account_of_the_room_hears_of_more_before_it_is_used_up() {
    let (mut net, a, b) = connected(Duration::from_micros(500));
    let mut account = net.hosts[a].links.room(LINK);
    for sent in 0..100 {
        assert!(account >= 8192, "{account} bytes are left after {sent} messages");
        net.hosts[a].links.send(LINK, true, &[0; 8192]).unwrap();
        account -= 8192;
        net.hosts[a].events.clear();
        net.pass(Duration::from_millis(10));
        for (_, event) in &net.hosts[a].events {
            if let LinkEvent::Room(room) = event {
                account = *room;
            }
        }
    }
    assert!(net.run(Duration::from_secs(5), |net| net.hosts[b].messages(LINK).len() == 100));
}

#[test]
fn the_window_follows_the_round_trip() {
    let (mut net, a, _) = connected(Duration::from_millis(50));
    let bytes = fill(&mut net, a) * 8192;
    assert!(bytes > 700 * 1024 && bytes <= 1024 * 1024, "{bytes} bytes at 100 ms");
}

#[test]
fn a_message_larger_than_the_window_goes_by_itself() {
    let (mut net, a, b) = connected(Duration::from_micros(500));
    let large = vec![7; 256 * 1024];
    net.hosts[a].links.send(LINK, true, &large).unwrap();
    assert_eq!(net.hosts[a].links.send(LINK, true, b"x"), Err(SendError::Full));
    assert!(net.run(Duration::from_secs(5), |net| net.hosts[b].messages(LINK) == [large.clone()]));
}

#[test]
fn a_message_larger_than_the_peer_takes_is_refused() {
    let mut net = Network::new(51);
    let a = net.host(&["198.51.100.1:4000"]);
    let small = LinkOptions { message_bytes_max: 1000, ..LinkOptions::default() };
    let b = net.host_with(&["198.51.100.2:4000"], small);
    net.connect(a, b, LINK);
    assert_eq!(net.hosts[a].links.send(LINK, true, &[0; 1001]), Err(SendError::TooLarge(1000)));
    net.hosts[a].links.send(LINK, true, &[0; 1000]).unwrap();
    assert!(net.run(Duration::from_secs(5), |net| net.hosts[b].messages(LINK).len() == 1));
}

#[test]
fn an_empty_message_is_refused() {
    let (mut net, a, _) = connected(Duration::from_millis(1));
    assert_eq!(net.hosts[a].links.send(LINK, false, b""), Err(SendError::Empty));
}

fn told_room(net: &Network, host: usize) -> Option<usize> {
    net.hosts[host]
        .events
        .iter()
        .find_map(|(_, event)| if let LinkEvent::Room(room) = event { Some(*room) } else { None })
}

#[test]
fn on_a_long_way_room_is_told_long_before_half_of_it_is_empty() {
    let (mut net, a, _) = connected(Duration::from_millis(50));
    let window = fill(&mut net, a) * 8192;
    assert!(net.run(Duration::from_secs(5), |net| told_room(net, a).is_some()));
    let room = told_room(&net, a).unwrap();
    assert!(room >= 32 * 1024 && room < window / 4, "{room} of {window} bytes");
}

#[test]
fn room_is_told_when_what_was_refused_fits() {
    let (mut net, a, _) = connected(Duration::from_micros(500));
    fill(&mut net, a);
    let large = vec![7; 60 * 1024];
    assert_eq!(net.hosts[a].links.send(LINK, true, &large), Err(SendError::Full));
    assert!(net.run(Duration::from_secs(5), |net| told_room(net, a).is_some()));
    net.hosts[a].links.send(LINK, true, &large).unwrap();
}
