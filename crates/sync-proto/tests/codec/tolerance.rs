//! What other encoders write and the strict form does not have.

use std::sync::Arc;

use bytes::Bytes;
use minicbor::Encoder;
use sangam_sync_proto::message::{
    Bounds, ErrorCode, ErrorResponse, HandshakeRequest, HandshakeResponse, Malformed, Message, PullRequest,
    PullResponse, PushRequest, PushResponse,
};
use sangam_sync_proto::{Kind, Operation};

use crate::samples::{by_name, unhex};

fn pull(hex: &str) -> Result<PullRequest, Malformed> {
    PullRequest::decode(&unhex(&hex.replace(' ', "")), &Bounds::default())
}

/// `{"dbId": "d", "sinceCursor": 5, ` and whatever is given, as a map of indefinite length.
fn pull_with(rest: &str) -> Result<PullRequest, Malformed> {
    pull(&format!("bf 6464624964 6164 6b73696e6365437572736f72 05 {rest} ff"))
}

const LIMIT: &str = "656c696d6974";
const COLLECTIONS: &str = "6b636f6c6c656374696f6e73";

fn wire(write: impl FnOnce(&mut Encoder<Vec<u8>>)) -> Bytes {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder);
    encoder.into_writer().into()
}

#[test]
fn indefinite_lengths_are_read_wherever_a_length_may_stand() {
    let strict =
        pull("a4 6464624964 6164 6b73696e6365437572736f72 05 656c696d6974 07 6b636f6c6c656374696f6e73 82 6161 6162");
    let loose = pull(
        "bf 7f 626462 60 624964 ff 7f 6164 ff 6b73696e6365437572736f72 05 656c696d6974 07 \
         6b636f6c6c656374696f6e73 9f 7fff 7f 6161 60 ff ff ff",
    );
    assert_eq!(strict.unwrap().collections.unwrap().len(), 2);
    let loose = loose.unwrap();
    assert_eq!((&*loose.db, loose.limit), ("d", 7));
    assert_eq!(loose.collections.unwrap().iter().map(|name| &**name).collect::<Vec<_>>(), ["", "a"]);
}

#[test]
fn a_body_in_pieces_is_put_together() {
    let standalone = by_name().remove("V19").unwrap();
    let whole = Operation::decode_standalone(&standalone, &Bounds::default()).unwrap();
    let at = standalone.len() - 0x2E - 2;
    let mut pieces = standalone[..at].to_vec();
    pieces.extend([0x5F, 0x40, 0x41]);
    pieces.push(standalone[at + 2]);
    pieces.extend([0x58, 0x2D]);
    pieces.extend_from_slice(&standalone[at + 3..]);
    pieces.push(0xFF);
    assert_eq!(Operation::decode_standalone(&pieces.into(), &Bounds::default()).unwrap(), whole);
}

#[test]
fn integers_longer_than_they_must_be_are_read() {
    for seven in ["07", "1807", "190007", "1a00000007", "1b0000000000000007", "c1 07", "d9d9f7 c1 d81b 1807"] {
        assert_eq!(pull_with(&format!("{LIMIT} {seven}")).unwrap().limit, 7, "{seven}");
    }
    let long_heads = pull("ba00000002 7804 64624964 7900 01 64 7b000000000000000b 73696e6365437572736f72 05");
    assert_eq!(long_heads.unwrap().since, 5);
}

#[test]
fn tags_mean_nothing_in_front_of_anything_but_a_break() {
    let tagged = pull("d9d9f7 a2 c1 6464624964 d820 6164 6b73696e6365437572736f72 c0c1c2 05").unwrap();
    assert_eq!((&*tagged.db, tagged.since), ("d", 5));
    assert_eq!(pull_with("c1").unwrap_err().what, "a tag of nothing");
}

#[test]
fn of_equal_keys_the_last_counts_and_null_is_absent() {
    assert_eq!(pull_with(&format!("{LIMIT} 07 {LIMIT} 08")).unwrap().limit, 8);
    assert_eq!(pull_with(&format!("{LIMIT} 07 {LIMIT} f6")).unwrap().limit, 100);
    assert_eq!(pull_with(&format!("{LIMIT} f7 {COLLECTIONS} f6 6565706f6368 f6")).unwrap(), pull_with("").unwrap());
    assert_eq!(pull_with("6464624964 f6").unwrap_err().to_string(), "dbId is missing at byte 0");
}

#[test]
fn an_absent_limit_is_100_and_a_negative_one_0() {
    assert_eq!(pull_with("").unwrap().limit, 100);
    for negative in ["20", "3818", "3bffffffffffffffff"] {
        assert_eq!(pull_with(&format!("{LIMIT} {negative}")).unwrap().limit, 0);
    }
}

#[test]
fn unknown_keys_are_passed_over_with_all_that_is_in_them() {
    for unknown in [
        "00",
        "f90000",
        "fb0000000000000000",
        "f820",
        "e0",
        "a1 6161 82 40 a0",
        "bf 6161 9f 5f 4161 ff ff ff",
        "9f bf ff ff",
    ] {
        assert_eq!(pull_with(&format!("6178 {unknown}")).unwrap(), pull_with("").unwrap(), "{unknown}");
    }
    for (unknown, why) in [
        ("a1 01 02", "a key is not text"),
        ("82 00 bf 4161 00 ff", "a key is not text"),
        ("ff", "a break that ends nothing"),
        ("82 00 ff", "a break that ends nothing"),
        ("61 ff", "a text is not UTF-8"),
        ("7f 4161 ff", "a string from byte 23 has a piece of another kind"),
        ("7f 7f 6161 ff ff", "a string from byte 23 has a piece of another kind"),
        ("5f c1 4161 ff", "a string from byte 23 has a piece of another kind"),
        ("1c", "no CBOR"),
        ("3f", "no CBOR"),
        ("df", "no CBOR"),
        ("fd", "no CBOR"),
        ("f81f", "no CBOR"),
    ] {
        assert_eq!(pull_with(&format!("6178 {unknown}")).unwrap_err().what, why, "{unknown}");
    }
}

#[test]
fn wrong_types_are_refused_with_key_and_place() {
    let of = |hex: &str| pull(hex).unwrap_err().to_string();
    assert_eq!(of("a2 6464624964 01"), "dbId is not text at byte 6");
    assert_eq!(of("a2 6464624964 61ff"), "dbId is not UTF-8 at byte 6");
    assert_eq!(of("a2 6464624964 6164 6b73696e6365437572736f72 20"), "sinceCursor is negative at byte 20");
    assert_eq!(
        of("a2 6464624964 6164 6b73696e6365437572736f72 1b8000000000000000"),
        "sinceCursor is above 2^63 - 1 at byte 20"
    );
    assert_eq!(of("a2 6464624964 6164 6b73696e6365437572736f72 f94500"), "sinceCursor is not an integer at byte 20");
    assert_eq!(of("a1 6464624964 6164"), "sinceCursor is missing at byte 0");
    assert_eq!(of("f6"), "the message is missing at byte 0");
    assert_eq!(pull_with(&format!("{COLLECTIONS} 82 6161 01")).unwrap_err().what, "collections[1] is not text");
    assert_eq!(pull_with(&format!("{COLLECTIONS} 81 f6")).unwrap_err().what, "collections[0] is missing");
    assert_eq!(pull_with(&format!("{COLLECTIONS} a0")).unwrap_err().what, "collections is not an array");
}

#[test]
fn exactly_one_item_is_taken() {
    for (name, bytes) in by_name().into_iter().filter(|(name, _)| matches!(&**name, "V05" | "V06")) {
        let mut more = bytes.to_vec();
        more.push(0xF6);
        let refused = PullRequest::decode(&more.into(), &Bounds::default()).unwrap_err();
        assert_eq!((&*refused.what, refused.at), ("more than one item", bytes.len()), "{name}");
    }
    assert_eq!(PullRequest::decode(&Bytes::new(), &Bounds::default()).unwrap_err().what, "the message ends too early");
}

/// One operation of a push with what is given in place of its type and body.
fn push_of(rest: impl FnOnce(&mut Encoder<Vec<u8>>)) -> Result<Operation, Malformed> {
    let bytes = wire(|e| {
        e.map(3).unwrap().str("ops").unwrap().array(1).unwrap().begin_map().unwrap();
        for key in ["dbId", "deviceId", "collection", "entityId"] {
            e.str(key).unwrap().str("x").unwrap();
        }
        for key in ["opId", "entityVersion", "timestampMs"] {
            e.str(key).unwrap().u8(9).unwrap();
        }
        rest(e);
        e.end().unwrap().str("dbId").unwrap().str("x").unwrap().str("deviceId").unwrap().str("x").unwrap();
    });
    PushRequest::decode(&bytes, &Bounds::default()).map(|mut push| push.ops.remove(0))
}

#[test]
fn an_upsert_has_a_body_and_that_of_a_delete_is_dropped() {
    let upsert =
        push_of(|e| drop(e.str("entityCbor").unwrap().bytes(b"").unwrap().str("opType").unwrap().str("upsert")));
    assert_eq!(upsert.unwrap().body, Some(Bytes::new()));
    for null in [false, true] {
        let refused = push_of(|e| {
            e.str("opType").unwrap().str("upsert").unwrap();
            if null {
                e.str("entityCbor").unwrap().null().unwrap();
            }
        });
        assert_eq!(refused.unwrap_err().what, "ops[0]: entityCbor is missing");
    }
    for word in ["delete", "DELETE"] {
        let delete =
            push_of(|e| drop(e.str("opType").unwrap().str(word).unwrap().str("entityCbor").unwrap().bytes(b"ab")));
        let delete = delete.unwrap();
        assert_eq!((delete.kind, delete.body), (Kind::Delete, None));
    }
    let refused =
        push_of(|e| drop(e.str("opType").unwrap().str("merge").unwrap().str("entityCbor").unwrap().bytes(b"")));
    assert_eq!(refused.unwrap_err().what, "ops[0]: opType is neither upsert nor delete");
}

#[test]
fn operations_that_follow_each_other_share_their_names() {
    let bytes = &by_name()["V11"];
    let push = PushRequest::decode(bytes, &Bounds::default()).unwrap();
    let [one, other] = &push.ops[..] else { panic!("two operations") };
    for (a, b) in [(&one.db, &other.db), (&one.device, &other.device), (&one.collection, &other.collection)] {
        assert!(Arc::ptr_eq(a, b), "{a}");
    }
    assert!(Arc::ptr_eq(&push.db, &one.db) && Arc::ptr_eq(&push.device, &one.device));
}

#[test]
fn a_body_is_a_slice_of_the_message() {
    let bytes = &by_name()["V10"];
    let push = PushRequest::decode(bytes, &Bounds::default()).unwrap();
    assert!(bytes.as_ptr_range().contains(&push.ops[0].body.as_ref().unwrap().as_ptr()));
}

#[test]
fn capabilities_that_are_not_said_have_their_defaults() {
    let bytes = wire(|e| {
        e.map(2).unwrap().str("capabilities").unwrap().map(0).unwrap().str("serverCursor").unwrap().u8(3).unwrap();
    });
    let response = HandshakeResponse::decode(&bytes, &Bounds::default()).unwrap();
    let said = response.capabilities;
    assert_eq!((said.pull, said.push, said.sse, response.extension), (true, true, false, None));
}

#[test]
fn metadata_is_text_to_text() {
    let of = |value: fn(&mut Encoder<Vec<u8>>)| {
        let bytes = wire(|e| {
            e.map(3).unwrap().str("dbId").unwrap().str("d").unwrap().str("deviceId").unwrap().str("x").unwrap();
            e.str("clientInfo").unwrap().map(3).unwrap().str("platform").unwrap().str("p").unwrap();
            e.str("appVersion").unwrap().str("1").unwrap().str("metadata").unwrap();
            value(e);
        });
        HandshakeRequest::decode(&bytes, &Bounds::default()).map(|request| request.metadata.map(|all| all.len()))
    };
    assert_eq!(of(|e| drop(e.map(0))), Ok(Some(0)));
    assert_eq!(of(|e| drop(e.null())), Ok(None));
    assert_eq!(
        of(|e| drop(e.map(2).unwrap().str("a").unwrap().str("b").unwrap().str("a").unwrap().null())),
        Ok(Some(0))
    );
    let refused = of(|e| drop(e.map(1).unwrap().str("a").unwrap().u8(1))).unwrap_err();
    assert_eq!(refused.what, "a value of clientInfo.metadata is not text");
    assert_eq!(of(|e| drop(e.u8(1))).unwrap_err().what, "clientInfo.metadata is not a map");
}

#[test]
fn a_conflict_names_the_entity_of_its_operation_and_has_a_body() {
    let vector = by_name().remove("V13").unwrap();
    let decode = |bytes: Vec<u8>| PushResponse::decode(&bytes.into(), &Bounds::default()).unwrap_err().what;
    let at = vector.windows(7).position(|window| window == b"task-42").unwrap();
    let mut other = vector.to_vec();
    other[at] = b'T';
    assert_eq!(decode(other), "conflicts[0]: entityId is not that of clientOp");
    let at = vector.windows(10).rposition(|window| window == b"entityCbor").unwrap();
    let mut none = vector.to_vec();
    none.splice(at + 10..at + 10 + 20, [0xF6]);
    assert_eq!(decode(none), "conflicts[0]: serverState.entityCbor is missing");
}

#[test]
fn a_code_that_nobody_knows_is_unknown() {
    let bytes = wire(|e| {
        e.map(2).unwrap().str("code").unwrap().u64(99).unwrap().str("message").unwrap().str("m").unwrap();
    });
    assert_eq!(ErrorResponse::decode(&bytes, &Bounds::default()).unwrap().code, ErrorCode::Unknown);
    for number in 0..=12 {
        let code = ErrorCode::from_number(number);
        assert_eq!(u64::from(code.number()), number);
        assert_eq!(code.is_retryable(), (7..=10).contains(&number));
        assert_eq!(code.needs_login(), (2..=3).contains(&number));
    }
}

#[test]
fn a_page_of_an_original_server_is_read_with_its_own_key_order() {
    let bytes = wire(|e| {
        e.map(3).unwrap().str("hasMore").unwrap().bool(true).unwrap().str("nextCursor").unwrap().u8(7).unwrap();
        e.str("ops").unwrap().array(0).unwrap();
    });
    let page = PullResponse::decode(&bytes, &Bounds::default()).unwrap();
    assert_eq!(page, PullResponse { ops: Vec::new(), next: 7, has_more: true });
}
