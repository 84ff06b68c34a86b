//! One file per route.

pub(crate) mod devices;
pub(crate) mod health;
pub(crate) mod listed;
pub(crate) mod metrics;
pub(crate) mod named;
pub(crate) mod ready;
pub(crate) mod relay;
pub(crate) mod revocation;
pub(crate) mod rooms;
pub(crate) mod stomp;
pub(crate) mod sync;
pub(crate) mod system_health;
pub(crate) mod telemetry;
pub(crate) mod tokens;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// JSON of this moment: nobody may keep it.
fn fresh_json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}

/// The body as a request has it.
fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("The body is not the JSON that is wanted here: {error}.");
        Problem::new(StatusCode::BAD_REQUEST, "body_invalid", detail)
    })
}
