use std::net::SocketAddr;

use sangam_mesh_node::endpoint::{Drop, Endpoint, EndpointOptions, StartError, Woken};
use sangam_mesh_proto::CandidateKind;

use crate::support::{host, options, receive, wait_for};

#[tokio::test]
async fn packets_pass_between_two_endpoints_in_order_and_whole() {
    let (mut one, mut other) = (Endpoint::start(options()).await.unwrap(), Endpoint::start(options()).await.unwrap());
    let (here, there) = (host(&one), host(&other));
    let sent: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; 1 + usize::from(n) * 6]).collect();
    for bytes in &sent {
        assert!(one.send(here, there, bytes));
    }
    let received = receive(&mut other, sent.len()).await;
    assert!(received.iter().all(|(from, _)| *from == here));
    assert_eq!(received.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), sent);
    assert_eq!((one.figures().packets_out, other.figures().packets_in), (200, 200));
    assert_eq!(one.figures().bytes_out, other.figures().bytes_in);
}

#[tokio::test]
async fn queued_packets_leave_with_the_flush_in_order_and_whole_and_each_is_counted() {
    let (mut one, mut other) = (Endpoint::start(options()).await.unwrap(), Endpoint::start(options()).await.unwrap());
    let (here, there) = (host(&one), host(&other));
    let sent: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; if n % 9 == 8 { 100 } else { 1200 }]).collect();
    for bytes in &sent {
        one.queue(here, there, bytes.clone());
    }
    // None has left, so that they can leave together.
    assert_eq!(one.figures().packets_out, 0);
    one.queue("127.0.0.1:1".parse().unwrap(), there, b"from nowhere".to_vec());
    one.queue(here, "240.0.0.1:9".parse().unwrap(), b"to nowhere".to_vec());
    one.flush();
    let received = receive(&mut other, sent.len()).await;
    assert_eq!(received.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), sent);
    let figures = one.figures();
    assert_eq!((figures.packets_out, figures.bytes_out), (100, sent.iter().map(|bytes| bytes.len() as u64).sum()));
    assert_eq!((figures.dropped(Drop::NoSuchBase), figures.dropped(Drop::Unroutable)), (1, 1));
}

#[tokio::test]
async fn no_more_than_a_few_hundred_packets_are_queued() {
    let (mut one, mut other) = (Endpoint::start(options()).await.unwrap(), Endpoint::start(options()).await.unwrap());
    let (here, there) = (host(&one), host(&other));
    for n in 0..300_u16 {
        one.queue(here, there, n.to_be_bytes().to_vec());
    }
    assert_eq!(one.figures().packets_out, 256);
    one.flush();
    let received = receive(&mut other, 300).await;
    assert_eq!(received.last().unwrap().1, 299_u16.to_be_bytes());
}

#[tokio::test]
async fn what_one_drain_leaves_wakes_again() {
    let (mut one, mut other) = (Endpoint::start(options()).await.unwrap(), Endpoint::start(options()).await.unwrap());
    let (here, there) = (host(&one), host(&other));
    for n in 0..100_u8 {
        assert!(one.send(here, there, &[n]));
    }
    let mut received = vec![];
    while received.len() < 100 {
        wait_for(&mut other, |woken| (*woken == Woken::Packets).then_some(())).await;
        let before = received.len();
        other.drain(7, &mut |packet| received.push(packet.bytes[0]));
        assert!(received.len() <= before + 7);
    }
    assert_eq!(received, (0..100).collect::<Vec<u8>>());
}

#[tokio::test]
async fn an_unroutable_peer_costs_its_packet_and_nothing_else() {
    let (mut one, mut other) = (Endpoint::start(options()).await.unwrap(), Endpoint::start(options()).await.unwrap());
    let (here, there) = (host(&one), host(&other));
    let closed: SocketAddr = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for _ in 0..10 {
        // From loopback nothing leads there; the kernel says so.
        assert!(!one.send(here, "240.0.0.1:9".parse().unwrap(), b"lost"));
        assert!(!one.send(here, "[::1]:9".parse().unwrap(), b"lost"));
        // Nobody is there: an ICMP message leaves an error on the socket.
        one.send(here, closed, b"refused");
        assert!(one.send(here, there, b"arrives"));
    }
    assert_eq!(receive(&mut other, 10).await, vec![(here, b"arrives".to_vec()); 10]);
    assert_eq!(one.figures().dropped(Drop::Unroutable), 20);
    other.send(there, here, b"back");
    assert_eq!(receive(&mut one, 1).await, [(there, b"back".to_vec())]);
}

#[tokio::test]
async fn a_base_that_is_not_ours_is_a_counted_loss() {
    let mut endpoint = Endpoint::start(options()).await.unwrap();
    assert!(!endpoint.send("127.0.0.1:1".parse().unwrap(), host(&endpoint), b"x"));
    assert_eq!(endpoint.figures().dropped(Drop::NoSuchBase), 1);
}

#[tokio::test]
async fn without_servers_gathering_ends_at_once_with_host_candidates() {
    let mut endpoint = Endpoint::start(options()).await.unwrap();
    wait_for(&mut endpoint, |woken| (*woken == Woken::Gathered).then_some(())).await;
    assert!(endpoint.gathered());
    let candidates = endpoint.candidates();
    assert!(candidates.len() == 1 && candidates[0].kind == CandidateKind::Host, "{candidates:?}");
}

#[tokio::test]
async fn each_endpoint_takes_another_port_of_the_range_until_none_is_left() {
    let free = host(&Endpoint::start(options()).await.unwrap()).port();
    let options = EndpointOptions { ports: Some(free..=free), ..options() };
    let first = Endpoint::start(options.clone()).await.unwrap();
    assert_eq!(host(&first).port(), free);
    let error = Endpoint::start(options).await.unwrap_err();
    assert!(matches!(&error, StartError::Bind(_)) && error.to_string().contains(&free.to_string()), "{error}");
}

#[tokio::test]
async fn loopback_is_used_only_where_an_option_says_so() {
    let all = EndpointOptions { addresses: vec![], ignored_interfaces: vec![], ..options() };
    let with = Endpoint::start(all.clone()).await.unwrap();
    assert!(with.candidates().iter().any(|candidate| candidate.address.ip().is_loopback()));
    let without = Endpoint::start(EndpointOptions { with_loopback: false, ..all }).await;
    let candidates = without.map(|endpoint| endpoint.candidates()).unwrap_or_default();
    assert!(candidates.iter().all(|candidate| !candidate.address.ip().is_loopback()), "{candidates:?}");
}
