//! What every request passes, from outside in: counting, CORS, how often.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode, header};
use sangam_net::http::Client;

use super::answer::{refused, refused_for};
use super::cors;
use super::gate::Need;
use super::shared::{Shared, address};

pub(super) async fn front(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match (request.method(), &origin) {
        (&Method::OPTIONS, Some(_)) => cors::preflight(),
        _ => match often_enough(&shared, &request) {
            Ok(()) => next.run(request).await,
            Err(refusal) => *refusal,
        },
    };
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    shared.metrics.http_answered(route, response.status().as_u16());
    let headers = response.headers_mut();
    cors::dress(&shared.options.origins, origin.as_ref(), headers);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The operator's own requests are not counted: many nodes may run on one machine.
fn often_enough(shared: &Shared, request: &Request) -> Result<(), Box<Response>> {
    let client = request.extensions().get::<Client>();
    if client.is_some_and(|client| client.trusted_loopback) {
        return Ok(());
    }
    let rates = if request.method() == Method::POST { &shared.posts } else { &shared.gets };
    rates.take(address(client), shared.now()).map_err(|wait| {
        shared.metrics.http_refused("rate");
        Box::new(refused_for(StatusCode::TOO_MANY_REQUESTS, wait, "too many requests; come back later"))
    })
}

/// Lets only those through who may see.
pub(super) async fn readers(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    guarded(&shared, Need::Read, request, next).await
}

/// Lets only those through who may act.
pub(super) async fn writers(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    guarded(&shared, Need::Write, request, next).await
}

async fn guarded(shared: &Shared, need: Need, request: Request, next: Next) -> Response {
    match shared.gate.admit(request.extensions().get(), request.headers(), need) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            shared.metrics.http_refused("access");
            *refusal
        }
    }
}

pub(super) async fn method_not_allowed() -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
