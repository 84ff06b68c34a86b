use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::mqtt::{MqttClient, MqttEvent, MqttFailure, MqttOptions, MqttOutput};
use sangam_usp_proto::record::MqttVersion::{self, V5, V311};

/// What an endpoint has to say, and when it wants to be woken.
pub(crate) fn drain(client: &mut MqttClient) -> (Vec<MqttOutput>, Option<Mono>) {
    let mut outputs = Vec::new();
    loop {
        match client.poll_output() {
            MqttOutput::Wait(until) => return (outputs, until),
            output => outputs.push(output),
        }
    }
}

pub(crate) fn options(version: MqttVersion) -> MqttOptions {
    MqttOptions {
        response_topic: Some("usp/ctl".to_owned()),
        client_id: "c".to_owned(),
        ..MqttOptions::new(version, "self::ctl".parse().unwrap())
    }
}

fn transmit(bytes: &[u8]) -> MqttOutput {
    MqttOutput::Transmit(Bytes::copy_from_slice(bytes))
}

/// CONNACK and SUBACK of each version, all being well.
pub(crate) fn connected(version: MqttVersion) -> MqttClient {
    let mut client = MqttClient::new(Mono::ZERO, options(version));
    let (connack, suback): (&[u8], &[u8]) = match version {
        V5 => (b"\x20\x03\x00\x00\x00", b"\x90\x04\x00\x01\x00\x01"),
        V311 => (b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01"),
    };
    client.handle_bytes(Mono::ZERO, connack);
    client.handle_bytes(Mono::ZERO, suback);
    let (outputs, _) = drain(&mut client);
    let reply_to = "usp/ctl".to_owned();
    assert_eq!(outputs.last(), Some(&MqttOutput::Event(MqttEvent::Connected { reply_to })));
    client
}

#[test]
fn an_endpoint_says_who_it_is_as_mqtt_5_has_it() {
    let credentials = Some(("u".to_owned(), "p".to_owned()));
    let mut client = MqttClient::new(Mono::ZERO, MqttOptions { credentials, ..options(V5) });
    let expected = [
        b"\x10\x3b\x00\x04MQTT\x05\xc2\x00\x3c".as_slice(),
        // Request Response Information, Receive Maximum 64, Maximum Packet Size, User Property.
        b"\x27\x19\x01\x21\x00\x40\x27\x00\x11\x40\x00\x26\x00\x0fusp-endpoint-id\x00\x09self::ctl",
        b"\x00\x01c\x00\x01u\x00\x01p",
    ]
    .concat();
    assert_eq!(drain(&mut client).0, [transmit(&expected)], "R-MQTT.13");
}

#[test]
fn an_endpoint_says_who_it_is_as_3_1_1_has_it() {
    let options = MqttOptions { client_id: "self::ctl".to_owned(), ..options(V311) };
    let (outputs, until) = drain(&mut MqttClient::new(Mono::ZERO, options));
    assert_eq!(outputs, [transmit(b"\x10\x15\x00\x04MQTT\x04\x02\x00\x3c\x00\x09self::ctl")], "R-MQTT.8");
    assert_eq!(until, Some(Mono::ZERO + Duration::from_secs(10)));
}

#[test]
fn it_subscribes_to_what_the_broker_offers() {
    let mut client = MqttClient::new(Mono::ZERO, options(V5));
    drain(&mut client);
    // Response Information "r", User Property subscribe-topic "s" (R-MQTT.15, R-MQTT.21).
    client.handle_bytes(Mono::ZERO, b"\x20\x1c\x00\x00\x19\x1a\x00\x01r\x26\x00\x0fsubscribe-topic\x00\x01s");
    let expected = b"\x82\x0b\x00\x01\x00\x00\x01s\x21\x00\x01r\x21";
    assert_eq!(drain(&mut client).0, [transmit(expected)]);
    client.handle_bytes(Mono::ZERO, b"\x90\x05\x00\x01\x00\x01\x01");
    let reply_to = "r".to_owned();
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(MqttEvent::Connected { reply_to })]);
}

#[test]
fn without_a_topic_nothing_is_published() {
    let mut client = MqttClient::new(Mono::ZERO, MqttOptions { response_topic: None, ..options(V5) });
    drain(&mut client);
    client.handle_bytes(Mono::ZERO, b"\x20\x03\x00\x00\x00");
    let failed = MqttOutput::Event(MqttEvent::Failed(MqttFailure::NoTopic));
    assert_eq!(drain(&mut client).0, [transmit(b"\xe0\x00"), failed, MqttOutput::Close], "R-MQTT.16");
    // And where the broker does not let it subscribe (R-MQTT.17).
    let mut client = MqttClient::new(Mono::ZERO, options(V5));
    client.handle_bytes(Mono::ZERO, b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x87");
    let failed = MqttOutput::Event(MqttEvent::Failed(MqttFailure::NotSubscribed(0x87)));
    assert_eq!(drain(&mut client).0[2..], [failed, MqttOutput::Close]);
    assert_eq!(client.publish(Mono::ZERO, "a", None, b"record"), None);
}

#[test]
fn a_record_of_5_carries_its_type_and_where_answers_go() {
    let mut client = connected(V5);
    assert_eq!(client.publish(Mono::ZERO, "usp/a", None, b"record"), Some(2));
    let expected = b"\x32\x24\x00\x05usp/a\x00\x02\x14\x03\x00\x07usp.msg\x08\x00\x07usp/ctlrecord";
    assert_eq!(drain(&mut client).0, [transmit(expected)], "R-MQTT.22, R-MQTT.27");
    client.handle_bytes(Mono::ZERO, b"\x40\x02\x00\x02");
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(MqttEvent::Confirmed(2))]);
    client.publish(Mono::ZERO, "usp/a", Some("usp/other"), b"record");
    drain(&mut client);
    // No matching subscribers is no failure; not authorised is.
    client.handle_bytes(Mono::ZERO, b"\x40\x04\x00\x03\x87\x00");
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(MqttEvent::Rejected(3, 0x87))]);
}

#[test]
fn a_record_of_3_1_1_says_in_its_topic_where_answers_go() {
    let mut client = connected(V311);
    client.publish(Mono::ZERO, "usp/a", None, b"record");
    let expected = b"\x32\x22\x00\x18usp/a/reply-to=usp%2Fctl\x00\x02record";
    assert_eq!(drain(&mut client).0, [transmit(expected)], "R-MQTT.24");
}

#[test]
fn what_comes_is_acknowledged_once_it_is_taken() {
    let mut client = connected(V5);
    let publish = b"\x32\x22\x00\x07usp/ctl\x01\x02\x10\x03\x00\x07usp.msg\x08\x00\x03a/brecord";
    client.handle_bytes(Mono::ZERO, &publish[..9]);
    assert_eq!(drain(&mut client).0, []);
    client.handle_bytes(Mono::ZERO, &publish[9..]);
    let record = MqttEvent::Record {
        record: Bytes::from_static(b"record"),
        topic: "usp/ctl".to_owned(),
        reply_to: Some("a/b".to_owned()),
        receipt: Some(0x0102),
    };
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(record)]);
    client.taken(Mono::ZERO, 0x0102);
    assert_eq!(drain(&mut client).0, [transmit(b"\x40\x02\x01\x02")]);
}

#[test]
fn of_3_1_1_the_answer_goes_where_the_topic_says() {
    let mut client = connected(V311);
    client.handle_bytes(Mono::ZERO, b"\x30\x1e\x00\x16usp/ctl/reply-to=a%2Fbrecord");
    let record = MqttEvent::Record {
        record: Bytes::from_static(b"record"),
        topic: "usp/ctl/reply-to=a%2Fb".to_owned(),
        reply_to: Some("a/b".to_owned()),
        receipt: None,
    };
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(record)], "R-MQTT.25");
}

#[test]
fn what_is_retained_or_of_another_type_is_no_record() {
    let mut client = connected(V5);
    // Retained; then with content type usp.err; then without one, which is acknowledged too.
    client.handle_bytes(Mono::ZERO, b"\x31\x1a\x00\x07usp/ctl\x0a\x03\x00\x07usp.msgrecord");
    client.handle_bytes(Mono::ZERO, b"\x30\x1a\x00\x07usp/ctl\x0a\x03\x00\x07usp.errrecord");
    client.handle_bytes(Mono::ZERO, b"\x32\x12\x00\x07usp/ctl\x00\x09\x00record");
    let not = MqttOutput::Event(MqttEvent::NotARecord);
    assert_eq!(drain(&mut client).0, [not.clone(), not.clone(), transmit(b"\x40\x02\x00\x09"), not]);
}

#[test]
fn no_more_is_in_flight_than_the_broker_takes() {
    let mut client = MqttClient::new(Mono::ZERO, options(V5));
    // Receive Maximum 2, Maximum Packet Size 64.
    client.handle_bytes(Mono::ZERO, b"\x20\x0b\x00\x00\x08\x21\x00\x02\x27\x00\x00\x00\x40");
    client.handle_bytes(Mono::ZERO, b"\x90\x04\x00\x01\x00\x01");
    assert_eq!(client.publish(Mono::ZERO, "a", None, &[7; 64]), None, "larger than the broker takes");
    assert!(client.publish(Mono::ZERO, "a", None, b"1").is_some());
    assert!(client.publish(Mono::ZERO, "a", None, b"2").is_some());
    assert!(!client.has_room());
    assert_eq!(client.publish(Mono::ZERO, "a", None, b"3"), None);
    drain(&mut client);
    client.handle_bytes(Mono::ZERO, b"\x40\x02\x00\x03");
    drain(&mut client);
    assert!(client.has_room());
}

#[test]
fn a_broker_that_says_nothing_is_given_up() {
    let mut client = MqttClient::new(Mono::ZERO, options(V5));
    let (_, until) = drain(&mut client);
    client.handle_timeout(until.unwrap());
    let silent = MqttOutput::Event(MqttEvent::Failed(MqttFailure::Silent));
    assert_eq!(drain(&mut client).0, [silent.clone(), MqttOutput::Close]);

    let mut client = connected(V5);
    let (_, due) = drain(&mut client);
    assert_eq!(due, Some(Mono::ZERO + Duration::from_secs(45)));
    client.handle_timeout(due.unwrap());
    let (outputs, until) = drain(&mut client);
    assert_eq!(outputs, [transmit(b"\xc0\x00")]);
    client.handle_bytes(due.unwrap(), b"\xd0\x00");
    let (_, due) = drain(&mut client);
    assert!(due > until, "it answered");
    client.handle_timeout(due.unwrap());
    let (_, until) = drain(&mut client);
    client.handle_timeout(until.unwrap());
    assert_eq!(drain(&mut client).0, [silent, MqttOutput::Close]);
}

#[test]
fn a_refusal_is_told_in_the_brokers_words() {
    let mut client = MqttClient::new(Mono::ZERO, options(V5));
    drain(&mut client);
    client.handle_bytes(Mono::ZERO, b"\x20\x0b\x00\x86\x08\x1f\x00\x05wrong");
    let refused = MqttFailure::Refused(0x86, "wrong".to_owned());
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(MqttEvent::Failed(refused)), MqttOutput::Close]);
    let mut client = MqttClient::new(Mono::ZERO, options(V311));
    drain(&mut client);
    client.handle_bytes(Mono::ZERO, b"\x20\x02\x00\x05");
    let refused = MqttFailure::Refused(5, String::new());
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(MqttEvent::Failed(refused)), MqttOutput::Close]);
    // And when it ends what was open (of 5.0: session taken over).
    let mut client = connected(V5);
    client.handle_bytes(Mono::ZERO, b"\xe0\x02\x8e\x00");
    let refused = MqttFailure::Refused(0x8e, String::new());
    assert_eq!(drain(&mut client).0, [MqttOutput::Event(MqttEvent::Failed(refused)), MqttOutput::Close]);
}

#[test]
fn a_password_is_not_shown() {
    let credentials = Some(("user".to_owned(), "hunter2".to_owned()));
    let text = format!("{:?}", MqttOptions { credentials, ..options(V5) });
    assert!(text.contains("user") && !text.contains("hunter2"), "{text}");
}
