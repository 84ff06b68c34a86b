use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

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
        Ok(GossipOutcome::Refused(why)) => refused(StatusCode::UNAUTHORIZED, format!("Firma non valida: {why}")),
        Err(unanswered) => unanswered.into_response(),
    }
}

/// Four texts and nothing else, so that a small body never becomes a large value.
fn packet(body: &[u8]) -> Result<Value, Unprocessable> {
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
    let mut packet = serde_json::Map::new();
    let mut wrong = Vec::new();
    for (name, value) in [
        ("channel_id", members.channel_id),
        ("payload", members.payload),
        ("sender_id", members.sender_id),
        ("signature", members.signature),
    ] {
        match value.as_deref().map(|value| (value, serde_json::from_str::<String>(value.get()))) {
            None => wrong.push(Detail::missing(name, &whole)),
            Some((value, Err(_))) => wrong.push(Detail::not_text(name, value)),
            Some((_, Ok(text))) => drop(packet.insert(name.to_owned(), text.into())),
        }
    }
    if wrong.is_empty() { Ok(packet.into()) } else { Err(Unprocessable(wrong)) }
}

/// `null` is a value of the wrong kind, not a value that is missing.
fn some<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(value).map(Some)
}
