use bytes::Bytes;
use sangam_sync_proto::message::{
    Bounds, Conflict, ErrorCode, ErrorResponse, HandshakeRequest, Message, PageEncoder, PullRequest, PullResponse,
    PushRequest, PushResponse,
};
use sangam_sync_proto::{Kind, Name};

use crate::samples::{KINDS, by_name, through_kind, vectors};

#[test]
fn every_message_vector_comes_out_as_it_went_in() {
    let mut seen = 0;
    for vector in vectors().into_iter().filter(|vector| KINDS.contains(&&*vector.kind)) {
        let again = through_kind(&vector.kind, &vector.bytes).unwrap_or_else(|why| panic!("{}: {why}", vector.name));
        assert_eq!(Bytes::from(again), vector.bytes, "{}", vector.name);
        seen += 1;
    }
    assert_eq!(seen, 19);
}

#[test]
fn a_key_that_is_not_text_and_an_array_on_top_are_refused_by_every_message() {
    let vectors = by_name();
    for kind in KINDS {
        assert_eq!(through_kind(kind, &vectors["N01"]).unwrap_err().to_string(), "a key is not text at byte 1");
        let refused = through_kind(kind, &vectors["N02"]).unwrap_err();
        assert!(refused.what.ends_with(" is not a map") && refused.at == 0, "{kind}: {refused}");
    }
}

#[test]
fn put_is_read_as_upsert_and_written_as_upsert() {
    let vectors = by_name();
    let again = through_kind("alias", &vectors["N03"]).unwrap();
    assert_eq!(Bytes::from(again), vectors["V10"]);
}

#[test]
fn the_vectors_mean_what_their_descriptions_say() {
    let vectors = by_name();
    let bounds = Bounds::default();
    let handshake = HandshakeRequest::decode(&vectors["V02"], &bounds).unwrap();
    assert_eq!((&*handshake.db, &*handshake.device), ("production-db", "android-a92f1"));
    assert_eq!((&*handshake.platform, &*handshake.app_version), ("android", "1.2.3"));
    assert_eq!(handshake.metadata.unwrap()["os"], "14");
    let pull = PullRequest::decode(&vectors["V06"], &bounds).unwrap();
    assert_eq!((pull.since, pull.limit), (0, 1_000));
    assert_eq!(pull.collections.unwrap(), [Name::from("tasks"), Name::from("notes")]);
    let page = PullResponse::decode(&vectors["V09"], &bounds).unwrap();
    assert_eq!((page.ops[0].kind, page.ops[0].version, page.ops[0].body.clone()), (Kind::Delete, 4, None));
    assert!(page.has_more && page.next == 1_002);
    let push = PushRequest::decode(&vectors["V10"], &bounds).unwrap();
    assert_eq!((push.ops[0].op_id, push.ops[0].timestamp_ms), (5_001, 1_702_569_610_000));
    assert_eq!(push.ops[0].body.as_ref(), Some(&vectors["E2"]));
    let error = ErrorResponse::decode(&vectors["V17"], &bounds).unwrap();
    assert_eq!((error.code, error.retry_after_secs), (ErrorCode::InternalError, Some(5)));
}

#[test]
fn a_conflict_with_a_deleted_entity_has_an_empty_body_and_not_none() {
    let PushResponse { conflicts, acknowledged } = PushResponse::decode(&by_name()["V14"], &Bounds::default()).unwrap();
    let [Conflict { op, version, body, modified_ms }] = &conflicts[..] else { panic!("one conflict") };
    assert_eq!((acknowledged, op.op_id, op.version, *version), (1_233, 1_234, 5, 6));
    assert!(body.is_empty());
    assert_eq!(*modified_ms, Some(1_702_569_614_000));
}

#[test]
fn a_page_is_written_row_by_row_as_the_vectors_have_it() {
    let vectors = by_name();
    let db = Name::from("production-db");
    assert_eq!(PageEncoder::new(&db).finish(0, false), vectors["V08"]);
    for name in ["V07", "V09"] {
        let page = PullResponse::decode(&vectors[name], &Bounds::default()).unwrap();
        let mut encoder = PageEncoder::new(&db);
        for op in &page.ops {
            let body = op.body.as_deref();
            encoder.push(op.op_id, &op.device, &op.collection, &op.entity, op.kind, op.version, body, op.timestamp_ms);
        }
        assert_eq!(encoder.len(), 1);
        assert_eq!(encoder.finish(page.next, page.has_more), vectors[name], "{name}");
    }
}
