use bytes::Bytes;
use sangam_sync_proto::json::{
    BadMessage, ClientMessage, Event, Heard, HeardEvent, ServerMessage, ShortConflict, cursor_of_event_id, read,
};
use sangam_sync_proto::message::{Bounds, Conflict};
use sangam_sync_proto::rows::{EntityKey, LogEntry};
use sangam_sync_proto::{Kind, Name, Operation};

use crate::samples::operation;

fn entry(cursor: u64, entity: &str, version: u64, body: Option<&'static [u8]>) -> LogEntry {
    LogEntry {
        cursor,
        device: Name::from("dev-2"),
        op_id: 7,
        of: EntityKey { collection: Name::from("c"), entity: Name::from(entity) },
        kind: if body.is_some() { Kind::Upsert } else { Kind::Delete },
        version,
        body: body.map(Bytes::from_static),
        timestamp_ms: 1_702_569_600_000,
    }
}

/// What is said is read as what it means, and written again as it was.
fn both_ways(text: &str, id: Option<&str>, means: ClientMessage) {
    let (read_id, said) = read(text, &Bounds::default()).unwrap();
    assert_eq!((read_id.as_deref(), &said), (id, &means));
    assert_eq!(said.text(id), text);
}

fn refused(text: &str) -> BadMessage {
    read(text, &Bounds::default()).unwrap_err()
}

const PULL_RESPONSE: &str = r#"{"type":"pullResponse","id":"0","data":{"operations":[{"opId":1,"dbId":"d","deviceId":"dev-2","collection":"c","entityId":"e","opType":"upsert","entityVersion":1,"timestampMs":1702569600000,"entityCbor":[160]}],"nextCursor":1,"hasMore":false}}"#;

#[test]
fn what_clients_say_is_read_as_the_vectors_have_it() {
    both_ways(
        r#"{"type":"pull","id":"0","data":{"sinceCursor":0,"limit":100}}"#,
        Some("0"),
        ClientMessage::Pull { since: 0, limit: 100, collections: None },
    );
    let delete = Operation {
        device: Name::from("dev-1"),
        kind: Kind::Delete,
        version: 2,
        body: None,
        timestamp_ms: 1_702_569_601_000,
        ..operation(7)
    };
    both_ways(
        r#"{"type":"push","id":"1","data":{"operations":[{"opId":7,"dbId":"d","deviceId":"dev-1","collection":"c","entityId":"e","opType":"delete","entityVersion":2,"timestampMs":1702569601000}]}}"#,
        Some("1"),
        ClientMessage::Push { operations: vec![delete] },
    );
    both_ways(r#"{"type":"subscribe","data":{}}"#, None, ClientMessage::Subscribe { collections: None });
    let collections = Some(vec![Name::from("a"), Name::from("b")]);
    both_ways(
        r#"{"type":"pull","id":"é","data":{"sinceCursor":9,"limit":1,"collections":["a","b"]}}"#,
        Some("é"),
        ClientMessage::Pull { since: 9, limit: 1, collections: collections.clone() },
    );
    both_ways(
        r#"{"type":"subscribe","data":{"collections":["a","b"]}}"#,
        None,
        ClientMessage::Subscribe { collections },
    );
    both_ways(r#"{"type":"ack","data":{"cursor":9}}"#, None, ClientMessage::Ack { cursor: 9 });
    both_ways(r#"{"type":"ping","data":{"timestamp":5}}"#, None, ClientMessage::Ping { timestamp: 5 });
    both_ways(r#"{"type":"pong","data":{}}"#, None, ClientMessage::Pong);
}

#[test]
fn what_is_absent_or_null_has_the_wires_default() {
    let bounds = Bounds::default();
    for text in
        [r#"{"type":"pull"}"#, r#"{"data":null,"id":null,"type":"pull"}"#, r#"{"type":"pull","data":{"limit":null}}"#]
    {
        let pull = ClientMessage::Pull { since: 0, limit: 100, collections: None };
        assert_eq!(read(text, &bounds).unwrap(), (None, pull), "{text}");
    }
    for text in [r#"{"type":"ping"}"#, r#"{"type":"ping","data":{"timestamp":"now"}}"#, r#"{"type":"ping","data":7}"#] {
        assert_eq!(read(text, &bounds).unwrap().1, ClientMessage::Ping { timestamp: 0 }, "{text}");
    }
    let limit = |text| match read(text, &bounds).unwrap().1 {
        ClientMessage::Pull { limit, .. } => limit,
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(r#"{"type":"pull","data":{"limit":-3}}"#), 0);
    assert_eq!(limit(r#"{"type":"push","type":"pull","data":{"limit":5,"limit":7,"more":{"is":["not"]}}}"#), 7);
}

#[test]
fn what_cannot_be_taken_is_answered_with_its_id_its_code_and_its_key() {
    for (text, id, code, message) in [
        (r#"{"type":"shout","id":"4"}"#, Some("4"), "unknown_type", "Unknown message type: shout"),
        (r#"{"id":"4"}"#, Some("4"), "invalid_message", "type is missing"),
        (r#"[]"#, None, "invalid_message", "invalid type: sequence, expected an object"),
        (r#"{"type":"ack","id":"4","data":{}}"#, Some("4"), "invalid_message", "cursor is missing"),
        (r#"{"type":"push","id":"4"}"#, Some("4"), "push_error", "Push failed: operations is missing"),
        (
            r#"{"type":"push","id":"4","data":{"operations":[{"opId":-1}]}}"#,
            Some("4"),
            "push_error",
            "Push failed: operations[0]: opId: it is negative",
        ),
        (
            r#"{"type":"pull","id":"4","data":{"sinceCursor":9223372036854775808}}"#,
            Some("4"),
            "pull_error",
            "Pull failed: sinceCursor: it is above 2^63 - 1",
        ),
    ] {
        let refused = refused(text);
        assert_eq!((refused.id.as_deref(), refused.code, &*refused.message), (id, code, message), "{text}");
    }
}

#[test]
fn a_body_is_numbers_from_0_to_255_and_an_upsert_has_one() {
    let push = |rest: &str| {
        format!(
            r#"{{"type":"push","data":{{"operations":[{{"opId":7,"dbId":"d","deviceId":"x","collection":"c","entityId":"e","entityVersion":2,"timestampMs":3,{rest}}}]}}}}"#
        )
    };
    let body = |rest: &str| match read(&push(rest), &Bounds::default()) {
        Ok((_, ClientMessage::Push { operations })) => Ok(operations[0].body.clone()),
        Ok(other) => panic!("{other:?}"),
        Err(refused) => Err(refused.message),
    };
    assert_eq!(body(r#""opType":"PUT","entityCbor":[0,255]"#), Ok(Some(Bytes::from_static(&[0, 255]))));
    assert_eq!(body(r#""opType":"upsert","entityCbor":[]"#), Ok(Some(Bytes::new())));
    assert_eq!(body(r#""opType":"delete","entityCbor":[1]"#), Ok(None));
    for (rest, why) in [
        (r#""opType":"upsert""#, "entityCbor is missing"),
        (r#""opType":"upsert","entityCbor":null"#, "entityCbor is missing"),
        (r#""opType":"merge","entityCbor":[1]"#, "opType is neither upsert nor delete"),
        (r#""opType":"upsert","entityCbor":[256]"#, "entityCbor: invalid value: integer `256`, expected u8"),
        (r#""opType":"upsert","entityCbor":[-1]"#, "entityCbor: invalid value: integer `-1`, expected u8"),
    ] {
        assert_eq!(body(rest).unwrap_err(), format!("Push failed: operations[0]: {why}"));
    }
}

#[test]
fn bounds_of_count_length_and_depth_hold_in_json() {
    let bounds = Bounds { depth_max: 5, ops_max: 1, text_bytes_max: 4, entries_max: 2 };
    let why = |text: &str| read(text, &bounds).unwrap_err().message;
    assert_eq!(
        why(r#"{"type":"pull","data":{"collections":["a","b","c"]}}"#),
        "Pull failed: collections has more than 2 entries"
    );
    assert_eq!(
        why(r#"{"type":"pull","data":{"collections":["a","bbbbb"]}}"#),
        "Pull failed: collections[1]: it has 5 bytes, at most 4 are taken"
    );
    assert_eq!(why(r#"{"type":"pull","id":"12345"}"#), "id has 5 bytes, at most 4 are taken");
    assert_eq!(why(r#"{"type":"pull","data":{"x":[[[[]]]]}}"#), "nested deeper than 5 levels");
    assert!(
        read(r#"{"type":"pull","data":{"x":[[["[[[[[\"{{{{"]]]}}"#, &bounds).is_ok(),
        "brackets in text are no depth"
    );
    assert_eq!(
        why(r#"{"type":"pull","data":{"x":"\\","y":[[[[]]]]}}"#),
        "nested deeper than 5 levels",
        "and text ends there"
    );
    let bomb = "[".repeat(1_000_000);
    assert_eq!(why(&bomb), "nested deeper than 5 levels");
    assert_eq!(why(&format!(r#"{{"type":"pull","data":{bomb}"#)), "nested deeper than 5 levels");
}

#[test]
fn a_refusal_repeats_no_more_than_a_little_of_what_was_sent() {
    let long = "é".repeat(100_000);
    for text in [
        format!(r#"{{"type":"{long}"}}"#),
        format!(r#"{{"type":"ack","data":{{"cursor":"{long}"}}}}"#),
        format!(r#"{{"type":"ack","data":"{long}"}}"#),
        format!(r#""{long}""#),
        format!(r#"{{"type":"subscribe","id":"{long}"}}"#),
    ] {
        let refused = refused(&text);
        assert!(refused.message.len() < 300 && refused.id.is_none(), "{}", refused.message);
    }
}

#[test]
fn what_the_server_says_on_a_websocket_is_written_as_the_vectors_have_it() {
    let says = |said: ServerMessage<'_>, text: &str| assert_eq!(said.text(), text);
    says(
        ServerMessage::Subscribed { connection: "ws-dev-1-1702569600000-0", cursor: 42 },
        r#"{"type":"subscribed","data":{"connectionId":"ws-dev-1-1702569600000-0","cursor":42}}"#,
    );
    let operations = [entry(1, "e", 1, Some(b"\xA0"))];
    says(
        ServerMessage::PullResponse { id: Some("0"), db: "d", operations: &operations, next: 1, has_more: false },
        PULL_RESPONSE,
    );
    says(
        ServerMessage::PushResponse { id: Some("1"), acknowledged: 7, conflicts: &[] },
        r#"{"type":"pushResponse","id":"1","data":{"acknowledgedUpToOpId":7,"conflicts":[]}}"#,
    );
    let conflict = Conflict { op: operation(7), version: 6, body: Bytes::new(), modified_ms: None };
    says(
        ServerMessage::PushResponse { id: None, acknowledged: 0, conflicts: &[conflict.clone(), conflict] },
        r#"{"type":"pushResponse","data":{"acknowledgedUpToOpId":0,"conflicts":[{"collection":"c","entityId":"e","serverVersion":6},{"collection":"c","entityId":"e","serverVersion":6}]}}"#,
    );
    says(
        ServerMessage::Pong { timestamp: 1_702_569_630_000, server_time: 1_702_569_630_004 },
        r#"{"type":"pong","data":{"timestamp":1702569630000,"serverTime":1702569630004}}"#,
    );
    says(
        ServerMessage::Error { id: Some("2"), message: "Pull failed: ...", code: "pull_error" },
        r#"{"type":"error","id":"2","data":{"message":"Pull failed: ...","code":"pull_error"}}"#,
    );
    says(
        ServerMessage::Operations { db: "d", cursor: 43, counter: 7, operations: &[entry(43, "t\"1", 3, None)] },
        r#"{"type":"operations","id":"43-7","data":{"cursor":43,"operations":[{"opId":43,"dbId":"d","deviceId":"dev-2","collection":"c","entityId":"t\"1","opType":"delete","entityVersion":3,"timestampMs":1702569600000}],"count":1}}"#,
    );
}

#[test]
fn events_are_written_as_the_vectors_have_them() {
    let says = |said: Event<'_>, text: &str| assert_eq!(said.text(), text);
    says(
        Event::Connected { subscription: "dev-1-1702569600000-0", cursor: 42 },
        "event: connected\ndata: {\"subscriptionId\":\"dev-1-1702569600000-0\",\"cursor\":42}\n\n",
    );
    says(Event::Ping { timestamp: 1_702_569_630_000 }, "event: ping\ndata: {\"timestamp\":1702569630000}\n\n");
    says(
        Event::Operations { db: "d", cursor: 43, counter: 7, operations: &[entry(43, "t\n1", 3, Some(b"\xA0"))] },
        "event: operations\nid: 43-7\ndata: {\"cursor\":43,\"operations\":[{\"opId\":43,\"dbId\":\"d\",\"deviceId\":\"dev-2\",\"collection\":\"c\",\"entityId\":\"t\\n1\",\"opType\":\"upsert\",\"entityVersion\":3,\"timestampMs\":1702569600000}],\"count\":1}\n\n",
    );
    says(
        Event::Operations { db: "d", cursor: 50, counter: 8, operations: &[] },
        "event: operations\nid: 50-8\ndata: {\"cursor\":50,\"operations\":[],\"count\":0}\n\n",
    );
    says(Event::Error { message: "a", code: None }, "event: error\ndata: {\"message\":\"a\"}\n\n");
    says(Event::Error { message: "a", code: Some("b") }, "event: error\ndata: {\"message\":\"a\",\"code\":\"b\"}\n\n");
}

#[test]
fn no_text_ends_a_line_of_an_event_early() {
    let all: String = (0..0x300_u32).filter_map(char::from_u32).chain(['\u{2028}', '\u{2029}', '😀']).collect();
    let block = Event::Error { message: &all, code: Some(&all) }.text();
    assert_eq!(block.bytes().filter(|byte| *byte < 0x20).count(), 3, "the ends of its own lines");
    let json = block.strip_prefix("event: error\ndata: ").unwrap();
    let heard = HeardEvent::read("error", json.trim_end(), &Bounds::default()).unwrap();
    assert_eq!(heard, HeardEvent::Error { message: all.clone(), code: Some(all.clone()) });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(json).unwrap().to_string(),
        serde_json::json!({ "message": all, "code": all }).to_string(),
    );
}

#[test]
fn a_client_reads_what_the_server_says() {
    let bounds = Bounds::default();
    let hear = |said: ServerMessage<'_>| Heard::read(&said.text(), &bounds).unwrap();
    let pull = Heard::PullResponse { operations: vec![operation(1)], next: 1, has_more: false };
    assert_eq!(Heard::read(PULL_RESPONSE, &bounds).unwrap(), (Some("0".to_owned()), pull));
    let heard = hear(ServerMessage::Subscribed { connection: "w", cursor: 3 });
    assert_eq!(heard, (None, Heard::Subscribed { connection: "w".to_owned(), cursor: 3 }));
    let conflict = Conflict { op: operation(7), version: 6, body: Bytes::new(), modified_ms: Some(1) };
    let short = ShortConflict { collection: Name::from("c"), entity: Name::from("e"), version: 6 };
    let heard = hear(ServerMessage::PushResponse { id: Some("1"), acknowledged: 7, conflicts: &[conflict] });
    assert_eq!(heard.1, Heard::PushResponse { acknowledged: 7, conflicts: vec![short] });
    let rows = [entry(1, "e", 1, Some(b"\xA0"))];
    let heard = hear(ServerMessage::Operations { db: "d", cursor: 1, counter: 0, operations: &rows });
    assert_eq!(heard, (Some("1-0".to_owned()), Heard::Operations { cursor: 1, operations: vec![operation(1)] }));
    assert_eq!(
        hear(ServerMessage::Pong { timestamp: 1, server_time: 2 }).1,
        Heard::Pong { timestamp: 1, server_time: 2 }
    );
    let heard = hear(ServerMessage::Error { id: None, message: "m", code: "c" });
    assert_eq!(heard.1, Heard::Error { message: "m".to_owned(), code: "c".to_owned() });
    assert_eq!(Heard::read(r#"{"type":"new"}"#, &bounds).unwrap(), (None, Heard::Unknown));
    let data = r#"{"cursor":1,"operations":[{"opId":1,"dbId":"d","deviceId":"dev-2","collection":"c","entityId":"e","opType":"upsert","entityVersion":1,"timestampMs":1702569600000}],"count":1}"#;
    let hint = HeardEvent::Operations { cursor: 1, operations: vec![Operation { body: None, ..operation(1) }] };
    assert_eq!(HeardEvent::read("operations", data, &bounds).unwrap(), hint);
    assert_eq!(HeardEvent::read("new", "no JSON", &bounds).unwrap(), HeardEvent::Unknown);
    assert!(HeardEvent::read("ping", "{}", &bounds).unwrap_err().to_string().contains("timestamp is missing"));
}

#[test]
fn every_byte_has_its_number() {
    let all: Vec<u8> = (0..=255).collect();
    let operations = vec![Operation { body: Some(all.clone().into()), ..operation(1) }];
    let text = ClientMessage::Push { operations: operations.clone() }.text(None);
    assert!(text.contains("\"entityCbor\":[0,1,2,3,4,5,6,7,8,9,10,11,") && text.contains("98,99,100,101,"), "{text}");
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed["data"]["operations"][0]["entityCbor"], serde_json::json!(all));
    assert_eq!(read(&text, &Bounds::default()).unwrap().1, ClientMessage::Push { operations });
}

#[test]
fn an_event_id_is_a_cursor_and_a_counter() {
    for (id, cursor) in [
        ("43-7", Some(43)),
        ("43", Some(43)),
        (" 43-7 ", Some(43)),
        ("0-0", Some(0)),
        ("9223372036854775807-18446744073709551616", Some(i64::MAX as u64)),
        ("9223372036854775808-0", None),
        ("", None),
        ("-7", None),
        ("43-", None),
        ("+43", None),
        ("43-7-1", None),
        ("4 3", None),
        ("x", None),
    ] {
        assert_eq!(cursor_of_event_id(id), cursor, "{id:?}");
    }
}
