use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use super::*;
use crate::Poller;

const LOOPBACK: &str = "127.0.0.1:0";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn bind(text: &str) -> Socket {
    Socket::bind(addr(text), SocketBuffers::default()).unwrap()
}

fn group(text: &str, sockets: usize) -> ListenGroup {
    ListenGroup::bind(addr(text), ListenOptions { sockets, buffers: SocketBuffers::default(), seed: 0x5EED }).unwrap()
}

fn peer(text: &str) -> UdpSocket {
    let socket = UdpSocket::bind(addr(text)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// Waits until `socket` is readable, then fills the batch from it.
fn fill(batch: &mut RecvBatch, socket: &Socket) -> Filled {
    let mut poller = Poller::new(1).unwrap();
    poller.add(socket, 0).unwrap();
    let mut ready = Vec::new();
    poller.wait(&mut ready, Some(Duration::from_secs(5))).unwrap();
    assert_eq!(ready.len(), 1, "nothing arrived");
    batch.fill(socket, BATCH_MAX).unwrap()
}

fn check_steering(listen: &str, client: &str) {
    const CLIENTS: usize = 200;
    let group = group(listen, 4);
    let clients: Vec<UdpSocket> = (0..CLIENTS).map(|_| peer(client)).collect();
    for _ in 0..3 {
        for client in &clients {
            client.send_to(b"hello", group.local()).unwrap();
        }
    }
    let mut batch = RecvBatch::new(64);
    for (index, socket) in group.sockets().iter().enumerate() {
        let mut count = 0;
        loop {
            let filled = batch.fill(socket, BATCH_MAX).unwrap();
            for datagram in filled.datagrams.clone().filter_map(|i| batch.datagram(i)) {
                assert_eq!(group.member_for(datagram.from), Some(index), "{}", datagram.from);
                count += 1;
            }
            batch.clear();
            if filled.datagrams.is_empty() {
                break;
            }
        }
        // Three each of 50 clients on average. Fewer than 15 clients would be more than five deviations away.
        assert!(count >= 45, "socket {index} got {count} of {} datagrams", 3 * CLIENTS);
    }
}

#[test]
fn a_client_always_meets_the_same_socket_of_a_group_and_many_clients_spread() {
    check_steering(LOOPBACK, LOOPBACK);
    check_steering("[::1]:0", "[::1]:0");
    check_steering("0.0.0.0:0", LOOPBACK);
}

#[test]
fn an_address_that_a_group_shares_is_in_use_for_another_server() {
    let group = group(LOOPBACK, 2);
    let options = ListenOptions { sockets: 2, buffers: SocketBuffers::default(), seed: 0 };
    let error = ListenGroup::bind(group.local(), options).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("UDP {} is in use: stop what listens there or choose another port", group.local())
    );
}

#[test]
fn an_address_of_another_host_is_not_available() {
    let error = Socket::bind(addr("198.51.100.7:0"), SocketBuffers::default()).unwrap_err();
    assert!(matches!(error, BindError::NotAvailable { .. }), "{error:?}");
}

fn check_wildcard(listen: &str, client: &str, destination: &str) {
    let destination: IpAddr = destination.parse().unwrap();
    let group = group(listen, 2);
    let client = peer(client);
    client.connect((destination, group.local().port())).unwrap();
    client.send(b"ask").unwrap();
    let member = group.member_for(client.local_addr().unwrap()).unwrap();
    let socket = &group.sockets()[member];
    let mut batch = RecvBatch::new(64);
    fill(&mut batch, socket);
    let datagram = batch.datagram(0).unwrap();
    assert_eq!(datagram.to, Some(destination));
    let mut sends = SendBatch::new();
    sends.push_owned(socket, datagram.from, datagram.to, b"answer".to_vec());
    sends.flush(&batch, |to, failure| panic!("{to}: {failure:?}"));
    let mut answer = [0; 16];
    // The client is connected: it hears only answers that leave from the address it sent to.
    assert_eq!(client.recv(&mut answer).unwrap(), 6);
}

#[test]
fn a_socket_bound_to_a_wildcard_answers_from_the_address_that_the_client_used() {
    check_wildcard("0.0.0.0:0", "127.0.0.1:0", "127.0.0.9");
    check_wildcard("[::]:0", "[::1]:0", "::1");
}

#[test]
fn a_socket_bound_to_one_address_tells_no_local_address() {
    let (socket, client) = (bind(LOOPBACK), peer(LOOPBACK));
    client.send_to(b"x", socket.local()).unwrap();
    let mut batch = RecvBatch::new(64);
    fill(&mut batch, &socket);
    let expected = Datagram { from: client.local_addr().unwrap(), to: None, bytes: b"x" };
    assert_eq!(batch.datagram(0), Some(expected));
}

#[test]
fn a_header_and_padding_are_written_around_a_payload_where_it_lies() {
    let (socket, client) = (bind(LOOPBACK), peer(LOOPBACK));
    let to = client.local_addr().unwrap();
    for bytes in [&b"plain"[..], b"longest header and padding", b"HEADpayloadTAIL"] {
        client.send_to(bytes, socket.local()).unwrap();
    }
    let mut batch = RecvBatch::new(64);
    while batch.room() > BATCH_MAX - 3 {
        fill(&mut batch, &socket);
    }
    let mut sends = SendBatch::new();
    sends.push_received(&socket, to, None, batch.slice(0, 0..5));
    let slice = batch.wrap(1, 0..26, &[b'h'; HEADROOM], TAILROOM);
    sends.push_received(&socket, to, None, slice);
    let slice = batch.wrap(2, 4..11, b"[12]", 1);
    sends.push_received(&socket, to, None, slice);
    assert_eq!(sends.flush(&batch, |to, failure| panic!("{to}: {failure:?}")), 3);
    assert!(sends.is_empty());
    let wrapped = [&[b'h'; HEADROOM][..], b"longest header and padding", &[0; TAILROOM]].concat();
    for expected in [&b"plain"[..], &wrapped, b"[12]payload\0"] {
        let mut got = [0; 128];
        let len = client.recv(&mut got).unwrap();
        assert_eq!(&got[..len], expected);
    }
}

#[test]
fn datagrams_of_several_sockets_gather_in_one_batch_until_it_is_full() {
    let (a, b, client) = (bind(LOOPBACK), bind(LOOPBACK), peer(LOOPBACK));
    for i in 0..60_u8 {
        client.send_to(&[i], a.local()).unwrap();
        client.send_to(&[100 + i], b.local()).unwrap();
    }
    let mut batch = RecvBatch::new(64);
    assert_eq!(batch.fill(&a, BATCH_MAX).unwrap().datagrams, 0..60);
    assert_eq!(batch.fill(&b, BATCH_MAX).unwrap().datagrams, 60..64);
    assert_eq!(batch.fill(&b, BATCH_MAX).unwrap().datagrams, 64..64);
    assert_eq!(batch.datagram(59).unwrap().bytes, [59]);
    assert_eq!(batch.datagram(63).unwrap().bytes, [103]);
    batch.clear();
    assert_eq!(batch.fill(&b, 8).unwrap().datagrams, 0..8);
    assert_eq!(batch.datagram(0).unwrap().bytes, [104]);
}

#[test]
fn a_datagram_that_is_too_long_is_lost_alone() {
    let (socket, client) = (bind(LOOPBACK), peer(LOOPBACK));
    for len in [3, 65, 64] {
        client.send_to(&vec![7; len], socket.local()).unwrap();
    }
    let mut batch = RecvBatch::new(64);
    let filled = batch.fill(&socket, BATCH_MAX).unwrap();
    assert_eq!(filled, Filled { datagrams: 0..3, oversized: 1, errors_cleared: 0 });
    assert_eq!(batch.datagram(1), None);
    assert_eq!(batch.datagram(0).unwrap().bytes.len(), 3);
    assert_eq!(batch.datagram(2).unwrap().bytes.len(), 64);
}

#[test]
fn a_datagram_that_cannot_be_sent_costs_neither_the_socket_nor_the_rest_of_the_batch() {
    let (socket, receiver) = (bind(LOOPBACK), peer(LOOPBACK));
    let good = receiver.local_addr().unwrap();
    // None of these leaves the host: from a loopback address there is no way to the first, broadcast is not allowed
    // on the socket, port 0 is nobody's, the family is another.
    let bad = [addr("240.0.0.1:9"), addr("255.255.255.255:9"), addr("127.0.0.1:0"), addr("[2001:db8::1]:9")];
    let mut sends = SendBatch::new();
    for to in [bad[0], good, bad[1], bad[2], good, bad[3]] {
        sends.push_owned(&socket, to, None, b"data".to_vec());
    }
    sends.push_owned(&socket, good, None, vec![0; 65_508]);
    sends.push_owned(&socket, good, None, b"last".to_vec());
    let mut lost = Vec::new();
    let sent = sends.flush(&RecvBatch::new(0), |to, failure| lost.push((to, failure)));
    assert_eq!(sent, 3);
    let mut expected: Vec<_> = bad.map(|to| (to, SendFailure::Unroutable)).to_vec();
    expected.push((good, SendFailure::TooLong));
    assert_eq!(lost, expected);
    for expected in [b"data", b"data", b"last"] {
        let mut got = [0; 8];
        assert_eq!(receiver.recv(&mut got).unwrap(), 4);
        assert_eq!(&got[..4], expected);
    }
}

#[test]
fn an_error_that_a_refused_datagram_left_on_the_socket_loses_no_other() {
    let (socket, receiver) = (bind(LOOPBACK), peer(LOOPBACK));
    let closed = peer(LOOPBACK).local_addr().unwrap();
    let handle = UdpSocket::from(socket.as_fd().try_clone_to_owned().unwrap());
    // Only a connected socket hears of refusals; the message arrives within the call that sends.
    handle.connect(closed).unwrap();
    handle.send(b"refused").unwrap();
    let mut sends = SendBatch::new();
    sends.push_owned(&socket, receiver.local_addr().unwrap(), None, b"first".to_vec());
    let sent = sends.flush(&RecvBatch::new(0), |to, failure| panic!("{to}: {failure:?}"));
    assert_eq!(sent, 1);
    assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 5);

    handle.send(b"refused").unwrap();
    let filled = RecvBatch::new(64).fill(&socket, BATCH_MAX).unwrap();
    assert_eq!(filled, Filled { datagrams: 0..0, oversized: 0, errors_cleared: 1 });
    handle.send(b"refused").unwrap();
    assert!(socket.clear_error().is_some());
    assert!(socket.clear_error().is_none());
}

#[test]
fn datagrams_of_several_sockets_leave_in_one_flush_each_from_its_own() {
    let (a, b, receiver) = (bind(LOOPBACK), bind(LOOPBACK), peer(LOOPBACK));
    let to = receiver.local_addr().unwrap();
    let mut sends = SendBatch::new();
    for socket in [&a, &a, &b, &a] {
        sends.push_owned(socket, to, None, b"x".to_vec());
    }
    assert_eq!(sends.flush(&RecvBatch::new(0), |to, failure| panic!("{to}: {failure:?}")), 4);
    let senders: Vec<SocketAddr> = (0..4).map(|_| receiver.recv_from(&mut [0; 8]).unwrap().1).collect();
    assert_eq!(senders, [a.local(), a.local(), b.local(), a.local()]);
}

#[test]
fn what_must_not_be_cut_is_lost_where_it_does_not_fit() {
    let (sender, receiver, source) = (bind("[::1]:0"), peer("[::1]:0"), peer("[::1]:0"));
    // Loopback carries all; for this socket the path carries no more than the least that IPv6 asks for.
    sender.set_option(libc::IPPROTO_IPV6, libc::IPV6_MTU, &1_280_i32).unwrap();
    let inbox = bind("[::1]:0");
    for len in [2_000, 1_000] {
        source.send_to(&vec![7; len], inbox.local()).unwrap();
    }
    let mut batch = RecvBatch::new(2_000);
    let mut slices = Vec::new();
    while slices.len() < 2 {
        for index in fill(&mut batch, &inbox).datagrams {
            let len = batch.datagram(index).unwrap().bytes.len();
            slices.push((index, len));
        }
    }
    let mut sends = SendBatch::new();
    let to = receiver.local_addr().unwrap();
    for &(index, len) in &slices {
        let slice = batch.slice(index, 0..len);
        sends.push_unfragmented(&sender, to, slice);
        let slice = batch.slice(index, 0..len);
        sends.push_received(&sender, to, None, slice);
    }
    let mut lost = Vec::new();
    assert_eq!(sends.flush(&batch, |to, failure| lost.push((to, failure))), 3);
    assert_eq!(lost, [(to, SendFailure::TooLong)]);
    let mut buffer = [0; 4_000];
    for expected in [2_000, 1_000, 1_000] {
        assert_eq!(receiver.recv(&mut buffer).unwrap(), expected);
    }
}

#[test]
fn what_fits_goes_out_in_one_piece_over_either_family() {
    for text in [LOOPBACK, "[::1]:0"] {
        let (sender, receiver, source, inbox) = (bind(text), peer(text), peer(text), bind(text));
        let mut batch = RecvBatch::new(64);
        source.send_to(b"whole", inbox.local()).unwrap();
        let index = fill(&mut batch, &inbox).datagrams.start;
        let slice = batch.slice(index, 0..5);
        let mut sends = SendBatch::new();
        sends.push_unfragmented(&sender, receiver.local_addr().unwrap(), slice);
        assert_eq!(sends.flush(&batch, |_, failure| panic!("{failure:?}")), 1);
        assert_eq!(receiver.recv(&mut [0; 64]).unwrap(), 5);
    }
}

/// Sends what is queued and gives what was said of each datagram.
fn flush(queue: &mut SendQueue, socket: &Socket) -> Vec<(usize, Result<(), SendFailure>)> {
    let mut heard = Vec::new();
    queue.flush(socket, |bytes, result| heard.push((bytes, result)));
    assert!(queue.is_empty());
    heard
}

#[test]
fn queued_datagrams_leave_together_and_arrive_as_they_were() {
    for local in [LOOPBACK, "[::1]:0"] {
        let (socket, one, other) = (bind(local), peer(local), peer(local));
        let (one_addr, other_addr) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        let mut queue = SendQueue::default();
        for round in 0..2_u8 {
            // Rows that end with a shorter one, with a longer one and with another address.
            let lengths: Vec<usize> = (0..70).map(|n| if n % 7 == 6 { 100 } else { 400 }).collect();
            for (n, &length) in (0_u8..).zip(&lengths) {
                let to = if n % 30 == 29 { other_addr } else { one_addr };
                queue.push(to, vec![n ^ round; length]);
            }
            assert_eq!(queue.len(), 70);
            let expected: Vec<_> = lengths.iter().map(|&length| (length, Ok(()))).collect();
            assert_eq!(flush(&mut queue, &socket), expected);
            let mut buffer = [0; 2000];
            for (n, &length) in (0_u8..).zip(&lengths) {
                let receiver = if n % 30 == 29 { &other } else { &one };
                let (received, from) = receiver.recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..received], from), (&vec![n ^ round; length][..], socket.local()));
            }
        }
    }
}

#[test]
fn a_row_that_is_refused_costs_itself_only() {
    let (socket, peer) = (bind("0.0.0.0:0"), peer(LOOPBACK));
    let to = peer.local_addr().unwrap();
    let mut queue = SendQueue::default();
    // Broadcast is not permitted on this socket.
    for (to, byte) in
        [(to, 1), (to, 2), (addr("255.255.255.255:9"), 3), (addr("255.255.255.255:9"), 4), (to, 5), (to, 6)]
    {
        queue.push(to, vec![byte; 8]);
    }
    let lost = Err(SendFailure::Unroutable);
    let results: Vec<_> = flush(&mut queue, &socket).into_iter().map(|(_, result)| result).collect();
    assert_eq!(results, [Ok(()), Ok(()), lost, lost, Ok(()), Ok(())]);
    let mut buffer = [0; 16];
    for byte in [1, 2, 5, 6] {
        assert_eq!(peer.recv(&mut buffer).unwrap(), 8);
        assert_eq!(buffer[..8], [byte; 8]);
    }
}
