use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use sangam_control::{Heard, RelayEventSubscription};
use serde::Serialize;

use super::Relay;
use crate::problem::Problem;

/// How often a silent stream shows that it is there: proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct Missed {
    missed: u64,
}

/// `GET /api/v1/relay/events`: one JSON object for each change of a session, as Server-Sent Events, until the client goes
/// or the server stops.
pub(crate) async fn follow(Relay(relay): Relay) -> Result<Response, Problem> {
    let subscription = relay.subscribe().ok_or_else(|| {
        let detail = "As many programs follow the events as may, or the server is stopping; close one, or ask later.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_subscribers", detail)
    })?;
    let events = stream::unfold(subscription, next);
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let mut response = stream.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn next(mut subscription: RelayEventSubscription) -> Option<(Result<Event, Infallible>, RelayEventSubscription)> {
    let event = match subscription.next().await? {
        Heard::Event(event) => Event::default().event("session").json_data(&*event),
        Heard::Missed(missed) => Event::default().event("missed").json_data(Missed { missed }),
    };
    let event = event.expect("text and numbers always serialise, in one line");
    Some((Ok(event), subscription))
}
