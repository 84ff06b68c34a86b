use sangam_usp_proto::message::{Message, MessageFault, peek_request};
use sangam_usp_proto::record::{Record, RecordFault, peek_ids};
use sangam_usp_proto::{UspLimits, WireFault};

use crate::notation::bytes;

const HEAD: &str = "0a 03 '1.4' 12 09 'self::ctl' 1a 0d 'os::012345-A1'";

fn record(text: &str) -> RecordFault {
    Record::decode_bounded(&bytes(text).into(), &UspLimits::default()).expect_err(text)
}

fn message(text: &str) -> MessageFault {
    Message::decode(&bytes(text), &UspLimits::default()).expect_err(text)
}

#[test]
fn what_is_no_record_is_refused_with_its_reason() {
    let table = [
        (String::new(), RecordFault::NoVersion),
        ("12 01 'a' 1a 01 'b' 4a 00".to_owned(), RecordFault::NoVersion),
        ("0a 03 '1.4' 1a 01 'b' 4a 00".to_owned(), RecordFault::NoEndpoint),
        ("0a 03 '1.4' 12 01 'a' 4a 00".to_owned(), RecordFault::NoEndpoint),
        (HEAD.to_owned(), RecordFault::NoType),
        // A record type of a later version.
        (format!("{HEAD} 82 01 00"), RecordFault::NoType),
        (format!("{HEAD} 3a 00"), RecordFault::NoPayload),
        // The payload as field 1, where a reader by order would put it.
        (format!("{HEAD} 3a 03 0a 01 'x'"), RecordFault::NoPayload),
        (format!("{HEAD} 20 01 3a 03 12 01 'x'"), RecordFault::SecuredOutsideSession),
        (format!("{HEAD} 20 02 4a 00"), RecordFault::Wire(WireFault::UnknownValue)),
        (format!("{HEAD} 4a 00 6a 00"), RecordFault::Wire(WireFault::TwoOfOneof)),
        (format!("{HEAD} 12 01 'a' 4a 00"), RecordFault::Wire(WireFault::Repeated)),
        (format!("{HEAD} 4a"), RecordFault::Wire(WireFault::Truncated)),
        ("0a 02 c328".to_owned(), RecordFault::Wire(WireFault::NotUtf8)),
        ("'GET /usp HTTP/1.1'".to_owned(), RecordFault::Wire(WireFault::WrongType)),
    ];
    for (text, fault) in table {
        assert_eq!(record(&text), fault, "{text}");
    }
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let table = [
        ("", MessageFault::NoId),
        ("0a( 10 01 ) 12( 0a( 0a 00 ) )", MessageFault::NoId),
        ("0a( 0a 01 'm' 10 01 )", MessageFault::NoBody),
        ("0a( 0a 01 'm' 10 01 ) 12( 0a 00 )", MessageFault::NoBody),
        // A request of a later version: field 12.
        ("0a( 0a 01 'm' 10 01 ) 12( 0a( 62 00 ) )", MessageFault::NoBody),
        ("0a( 0a 01 'm' 10 17 ) 12( 0a( 0a 00 ) )", MessageFault::Wire(WireFault::UnknownValue)),
        ("0a( 0a 01 'm' 10 01 ) 12( 0a( 0a 00 ) 12( 0a 00 ) )", MessageFault::Wire(WireFault::TwoOfOneof)),
        ("0a( 0a 01 'm' 10 01 ) 0a( 0a 01 'n' ) 12( 0a( 0a 00 ) )", MessageFault::Wire(WireFault::Repeated)),
        // It says that it answers, and asks.
        ("0a( 0a 01 'm' 10 02 ) 12( 0a( 0a 00 ) )", MessageFault::HeaderDiffers),
        // No type is 0, an Error.
        ("0a( 0a 01 'm' ) 12( 0a( 0a 00 ) )", MessageFault::HeaderDiffers),
        ("0a( 0a 01 'm' 10 03 ) 12( 12( 42 00 ) )", MessageFault::HeaderDiffers),
    ];
    for (text, fault) in table {
        assert_eq!(message(text), fault, "{text}");
    }
    let limits = UspLimits { id_bytes_max: 3, ..UspLimits::default() };
    let wire = bytes("0a( 0a 04 'long' 10 01 ) 12( 0a( 0a 00 ) )");
    assert_eq!(Message::decode(&wire, &limits), Err(MessageFault::IdTooLong));
}

#[test]
fn where_the_header_names_another_request_the_body_counts() {
    // R-MSG.10: a header that says Set, a body that is a Get.
    let wire = bytes("0a( 0a 01 'm' 10 04 ) 12( 0a( 0a 00 ) )");
    let decoded = Message::decode(&wire, &UspLimits::default()).unwrap();
    assert!(!decoded.header_agrees);
    assert_eq!(decoded.message.msg_type(), sangam_usp_proto::message::MsgType::Get);
}

#[test]
fn bombs_are_refused_before_anything_is_made_of_them() {
    // A million empty results: two megabytes that would be eighty in memory.
    let mut bomb = bytes("0a( 0a 01 'm' 10 02 )");
    let inner = [0x0a, 0x00].repeat(1 << 20);
    let mut nested = inner;
    for tag in [0x0a, 0x12, 0x12] {
        let mut outer = vec![tag];
        let mut len = nested.len();
        while len >= 128 {
            outer.push(len as u8 & 0x7f | 0x80);
            len >>= 7;
        }
        outer.push(len as u8);
        outer.append(&mut nested);
        nested = outer;
    }
    bomb.extend(nested);
    assert_eq!(Message::decode(&bomb, &UspLimits::default()), Err(MessageFault::Wire(WireFault::TooManyElements)));

    let small = UspLimits { record_bytes_max: 40, message_bytes_max: 10, ..UspLimits::default() };
    let wire = bytes(&format!("{HEAD} 3a( 12 10 '0123456789abcdef' )"));
    assert_eq!(Record::decode_bounded(&wire.into(), &small), Err(RecordFault::TooLarge));
    assert_eq!(Message::decode(&[0; 11], &small), Err(MessageFault::TooLarge));
}

#[test]
fn the_depth_of_a_message_is_bounded() {
    // The deepest there is: a value written, in a Set response.
    let wire = bytes("0a( 0a 01 'm' 10 05 ) 12( 12( 22( 0a( 12( 12( 0a( 1a( 0a 01 'P' ) ) ) ) ) ) ) )");
    assert!(Message::decode(&wire, &UspLimits { depth_max: 8, ..UspLimits::default() }).is_ok());
    let shallow = UspLimits { depth_max: 7, ..UspLimits::default() };
    assert_eq!(Message::decode(&wire, &shallow), Err(MessageFault::Wire(WireFault::TooDeep)));
}

#[test]
fn a_broken_request_still_tells_its_id_and_anything_else_does_not() {
    let limits = UspLimits::default();
    let peek = |text: &str| peek_request(&bytes(text), &limits);
    // An unknown request, and one whose content is broken.
    assert_eq!(peek("0a( 0a 01 'm' 10 01 ) 12( 0a( 62 00 ) )").as_deref(), Some("m"));
    assert_eq!(peek("0a( 0a 01 'm' 10 01 ) 12( 0a( 0a( 08 01 ) ) )").as_deref(), Some("m"));
    assert_eq!(peek("0a( 0a 01 'm' 10 02 ) 12( 12( 0a 00 ) )"), None, "a response is not answered");
    assert_eq!(peek("0a( 0a 01 'm' ) 12( 1a 00 )"), None, "nor is an error");
    assert_eq!(peek("12( 0a( 0a 00 ) )"), None);
    assert_eq!(peek_ids(&bytes("12 01 'a' 1a")), None);
    assert_eq!(peek_ids(&bytes("12 02 c328 1a 01 'a'")), None);
}
