//! The client against a TURN server written by others, in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_proto::agent::Transmit;
use stun_types::TransportType;
use turn_server_proto::api::{TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;

use super::*;

const REALM: &str = "lab.test";
const SERVER: &str = "192.0.2.1:3478";
const CLIENT: &str = "10.0.0.2:5000";
const RELAYED: &str = "192.0.2.1:50000";
const RELAYED_V6: &str = "[2001:db8::1]:50000";
const PEER: &str = "198.51.100.7:9000";
const CHECK: Duration = Duration::from_secs(15);

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn server() -> TurnServer {
    let mut server = TurnServer::new(TransportType::Udp, addr(SERVER), REALM.to_owned());
    server.add_user("alice".to_owned(), "secret".to_owned());
    server
}

/// A client, a server, and the time both live in.
struct Lab {
    client: TurnClient,
    /// `None` while it is silent.
    server: Option<TurnServer>,
    start: Instant,
    passed: Duration,
    events: Vec<TurnEvent>,
    /// What the server relayed to peers.
    relayed: Vec<(SocketAddr, Vec<u8>)>,
    /// First bytes of the requests the client sent.
    sent: Vec<[u8; 2]>,
    has_v6: bool,
}

impl Lab {
    fn new(password: &str) -> Self {
        let options = TurnOptions { is_stream: false, check_interval: CHECK, channels_max: 8 };
        let credential = Credential::new("alice".to_owned(), password.to_owned().into());
        Self {
            client: TurnClient::new(options, credential),
            server: Some(server()),
            start: Instant::now(),
            passed: Duration::ZERO,
            events: vec![],
            relayed: vec![],
            sent: vec![],
            has_v6: true,
        }
    }

    fn allocated() -> Self {
        let mut lab = Self::new("secret");
        lab.turn();
        assert!(matches!(lab.events[..], [TurnEvent::Allocated(_)]), "{:?}", lab.events);
        lab.events.clear();
        lab
    }

    fn now(&self) -> Instant {
        self.start + self.passed
    }

    /// Does what is due now, and carries messages both ways until nobody has more.
    fn turn(&mut self) {
        self.client.handle_timeout(self.now());
        loop {
            while let Some(event) = self.client.poll_event() {
                self.events.push(event);
            }
            let Some(bytes) = self.client.poll_transmit() else { return };
            self.sent.push([bytes[0], bytes[1]]);
            for answer in self.ask_server(bytes) {
                self.client.handle(self.now(), &answer);
            }
        }
    }

    fn ask_server(&mut self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let now = stun_proto::Instant::ZERO + self.passed;
        let Some(server) = &mut self.server else { return vec![] };
        let (mut out, mut answers) = (vec![], vec![]);
        let transmit = Transmit::new(bytes, TransportType::Udp, addr(CLIENT), addr(SERVER));
        out.extend(server.recv(transmit, now).map(turn_types::transmit::TransmitBuild::build));
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = server.poll(now)
        {
            let relayed = match family {
                turn_types::AddressFamily::IPV4 => Ok(addr(RELAYED)),
                turn_types::AddressFamily::IPV6 if self.has_v6 => Ok(addr(RELAYED_V6)),
                turn_types::AddressFamily::IPV6 => {
                    Err(turn_server_proto::api::SocketAllocateError::AddressFamilyNotSupported)
                }
            };
            server.allocated_socket(transport, listen_addr, client_addr, allocation_transport, family, relayed, now);
        }
        out.extend(std::iter::from_fn(|| server.poll_transmit(now)));
        for transmit in out {
            if transmit.to == addr(CLIENT) {
                answers.push(transmit.data);
            } else {
                self.relayed.push((transmit.to, transmit.data));
            }
        }
        answers
    }

    /// Lets time pass, and everything in it happen when it is due.
    fn pass(&mut self, time: Duration) {
        let end = self.passed + time;
        for _ in 0..100_000 {
            let due = self.client.next_timeout(self.now()).filter(|due| *due <= self.start + end);
            let Some(due) = due else { break };
            self.passed = self.passed.max(due - self.start);
            self.turn();
        }
        self.passed = end;
    }

    /// Sends through the relay; whether the server passed it on.
    fn send(&mut self, to: &str, payload: &[u8]) -> bool {
        let mut message = vec![];
        if self.client.frame(self.now(), addr(to), payload, &mut message).is_err() {
            return false;
        }
        self.sent.push([message[0], message[1]]);
        self.relayed.clear();
        self.ask_server(message);
        self.relayed == [(addr(to), payload.to_vec())]
    }

    /// A peer sends; what the client makes of it.
    fn hear_peer(&mut self, from: &str, payload: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let now = stun_proto::Instant::ZERO + self.passed;
        let transmit = Transmit::new(payload.to_vec(), TransportType::Udp, addr(from), addr(RELAYED));
        let message = self.server.as_mut()?.recv(transmit, now)?.build().data;
        match self.client.handle(self.now(), &message) {
            Received::Data(from, range) => Some((from, message[range].to_vec())),
            Received::Control | Received::Malformed => None,
        }
    }

    fn count(&self, first_bytes: [u8; 2]) -> usize {
        self.sent.iter().filter(|sent| **sent == first_bytes).count()
    }
}

const ALLOCATE: [u8; 2] = [0x00, 0x03];
const PERMIT: [u8; 2] = [0x00, 0x08];
const BIND: [u8; 2] = [0x00, 0x09];
const SEND: [u8; 2] = [0x00, 0x16];

#[test]
fn an_allocation_has_an_address_of_each_family_that_the_server_has() {
    for has_v6 in [true, false] {
        let mut lab = Lab { has_v6, ..Lab::new("secret") };
        lab.turn();
        let mut expected = vec![addr(RELAYED)];
        expected.extend(has_v6.then(|| addr(RELAYED_V6)));
        assert_eq!(lab.events, [TurnEvent::Allocated(expected)]);
    }
}

#[test]
fn a_wrong_credential_is_named_at_once_and_not_tried_again() {
    let mut lab = Lab::new("wrong");
    lab.turn();
    let [TurnEvent::Over(failure)] = &lab.events[..] else { panic!("{:?}", lab.events) };
    assert!(failure.to_string().contains("credential is wrong"), "{failure}");
    assert_eq!(lab.count(ALLOCATE), 2);
    assert_eq!(lab.client.next_timeout(lab.now()), None);
}

#[test]
fn a_server_that_is_silent_is_given_up_after_seven_requests() {
    let mut lab = Lab { server: None, ..Lab::new("secret") };
    lab.turn();
    lab.pass(Duration::from_secs(39));
    assert!(lab.events.is_empty() && lab.count(ALLOCATE) == 7);
    lab.pass(Duration::from_secs(1));
    assert_eq!(lab.events, [TurnEvent::Over(TurnFailure::Silent)]);
}

#[test]
fn packets_pass_both_ways_for_permitted_peers_alone() {
    let mut lab = Lab::allocated();
    assert!(!lab.send(PEER, b"early"));
    lab.client.permit(addr(PEER).ip(), lab.now());
    lab.turn();
    assert!(lab.send(PEER, b"ping"));
    assert_eq!(lab.hear_peer(PEER, b"pong"), Some((addr(PEER), b"pong".to_vec())));
    assert_eq!(lab.hear_peer("198.51.100.8:9000", b"stranger"), None);
    lab.client.forget(addr(PEER).ip());
    assert!(!lab.send(PEER, b"late"));
}

#[test]
fn a_channel_comes_with_traffic_and_carries_what_follows() {
    let mut lab = Lab::allocated();
    lab.client.permit(addr(PEER).ip(), lab.now());
    lab.turn();
    for _ in 0..8 {
        assert!(lab.send(PEER, b"four"));
    }
    assert_eq!((lab.count(SEND), lab.count(BIND)), (8, 0));
    lab.turn();
    assert_eq!(lab.count(BIND), 1);
    for payload in [&b"four"[..], b"fives", b""] {
        assert!(lab.send(PEER, payload));
        assert_eq!(lab.hear_peer(PEER, payload), Some((addr(PEER), payload.to_vec())));
    }
    assert_eq!((lab.count(SEND), lab.count([0x40, 0x00])), (8, 3));
}

#[test]
fn allocation_permission_and_channel_outlive_hours_and_stale_nonces() {
    let mut lab = Lab::allocated();
    lab.server.as_mut().unwrap().set_nonce_expiry_duration(Duration::from_secs(600));
    lab.client.permit(addr(PEER).ip(), lab.now());
    lab.turn();
    for minute in 0..180 {
        assert!(lab.send(PEER, b"tick"), "minute {minute}");
        assert!(lab.hear_peer(PEER, b"tock").is_some(), "minute {minute}");
        lab.pass(Duration::from_secs(60));
        assert_eq!(lab.events, [], "minute {minute}");
    }
    assert_eq!(lab.count(BIND).cmp(&10), std::cmp::Ordering::Greater);
}

#[test]
fn a_forgotten_peer_is_not_asked_for_any_longer() {
    let mut lab = Lab::allocated();
    lab.client.permit(addr(PEER).ip(), lab.now());
    for _ in 0..9 {
        lab.turn();
        lab.send(PEER, b"tick");
    }
    lab.client.forget(addr(PEER).ip());
    let before = (lab.count(PERMIT), lab.count(BIND));
    lab.pass(Duration::from_secs(3_600));
    assert_eq!((lab.count(PERMIT), lab.count(BIND)), before);
}

#[test]
fn many_permissions_share_requests() {
    let mut lab = Lab::allocated();
    for last in 1..=16 {
        lab.client.permit(addr(&format!("198.51.100.{last}:1")).ip(), lab.now());
    }
    lab.turn();
    assert_eq!(lab.count(PERMIT), 2);
    for last in 1..=16 {
        assert!(lab.send(&format!("198.51.100.{last}:1"), b"x"), "{last}");
    }
}

#[test]
fn a_server_that_was_started_anew_is_noticed_at_the_next_check() {
    let mut lab = Lab::allocated();
    lab.pass(Duration::from_secs(60));
    lab.server = Some(server());
    lab.pass(CHECK);
    assert_eq!(lab.events, [TurnEvent::Over(TurnFailure::Lost)]);
}

#[test]
fn a_server_that_falls_silent_is_noticed_within_half_a_minute_and_not_before_it_was_asked_five_times() {
    let mut lab = Lab::allocated();
    lab.server = None;
    lab.pass(CHECK + Duration::from_secs(11));
    assert_eq!(lab.events, []);
    lab.pass(Duration::from_secs(1));
    assert_eq!(lab.events, [TurnEvent::Over(TurnFailure::Silent)]);
}

#[test]
fn a_success_that_the_server_did_not_sign_is_not_believed() {
    let mut lab = Lab::allocated();
    lab.client.permit(addr(PEER).ip(), lab.now());
    lab.client.handle_timeout(lab.now());
    let request = lab.client.poll_transmit().unwrap();
    let mut forged = request[..20].to_vec();
    forged[..4].copy_from_slice(&[0x01, 0x08, 0, 0]);
    assert_eq!(lab.client.handle(lab.now(), &forged), Received::Control);
    assert_eq!(lab.client.transactions.len(), 1, "still under way");
    lab.pass(Duration::from_secs(1));
    assert!(lab.client.transactions.is_empty() && lab.send(PEER, b"x"));
}

#[test]
fn no_message_whatever_it_says_makes_the_client_panic() {
    let mut lab = Lab::allocated();
    lab.client.permit(addr(PEER).ip(), lab.now());
    lab.client.handle_timeout(lab.now());
    let request = lab.client.poll_transmit().unwrap();
    for class in [0x01, 0x11] {
        for at in 0..request.len() {
            for value in [0, 1, 0x40, 0x80, 0xff] {
                let mut bytes = request.clone();
                bytes[0] = 0x01;
                bytes[1] = class;
                bytes[at] = value;
                lab.client.handle(lab.now(), &bytes);
                lab.client.handle(lab.now(), &bytes[..at]);
            }
        }
    }
}
