//! `/api/v1/devices/{id}/diagnostics`: tests that devices run, and what they showed.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode, Uri};
use sangam_control::{DeviceAdmin, DeviceDiagnostic, DeviceOrder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Here, Linked, OrderQuery, duration, each, number, page, refused, time, yes};
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/devices/{id}/diagnostics", get(tests_of).post(run))
        .route("/api/v1/diagnostics", get(tests))
        .route("/api/v1/diagnostics/{id}", get(test))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TestQuery {
    kind: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestOrder {
    /// `ping`, `traceroute` …
    kind: String,
    #[serde(default)]
    inputs: Value,
    #[serde(default)]
    priority: u8,
    /// RFC 3339.
    expires: Option<String>,
    /// Whether the device is called at once.
    #[serde(default = "yes")]
    call: bool,
}

fn linked(item: DeviceDiagnostic) -> Linked<DeviceDiagnostic> {
    let here = format!("/api/v1/diagnostics/{}", item.id);
    Linked { item, links: Here { here } }
}

/// `POST /api/v1/devices/{id}/diagnostics`
async fn run(
    writer: Writer,
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<OrderQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let TestOrder { kind, inputs, priority, expires, call } = read_json(&body)?;
    let order = DeviceOrder {
        kind: "diagnostics".to_owned(),
        payload: json!({ "test": kind, "inputs": inputs }),
        priority,
        not_before: None,
        expires: time(expires.as_deref(), "expires")?,
        ordered_by: writer.subject.clone(),
        idempotency_key: super::key(&headers)?,
        call,
        wait: duration(query.wait.as_deref(), "wait")?,
    };
    let outcome = admin.order(id.clone(), order).await;
    let task = outcome.as_ref().ok().map(|task| task.id);
    tracing::info!(by = writer.subject, device = id, kind, task, "a test is ordered");
    let test = admin.diagnostic(outcome.map_err(refused)?.id).await.map_err(refused)?;
    Ok(fresh_json(StatusCode::CREATED, &linked(test)))
}

/// `GET /api/v1/devices/{id}/diagnostics`
async fn tests_of(
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<TestQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    list(&admin, Some(id), query, &uri).await
}

/// `GET /api/v1/diagnostics`
async fn tests(Admin(admin): Admin, Asked(query): Asked<TestQuery>, uri: Uri) -> Result<Response, Problem> {
    list(&admin, None, query, &uri).await
}

async fn list(
    admin: &Arc<dyn DeviceAdmin>,
    device: Option<String>,
    query: TestQuery,
    uri: &Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = admin.diagnostics(device, query.kind, number(query.after)?, limit).await.map_err(refused)?;
    Ok(page(each(found, linked), uri))
}

/// `GET /api/v1/diagnostics/{id}`
async fn test(Admin(admin): Admin, Named(id): Named<u64>) -> Result<Response, Problem> {
    Ok(fresh_json(StatusCode::OK, &linked(admin.diagnostic(id).await.map_err(refused)?)))
}
