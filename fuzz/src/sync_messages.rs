use std::fmt::Debug;

use bytes::Bytes;
use sangam_sync_proto::Operation;
use sangam_sync_proto::delta::{DeltaPatch, Value};
use sangam_sync_proto::message::{
    Bounds, ErrorResponse, HandshakeRequest, HandshakeResponse, Malformed, Message, PageEncoder, PullRequest,
    PullResponse, PushRequest, PushResponse,
};

/// Bytes of a stranger as every message of sync. What is read means the same after writing it again, and what was written is
/// written the same from then on; what is refused is refused at a place that is there, in few words.
pub fn sync_messages(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    through::<HandshakeRequest>(&bytes);
    through::<HandshakeResponse>(&bytes);
    through::<PullRequest>(&bytes);
    through::<PushResponse>(&bytes);
    through::<ErrorResponse>(&bytes);
    if let Some(push) = through::<PushRequest>(&bytes) {
        assert!(push.ops.len() <= bytes.len());
    }
    if let Some(page) = through::<PullResponse>(&bytes) {
        row_by_row(page);
    }
    standalone(&bytes);
    patch(&bytes);
}

/// A patch goes through as it is, and what it makes of itself as a body is a body.
fn patch(bytes: &Bytes) {
    let Some(patch) = read(bytes, DeltaPatch::decode(bytes, &bounds())) else { return };
    let strict = Bytes::from(patch.encode());
    let again = DeltaPatch::decode(&strict, &bounds()).expect("what was written is read");
    assert_eq!(again.encode(), strict, "and written the same, though no number is not equal to itself");
    if let Ok(body) = patch.apply(bytes, &bounds()) {
        let deeper = Bounds { depth_max: 2 * bounds().depth_max, ..bounds() };
        assert!(Value::decode(&body.into(), &deeper).is_ok());
    }
}

fn bounds() -> Bounds {
    Bounds { depth_max: 12, ops_max: 50, text_bytes_max: 300, entries_max: 20 }
}

fn through<M: Message + PartialEq + Debug>(bytes: &Bytes) -> Option<M> {
    let message = read(bytes, M::decode(bytes, &bounds()))?;
    let strict = Bytes::from(message.encode());
    assert_eq!(M::decode(&strict, &bounds()).as_ref(), Ok(&message));
    assert_eq!(message.encode(), strict);
    Some(message)
}

fn read<T>(bytes: &Bytes, result: Result<T, Malformed>) -> Option<T> {
    if let Err(malformed) = &result {
        assert!(malformed.at <= bytes.len() && malformed.what.len() < 200, "{malformed}");
    }
    result.ok()
}

fn standalone(bytes: &Bytes) {
    let Some(op) = read(bytes, Operation::decode_standalone(bytes, &bounds())) else { return };
    assert_eq!(op.body.is_some(), op.kind == sangam_sync_proto::Kind::Upsert);
    let strict = Bytes::from(op.encode_standalone());
    assert_eq!(Operation::decode_standalone(&strict, &bounds()), Ok(op));
}

/// A page of one database is the same bytes whether it is written row by row or whole.
fn row_by_row(mut page: PullResponse) {
    let Some(db) = page.ops.first().map(|op| op.db.clone()) else { return };
    let mut encoder = PageEncoder::new(&db);
    for op in &mut page.ops {
        op.db = db.clone();
        let body = op.body.as_deref();
        encoder.push(op.op_id, &op.device, &op.collection, &op.entity, op.kind, op.version, body, op.timestamp_ms);
    }
    assert_eq!(encoder.finish(page.next, page.has_more), page.encode());
}
