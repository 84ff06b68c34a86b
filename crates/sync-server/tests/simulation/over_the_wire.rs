//! Every message as the bytes it is on the wire: written by one side, read by the other.

use bytes::Bytes;
use sangam_sync_proto::message::{
    self, Bounds, Capabilities, HandshakeResponse, Message, PageEncoder, PullResponse, PushRequest, PushResponse,
};
use sangam_sync_proto::{Kind, Name, Operation, Push};
use sangam_sync_server::group::{Job, Pushed};
use sangam_testkit::sync_model::{Answer, Conflict, Sent, body, written};

use crate::wire::{Reply, Row};

fn carried<M: Message>(message: &M) -> M {
    M::decode(&Bytes::from(message.encode()), &Bounds::default()).unwrap()
}

/// A push as the server reads it.
pub(crate) fn push(db: &str, ops: &[Sent]) -> Job {
    let device = Name::from(ops.first().map_or("nobody", |op| &op.device));
    let ops = ops.iter().map(|op| operation(db, op)).collect();
    let PushRequest { db, device, ops } = carried(&PushRequest { db: Name::from(db), device, ops });
    Job { db, push: Push { device, ops } }
}

/// Its answer as the client reads it.
pub(crate) fn pushed(pushed: Pushed) -> Answer {
    let response = carried(&PushResponse { acknowledged: pushed.acknowledged, conflicts: pushed.conflicts });
    let conflict = |conflict: message::Conflict| Conflict {
        op_id: conflict.op.op_id,
        version: conflict.version,
        state: written(&conflict.body),
        modified_ms: conflict.modified_ms.unwrap_or(0),
    };
    Answer {
        acknowledged: response.acknowledged,
        conflicts: response.conflicts.into_iter().map(conflict).collect(),
        accepted: pushed.accepted,
        repeated: pushed.repeated,
    }
}

/// A page as the client reads it: the number of an operation is its cursor.
pub(crate) fn page(db: &str, rows: &[Row], next: u64, has_more: bool) -> Reply {
    let mut page = PageEncoder::new(&Name::from(db));
    for Row { cursor, sent, .. } in rows {
        let (collection, entity) = sent.entity.split_once('/').unwrap();
        let body = sent.value.map(|value| body(value, sent.writing));
        let kind = if body.is_some() { Kind::Upsert } else { Kind::Delete };
        let (version, at) = (sent.version, sent.timestamp_ms);
        page.push(*cursor, &sent.device, collection, entity, kind, version, body.as_deref(), at);
    }
    let page = PullResponse::decode(&page.finish(next, has_more), &Bounds::default()).unwrap();
    let rows = page.ops.into_iter().map(|op| Row { cursor: op.op_id, db: op.db.to_string(), sent: sent(&op) });
    Reply::Page { rows: rows.collect(), next: page.next, has_more: page.has_more }
}

/// A handshake's answer as the client reads it.
pub(crate) fn welcome(cursor: u64) -> Reply {
    let capabilities = Capabilities { pull: true, push: true, sse: true };
    let response = HandshakeResponse { cursor, capabilities, session_token: None, extension: None };
    Reply::Welcome { cursor: carried(&response).cursor }
}

fn operation(db: &str, op: &Sent) -> Operation {
    let (collection, entity) = op.entity.split_once('/').unwrap();
    Operation {
        op_id: op.op_id,
        db: Name::from(db),
        device: Name::from(&*op.device),
        collection: Name::from(collection),
        entity: Name::from(entity),
        kind: if op.value.is_some() { Kind::Upsert } else { Kind::Delete },
        version: op.version,
        body: op.value.map(|value| body(value, op.writing)),
        timestamp_ms: op.timestamp_ms,
    }
}

fn sent(op: &Operation) -> Sent {
    let (value, writing) = op.body.as_deref().and_then(written).unzip();
    Sent {
        device: op.device.to_string(),
        op_id: op.op_id,
        entity: format!("{}/{}", op.collection, op.entity),
        version: op.version,
        value,
        writing: writing.unwrap_or(0),
        timestamp_ms: op.timestamp_ms,
    }
}
