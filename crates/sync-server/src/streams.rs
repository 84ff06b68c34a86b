//! The routes of streams, and what both kinds have in common: who may listen to what.

mod visit;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Extension, Router};
use http::{Method, StatusCode};
use sangam_net::http::Client;
use sangam_net::retry_after;
use sangam_sync_proto::message::ErrorCode;

use crate::access::SharedCaller;
use crate::feed::NotJoined;
use crate::problem::Problem;
use crate::service::Service;
use crate::{sse, websocket};

pub(crate) use visit::{Visit, filter, since};

/// The longest time that a client is told to stay away.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// `/v1/events`, `/v1/stream`, which is the same, and `/v1/ws`. The gate has asked who calls.
pub(crate) fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/events", get(events))
        .route("/v1/stream", get(events))
        .route("/v1/ws", any(sockets))
        .with_state(service)
}

async fn events(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<SharedCaller>,
    request: Request,
) -> Result<Response, Problem> {
    if *request.method() == Method::HEAD {
        sse::describe(&service, caller, &request)
    } else {
        sse::open(&service, caller, request).await
    }
}

async fn sockets(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<SharedCaller>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Result<Response, Problem> {
    websocket::open(&service, caller, &client, request).await
}

/// There is no place for a stream.
pub(crate) fn not_joined(reason: NotJoined, what: &str) -> Problem {
    let full = |word| {
        let message = format!("Too many {what} connections");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimitExceeded, word, message)
    };
    let secs = retry_after(RETRY_AFTER_MAX).as_secs();
    let problem = match reason {
        NotJoined::Full => full("streams_full"),
        NotJoined::DatabaseFull => full("database_streams_full"),
        NotJoined::Stopping => Problem::unavailable("draining", reason.to_string(), secs),
    };
    Problem { retry_after_secs: Some(secs), ..problem }
}
