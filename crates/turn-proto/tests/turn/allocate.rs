use sangam_turn_proto::{
    Attribute, AttributeType, EndCause, ErrorCode, Event, Method, Options, RelayAddress, TransactionId,
};

use crate::fixture::{House, RELAY_V4, UDP, options, peer, secs};

#[test]
fn an_allocation_is_told_with_its_relayed_address_lifetime_and_mapped_address() {
    let mut house = House::new(options());
    let client = house.client(1_000, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &[UDP]);
    assert_eq!(reply.code(), None);
    assert_eq!(reply.relayed(), peer("5.5.5.5:50000"));
    assert_eq!(reply.lifetime_secs(), 600);
    let mapped = Attribute::XorMappedAddress(peer("77.0.0.1:1000"));
    assert_eq!(reply.find(AttributeType::XOR_MAPPED_ADDRESS), Some(mapped));
    let [Event::Allocated { username, lifetime, .. }] = &house.events[..] else { panic!("{:?}", house.events) };
    assert_eq!((username.as_str(), *lifetime), ("alice", secs(600)));
    assert_eq!(house.server.stats().allocations_live, 1);
}

#[test]
fn a_lifetime_is_granted_between_the_default_and_the_maximum() {
    for (asked, granted) in
        [(0, 600), (1, 600), (600, 600), (601, 601), (3_600, 3_600), (3_601, 3_600), (u32::MAX, 3_600)]
    {
        let mut house = House::new(options());
        let client = house.client(1, "alice");
        let reply = house.ask(&client, Method::ALLOCATE, &[UDP, Attribute::Lifetime(asked)]);
        assert_eq!(reply.lifetime_secs(), granted, "{asked}");
    }
}

#[test]
fn a_retransmission_gets_the_same_answer_and_another_request_gets_437() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &[UDP]);
    let first = house.raw(client.five_tuple, &request).unwrap();
    let again = house.raw(client.five_tuple, &request).unwrap();
    assert_eq!(first.0, again.0);
    assert_eq!(house.server.stats().allocations_begun, 1);
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn a_transport_must_be_named_and_be_udp() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let malformed = Attribute::Other(AttributeType::REQUESTED_TRANSPORT, &[17]);
    for (attributes, code) in [
        (&[][..], ErrorCode::BadRequest),
        (&[malformed][..], ErrorCode::BadRequest),
        (&[Attribute::RequestedTransport(6)][..], ErrorCode::UnsupportedTransportProtocol),
        (&[Attribute::RequestedTransport(0)][..], ErrorCode::UnsupportedTransportProtocol),
    ] {
        assert_eq!(house.ask(&client, Method::ALLOCATE, attributes).code(), Some(code), "{attributes:?}");
    }
}

#[test]
fn the_family_is_ipv4_unless_asked_otherwise_and_must_be_one_we_relay_on() {
    let family = |number| [UDP, Attribute::RequestedAddressFamily(number)];
    let v4_only = Options { relay_addresses: vec![RelayAddress::plain(RELAY_V4.into())], ..options() };
    let v6_only = Options { relay_addresses: vec![RelayAddress::plain("2600::5".parse().unwrap())], ..options() };
    let no = Some(ErrorCode::AddressFamilyNotSupported);
    for (options, attributes, code, relayed) in [
        (options(), &[UDP][..], None, "5.5.5.5:50000"),
        (options(), &family(1), None, "5.5.5.5:50000"),
        (options(), &family(2), None, "[2600::5]:50000"),
        (options(), &family(3), no, ""),
        (v4_only, &family(2), no, ""),
        (v6_only.clone(), &[UDP], no, ""),
        (v6_only, &family(2), None, "[2600::5]:50000"),
    ] {
        let mut house = House::new(options);
        let client = house.client(1, "alice");
        let reply = house.ask(&client, Method::ALLOCATE, attributes);
        assert_eq!(reply.code(), code, "{attributes:?}");
        if code.is_none() {
            assert_eq!(reply.relayed(), peer(relayed));
        }
    }
}

#[test]
fn what_is_not_supported_yet_is_refused_by_name() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    for (kind, value) in [(0x001B, &[0; 4][..]), (0x0010, &[0; 4])] {
        let unknown = Attribute::Other(AttributeType(kind), value);
        let reply = house.ask(&client, Method::ALLOCATE, &[UDP, unknown]);
        assert_eq!(reply.code(), Some(ErrorCode::UnknownAttribute));
        assert_eq!(reply.unknown(), [AttributeType(kind)]);
    }
}

#[test]
fn an_allocation_ends_with_its_lifetime_and_leaves_nothing_behind() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    assert_eq!(house.deadline.unwrap().at, house.now.mono + secs(600));
    house.pass(secs(599));
    assert!(house.closed.is_empty());
    house.pass(secs(1));
    assert_eq!(house.closed.len(), 1);
    assert!(matches!(house.events.last(), Some(Event::Deleted { cause: EndCause::Expired, .. })));
    assert_eq!(house.deadline, None);
    assert_eq!(house.refresh(&client, 600), Some(ErrorCode::AllocationMismatch));
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
    let stats = house.server.stats();
    assert_eq!((stats.allocations_live, stats.allocations_begun, stats.ended(EndCause::Expired)), (1, 2, 1));
}

#[test]
fn behind_one_to_one_nat_the_external_address_is_told() {
    let relay = RelayAddress { bound: RELAY_V4.into(), external: [9, 9, 9, 9].into() };
    let mut house = House::new(Options { relay_addresses: vec![relay], ..options() });
    let client = house.client(1, "alice");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).relayed(), peer("9.9.9.9:50000"));
}
