use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sangam_mesh_proto::state::{Packet, PacketError, signature_detail};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::http::answer::{fresh, refused};
use crate::http::body::WholePacket;
use crate::http::detail::{Detail, Shape, Unprocessable, object};
use crate::http::shared::Shared;
use crate::node::{Command, GossipOutcome};

/// A signed packet of a channel's state: merged, and answered with ours of the same channel.
pub(in crate::http) async fn gossip(State(shared): State<Arc<Shared>>, body: WholePacket) -> Response {
    let packet = match packet(&body.0.bytes) {
        Ok(packet) => packet,
        Err(wrong) => return wrong.into_response(),
    };
    match shared.ask(|reply| Command::Gossip { packet, reply }).await {
        Ok(GossipOutcome::Merged(reply)) => fresh(&reply),
        Ok(GossipOutcome::Unsubscribed) => fresh(&json!({ "status": "ignored_unsubscribed_channel" })),
        Ok(GossipOutcome::Refused(why)) => refusal(why),
        Err(unanswered) => unanswered.into_response(),
    }
}

fn refusal(why: PacketError) -> Response {
    match (signature_detail(why), why) {
        (Some(detail), _) => refused(StatusCode::UNAUTHORIZED, detail),
        (None, PacketError::TooLarge(_)) => refused(StatusCode::PAYLOAD_TOO_LARGE, why.to_string()),
        (None, _) => refused(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()),
    }
}

/// Four texts and nothing else, so that a small body never becomes a large value.
fn packet(body: &[u8]) -> Result<Packet, Unprocessable> {
    #[derive(Deserialize)]
    struct Members {
        #[serde(default, deserialize_with = "some")]
        channel_id: Option<Box<RawValue>>,
        #[serde(default, deserialize_with = "some")]
        payload: Option<Box<RawValue>>,
        #[serde(default, deserialize_with = "some")]
        sender_id: Option<Box<RawValue>>,
        #[serde(default, deserialize_with = "some")]
        signature: Option<Box<RawValue>>,
    }
    let (members, whole) = object::<Members>(body, Shape::Model)?;
    let mut wrong = Vec::new();
    let mut text = |name, value: Option<Box<RawValue>>| {
        let read = value.as_deref().map(|value| serde_json::from_str(value.get()).map_err(|_| value));
        match read {
            None => wrong.push(Detail::missing(name, &whole)),
            Some(Err(value)) => wrong.push(Detail::not_text(name, value)),
            Some(Ok(text)) => return text,
        }
        String::new()
    };
    let packet = Packet {
        channel_id: text("channel_id", members.channel_id),
        payload: text("payload", members.payload),
        sender_id: text("sender_id", members.sender_id),
        signature: text("signature", members.signature),
    };
    if wrong.is_empty() { Ok(packet) } else { Err(Unprocessable(wrong)) }
}

/// `null` is a value of the wrong kind, not a value that is missing.
fn some<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(value).map(Some)
}
