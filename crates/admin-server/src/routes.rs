//! One file per route.

pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod ready;
pub(crate) mod system_health;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// JSON of this moment: nobody may keep it.
fn fresh_json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
