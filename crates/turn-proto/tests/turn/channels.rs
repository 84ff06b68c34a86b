use sangam_turn_proto::{Attribute, DropReason, ErrorCode, FromClient, FromPeer, Method, Options};

use crate::fixture::{House, forwarded, options, peer, secs};

const BAD: Option<ErrorCode> = Some(ErrorCode::BadRequest);

#[test]
fn a_binding_carries_data_both_ways_and_permits_its_peer() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:1")), None);
    assert_eq!(forwarded(house.channel_data(&client, 0x4000, b"x")).peer.0, peer("8.8.8.8:1"));
    assert!(matches!(house.send(&client, peer("8.8.8.8:2"), b"x"), FromClient::Forward(_)));
    assert!(matches!(house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:9"), b"x"), FromPeer::Forward { .. }));
}

#[test]
fn a_binding_lasts_ten_minutes_and_its_permission_five() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.refresh(&client, 3_600);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.pass(secs(300));
    let lapsed = FromPeer::Dropped(DropReason::NoPermission);
    assert_eq!(house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:1"), b"x"), lapsed);
    house.pass(secs(299));
    assert!(matches!(house.channel_data(&client, 0x4000, b"x"), FromClient::Forward(_)));
    house.pass(secs(1));
    assert_eq!(house.channel_data(&client, 0x4000, b"x"), FromClient::Dropped(DropReason::NoChannel));
}

#[test]
fn binding_again_makes_binding_and_permission_last_longer() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.refresh(&client, 3_600);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.pass(secs(599));
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:1")), None);
    house.pass(secs(299));
    assert!(matches!(house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:1"), b"x"), FromPeer::Forward { .. }));
    house.pass(secs(300));
    assert!(matches!(house.channel_data(&client, 0x4000, b"x"), FromClient::Forward(_)));
}

#[test]
fn a_number_stands_for_one_peer_and_a_peer_has_one_number() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:1")), None);
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:2")), BAD);
    assert_eq!(house.bind(&client, 0x4001, peer("8.8.8.8:1")), BAD);
    assert_eq!(house.bind(&client, 0x4001, peer("8.8.8.8:2")), None);
}

#[test]
fn number_and_peer_rest_five_minutes_after_the_end_of_their_binding() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.refresh(&client, 3_600);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.pass(secs(600 + 299));
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:2")), BAD);
    assert_eq!(house.bind(&client, 0x4001, peer("8.8.8.8:1")), BAD);
    house.pass(secs(1));
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:2")), None);
    assert_eq!(house.bind(&client, 0x4001, peer("8.8.8.8:1")), None);
}

#[test]
fn the_same_pair_may_be_bound_again_during_the_rest() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.refresh(&client, 3_600);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.pass(secs(700));
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:1")), None);
    assert!(matches!(house.channel_data(&client, 0x4000, b"x"), FromClient::Forward(_)));
}

#[test]
fn numbers_out_of_range_are_refused_and_their_data_is_malformed() {
    for (max, good, bad) in [
        (0x7FFF, &[0x4000, 0x4FFF, 0x7FFF][..], &[0, 0x3FFF, 0x8000, 0xFFFF][..]),
        (0x4FFF, &[0x4000, 0x4FFF], &[0x3FFF, 0x5000, 0x7FFF]),
    ] {
        let mut house = House::new(Options { channel_number_max: max, ..options() });
        let client = house.allocated(1);
        for (at, &number) in good.iter().enumerate() {
            assert_eq!(house.bind(&client, number, peer(&format!("8.8.8.8:{}", at + 1))), None, "{number:#x}");
            assert!(matches!(house.channel_data(&client, number, b"x"), FromClient::Forward(_)));
        }
        for &number in bad {
            assert_eq!(house.bind(&client, number, peer("8.8.8.8:99")), BAD, "{number:#x}");
        }
    }
    let mut house = House::new(Options { channel_number_max: 0x4FFF, ..options() });
    let client = house.allocated(1);
    assert_eq!(house.channel_data(&client, 0x5000, b"x"), FromClient::Dropped(DropReason::Malformed));
}

#[test]
fn a_binding_needs_number_and_peer_with_a_port() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let (number, to) = (Attribute::ChannelNumber(0x4000), Attribute::XorPeerAddress(peer("8.8.8.8:1")));
    let no_port = Attribute::XorPeerAddress(peer("8.8.8.8:0"));
    for attributes in [&[][..], &[number], &[to], &[number, no_port]] {
        assert_eq!(house.ask(&client, Method::CHANNEL_BIND, attributes).code(), BAD, "{attributes:?}");
    }
}

#[test]
fn a_binding_to_a_peer_of_the_other_family_gets_443_and_without_an_allocation_437() {
    let mut house = House::new(options());
    let stranger = house.client(2, "alice");
    assert_eq!(house.bind(&stranger, 0x4000, peer("8.8.8.8:1")), Some(ErrorCode::AllocationMismatch));
    let client = house.allocated(1);
    let mismatch = Some(ErrorCode::PeerAddressFamilyMismatch);
    assert_eq!(house.bind(&client, 0x4000, peer("[2600::9]:1")), mismatch);
    assert_eq!(house.bind(&client, 0x4000, peer("[::ffff:8.8.8.8]:1")), mismatch);
}
