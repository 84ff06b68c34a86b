//! Answers: ours and the original's.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

/// JSON of this moment: nobody may keep it.
pub(super) fn fresh(body: &impl Serialize) -> Response {
    // What is made here has text keys alone, so that it always serialises.
    let body = serde_json::to_vec(body).unwrap_or_else(|_| b"null".to_vec());
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error as the original writes it: `{"detail": …}`.
pub(super) fn refused(status: StatusCode, detail: impl Into<Value>) -> Response {
    let mut response = fresh(&json!({ "detail": detail.into() }));
    *response.status_mut() = status;
    response
}

/// The same, with when to come back.
pub(super) fn refused_for(status: StatusCode, wait: Duration, detail: &str) -> Response {
    let mut response = refused(status, detail);
    let secs = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    response
}

/// The node gave no answer: it stops, or has too much to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered;

impl IntoResponse for Unanswered {
    fn into_response(self) -> Response {
        let wait = Duration::from_secs(1);
        refused_for(StatusCode::SERVICE_UNAVAILABLE, wait, "the node gives no answer; it may be stopping")
    }
}

/// An error of our own API (RFC 9457) with a `code` that stays the same when its words change.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { r#type: "about:blank", title, status: status.as_u16(), detail: detail.into(), code }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = fresh(&self);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}
