use sangam_turn_proto::{
    Attribute, AttributeType, Class, ClientAddr, DropReason, ErrorCode, Input, MessageBuilder, Method, RequestKind,
};

use crate::fixture::{House, five_tuple, options};

#[test]
fn binding_tells_the_client_its_address_without_credentials() {
    let mut house = House::new(options());
    let request = MessageBuilder::new(Class::Request, Method::BINDING, house.transaction()).finish();
    for client in ["77.0.0.1:1000", "[2600::1]:2000"] {
        let mut from = five_tuple(1);
        from.client = ClientAddr(client.parse().unwrap());
        let reply = house.raw(from, &request).unwrap();
        let mapped = Attribute::XorMappedAddress(client.parse().unwrap());
        assert_eq!(reply.find(AttributeType::XOR_MAPPED_ADDRESS), Some(mapped));
        assert_eq!(reply.message().attributes().count(), 1, "nothing else is told");
    }
}

#[test]
fn an_ipv4_client_of_an_ipv6_socket_is_told_its_ipv4_address() {
    let mut house = House::new(options());
    let request = MessageBuilder::new(Class::Request, Method::BINDING, house.transaction()).finish();
    let mut from = five_tuple(1);
    from.client = ClientAddr("[::ffff:77.0.0.1]:1000".parse().unwrap());
    let reply = house.raw(from, &request).unwrap();
    let mapped = Attribute::XorMappedAddress("77.0.0.1:1000".parse().unwrap());
    assert_eq!(reply.find(AttributeType::XOR_MAPPED_ADDRESS), Some(mapped));
}

#[test]
fn a_request_with_a_fingerprint_is_answered_with_one_and_one_without_is_not() {
    let mut house = House::new(options());
    for with_fingerprint in [true, false] {
        let mut request = MessageBuilder::new(Class::Request, Method::BINDING, house.transaction());
        if with_fingerprint {
            request = request.fingerprint();
        }
        let reply = house.raw(five_tuple(1), &request.finish()).unwrap();
        assert_eq!(reply.message().has_fingerprint(), with_fingerprint);
    }
}

#[test]
fn a_message_with_a_wrong_fingerprint_is_dropped() {
    let mut house = House::new(options());
    let mut request = MessageBuilder::new(Class::Request, Method::BINDING, house.transaction()).fingerprint().finish();
    *request.last_mut().unwrap() ^= 1;
    assert!(house.raw(five_tuple(1), &request).is_none());
    assert_eq!(house.server.stats().drops(DropReason::Malformed), 1);
}

#[test]
fn an_unknown_attribute_that_must_be_understood_is_named_in_420_and_another_is_ignored() {
    let mut house = House::new(options());
    let ask = |house: &mut House, kinds: &[u16]| {
        let mut request = MessageBuilder::new(Class::Request, Method::BINDING, house.transaction());
        for &kind in kinds {
            request = request.attribute(&Attribute::Other(AttributeType(kind), &[1, 2, 3]));
        }
        house.raw(five_tuple(1), &request.finish()).unwrap()
    };
    let reply = ask(&mut house, &[0x0003, 0x7777, 0x0003, 0x8777]);
    assert_eq!(reply.code(), Some(ErrorCode::UnknownAttribute));
    assert_eq!(reply.unknown(), [AttributeType(0x0003), AttributeType(0x7777)]);
    assert_eq!(ask(&mut house, &[0x8777, 0xC000]).code(), None);
    let many: Vec<u16> = (0x0100..0x0200).collect();
    assert_eq!(ask(&mut house, &many).unknown().len(), 16, "an answer stays small");
}

#[test]
fn indications_responses_and_methods_that_make_no_sense_are_not_answered() {
    let mut house = House::new(options());
    for (class, method) in [
        (Class::Indication, Method::BINDING),
        (Class::Success, Method::BINDING),
        (Class::Error, Method::ALLOCATE),
        (Class::Indication, Method::ALLOCATE),
        (Class::Indication, Method::DATA),
        (Class::Request, Method::SEND),
        (Class::Request, Method::DATA),
        (Class::Request, Method(0x00A)),
        (Class::Request, Method(0xFFF)),
    ] {
        let bytes = MessageBuilder::new(class, method, house.transaction()).finish();
        house.input(Input::Client { from: five_tuple(1), bytes: &bytes });
        assert!(house.sent.is_empty(), "{class:?} {method:?}");
    }
    assert_eq!(house.server.stats().drops(DropReason::Malformed), 8, "the Binding indication is well meant");
}

#[test]
fn software_is_told_only_if_the_operator_wants_it() {
    let mut house = House::new(options());
    let request = MessageBuilder::new(Class::Request, Method::BINDING, house.transaction()).finish();
    assert_eq!(house.raw(five_tuple(1), &request).unwrap().find(AttributeType::SOFTWARE), None);
    let mut house = House::new(sangam_turn_proto::Options { software: Some("sangam".to_owned()), ..options() });
    let reply = house.raw(five_tuple(1), &request).unwrap();
    assert_eq!(reply.find(AttributeType::SOFTWARE), Some(Attribute::Software("sangam")));
    assert_eq!(house.server.stats().requests(RequestKind::Binding), 1);
}
