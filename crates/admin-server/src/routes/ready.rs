use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use sangam_auth::scope::Scope;
use sangam_control::PartReport;
use sangam_net::http::Client;
use serde::Serialize;

use super::fresh_json;
use crate::check::{PartVerdict, Verdict};
use crate::state::Shared;

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<BTreeMap<&'static str, Part<'a>>>,
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(flatten)]
    report: &'a PartReport,
    took_ms: u128,
}

/// `GET /ready`: whether work may be sent here, 200 or 503. Everybody gets that much, even with a token that is
/// refused, so that no load balancer takes an instance out for its own stale token; the privileged also see each
/// part.
pub(crate) async fn ready(
    State(shared): State<Arc<Shared>>,
    client: Option<Extension<Client>>,
    headers: HeaderMap,
) -> Response {
    let verdict = shared.checks.verdict().await;
    let client = client.as_ref().map(|Extension(client)| client);
    let now = shared.now().wall;
    let privileged = shared.access.load().may_read(client, &headers, Scope::AdminRead, now).is_ok();
    let ready = verdict.ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    fresh_json(status, &Ready { ready, parts: privileged.then(|| parts(&verdict)) })
}

fn parts(verdict: &Verdict) -> BTreeMap<&'static str, Part<'_>> {
    verdict.parts.iter().map(|part| (part.name, detail(part))).collect()
}

fn detail(part: &PartVerdict) -> Part<'_> {
    Part { report: &part.report, took_ms: part.took.as_millis() }
}
