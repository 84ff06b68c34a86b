use std::collections::HashMap;

use bytes::Bytes;
use sangam_sync_proto::message::{
    Bounds, ErrorResponse, HandshakeRequest, HandshakeResponse, Malformed, Message, PullRequest, PullResponse,
    PushRequest, PushResponse,
};
use sangam_sync_proto::{Kind, Name, Operation};

/// A line of `tests/vectors/messages.txt`.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bytes: Bytes,
}

pub(crate) fn vectors() -> Vec<Vector> {
    let lines = include_str!("../vectors/messages.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| vector(&line.split(' ').collect::<Vec<_>>())).collect()
}

fn vector(parts: &[&str]) -> Vector {
    let [name, kind, hex] = parts else { panic!("three parts: {parts:?}") };
    Vector { name: (*name).to_owned(), kind: (*kind).to_owned(), bytes: unhex(hex) }
}

pub(crate) fn by_name() -> HashMap<String, Bytes> {
    vectors().into_iter().map(|vector| (vector.name, vector.bytes)).collect()
}

pub(crate) fn unhex(hex: &str) -> Bytes {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Decodes as `M` and encodes again.
fn through<M: Message>(bytes: &Bytes) -> Result<Vec<u8>, Malformed> {
    M::decode(bytes, &Bounds::default()).map(|message| message.encode())
}

/// Decodes as what `kind` says and encodes again.
pub(crate) fn through_kind(kind: &str, bytes: &Bytes) -> Result<Vec<u8>, Malformed> {
    match kind {
        "handshake-request" => through::<HandshakeRequest>(bytes),
        "handshake-response" => through::<HandshakeResponse>(bytes),
        "pull-request" => through::<PullRequest>(bytes),
        "pull-response" => through::<PullResponse>(bytes),
        "push-request" | "alias" => through::<PushRequest>(bytes),
        "push-response" => through::<PushResponse>(bytes),
        "error" => through::<ErrorResponse>(bytes),
        "operation" => {
            Operation::decode_standalone(bytes, &Bounds::default()).map(|operation| operation.encode_standalone())
        }
        other => panic!("nothing reads {other}"),
    }
}

pub(crate) const KINDS: [&str; 8] = [
    "handshake-request",
    "handshake-response",
    "pull-request",
    "pull-response",
    "push-request",
    "push-response",
    "error",
    "operation",
];

pub(crate) fn operation(op_id: u64) -> Operation {
    Operation {
        op_id,
        db: Name::from("d"),
        device: Name::from("dev-2"),
        collection: Name::from("c"),
        entity: Name::from("e"),
        kind: Kind::Upsert,
        version: 1,
        body: Some(Bytes::from_static(b"\xA0")),
        timestamp_ms: 1_702_569_600_000,
    }
}
