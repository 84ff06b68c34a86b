//! `/api/v1/telemetry/*`: figures of the server, now and of the last week, with the field names that programs made for the ACS guide's server expect.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fresh_json;
use crate::problem::Problem;
use crate::routes::listed::{Asked, within};
use crate::state::Shared;
use crate::telemetry::Point;
use crate::timestamp::rfc3339;

/// Hours of which samples are kept.
const HOURS_MAX: usize = 7 * 24;
const HOURS_DEFAULT: usize = 24;
/// A sample that is older is no sign of life.
const FRESH_SECS: u64 = 600;
/// Names without which the server is not well, and what they have to be.
const EXPECTED: [(&str, &str, f64); 2] = [("db_active_connections", ">", 0.0), ("cache_operational", "=", 1.0)];

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/telemetry/current", get(current))
        .route("/api/v1/telemetry/history", get(history))
        .route("/api/v1/telemetry/summary", get(summary))
        .route("/api/v1/telemetry/health", get(health))
}

#[derive(Serialize)]
struct Metric {
    value: f64,
    #[serde(rename = "type")]
    kind: &'static str,
    tags: BTreeMap<&'static str, &'static str>,
    recorded_at: String,
}

/// `GET /api/v1/telemetry/current?metrics[]=`: the last sample of each name.
async fn current(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let mut names = Vec::new();
    for (key, value) in &asked {
        match key.as_str() {
            "metrics[]" | "metrics" => names.extend(value.split(',')),
            _ => return Err(invalid("The query has `metrics[]` alone.")),
        }
    }
    let is_wanted = |name: &str| names.is_empty() || names.contains(&name);
    let found = shared.telemetry.current().into_iter().filter(|(name, _)| is_wanted(name));
    let metrics: BTreeMap<_, _> = found.map(|(name, point)| (name, metric(point))).collect();
    let now = rfc3339(shared.now().wall);
    Ok(fresh_json(StatusCode::OK, &json!({ "status": "success", "timestamp": now, "metrics": metrics })))
}

fn metric(point: Point) -> Metric {
    Metric { value: point.value, kind: "gauge", tags: BTreeMap::new(), recorded_at: rfc3339(point.at) }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HistoryQuery {
    metric: Option<String>,
    hours: Option<usize>,
}

/// `GET /api/v1/telemetry/history?metric=&hours=`: oldest first.
async fn history(State(shared): State<Arc<Shared>>, Asked(query): Asked<HistoryQuery>) -> Result<Response, Problem> {
    let metric =
        query.metric.ok_or_else(|| invalid("`metric` is the name of one, as `telemetry/current` has them."))?;
    let hours = within(query.hours, HOURS_DEFAULT, HOURS_MAX, "hours")?;
    let since = Wall::from_unix_secs(shared.now().wall.unix_secs().saturating_sub(hours as u64 * 3_600));
    let points = shared.telemetry.history(&metric, since);
    let told = |point: &Point| json!({ "timestamp": rfc3339(point.at), "value": point.value, "tags": {} });
    let history: Vec<Value> = points.iter().map(told).collect();
    let body = json!({
        "status": "success", "metric": metric, "hours": hours, "data_points": history.len(), "history": history,
    });
    Ok(fresh_json(StatusCode::OK, &body))
}

/// `GET /api/v1/telemetry/summary`: of all that is kept.
async fn summary(State(shared): State<Arc<Shared>>) -> Response {
    let all = shared.telemetry.all();
    let summary: Vec<Value> = all.iter().filter_map(|(name, points)| summed(name, points)).collect();
    let now = rfc3339(shared.now().wall);
    let body = json!({
        "status": "success", "timestamp": now, "total_metrics": summary.len(), "summary": summary,
    });
    fresh_json(StatusCode::OK, &body)
}

fn summed(name: &str, points: &[Point]) -> Option<Value> {
    let last = points.last()?;
    let values = || points.iter().map(|point| point.value);
    let avg = values().sum::<f64>() / points.len() as f64;
    let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    Some(json!({
        "metric": name, "data_points": points.len(), "avg": avg, "min": min, "max": max,
        "last_recorded": rfc3339(last.at),
    }))
}

/// `GET /api/v1/telemetry/health`: whether samples are taken, what they are, and whether every part does its work.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let Some(last) = shared.telemetry.last_at() else {
        let body = json!({ "status": "warning", "message": "No metrics collected yet", "healthy": false });
        return fresh_json(StatusCode::OK, &body);
    };
    let age = shared.now().wall.unix_secs().saturating_sub(last.unix_secs());
    let mut issues = Vec::new();
    let mut issue = |metric: &str, current: f64, operator: &str, expected: f64| {
        issues.push(json!({ "metric": metric, "current": current, "expected": expected, "operator": operator }));
    };
    if age >= FRESH_SECS {
        issue("minutes_since_last_metric", (age / 60) as f64, "<", (FRESH_SECS / 60) as f64);
    }
    let current = shared.telemetry.current();
    for (name, operator, expected) in EXPECTED {
        let found = current.iter().find(|(known, _)| *known == name);
        if let Some((_, point)) = found.filter(|(_, point)| !holds(point.value, operator, expected)) {
            issue(name, point.value, operator, expected);
        }
    }
    for part in shared.checks.verdict().await.parts.iter().filter(|part| !part.report.state.takes_work()) {
        issue(&format!("part_{}", part.name), 0.0, "=", 1.0);
    }
    let healthy = issues.is_empty();
    let body = json!({
        "status": if healthy { "healthy" } else { "degraded" },
        "healthy": healthy,
        "last_metric_collected": rfc3339(last),
        "minutes_since_last_metric": age / 60,
        "issues": issues,
    });
    fresh_json(StatusCode::OK, &body)
}

fn holds(value: f64, operator: &str, expected: f64) -> bool {
    if operator == ">" { value > expected } else { (value - expected).abs() < f64::EPSILON }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "query_invalid", detail.to_owned())
}
