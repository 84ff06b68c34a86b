use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::hub::Command;
use crate::server::Shared;

/// A task that takes longer than this to answer keeps its clients waiting too.
const ANSWER_TIME: Duration = Duration::from_millis(500);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    /// As JavaScript writes it: `2026-01-31T23:59:59.999Z`.
    timestamp: String,
    active_sessions: usize,
    active_participants: usize,
}

/// The guide's `/health`, with figures that the task that owns the rooms gives when it is asked.
pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let asked = tokio::time::timeout(ANSWER_TIME, figures(&shared)).await;
    let (status, code, (sessions, participants)) = match asked {
        Ok(Some(figures)) => ("ok", StatusCode::OK, figures),
        Ok(None) | Err(_) => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, (0, 0)),
    };
    let now = UNIX_EPOCH + Duration::from_millis(shared.clock.now().wall.unix_millis());
    let timestamp = humantime::format_rfc3339_millis(now).to_string();
    let health = Health { status, timestamp, active_sessions: sessions, active_participants: participants };
    let body = serde_json::to_string(&health).expect("texts and numbers are JSON");
    let mut response = (code, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn figures(shared: &Shared) -> Option<(usize, usize)> {
    if let Some(strict) = &shared.strict {
        return Some(strict.active());
    }
    let (answer, answered) = oneshot::channel();
    shared.hub.send(Command::Check { answer }).await.ok()?;
    let stats = answered.await.ok()?;
    Some((stats.sessions, stats.participants))
}
