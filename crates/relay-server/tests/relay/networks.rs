//! Who may use the relay, and how the world sees it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use sangam_control::PartState;
use sangam_relay_server::{IpRange, Live};
use sangam_turn_proto::{Class, MessageBuilder, Method, TransactionId};

use crate::client::{Client, Data, EchoPeer};
use crate::relay::{Options, Relay, credential, eventually, labelled, options};

fn only_from(networks: &[&str]) -> Live {
    Live { allowed_clients: networks.iter().map(|text| text.parse::<IpRange>().unwrap()).collect(), ..Live::default() }
}

/// A Binding request of another client address than the relay's own, and whether it is answered.
fn is_answered(relay: &Relay, from: &str, wait: Duration) -> bool {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.connect(relay.addr()).unwrap();
    socket.set_read_timeout(Some(wait)).unwrap();
    let mut request = [0; 20];
    request[1] = 1;
    request[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
    socket.send(&request).unwrap();
    socket.recv(&mut [0; 200]).is_ok()
}

fn refused(relay: &Relay, kind: &str) -> u64 {
    labelled(&relay.server.snapshot().clients_refused, kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_other_networks_get_silence_and_the_health_check_still_answers() {
    let relay = Relay::with(Options { live: only_from(&["127.0.0.8/29"]), ..options(&["127.0.0.1:0"]) });
    assert!(is_answered(&relay, "127.0.0.9", Duration::from_secs(5)));
    assert!(!is_answered(&relay, "127.0.0.2", Duration::from_millis(300)));
    eventually("it is counted", || refused(&relay, "datagram") == 1);
    let report = relay.server.part().check().await;
    assert_eq!(report.state, PartState::Ready, "{}", report.detail);
}

#[test]
fn a_network_taken_out_by_a_reload_keeps_relaying_but_cannot_refresh() {
    let relay = Relay::start();
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let mut client = Client::bound_to("127.0.0.9", relay.addr(), credential(&relay.secrets.load(), "alice"));
    client.allocate();
    client.bind_channel(0x4001, peer.addr());
    relay.server.reload(only_from(&["127.0.0.16/29"]));
    eventually("the reload is in force", || !is_answered(&relay, "127.0.0.9", Duration::from_millis(50)));
    client.send_on_channel(0x4001, b"still here");
    assert_eq!(client.data(), Data::Channel(0x4001, b"still here".to_vec()));
    let before = refused(&relay, "datagram");
    let refresh = MessageBuilder::new(Class::Request, Method::REFRESH, TransactionId(rand::random())).finish();
    client.socket.send(&refresh).unwrap();
    eventually("the refresh is refused", || refused(&relay, "datagram") == before + 1);
}

#[test]
fn another_external_address_is_told_to_new_allocations_alone() {
    let relay = Relay::start();
    let (mut first, mut second) = (relay.client(), relay.client());
    let old: SocketAddr = first.allocate();
    let external: IpAddr = "198.51.100.7".parse().unwrap();
    relay.server.external_address_setter()("127.0.0.1".parse().unwrap(), external);
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while relay.client().allocate().ip() != external {
        assert!(std::time::Instant::now() < end, "the new address is never told");
    }
    assert_eq!((old.ip(), second.allocate().ip()), (relay.addr().ip(), external));
}

#[test]
fn ports_that_become_scarce_are_named_in_the_detail() {
    let relay = Relay::with(Options { ports: 50_000..=50_004, threads: 1, ..options(&["127.0.0.33:0"]) });
    let clients: Vec<Client> = (0..4).map(|_| relay.client()).collect();
    let detail = |relay: &Relay| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { relay.server.part().check().await }).detail
    };
    assert!(!detail(&relay).contains("in use"));
    let _held: Vec<Client> = clients
        .into_iter()
        .map(|mut client| {
            client.allocate();
            client
        })
        .collect();
    assert!(detail(&relay).contains("4 of 5 relay ports of 127.0.0.33 are in use"), "{}", detail(&relay));
}
