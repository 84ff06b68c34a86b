use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::fresh_json;
use crate::state::Shared;
use crate::timestamp::rfc3339;

/// Fields that programs made for other servers expect come first.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    timestamp: String,
    version: &'static str,
    uptime_seconds: u64,
}

/// `GET /health`: that the process answers at all. It asks no part and so cannot hang on one; whether work may
/// be sent here is `/ready`'s to say.
pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let now = shared.now();
    let health = Health {
        status: "ok",
        timestamp: rfc3339(now.wall),
        version: shared.version,
        uptime_seconds: now.mono.saturating_since(shared.started.mono).as_secs(),
    };
    fresh_json(StatusCode::OK, &health)
}
