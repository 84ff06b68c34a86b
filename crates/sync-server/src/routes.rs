use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use http::StatusCode;
use sangam_sync_proto::message::ErrorCode;

use crate::encoding::packed;
use crate::endpoints::{handshake, pull, push, stats, version};
use crate::gate::gate;
use crate::problem::Problem;
use crate::service::Service;
use crate::streams;

/// `/v1/*`.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let requests = Router::new()
        .route("/v1/version", get(version))
        .route("/v1/handshake", post(handshake))
        .route("/v1/pull", post(pull))
        .route("/v1/push", post(push))
        .route("/v1/stats", get(stats))
        .layer(from_fn_with_state(Arc::clone(&service), packed))
        .with_state(Arc::clone(&service));
    requests
        .merge(streams::routes(Arc::clone(&service)))
        .route("/v1", any(unknown))
        .route("/v1/", any(unknown))
        .route("/v1/{*path}", any(unknown))
        .layer(from_fn_with_state(service, gate))
}

async fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::DatabaseNotFound, "route", "Route not found")
}
