//! `/api/v1/alarms`: what is wrong with devices.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::response::Response;
use axum::routing::{get, post};
use http::{StatusCode, Uri};
use sangam_control::{AlarmFilter, DeviceAlarm};
use serde::Deserialize;

use super::{Admin, Here, Linked, each, number, page, refused};
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/alarms", get(alarms))
        .route("/api/v1/alarms/stats", get(stats))
        .route("/api/v1/alarms/{id}", get(alarm))
        .route("/api/v1/alarms/{id}/acknowledge", post(acknowledge))
        .route("/api/v1/alarms/{id}/clear", post(clear))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AlarmQuery {
    device: Option<String>,
    /// The same, as the ACS guide's programs have it.
    device_id: Option<String>,
    status: Option<String>,
    severity: Option<String>,
    category: Option<String>,
    alarm_type: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClearOrder {
    resolution: String,
}

/// `GET /api/v1/alarms`
async fn alarms(Admin(admin): Admin, Asked(query): Asked<AlarmQuery>, uri: Uri) -> Result<Response, Problem> {
    let filter = AlarmFilter {
        device: query.device.or(query.device_id),
        status: query.status,
        severity: query.severity,
        category: query.category,
        alarm_type: query.alarm_type,
        before: number(query.after)?,
        limit: within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?,
    };
    Ok(page(each(admin.alarms().alarms(filter).await.map_err(refused)?, linked), &uri))
}

/// `GET /api/v1/alarms/stats`
async fn stats(Admin(admin): Admin) -> Result<Response, Problem> {
    Ok(fresh_json(StatusCode::OK, &admin.alarms().stats().await.map_err(refused)?))
}

/// `GET /api/v1/alarms/{id}`
async fn alarm(Admin(admin): Admin, Named(id): Named<u64>) -> Result<Response, Problem> {
    Ok(fresh_json(StatusCode::OK, &linked(admin.alarms().alarm(id).await.map_err(refused)?)))
}

/// `POST /api/v1/alarms/{id}/acknowledge`
async fn acknowledge(writer: Writer, Admin(admin): Admin, Named(id): Named<u64>) -> Result<Response, Problem> {
    let outcome = admin.alarms().acknowledge(id, writer.subject.clone()).await;
    tracing::info!(by = writer.subject, alarm = id, done = outcome.is_ok(), "an alarm is acknowledged");
    Ok(fresh_json(StatusCode::OK, &linked(outcome.map_err(refused)?)))
}

/// `POST /api/v1/alarms/{id}/clear`
async fn clear(writer: Writer, Admin(admin): Admin, Named(id): Named<u64>, body: Bytes) -> Result<Response, Problem> {
    let ClearOrder { resolution } = if body.is_empty() { ClearOrder::default() } else { read_json(&body)? };
    let outcome = admin.alarms().clear(id, writer.subject.clone(), resolution).await;
    tracing::info!(by = writer.subject, alarm = id, done = outcome.is_ok(), "an alarm is cleared");
    Ok(fresh_json(StatusCode::OK, &linked(outcome.map_err(refused)?)))
}

fn linked(item: DeviceAlarm) -> Linked<DeviceAlarm> {
    let here = format!("/api/v1/alarms/{}", item.id);
    Linked { item, links: Here { here } }
}
