use bytes::Bytes;
use sangam_usp_proto::UspLimits;
use sangam_usp_proto::record::{
    Disconnect, Empty, MqttConnect, MqttVersion, NoSessionContext, PayloadSecurity, Record, RecordType, SarState,
    SessionContext, StompConnect, peek_ids,
};

use crate::notation::bytes;

/// `version`, `to_id`, `from_id` as every record here has them: fields 1, 2, 3.
const HEAD: &str = "0a 03 '1.4' 12 09 'self::ctl' 1a 0d 'os::012345-A1'";

fn both_ways(rest: &str, record_type: RecordType) {
    let wire = bytes(&format!("{HEAD} {rest}"));
    let record = Record::new("os::012345-A1", "self::ctl", record_type);
    assert_eq!(Record::decode_bounded(&wire.clone().into(), &UspLimits::default()), Ok(record.clone()), "{rest}");
    assert_eq!(record.to_bytes(), wire, "{rest}");
}

#[test]
fn a_connect_record_is_these_bytes() {
    // The whole of it in hexadecimal: what an agent sends first over WebSocket.
    let wire = bytes(
        "0a 03 31 2e 34
         12 09 73 65 6c 66 3a 3a 63 74 6c
         1a 0d 6f 73 3a 3a 30 31 32 33 34 35 2d 41 31
         4a 00",
    );
    let record = Record::new("os::012345-A1", "self::ctl", RecordType::WebSocketConnect(Empty {}));
    assert_eq!(record.to_bytes(), wire);
    assert_eq!(Record::decode_bounded(&wire.clone().into(), &UspLimits::default()), Ok(record));
    assert_eq!(peek_ids(&wire), Some(("self::ctl", "os::012345-A1")));
}

#[test]
fn a_payload_without_session_is_field_2_of_field_7() {
    both_ways(
        "3a 05 12 03 0a0102",
        RecordType::NoSessionContext(NoSessionContext { payload: Bytes::from_static(&[10, 1, 2]) }),
    );
}

#[test]
fn a_session_record_has_its_payloads_in_field_7() {
    let context = SessionContext {
        session_id: 0x2_0000_0000,
        sequence_id: 300,
        expected_id: 1,
        retransmit_id: 7,
        payload_sar_state: SarState::Begin.into(),
        payloadrec_sar_state: SarState::Complete.into(),
        payload: vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")],
    };
    both_ways(
        "42( 08 8080808020 10 ac02 18 01 20 07 28 01 30 03 3a 02 'ab' 3a 01 'c' )",
        RecordType::SessionContext(context),
    );
}

#[test]
fn the_other_record_types_are_fields_10_to_13() {
    let mqtt = MqttConnect { version: MqttVersion::V5.into(), subscribed_topic: "usp/a".into() };
    both_ways("52( 08 01 12 05 'usp/a' )", RecordType::MqttConnect(mqtt));
    let stomp = StompConnect { version: 0, subscribed_destination: "/queue/a".into() };
    both_ways("5a( 12 08 '/queue/a' )", RecordType::StompConnect(stomp));
    let disconnect = Disconnect { reason: "bye".into(), reason_code: 7105 };
    // 7105 is 0x1bc1, least significant byte first.
    both_ways("62( 0a 03 'bye' 15 c11b0000 )", RecordType::Disconnect(disconnect));
    both_ways("6a 00", RecordType::UdsConnect(Empty {}));
}

#[test]
fn security_signature_and_certificate_are_fields_4_to_6() {
    let wire = bytes(&format!("{HEAD} 20 01 2a 02 'si' 32 02 'ce' 42( 08 02 10 01 18 01 )"));
    let record = Record::decode_bounded(&wire.into(), &UspLimits::default()).unwrap();
    assert_eq!(record.payload_security(), PayloadSecurity::Tls12);
    assert_eq!((record.mac_signature.as_ref(), record.sender_cert.as_ref()), (&b"si"[..], &b"ce"[..]));
}

#[test]
fn fields_of_later_versions_are_no_hindrance() {
    // 14 and 15: as 1.5 adds ids of originator and destination.
    let wire = bytes(&format!("{HEAD} 4a 00 72 03 'abc' 7a 03 'def'"));
    assert!(Record::decode_bounded(&wire.into(), &UspLimits::default()).is_ok());
}

#[test]
fn a_payload_is_not_shown() {
    let record = Record::new("a", "b", RecordType::NoSessionContext(NoSessionContext { payload: "secret".into() }));
    assert!(!format!("{record:?}").contains("secret"), "{record:?}");
}
