use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::gossip::PublishError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::http::answer::{Problem, Unanswered, fresh};
use crate::http::body::{Whole, WholePacket};
use crate::http::shared::Shared;
use crate::node::Command;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publication {
    topic: String,
    payload: Box<RawValue>,
}

/// Publishes a JSON value on a topic.
pub(in crate::http) async fn publish(State(shared): State<Arc<Shared>>, body: WholePacket) -> Response {
    let Publication { topic, payload } = match read(&body.0.bytes) {
        Ok(publication) => publication,
        Err(problem) => return problem.into_response(),
    };
    let payload = Bytes::copy_from_slice(payload.get().as_bytes());
    match shared.ask(|reply| Command::Publish { topic, payload, reply }).await {
        Ok(Ok(id)) => fresh(&json!({ "message_id": id.to_string() })),
        Ok(Err(error @ PublishError::TooLarge { .. })) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "message_too_large", error.to_string()).into_response()
        }
        Ok(Err(error @ PublishError::Topic)) => {
            Problem::new(StatusCode::BAD_REQUEST, "topic_invalid", error.to_string()).into_response()
        }
        Err(unanswered) => unanswered.into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sending {
    to: String,
    message: serde_json::Map<String, Value>,
}

/// Sends a signed message to an agent, or to all with `*`.
pub(in crate::http) async fn send(State(shared): State<Arc<Shared>>, body: Whole) -> Response {
    let Sending { to, message } = match read(&body.bytes) {
        Ok(sending) => sending,
        Err(problem) => return problem.into_response(),
    };
    match shared.ask(|reply| Command::SendIf { to, message: message.into(), reply }).await {
        Ok(0) => {
            let detail = "There is no open link with that agent.";
            Problem::new(StatusCode::NOT_FOUND, "not_linked", detail).into_response()
        }
        Ok(sent) => fresh(&json!({ "sent": sent })),
        Err(unanswered) => unanswered.into_response(),
    }
}

/// Seeks a link with a peer.
pub(in crate::http) async fn dial(State(shared): State<Arc<Shared>>, body: Whole) -> Response {
    order(&shared, &body, Command::Dial).await
}

/// Ends the link with a peer.
pub(in crate::http) async fn hang(State(shared): State<Arc<Shared>>, body: Whole) -> Response {
    order(&shared, &body, Command::Hang).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    peer: String,
}

async fn order(shared: &Shared, body: &Whole, command: fn(PeerId) -> Command) -> Response {
    let peer = read::<Named>(&body.bytes).and_then(|named| {
        let detail = |error: sangam_mesh_proto::PeerIdError| format!("`peer` is no id: {error}.");
        PeerId::new(&named.peer).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "peer_invalid", detail(error)))
    });
    let peer = match peer {
        Ok(peer) => peer,
        Err(problem) => return problem.into_response(),
    };
    if !shared.node.tell(command(peer)).await {
        return Unanswered.into_response();
    }
    let mut response = fresh(&json!({ "status": "accepted" }));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("The body is not the JSON that is wanted here: {error}.");
        Problem::new(StatusCode::BAD_REQUEST, "body_invalid", detail)
    })
}
