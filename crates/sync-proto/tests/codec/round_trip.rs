//! Whatever a message says, it says after the wire.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use sangam_sync_proto::json::{ClientMessage, Heard, HeardEvent, ServerMessage, read};
use sangam_sync_proto::message::{
    Bounds, Capabilities, Conflict, EpochExtension, ErrorCode, ErrorResponse, HandshakeRequest, HandshakeResponse,
    Message, NUMBER_MAX, PageEncoder, PullRequest, PullResponse, PushRequest, PushResponse,
};
use sangam_sync_proto::rows::{EntityKey, LogEntry};
use sangam_sync_proto::{Kind, Name, Operation};

/// Numbers of every length on the wire.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..30_u64, 200..300_u64, 65_000..66_000_u64, 0..=u64::from(u32::MAX) + 5, 0..=NUMBER_MAX]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof!["[a-c]{1,2}", ".{0,20}", Just("é".repeat(150))].prop_map(Name::from)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,30}", ".{0,40}", Just("\u{0}\"\\/".repeat(99))]
}

fn body() -> impl Strategy<Value = Bytes> {
    prop_oneof![vec(any::<u8>(), 0..40), Just(vec![7; 300])].prop_map(Bytes::from)
}

prop_compose! {
    fn operation()(
        (op_id, version, timestamp_ms) in (number(), number(), number()),
        (db, device, collection, entity) in (name(), name(), name(), name()),
        body in option::of(body()),
    ) -> Operation {
        let kind = if body.is_some() { Kind::Upsert } else { Kind::Delete };
        Operation { op_id, db, device, collection, entity, kind, version, body, timestamp_ms }
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop_oneof![8 => vec(operation(), 0..4), 1 => vec(operation(), 20..30)]
}

fn metadata() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..5)
}

/// Through the wire and back; the bytes are in the strict form, as a second codec sees it.
fn through<M: Message + PartialEq + Debug>(message: &M) {
    let bytes = Bytes::from(message.encode());
    assert_eq!(&M::decode(&bytes, &Bounds::default()).unwrap(), message);
    assert_eq!(strict(&bytes), bytes);
}

/// What minicbor makes of it, all lengths definite and all integers short.
fn strict(bytes: &Bytes) -> Bytes {
    let mut decoder = Decoder::new(bytes);
    let mut encoder = Encoder::new(Vec::new());
    let mut left = 1;
    while left > 0 {
        left -= 1;
        match decoder.datatype().unwrap() {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => drop(encoder.u64(decoder.u64().unwrap())),
            Type::Bool => drop(encoder.bool(decoder.bool().unwrap())),
            Type::String => drop(encoder.str(decoder.str().unwrap())),
            Type::Bytes => drop(encoder.bytes(decoder.bytes().unwrap())),
            Type::Array => {
                let len = decoder.array().unwrap().unwrap();
                encoder.array(len).unwrap();
                left += len;
            }
            Type::Map => {
                let len = decoder.map().unwrap().unwrap();
                encoder.map(len).unwrap();
                left += 2 * len;
            }
            other => panic!("{other} is not in the strict form"),
        }
    }
    assert_eq!(decoder.position(), bytes.len());
    encoder.into_writer().into()
}

fn entry(op: &Operation) -> LogEntry {
    LogEntry {
        cursor: op.op_id,
        device: op.device.clone(),
        op_id: 1,
        of: EntityKey { collection: op.collection.clone(), entity: op.entity.clone() },
        kind: op.kind,
        version: op.version,
        body: op.body.clone(),
        timestamp_ms: op.timestamp_ms,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn handshakes_come_through(
        (db, device, platform, app_version) in (name(), name(), text(), text()),
        metadata in option::of(metadata()),
        (cursor, session_token) in (number(), option::of(text())),
        (pull, push, sse) in any::<(bool, bool, bool)>(),
        extension in option::of((text(), any::<bool>())),
    ) {
        through(&HandshakeRequest { db, device, platform, app_version, metadata });
        let capabilities = Capabilities { pull, push, sse };
        let extension = extension.map(|(epoch, reset)| EpochExtension { epoch, reset });
        through(&HandshakeResponse { cursor, capabilities, session_token, extension });
    }

    #[test]
    fn pulls_come_through(
        (db, since, limit) in (name(), number(), number()),
        (collections, epoch) in (option::of(vec(name(), 0..30)), option::of(text())),
        (ops, next, has_more) in (operations(), number(), any::<bool>()),
    ) {
        through(&PullRequest { db, since, limit, collections, epoch });
        through(&PullResponse { ops, next, has_more });
    }

    #[test]
    fn pushes_come_through(
        (db, device, ops) in (name(), name(), operations()),
        acknowledged in number(),
        conflicts in vec((operation(), number(), body(), option::of(number())), 0..4),
    ) {
        through(&PushRequest { db, device, ops });
        let conflict = |(op, version, body, modified_ms)| Conflict { op, version, body, modified_ms };
        let conflicts = conflicts.into_iter().map(conflict).collect();
        through(&PushResponse { acknowledged, conflicts });
    }

    #[test]
    fn errors_come_through(
        (code, message) in (0..=12_u64, text()),
        (details, field, request_id) in (option::of(text()), option::of(text()), option::of(text())),
        retry_after_secs in option::of(number()),
    ) {
        let code = ErrorCode::from_number(code);
        through(&ErrorResponse { code, message, details, field, retry_after_secs, request_id });
    }

    #[test]
    fn an_operation_that_stands_alone_comes_through(op in operation()) {
        let bytes = Bytes::from(op.encode_standalone());
        prop_assert_eq!(&Operation::decode_standalone(&bytes, &Bounds::default()).unwrap(), &op);
        prop_assert_eq!(strict(&bytes), bytes);
    }

    #[test]
    fn a_page_written_row_by_row_is_the_page_written_whole(
        db in name(), ops in operations(), next in number(), has_more in any::<bool>(),
    ) {
        let ops: Vec<_> = ops.into_iter().map(|op| Operation { db: db.clone(), ..op }).collect();
        let mut encoder = PageEncoder::new(&db);
        for op in &ops {
            let body = op.body.as_deref();
            encoder.push(op.op_id, &op.device, &op.collection, &op.entity, op.kind, op.version, body, op.timestamp_ms);
        }
        prop_assert_eq!(encoder.len(), ops.len());
        let frame = encoder.bytes_len();
        let whole = PullResponse { ops, next, has_more }.encode();
        prop_assert!(frame < whole.len() && whole.len() < frame + 60);
        prop_assert_eq!(encoder.finish(next, has_more), whole);
    }

    #[test]
    fn what_a_client_says_in_json_comes_through(
        ops in operations(), (since, limit) in (number(), number()),
        collections in option::of(vec(name(), 0..5)), id in option::of(text()),
    ) {
        for said in [
            ClientMessage::Push { operations: ops.clone() },
            ClientMessage::Pull { since, limit, collections: collections.clone() },
            ClientMessage::Subscribe { collections: collections.clone() },
            ClientMessage::Ack { cursor: since },
            ClientMessage::Ping { timestamp: since },
            ClientMessage::Pong,
        ] {
            let text = said.text(id.as_deref());
            prop_assert_eq!(read(&text, &Bounds::default()), Ok((id.clone(), said)));
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert!(value["data"].is_object());
        }
    }

    #[test]
    fn what_a_server_says_in_json_comes_through(
        ops in operations(), db in name(), (cursor, counter) in (number(), number()), has_more in any::<bool>(),
    ) {
        let bounds = Bounds::default();
        let operations: Vec<_> = ops.into_iter().map(|op| Operation { db: db.clone(), ..op }).collect();
        let rows: Vec<_> = operations.iter().map(entry).collect();
        let page = ServerMessage::PullResponse { id: None, db: &db, operations: &rows, next: cursor, has_more };
        let heard = Heard::PullResponse { operations: operations.clone(), next: cursor, has_more };
        prop_assert_eq!(Heard::read(&page.text(), &bounds), Ok((None, heard)));
        let live = ServerMessage::Operations { db: &db, cursor, counter, operations: &rows };
        let heard = Heard::Operations { cursor, operations: operations.clone() };
        prop_assert_eq!(Heard::read(&live.text(), &bounds), Ok((Some(format!("{cursor}-{counter}")), heard)));
        let event = sangam_sync_proto::json::Event::Operations { db: &db, cursor, counter, operations: &rows }.text();
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let operations = operations.into_iter().map(|op| Operation { body: None, ..op }).collect();
        let heard = HeardEvent::Operations { cursor, operations };
        prop_assert_eq!(HeardEvent::read("operations", data, &bounds), Ok(heard));
    }
}

#[test]
fn the_head_of_a_page_is_as_short_as_its_count_lets_it_be() {
    let db = Name::from("d");
    for count in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
        let mut encoder = PageEncoder::new(&db);
        (1..=count).for_each(|cursor| encoder.push(cursor, "x", "c", "e", Kind::Delete, 1, None, 2));
        let bytes = encoder.finish(count, false);
        let page = PullResponse::decode(&bytes, &Bounds { ops_max: 70_000, ..Bounds::default() }).unwrap();
        assert_eq!((page.ops.len() as u64, page.next), (count, count));
        assert_eq!(bytes, page.encode());
    }
}
