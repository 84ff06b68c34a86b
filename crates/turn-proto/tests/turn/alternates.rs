//! RFC 8489 §10, RFC 8656 §7.2 (11): clients are sent to other servers.

use std::net::SocketAddr;

use sangam_turn_proto::{
    Alternate, Alternates, Attribute, AttributeType, ErrorCode, Event, Limits, Method, Options, Redirect, Transport,
};

use crate::fixture::{Client, House, Reply, UDP, options, peer};

fn alternate(text: &str) -> Alternate {
    Alternate { address: text.parse().unwrap(), domain: None }
}

pub(crate) fn alternates(plain: &[&str], redirect: Redirect) -> Alternates {
    Alternates { plain: plain.iter().copied().map(alternate).collect(), tls: Vec::new(), redirect }
}

fn full_house(alternates: Alternates) -> House {
    let limits = Limits { allocations: 1, ..Limits::default() };
    let mut house = House::new(Options { limits, alternates, ..options() });
    house.allocated(1);
    house
}

/// Every ALTERNATE-SERVER, in order.
fn servers(reply: &Reply) -> Vec<String> {
    let message = reply.message();
    let is_server = |raw: &sangam_turn_proto::RawAttribute<'_>| raw.kind == AttributeType::ALTERNATE_SERVER;
    let read =
        |raw: sangam_turn_proto::RawAttribute<'_>| match Attribute::decode(raw.kind, raw.value, message.transaction())
            .unwrap()
        {
            Attribute::AlternateServer(address) => address.to_string(),
            other => panic!("{other:?}"),
        };
    message.attributes().filter(is_server).map(read).collect()
}

pub(crate) fn allocate(house: &mut House, client: &Client) -> Reply {
    house.ask(client, Method::ALLOCATE, &[UDP])
}

fn client_at(house: &mut House, address: &str, transport: Transport) -> Client {
    let mut client = house.client(2, "bob");
    client.five_tuple.client.0 = address.parse::<SocketAddr>().unwrap();
    client.five_tuple.transport = transport;
    house.challenge(&mut client);
    client
}

#[test]
fn who_finds_no_room_is_sent_to_the_other_servers_in_turn_under_a_signed_answer() {
    let mut house = full_house(alternates(&["8.0.0.1:3478", "8.0.0.2:3478"], Redirect::WhenFull));
    let client = house.client(2, "bob");
    let replies: Vec<Reply> = (0..3).map(|_| allocate(&mut house, &client)).collect();
    assert!(replies.iter().all(|reply| reply.code() == Some(ErrorCode::TryAlternate)));
    assert!(replies.iter().all(|reply| reply.message().is_signed_by(client.key.as_bytes())));
    let sent_to: Vec<_> = replies.iter().flat_map(servers).collect();
    assert_eq!(sent_to, ["8.0.0.1:3478", "8.0.0.2:3478", "8.0.0.1:3478"]);
    assert_eq!(house.server.stats().errors(ErrorCode::TryAlternate), 3);
    assert!(matches!(house.events.last(), Some(Event::Refused { code: 300, .. })));
}

#[test]
fn the_first_server_is_of_the_clients_family_and_one_of_the_other_comes_second() {
    let both = alternates(&["[2600::1]:3478", "8.0.0.1:3478"], Redirect::WhenFull);
    let mut house = full_house(both);
    let v4 = house.client(2, "bob");
    assert_eq!(servers(&allocate(&mut house, &v4)), ["8.0.0.1:3478", "[2600::1]:3478"]);
    let v6 = client_at(&mut house, "[2600::77]:9", Transport::Tcp);
    assert_eq!(servers(&allocate(&mut house, &v6)), ["[2600::1]:3478", "8.0.0.1:3478"]);
}

#[test]
fn a_client_whose_family_no_other_server_has_is_refused_as_without_any() {
    let mut house = full_house(alternates(&["[2600::1]:3478"], Redirect::WhenFull));
    let client = house.client(2, "bob");
    let reply = allocate(&mut house, &client);
    assert_eq!((reply.code(), servers(&reply).len()), (Some(ErrorCode::InsufficientCapacity), 0));
}

#[test]
fn a_client_over_tls_is_sent_to_servers_for_tls_with_the_name_on_their_certificate() {
    let domain = Some("turn2.example.org".to_owned());
    let tls = vec![Alternate { domain, ..alternate("8.0.0.1:5349") }];
    let mut house = full_house(Alternates { tls, ..alternates(&["8.0.0.9:3478"], Redirect::WhenFull) });
    let client = client_at(&mut house, "77.0.0.2:9", Transport::Tls);
    let reply = allocate(&mut house, &client);
    assert_eq!(servers(&reply), ["8.0.0.1:5349"]);
    let name = reply.find(AttributeType::ALTERNATE_DOMAIN);
    assert_eq!(name, Some(Attribute::AlternateDomain("turn2.example.org")));
}

#[test]
fn a_server_that_only_spreads_clients_gives_them_no_allocation_but_serves_those_it_has() {
    let mut house = House::new(options());
    let early = house.allocated(1);
    house.server.replace_alternates(alternates(&["8.0.0.1:3478"], Redirect::Always));
    let late = house.client(2, "bob");
    assert_eq!(allocate(&mut house, &late).code(), Some(ErrorCode::TryAlternate));
    assert_eq!(house.refresh(&early, 600), None);
    assert_eq!(house.permit(&early, &[peer("8.8.8.8:1")]), None);
    house.server.replace_alternates(Alternates::default());
    assert_eq!(allocate(&mut house, &late).code(), None);
}

#[test]
fn nobody_unknown_learns_of_other_servers() {
    let alternates = alternates(&["8.0.0.1:3478"], Redirect::Always);
    let mut house = House::new(Options { alternates, ..options() });
    let stranger = house.client(2, "nobody");
    assert_eq!(allocate(&mut house, &stranger).code(), Some(ErrorCode::Unauthenticated));
}
