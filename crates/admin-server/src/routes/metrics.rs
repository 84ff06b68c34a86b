use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};
use prometheus_client::encoding::text::encode;
use sangam_auth::scope::Scope;
use sangam_net::http::Client;

use crate::exposition::Exposition;
use crate::problem::Problem;
use crate::state::Shared;

/// `GET /metrics`: every metric, with each part's readiness checked now.
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    client: Option<Extension<Client>>,
    headers: HeaderMap,
) -> Response {
    let client = client.as_ref().map(|Extension(client)| client);
    if let Err(denied) = shared.may_read(client, &headers, Scope::MetricsRead) {
        return denied.into_response();
    }
    shared.checks.verdict().await;
    let exposition = Exposition::wanted(&headers);
    let mut text = String::new();
    if encode(&mut text, &shared.registry).is_err() {
        tracing::error!("a metric could not be written: a collector failed");
        let detail = "A metric could not be written: a collector failed.";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "metrics_unwritable", detail).into_response();
    }
    let headers = [(CONTENT_TYPE, exposition.content_type()), (CACHE_CONTROL, "no-store"), (VARY, "accept")];
    (headers, exposition.render(text)).into_response()
}
