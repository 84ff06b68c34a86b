//! `/api/v1/stomp`: how the message brokers are at which devices are met, in the fields that the EvoAcs guide names. Every figure is
//! counted where it happens; what only the broker itself knows is `null`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use http::request::Parts;
use sangam_control::{BrokerMinute, BrokerReport, BrokerState, BrokerTally, Brokers};
use sangam_types::Wall;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::problem::Problem;
use crate::routes::fresh_json;
use crate::routes::listed::Asked;
use crate::state::Shared;
use crate::timestamp::rfc3339;

/// The routes; without device management each says so.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/stomp/metrics", get(metrics))
        .route("/api/v1/stomp/connections", get(connections))
        .route("/api/v1/stomp/throughput", get(throughput))
        .route("/api/v1/stomp/errors", get(errors))
        .route("/api/v1/stomp/broker-health", get(broker_health))
}

/// The brokers of this server, and the time.
struct Asking {
    brokers: Arc<dyn Brokers>,
    now: Wall,
}

impl FromRequestParts<Arc<Shared>> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no_devices", "This server manages no devices.");
        let brokers = shared.brokers.clone().ok_or_else(none)?;
        Ok(Self { brokers, now: shared.now().wall })
    }
}

impl Asking {
    fn reports(&self) -> Vec<BrokerReport> {
        self.brokers.reports(Duration::ZERO)
    }

    fn answer(&self, data: &Value) -> Response {
        fresh_json(StatusCode::OK, &json!({ "status": "success", "data": data, "timestamp": rfc3339(self.now) }))
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
enum TimeRange {
    #[serde(rename = "5m")]
    Minutes,
    #[default]
    #[serde(rename = "1h")]
    Hour,
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
}

impl TimeRange {
    /// How long it is, and the minutes that become one point: at most 1,440 points are told.
    const fn span(self) -> (Duration, usize) {
        let (minutes, together) = match self {
            Self::Minutes => (5, 1),
            Self::Hour => (60, 1),
            Self::Day => (24 * 60, 1),
            Self::Week => (7 * 24 * 60, 10),
        };
        (Duration::from_secs(60 * minutes), together)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MetricsQuery {
    time_range: TimeRange,
}

/// `GET /api/v1/stomp/metrics?time_range=5m|1h|24h|7d`
async fn metrics(asking: Asking, Asked(query): Asked<MetricsQuery>) -> Response {
    let (span, together) = query.time_range.span();
    let reports = asking.brokers.reports(span);
    let (minute, total) = (sum(&reports, |it| it.minute), sum(&reports, |it| it.total));
    let points: Vec<Value> = history(&reports).rchunks(together).rev().filter_map(point).collect();
    let body = json!({
        "status": "success",
        "time_range": query.time_range,
        "metrics": {
            "current": {
                "connections": connections_of(&reports),
                "messages_per_second": minute.per_second(),
                "avg_publish_latency_ms": minute.publish_ms(),
                "avg_ack_latency_ms": minute.ack_ms(),
                "total_published": total.published,
                "total_received": total.received,
                "total_errors": total.errors,
            },
            "historical": points,
        },
        "timestamp": rfc3339(asking.now),
    });
    fresh_json(StatusCode::OK, &body)
}

/// `GET /api/v1/stomp/connections`
async fn connections(asking: Asking) -> Response {
    let reports = asking.reports();
    let of = |count: fn(&BrokerReport) -> u64| reports.iter().map(count).sum::<u64>();
    let (active, idle, failed) = (of(|it| it.active), of(|it| it.idle), of(|it| it.failed));
    let mut by_broker = Map::new();
    for report in &reports {
        let known = by_broker.get(report.id).and_then(Value::as_u64).unwrap_or(0);
        by_broker.insert(report.id.to_owned(), json!(known + report.active + report.idle));
    }
    let by_device: Vec<Value> = reports
        .iter()
        .flat_map(|report| report.first_agents.iter().map(move |agent| (report, agent)))
        .map(|(report, agent)| {
            json!({ "endpoint_id": agent.endpoint, "destination": agent.destination, "broker_id": report.id })
        })
        .collect();
    asking.answer(&json!({
        "total_connections": active + idle + failed,
        "active_connections": active,
        "idle_connections": idle,
        "failed_connections": failed,
        "connections_by_device": by_device,
        "connections_by_broker": by_broker,
        "broker_info": reports.iter().map(info).collect::<Vec<_>>(),
    }))
}

/// `GET /api/v1/stomp/throughput`
async fn throughput(asking: Asking) -> Response {
    let reports = asking.reports();
    let window = |index: usize| {
        let tally = sum(&reports, |it| it.windows[index]);
        json!({
            "published": tally.published,
            "received": tally.received,
            "acked": tally.acked,
            "nacked": tally.nacked,
            "avg_msg_per_sec": tally.per_second(),
        })
    };
    asking.answer(&json!({ "5m": window(0), "1h": window(1), "24h": window(2) }))
}

/// `GET /api/v1/stomp/errors`
async fn errors(asking: Asking) -> Response {
    let reports = asking.reports();
    let mut by_reason = Vec::new();
    for report in &reports {
        let of = |(reason, count): &(&str, u64)| json!({ "broker_id": report.id, "reason": reason, "count": count });
        by_reason.extend(report.errors.iter().map(of));
    }
    let window = |index: usize| sum(&reports, |it| it.windows[index]).errors;
    let last = |report: &BrokerReport| Some(json!({ "broker_id": report.id, "message": report.trouble.as_ref()? }));
    asking.answer(&json!({
        "total_errors": sum(&reports, |it| it.total).errors,
        "errors_by_reason": by_reason,
        "errors_in": { "5m": window(0), "1h": window(1), "24h": window(2) },
        "last_connection_errors": reports.iter().filter_map(last).collect::<Vec<_>>(),
    }))
}

/// `GET /api/v1/stomp/broker-health`: of the first broker, and of each in `brokers`.
async fn broker_health(asking: Asking) -> Response {
    let reports = asking.reports();
    let mut data = match reports.first() {
        Some(first) => health(first),
        None => json!({
            "broker_id": "primary_broker",
            "host": null,
            "port": null,
            "status": "unknown",
            "active_connections": 0,
            "message_rate": 0.0,
            "last_check": rfc3339(asking.now),
        }),
    };
    data["brokers"] = reports.iter().map(health).collect();
    asking.answer(&data)
}

fn health(report: &BrokerReport) -> Value {
    json!({
        "broker_id": report.id,
        "protocol": report.protocol,
        "host": report.host,
        "port": report.port,
        "status": state(report.state),
        "last_error": report.trouble,
        "active_connections": report.active + report.idle,
        "consumers": report.subscriptions,
        "message_rate": report.minute.per_second(),
        "messages_waiting": report.waiting,
        "messages_unacknowledged": report.unconfirmed,
        "publish_rate": report.minute.rate(report.minute.published),
        "deliver_rate": report.minute.rate(report.minute.received),
        "ack_rate": report.minute.rate(report.minute.acked),
        // What only the broker itself knows of itself.
        "channels": null,
        "queues": null,
        "messages_ready": null,
        "nodes": null,
        "last_check": rfc3339(report.checked_at),
    })
}

fn info(report: &BrokerReport) -> Value {
    json!({
        "broker_id": report.id,
        "protocol": report.protocol,
        "host": report.host,
        "port": report.port,
        "status": state(report.state),
        "last_error": report.trouble,
        "connection_attempts": report.attempts,
        "connection_failures": report.failures,
        "agents": report.agents,
    })
}

const fn state(state: BrokerState) -> &'static str {
    match state {
        BrokerState::Healthy => "healthy",
        BrokerState::Connecting => "connecting",
        BrokerState::Unhealthy => "unhealthy",
    }
}

fn connections_of(reports: &[BrokerReport]) -> u64 {
    reports.iter().map(|report| report.active + report.idle).sum()
}

fn sum(reports: &[BrokerReport], of: impl Fn(&BrokerReport) -> BrokerTally) -> BrokerTally {
    reports.iter().fold(BrokerTally::default(), |sum, report| sum.and(&of(report)))
}

/// The minutes of all brokers together, in order.
fn history(reports: &[BrokerReport]) -> Vec<BrokerMinute> {
    let mut minutes: Vec<BrokerMinute> = reports.iter().flat_map(|report| report.history.iter().copied()).collect();
    minutes.sort_by_key(|minute| minute.at);
    minutes.dedup_by(|later, earlier| {
        let is_same = later.at == earlier.at;
        if is_same {
            earlier.connections += later.connections;
            earlier.tally = earlier.tally.and(&later.tally);
        }
        is_same
    });
    minutes
}

/// Minutes that follow each other, as one point.
fn point(minutes: &[BrokerMinute]) -> Option<Value> {
    let first = minutes.first()?;
    let span = minutes.iter().map(|minute| minute.tally.span).sum();
    let all = minutes.iter().fold(BrokerTally::default(), |all, minute| all.and(&minute.tally));
    let tally = BrokerTally { span, ..all };
    Some(json!({
        "timestamp": rfc3339(first.at),
        "connections_active": minutes.iter().map(|minute| minute.connections).max(),
        "messages_per_second": tally.per_second(),
        "messages_published": tally.published,
        "messages_received": tally.received,
        "avg_publish_latency_ms": tally.publish_ms(),
    }))
}
