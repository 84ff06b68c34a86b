use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, Stream, StreamExt as _};
use sangam_mesh_proto::gossip::Delivery;
use sangam_net::http::Client;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::admit;
use crate::http::answer::Unanswered;
use crate::http::shared::Shared;
use crate::node::Command;

/// Messages of a topic that wait for one listener; the node drops what finds no place.
const MESSAGES_WAITING_MAX: usize = 256;

/// `GET /api/v1/events`: what happens, as it happens (server-sent events).
pub(in crate::http) async fn events(State(shared): State<Arc<Shared>>, client: Option<Extension<Client>>) -> Response {
    let place = match admit(&shared, client.as_deref()) {
        Ok(place) => place,
        Err(refusal) => return *refusal,
    };
    let events = stream::unfold((shared.node.events(), place), |(mut events, place)| async move {
        let event = match events.recv().await {
            Ok(event) => Event::default().event(event.event.as_str()).data(event.to_json().to_string()),
            Err(RecvError::Lagged(lost)) => Event::default().event("lagged").data(json!({ "lost": lost }).to_string()),
            Err(RecvError::Closed) => return None,
        };
        Some((event, (events, place)))
    });
    sse(&shared, events)
}

#[derive(Deserialize)]
pub(in crate::http) struct Wanted {
    topic: String,
}

/// `GET /api/v1/messages?topic=`: messages of a topic as they come.
pub(in crate::http) async fn messages(
    State(shared): State<Arc<Shared>>,
    client: Option<Extension<Client>>,
    Query(Wanted { topic }): Query<Wanted>,
) -> Response {
    let place = match admit(&shared, client.as_deref()) {
        Ok(place) => place,
        Err(refusal) => return *refusal,
    };
    let (to, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
    if shared.node.ask(|reply| Command::Subscribe { topic, to, reply }).await.is_none() {
        return Unanswered.into_response();
    }
    let messages = stream::unfold((messages, place), |(mut messages, place)| async move {
        let delivery = messages.recv().await?;
        Some((message(&delivery), (messages, place)))
    });
    sse(&shared, messages)
}

fn message(delivery: &Delivery) -> Event {
    // As it is if it is JSON, which topics of originals are.
    let json = serde_json::from_slice::<&RawValue>(&delivery.payload).ok();
    let mut value = json!({
        "topic": delivery.topic,
        "origin": delivery.origin.as_str(),
        "message_id": delivery.id.to_string(),
        "hops": delivery.hops,
    });
    match json.and_then(|json| serde_json::from_str::<Value>(json.get()).ok()) {
        Some(payload) => value["payload"] = payload,
        None => value["payload_base64"] = STANDARD.encode(&delivery.payload).into(),
    }
    Event::default().event("message").data(value.to_string())
}

/// Until the node or the server stops.
fn sse(shared: &Arc<Shared>, events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let (stop, node) = (shared.stop.clone(), shared.node.clone());
    let end = async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = node.stopped() => {}
        }
    };
    let events = events.take_until(Box::pin(end)).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
