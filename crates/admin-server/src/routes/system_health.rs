use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sangam_control::PartState;
use serde::Serialize;

use super::fresh_json;
use crate::check::PartVerdict;
use crate::state::Shared;
use crate::timestamp::rfc3339;

/// The field names that programs made for the ACS guide's server expect. `deployed_at` is when this process
/// began to serve; `health_checks` are run for this answer, where that server showed those of its last deployment.
#[derive(Serialize)]
struct SystemHealth<'a> {
    status: &'static str,
    version: &'static str,
    deployed_at: String,
    health_checks: BTreeMap<&'static str, HealthCheck<'a>>,
    healthy: bool,
    timestamp: String,
    /// What the parts say of themselves in figures, read for this answer.
    metrics: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct HealthCheck<'a> {
    status: &'static str,
    state: PartState,
    message: &'a str,
    duration_ms: u128,
}

/// `GET /api/v1/system/health`: each part checked now. Always 200, as the original: the verdict is in the body.
pub(crate) async fn system_health(State(shared): State<Arc<Shared>>) -> Response {
    let verdict = shared.checks.verdict().await;
    let healthy = verdict.healthy();
    let figures = shared.telemetry.live().await;
    let health = SystemHealth {
        status: if healthy { "healthy" } else { "degraded" },
        version: shared.version,
        deployed_at: rfc3339(shared.started.wall),
        health_checks: verdict.parts.iter().map(|part| (part.name, health_check(part))).collect(),
        healthy,
        timestamp: rfc3339(shared.now().wall),
        metrics: figures.iter().map(|figure| (figure.name, figure.value)).collect(),
    };
    fresh_json(StatusCode::OK, &health)
}

fn health_check(part: &PartVerdict) -> HealthCheck<'_> {
    let status = match part.report.state {
        PartState::Ready => "healthy",
        PartState::Degraded | PartState::Draining => "degraded",
        PartState::Failed => "unhealthy",
    };
    HealthCheck { status, state: part.report.state, message: &part.report.detail, duration_ms: part.took.as_millis() }
}
