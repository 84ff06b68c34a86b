use std::net::UdpSocket;
use std::time::{Duration, Instant};

use sangam_control::PartState;
use sangam_relay_server::{Alternate, Alternates, RelayAddress, RelayServer, StartError};
use sangam_telemetry::metrics::relay::RelayMetrics;

use crate::readiness::check;
use crate::relay::{Relay, eventually, options};

fn start_error(options: crate::relay::Options) -> StartError {
    RelayServer::start(options, &RelayMetrics::default()).unwrap_err()
}

#[test]
fn a_check_gets_an_answer_from_each_thread_on_each_address() {
    let relay = Relay::with(crate::relay::Options { threads: 3, ..options(&["127.0.0.1:0", "[::1]:0"]) });
    let report = check(&relay);
    assert_eq!(report.state, PartState::Ready, "{report:?}");
    assert!(report.detail.starts_with("6 allocations made, used and freed within"), "{report:?}");
    let wildcard = crate::relay::Options {
        relay_addresses: vec![RelayAddress::plain("127.0.0.1".parse().unwrap())],
        ..options(&["0.0.0.0:0", "[::]:0"])
    };
    assert_eq!(check(&Relay::with(wildcard)).state, PartState::Ready);
}

#[test]
fn stopping_frees_the_addresses_and_a_second_stop_does_nothing() {
    let relay = Relay::start();
    let (addr, part) = (relay.addr(), relay.server.part());
    let relayed = relay.client().allocate();
    relay.server.stop(Duration::ZERO);
    relay.server.stop(Duration::ZERO);
    assert_eq!(relay.server.snapshot().threads_running, 0);
    assert_eq!(check(&relay).state, PartState::Draining);
    drop(relay);
    UdpSocket::bind(addr).unwrap();
    UdpSocket::bind(relayed).unwrap();
    drop(part);
}

#[test]
fn a_drain_refuses_new_allocations_and_ends_when_the_last_has_ended() {
    let relay = Relay::start();
    let mut client = relay.client();
    client.allocate();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| relay.server.stop(Duration::from_secs(60)));
        eventually("newcomers are refused", || {
            let mut newcomer = relay.client();
            let response = newcomer.try_allocate();
            if response.error.is_none() {
                newcomer.free();
            }
            response.error == Some(508)
        });
        assert_eq!(check(&relay).state, PartState::Draining);
        client.sync();
        client.free();
        stopping.join().unwrap();
    });
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn newcomers_to_a_server_that_drains_are_sent_to_another_and_served_there() {
    let other = Relay::start();
    let alternate = Alternate { address: other.addr(), domain: None };
    let mut options = options(&["127.0.0.1:0"]);
    options.live.alternates = Alternates { plain: vec![alternate], ..Alternates::default() };
    let relay = Relay::with(options);
    let mut early = relay.client();
    early.allocate();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| relay.server.stop(Duration::from_secs(60)));
        let mut sent_to = None;
        eventually("newcomers are sent elsewhere", || {
            let mut newcomer = relay.client();
            let response = newcomer.try_allocate();
            if response.error.is_none() {
                newcomer.free();
            }
            sent_to = response.alternate;
            response.error == Some(300)
        });
        assert_eq!(sent_to, Some(other.addr()));
        other.client().allocate();
        early.sync();
        early.free();
        stopping.join().unwrap();
    });
}

#[test]
fn an_address_in_use_ends_the_start_with_one_sentence_and_leaves_nothing_bound() {
    let relay = Relay::start();
    let taken = relay.addr();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut both = options(&[]);
    both.listen = vec![free, taken];
    let error = start_error(both);
    assert_eq!(error.to_string(), format!("UDP {taken} is in use: stop what listens there or choose another port"));
    UdpSocket::bind(free).unwrap();
}

#[test]
fn options_that_contradict_each_other_are_refused_with_the_mend() {
    let address = |text: &str| text.parse().unwrap();
    let with_relay = |bound, external| {
        let mut options = options(&["127.0.0.1:0"]);
        options.relay_addresses = vec![RelayAddress { bound: address(bound), external: address(external) }];
        options
    };
    let mut repeated = with_relay("127.0.0.1", "127.0.0.1");
    repeated.relay_addresses.push(repeated.relay_addresses[0]);
    for (options, expected) in [
        (options(&[]), "the relay has no listen address: name at least one"),
        (
            crate::relay::Options { threads: 0, ..options(&["127.0.0.1:0"]) },
            "the relay has no thread to run on: allow at least one",
        ),
        (
            options(&["0.0.0.0:0"]),
            "the relay listens on all addresses but has none to relay from: name the address of this host that peers \
             reach",
        ),
        (
            with_relay("0.0.0.0", "198.51.100.1"),
            "0.0.0.0 is no address to relay from: name the address of this host that peers reach",
        ),
        (
            with_relay("127.0.0.1", "2001:db8::1"),
            "the relay address 127.0.0.1 cannot be announced as 2001:db8::1: both must be IPv4 or both IPv6",
        ),
        (repeated, "127.0.0.1 is named twice as a relay address: one external address for each"),
        (
            with_relay("198.51.100.1", "198.51.100.1"),
            "the relay cannot open sockets on 198.51.100.1: name an address of this host to relay from, and the address \
             that the world sees as its external one",
        ),
    ] {
        assert_eq!(start_error(options).to_string(), expected);
    }
    let ports = crate::relay::Options { ports: 0..=9, ..options(&["127.0.0.1:0"]) };
    assert!(matches!(start_error(ports), StartError::PortRange { first: 0, last: 9 }));
}
