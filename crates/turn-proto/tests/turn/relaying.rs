use sangam_turn_proto::{
    AllocationKey, Attribute, AttributeType, Class, DropReason, Event, FromClient, FromPeer, Message, MessageBuilder,
    Method, PeerAddr, Route, Traffic, Transport,
};

use crate::fixture::{
    House, UDP, channel_data, data_indication, delivered, five_tuple, forwarded, options, peer, secs, send_indication,
};

const RELAYED: &str = "5.5.5.5:50000";

#[test]
fn channel_data_names_socket_peer_and_payload() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    let forward = forwarded(house.channel_data(&client, 0x4000, b"hello"));
    assert_eq!(forward.allocation, house.key_of(peer(RELAYED)));
    assert_eq!((forward.relayed.0, forward.peer.0), (peer(RELAYED), peer("8.8.8.8:1")));
    assert_eq!((forward.payload, forward.route), (4..9, Route::Wire));
    assert_eq!(forwarded(house.channel_data(&client, 0x4000, b"")).payload, 4..4);
}

#[test]
fn a_send_indication_names_its_payload_without_padding() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.permit(&client, &[peer("8.8.8.8:1")]);
    for payload in [&b""[..], b"1", b"12345678"] {
        let bytes = send_indication(house.transaction(), peer("8.8.8.8:7"), payload);
        let forward = forwarded(house.server.relay_from_client(house.now, &client.five_tuple, &bytes));
        assert_eq!(&bytes[forward.payload], payload);
        assert_eq!(forward.peer.0, peer("8.8.8.8:7"));
    }
}

#[test]
fn a_send_indication_may_forbid_fragments() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP, Attribute::DontFragment]).code(), None);
    house.permit(&client, &[peer("8.8.8.8:1")]);
    let (to, data) = (Attribute::XorPeerAddress(peer("8.8.8.8:1")), Attribute::Data(b"x"));
    for (attributes, dont_fragment) in [(&[to, data][..], false), (&[to, Attribute::DontFragment, data], true)] {
        let message = MessageBuilder::new(Class::Indication, Method::SEND, house.transaction());
        let message = attributes.iter().fold(message, |message, attribute| message.attribute(attribute)).finish();
        let forward = forwarded(house.server.relay_from_client(house.now, &client.five_tuple, &message));
        assert_eq!(forward.dont_fragment, dont_fragment);
    }
}

#[test]
fn a_send_indication_that_lacks_something_or_asks_for_the_unknown_is_dropped() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.permit(&client, &[peer("8.8.8.8:1")]);
    let (to, data) = (Attribute::XorPeerAddress(peer("8.8.8.8:1")), Attribute::Data(b"x"));
    let unknown = Attribute::Other(AttributeType(0x001E), &[]);
    let malformed = Attribute::Other(AttributeType::DONT_FRAGMENT, &[0]);
    let no_port = Attribute::XorPeerAddress(peer("8.8.8.8:0"));
    for attributes in [&[to][..], &[data], &[to, data, unknown], &[to, data, malformed], &[no_port, data]] {
        let mut message = MessageBuilder::new(Class::Indication, Method::SEND, house.transaction());
        for attribute in attributes {
            message = message.attribute(attribute);
        }
        let verdict = house.server.relay_from_client(house.now, &client.five_tuple, &message.finish());
        assert_eq!(verdict, FromClient::Dropped(DropReason::Malformed), "{attributes:?}");
    }
    let optional = Attribute::Other(AttributeType(0x8022), b"a name");
    let message = MessageBuilder::new(Class::Indication, Method::SEND, house.transaction())
        .attribute(&optional)
        .attribute(&to)
        .attribute(&data);
    forwarded(house.server.relay_from_client(house.now, &client.five_tuple, &message.finish()));
}

#[test]
fn data_from_a_peer_comes_on_its_channel_or_else_as_an_indication() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4ABC, peer("8.8.8.8:1"));
    let (to, bytes) = delivered(house.datagram(peer(RELAYED), peer("8.8.8.8:1"), b"hello"), b"hello");
    assert_eq!(to, client.five_tuple);
    assert_eq!(bytes, channel_data(0x4ABC, b"hello"), "no padding over UDP");
    for payload in [&b""[..], b"1", b"1234", b"12345"] {
        let (to, bytes) = delivered(house.datagram(peer(RELAYED), peer("8.8.8.8:2"), payload), payload);
        assert_eq!(to, client.five_tuple);
        assert_eq!(data_indication(&bytes), (peer("8.8.8.8:2"), payload.to_vec()));
    }
}

#[test]
fn data_from_an_ipv6_peer_fits_the_longest_header() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &[UDP, Attribute::RequestedAddressFamily(2)]);
    let relayed = reply.relayed();
    assert_eq!(house.permit(&client, &[peer("[2600::9]:1")]), None);
    let (_, bytes) = delivered(house.datagram(relayed, peer("[2600::9]:7"), b"hello"), b"hello");
    assert_eq!(data_indication(&bytes), (peer("[2600::9]:7"), b"hello".to_vec()));
}

#[test]
fn indications_have_different_transaction_ids() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.permit(&client, &[peer("8.8.8.8:1")]);
    let mut ids: Vec<_> = (0..100)
        .map(|_| delivered(house.datagram(peer(RELAYED), peer("8.8.8.8:1"), b""), b"").1)
        .map(|bytes| Message::decode(&bytes).unwrap().transaction())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[test]
fn a_stream_client_gets_channel_data_padded_to_four_bytes() {
    let mut house = House::new(options());
    let mut client = house.client(1, "alice");
    client.five_tuple.transport = Transport::Tcp;
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    let (_, bytes) = delivered(house.datagram(peer(RELAYED), peer("8.8.8.8:1"), b"hello"), b"hello");
    assert_eq!(bytes, [&channel_data(0x4000, b"hello")[..], &[0; 3]].concat());
}

#[test]
fn what_has_no_allocation_or_no_channel_is_dropped_and_counted() {
    let mut house = House::new(options());
    let stranger = house.client(9, "alice");
    assert_eq!(house.channel_data(&stranger, 0x4000, b"x"), FromClient::Dropped(DropReason::NoAllocation));
    assert_eq!(house.send(&stranger, peer("8.8.8.8:1"), b"x"), FromClient::Dropped(DropReason::NoAllocation));
    let client = house.allocated(1);
    assert_eq!(house.channel_data(&client, 0x4000, b"x"), FromClient::Dropped(DropReason::NoChannel));
    let key = house.key_of(peer(RELAYED));
    house.refresh(&client, 0);
    let gone = house.server.relay_from_peer(house.now, key, PeerAddr(peer("8.8.8.8:1")), 1);
    assert_eq!(gone, FromPeer::Dropped(DropReason::NoAllocation));
    for strange in [AllocationKey(0), AllocationKey(u64::MAX), AllocationKey(1 << 32 | 99)] {
        let verdict = house.server.relay_from_peer(house.now, strange, PeerAddr(peer("8.8.8.8:1")), 1);
        assert_eq!(verdict, FromPeer::Dropped(DropReason::NoAllocation));
    }
    let stats = house.server.stats();
    assert_eq!((stats.drops(DropReason::NoAllocation), stats.drops(DropReason::NoChannel)), (6, 1));
}

#[test]
fn an_allocation_whose_time_is_up_relays_nothing_even_before_the_timer_runs() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.now = house.now + secs(600);
    assert_eq!(house.channel_data(&client, 0x4000, b"x"), FromClient::Dropped(DropReason::NoAllocation));
    let verdict = house.datagram(peer(RELAYED), peer("8.8.8.8:1"), b"x");
    assert_eq!(verdict, FromPeer::Dropped(DropReason::NoAllocation));
}

#[test]
fn bytes_that_are_neither_stun_nor_channel_data_are_malformed() {
    let mut house = House::new(options());
    for bytes in [&[][..], &[0x80], &[0xFF; 40], &[0x40], &[0x40, 0, 0], &[0x40, 0, 0, 9, 1]] {
        let verdict = house.server.relay_from_client(house.now, &five_tuple(1), bytes);
        assert_eq!(verdict, FromClient::Dropped(DropReason::Malformed), "{bytes:?}");
    }
}

#[test]
fn a_datagram_too_long_for_its_header_is_dropped() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    let key = house.key_of(peer(RELAYED));
    for (from, longest) in [("8.8.8.8:1", 65_535), ("8.8.8.8:2", 65_516)] {
        let from = PeerAddr(peer(from));
        let fits = house.server.relay_from_peer(house.now, key, from, longest);
        assert!(matches!(fits, FromPeer::Forward { .. }));
        let too_long = house.server.relay_from_peer(house.now, key, from, longest + 1);
        assert_eq!(too_long, FromPeer::Dropped(DropReason::Malformed));
    }
}

#[test]
fn payload_is_counted_both_ways_and_told_at_the_end() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.channel_data(&client, 0x4000, b"12345");
    house.send(&client, peer("8.8.8.8:2"), b"123");
    house.channel_data(&client, 0x4001, b"not counted");
    house.datagram(peer(RELAYED), peer("8.8.8.8:1"), b"1234567");
    let stats = house.server.stats();
    assert_eq!(stats.sent, Traffic { packets: 2, bytes: 8 });
    assert_eq!(stats.received, Traffic { packets: 1, bytes: 7 });
    house.refresh(&client, 0);
    let Some(Event::Deleted { sent, received, .. }) = house.events.last() else { panic!("{:?}", house.events) };
    assert_eq!((*sent, *received), (stats.sent, stats.received));
}
