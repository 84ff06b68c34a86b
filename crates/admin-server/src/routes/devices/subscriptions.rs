//! `/api/v1/subscriptions`: what devices are to tell by themselves.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, Uri};
use sangam_control::{DeviceSubscription, Once, SubscriptionWanted};
use sangam_net::http::percent_encoded;
use serde::Deserialize;

use super::{Admin, Here, Linked, each, key, page, refused};
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/subscriptions", get(subscriptions).post(create))
        .route("/api/v1/subscriptions/{device}/{id}", get(subscription).put(replace).delete(remove))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PageQuery {
    device: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Deserialize)]
struct SubscriptionOrder {
    device: String,
    id: Option<String>,
    #[serde(flatten)]
    wanted: serde_json::Map<String, serde_json::Value>,
}

/// `GET /api/v1/subscriptions`
async fn subscriptions(Admin(admin): Admin, Asked(query): Asked<PageQuery>, uri: Uri) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = admin.subscriptions().subscriptions(query.device, query.after, limit).await;
    Ok(page(each(found.map_err(refused)?, linked), &uri))
}

/// `POST /api/v1/subscriptions`
async fn create(writer: Writer, Admin(admin): Admin, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let SubscriptionOrder { device, id, wanted } = read_json(&body)?;
    let wanted = serde_json::Value::Object(wanted).to_string();
    let once = Once { by: writer.subject, key: key(&headers)? };
    put(&admin, once, device, id, read_json(wanted.as_bytes())?).await
}

/// `GET /api/v1/subscriptions/{device}/{id}`
async fn subscription(Admin(admin): Admin, Named((device, id)): Named<(String, String)>) -> Result<Response, Problem> {
    let found = admin.subscriptions().subscription(device, id).await.map_err(refused)?;
    Ok(fresh_json(StatusCode::OK, &linked(found)))
}

/// `PUT /api/v1/subscriptions/{device}/{id}`
async fn replace(
    writer: Writer,
    Admin(admin): Admin,
    Named((device, id)): Named<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    let once = Once { by: writer.subject, key: None };
    put(&admin, once, device, Some(id), read_json(&body)?).await
}

async fn put(
    admin: &Arc<dyn sangam_control::DeviceAdmin>,
    once: Once,
    device: String,
    id: Option<String>,
    wanted: SubscriptionWanted,
) -> Result<Response, Problem> {
    let by = once.by.clone();
    let outcome = admin.subscriptions().put(device.clone(), id, wanted, once).await;
    tracing::info!(by, device, done = outcome.is_ok(), "a subscription is made or changed");
    let (made, is_new) = outcome.map_err(refused)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(fresh_json(status, &linked(made)))
}

/// `DELETE /api/v1/subscriptions/{device}/{id}`
async fn remove(
    writer: Writer,
    Admin(admin): Admin,
    Named((device, id)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let outcome = admin.subscriptions().remove(device.clone(), id).await;
    tracing::info!(by = writer.subject, device, done = outcome.is_ok(), "a subscription is taken away");
    outcome.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn linked(item: DeviceSubscription) -> Linked<DeviceSubscription> {
    let here = format!("/api/v1/subscriptions/{}/{}", percent_encoded(&item.device), percent_encoded(&item.id));
    Linked { item, links: Here { here } }
}
