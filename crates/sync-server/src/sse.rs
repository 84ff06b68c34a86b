//! Server-sent events: hints that something was committed, without gap or repetition.
//!
//! A stream joins the feed first, then reads the log from where its client was, then goes live: its body is its queue.
//! Each event is one data frame, so that it leaves in one write: some clients fire an event twice that comes in two pieces.

mod events;
mod replay;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, Version, header};
use sangam_net::http::Endless;
use sangam_sync_proto::message::ErrorCode;

use crate::access::SharedCaller;
use crate::feed::Wire;
use crate::problem::Problem;
use crate::service::Service;
use crate::streams::{Visit, not_joined, since};

use events::Events;
use replay::Replay;

/// What HEAD is answered: nothing is opened.
pub(crate) fn describe(service: &Service, caller: SharedCaller, request: &Request) -> Result<Response, Problem> {
    visit(service, caller, request)?;
    Ok(response(Body::empty(), request.version()))
}

/// Opens an event stream.
pub(crate) async fn open(service: &Arc<Service>, caller: SharedCaller, request: Request) -> Result<Response, Problem> {
    let visit = visit(service, caller, &request)?;
    let (since, version) = (since(&request), request.version());
    // An open stream keeps nothing of its request.
    drop(request);
    let subscription = service.feeds.join(visit.listener(Wire::Sse)).map_err(|reason| not_joined(reason, "SSE"))?;
    let name = format!("{}-{}-{}", visit.device, (service.clock)().unix_millis(), subscription.id());
    let replay = Replay::new(service, visit, since.unwrap_or(0));
    let begun = replay.begin(&subscription, &name, since.is_some()).await;
    let (first, replay) = begun?;
    let mut response = response(Body::from_stream(Events::new(subscription, first, replay)), version);
    response.extensions_mut().insert(Endless);
    Ok(response)
}

fn visit(service: &Service, caller: SharedCaller, request: &Request) -> Result<Visit, Problem> {
    if !service.options.streams.sse {
        let message = "Server-sent events are switched off";
        return Err(Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotSupported, "sse_off", message));
    }
    Visit::of(service, caller, request.uri())
}

fn response(body: Body, version: Version) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // HTTP/2 knows no such header (RFC 9113 §8.2.2).
    if version <= Version::HTTP_11 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    }
    response
}
