use std::time::Duration;

use sangam_turn_proto::{Attribute, Method};

use crate::client::{Client, Data, EchoPeer};
use crate::relay::{Relay, credential, eventually, labelled, options, secrets};

#[test]
fn a_binding_request_is_answered_with_the_address_it_came_from() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let relay = Relay::with(options(&[listen]));
        let client = relay.client();
        let response = client.request_once(Method::BINDING, &[]);
        assert_eq!(response.mapped, Some(client.addr()));
    }
}

#[test]
fn an_allocation_needs_a_credential_that_a_secret_in_force_has_signed() {
    let relay = Relay::start();
    let mut client = relay.client();
    assert_eq!(client.request_once(Method::ALLOCATE, &[Attribute::RequestedTransport(17)]).error, Some(401));
    let response = client.try_allocate();
    assert_eq!((response.error, response.mapped, response.lifetime), (None, Some(client.addr()), Some(600)));
    let relayed = response.relayed.unwrap();
    assert_eq!(relayed.ip(), relay.addr().ip());
    assert!(relayed.port() >= 49_152);

    let forged = credential(&secrets(&["another secret"]), "mallory");
    assert_eq!(Client::new(relay.addr(), forged).try_allocate().error, Some(401));
    let mut expired = credential(&relay.secrets.load(), "alice");
    expired.username = "1000:alice".to_owned();
    assert_eq!(Client::new(relay.addr(), expired).try_allocate().error, Some(401));

    eventually("the figures show it", || {
        let snapshot = relay.server.snapshot();
        (snapshot.allocations, snapshot.ports_in_use) == (1, 1)
            && labelled(&snapshot.credential_refusals, "expired") == 1
            && labelled(&snapshot.refusals, "401") == 6
    });
}

fn check_echo(listen: &str) {
    let relay = Relay::with(options(&[listen]));
    let peer = EchoPeer::start(relay.addr().ip());
    let mut client = relay.client();
    let relayed = client.allocate();
    client.permit(peer.addr());
    for len in [0, 1, 2, 3, 4, 1_200, 8_192] {
        let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
        client.send_to_peer(peer.addr(), &data);
        assert_eq!(client.data(), Data::Indication(peer.addr(), data), "{len} bytes by indication");
    }
    client.bind_channel(0x4001, peer.addr());
    for len in [0, 1, 2, 3, 4, 1_200, 9_000] {
        let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
        client.send_on_channel(0x4001, &data);
        assert_eq!(client.data(), Data::Channel(0x4001, data), "{len} bytes by channel");
    }
    assert_eq!(relayed.ip(), relay.addr().ip());
}

#[test]
fn data_goes_through_a_peer_and_back_by_indication_and_by_channel() {
    check_echo("127.0.0.1:0");
    check_echo("[::1]:0");
}

#[test]
fn a_client_on_a_wildcard_is_answered_from_the_address_it_speaks_to() {
    let mut options = options(&["0.0.0.0:0"]);
    options.relay_addresses = vec![sangam_relay_server::RelayAddress::plain("127.0.0.1".parse().unwrap())];
    options.live.allowed_peers.push("127.0.0.1".parse().unwrap());
    let relay = Relay::with(options);
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    for ip in ["127.0.0.1", "127.0.0.77"] {
        let mut client = relay.client_at((ip.parse::<std::net::IpAddr>().unwrap(), relay.addr().port()).into());
        client.allocate();
        client.bind_channel(0x4000, peer.addr());
        client.send_on_channel(0x4000, b"ping");
        assert_eq!(client.data(), Data::Channel(0x4000, b"ping".to_vec()));
    }
}

#[test]
fn a_rotation_of_secrets_takes_effect_with_the_next_request() {
    let relay = Relay::start();
    let old = credential(&secrets(&["first secret"]), "alice");
    let new = credential(&secrets(&["second secret"]), "alice");
    let allocate = |credential: &sangam_auth::turn::RestCredential| {
        Client::new(relay.addr(), credential.clone()).try_allocate().error
    };
    for (names, old_expected, new_expected) in [
        (&["first secret"][..], None, Some(401)),
        (&["second secret", "first secret"], None, None),
        (&["second secret"], Some(401), None),
    ] {
        relay.secrets.store(std::sync::Arc::new(secrets(names)));
        assert_eq!((allocate(&old), allocate(&new)), (old_expected, new_expected), "{names:?}");
    }
}

#[test]
fn a_client_may_choose_sha_256() {
    let relay = Relay::start();
    let old = credential(&relay.secrets.load(), "alice");
    relay.secrets.store(std::sync::Arc::new(secrets(&["second secret", "first secret"])));
    assert_eq!(Client::new(relay.addr(), old.clone()).allocate_by_sha256().error, None);
    relay.secrets.store(std::sync::Arc::new(secrets(&["second secret"])));
    assert_eq!(Client::new(relay.addr(), old).allocate_by_sha256().error, Some(401));
}

#[test]
fn an_allocation_ends_when_its_client_says_so_or_its_time_runs_out() {
    let mut options = options(&["127.0.0.1:0"]);
    // Lifetimes are told in whole seconds.
    options.lifetimes.allocation_default = Duration::from_secs(1);
    let relay = Relay::with(options);
    let (mut freed, mut forgotten) = (relay.client(), relay.client());
    freed.allocate();
    forgotten.allocate();
    freed.free();
    eventually("both are gone", || {
        let snapshot = relay.server.snapshot();
        (snapshot.allocations, snapshot.allocations_expired, snapshot.ports_in_use) == (0, 1, 0)
    });
    assert_eq!(relay.server.snapshot().allocations_created, 2);
}

#[test]
fn many_clients_of_many_threads_each_get_their_own_data_back() {
    let relay = Relay::start();
    let peer = EchoPeer::start(relay.addr().ip());
    let mut clients: Vec<Client> = (0..50).map(|_| relay.client()).collect();
    for client in &mut clients {
        client.allocate();
        client.bind_channel(0x4000, peer.addr());
    }
    for round in 0..20_u8 {
        for (index, client) in clients.iter().enumerate() {
            client.send_on_channel(0x4000, &[round, index as u8]);
        }
        for (index, client) in clients.iter().enumerate() {
            assert_eq!(client.data(), Data::Channel(0x4000, vec![round, index as u8]));
        }
    }
    eventually("all datagrams are counted", || {
        let snapshot = relay.metrics.snapshot().unwrap();
        (labelled(&snapshot.packets, "to_peer"), labelled(&snapshot.bytes, "to_client")) == (1_000, 2_000)
    });
}
