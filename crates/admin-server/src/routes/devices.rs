//! `/api/v1/devices` and `/api/v1/tasks`: the devices that are managed, and what is to be done with them.

mod alarms;
mod diagnostics;
mod files;
pub(crate) mod import;
mod news;
mod profiles;
mod subscriptions;
mod table;

pub(crate) use self::files::PUT_FILE;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use sangam_control::{DeviceAdmin, DeviceAdminError, DeviceFilter, DeviceList, DeviceOrder, DeviceTask, ManagedDevice};
use sangam_net::http::percent_encoded;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, Links, Listed, following, no_cursor, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

/// The routes; without device management each says so.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/devices", get(devices))
        .route("/api/v1/devices.csv", get(table::table))
        .route("/api/v1/devices/{id}", get(device).delete(remove))
        .route("/api/v1/devices/{id}/state", put(set_state))
        .route("/api/v1/devices/{id}/tags/{tag}", put(tag).delete(untag))
        .route("/api/v1/devices/{id}/login/forget", post(forget_login))
        .route("/api/v1/devices/{id}/parameters", get(parameters))
        .route("/api/v1/devices/{id}/history", get(history))
        .route("/api/v1/devices/{id}/events", get(events))
        .route("/api/v1/devices/{id}/tasks", get(tasks_of).post(order))
        .merge(diagnostics::router())
        .merge(files::router())
        .merge(profiles::router())
        .merge(alarms::router())
        .merge(subscriptions::router())
        .merge(news::router())
        .route("/api/v1/tasks", get(tasks))
        .route("/api/v1/tasks/{id}", get(task).delete(cancel))
}

/// The device management of this server.
struct Admin(Arc<dyn DeviceAdmin>);

impl FromRequestParts<Arc<Shared>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no_devices", "This server manages no devices.");
        shared.devices.clone().map(Self).ok_or_else(none)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DeviceQuery {
    state: Option<String>,
    tag: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    search: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ParameterQuery {
    below: String,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HistoryQuery {
    path: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EventQuery {
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TaskQuery {
    state: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateOrder {
    state: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskOrder {
    kind: String,
    #[serde(default)]
    payload: serde_json::Value,
    #[serde(default)]
    priority: u8,
    /// RFC 3339.
    not_before: Option<String>,
    /// RFC 3339.
    expires: Option<String>,
    /// Whether the device is called at once.
    #[serde(default = "yes")]
    call: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OrderQuery {
    /// How long the answer may wait for the task to end: `10s`.
    wait: Option<String>,
}

/// A member with its own address.
#[derive(Serialize)]
struct Linked<T> {
    #[serde(flatten)]
    item: T,
    links: Here,
}

#[derive(Serialize)]
struct Here {
    #[serde(rename = "self")]
    here: String,
}

/// A device with its address: its id has percent signs of its own, which are encoded once more there.
fn linked_device(item: ManagedDevice) -> Linked<ManagedDevice> {
    let here = format!("/api/v1/devices/{}", percent_encoded(&item.id));
    Linked { item, links: Here { here } }
}

/// A task with its address, where what becomes of it is seen.
fn linked_task(item: DeviceTask) -> Linked<DeviceTask> {
    let here = format!("/api/v1/tasks/{}", item.id);
    Linked { item, links: Here { here } }
}

/// What is known of a list besides its members.
#[derive(Serialize)]
struct Meta {
    /// Members of this list.
    count: usize,
    /// Whether there are more behind them.
    has_more: bool,
}

/// `GET /api/v1/devices`
async fn devices(Admin(admin): Admin, Asked(query): Asked<DeviceQuery>, uri: Uri) -> Result<Response, Problem> {
    let filter = DeviceFilter {
        state: query.state,
        tag: query.tag,
        manufacturer: query.manufacturer,
        model: query.model,
        search: query.search,
        after: number(query.after)?,
        limit: within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?,
    };
    let found = admin.devices(filter).await.map_err(refused)?;
    Ok(page(each(found, linked_device), &uri))
}

/// `GET /api/v1/devices/{id}`
async fn device(Admin(admin): Admin, Named(id): Named) -> Result<Response, Problem> {
    Ok(fresh_json(StatusCode::OK, &linked_device(admin.device(id).await.map_err(refused)?)))
}

/// `DELETE /api/v1/devices/{id}`
async fn remove(writer: Writer, Admin(admin): Admin, Named(id): Named) -> Result<Response, Problem> {
    let outcome = admin.remove(id.clone()).await;
    tracing::info!(by = writer.subject, device = id, done = outcome.is_ok(), "a device is forgotten");
    outcome.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `PUT /api/v1/devices/{id}/state`
async fn set_state(writer: Writer, Admin(admin): Admin, Named(id): Named, body: Bytes) -> Result<Response, Problem> {
    let StateOrder { state } = read_json(&body)?;
    let outcome = admin.set_state(id.clone(), state.clone()).await;
    tracing::info!(by = writer.subject, device = id, state, done = outcome.is_ok(), "a device has another state");
    Ok(fresh_json(StatusCode::OK, &linked_device(outcome.map_err(refused)?)))
}

/// `PUT /api/v1/devices/{id}/tags/{tag}`
async fn tag(
    writer: Writer,
    Admin(admin): Admin,
    Named((id, tag)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let outcome = admin.tag(id.clone(), tag.clone(), true).await;
    tracing::info!(by = writer.subject, device = id, tag, done = outcome.is_ok(), "a device is tagged");
    Ok(fresh_json(StatusCode::OK, &linked_device(outcome.map_err(refused)?)))
}

/// `DELETE /api/v1/devices/{id}/tags/{tag}`
async fn untag(
    writer: Writer,
    Admin(admin): Admin,
    Named((id, tag)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let outcome = admin.tag(id.clone(), tag.clone(), false).await;
    tracing::info!(by = writer.subject, device = id, tag, done = outcome.is_ok(), "a device is untagged");
    Ok(fresh_json(StatusCode::OK, &linked_device(outcome.map_err(refused)?)))
}

/// `POST /api/v1/devices/{id}/login/forget`
async fn forget_login(writer: Writer, Admin(admin): Admin, Named(id): Named) -> Result<Response, Problem> {
    let outcome = admin.forget_login(id.clone()).await;
    tracing::info!(by = writer.subject, device = id, done = outcome.is_ok(), "what a device logs in with is forgotten");
    Ok(fresh_json(StatusCode::OK, &linked_device(outcome.map_err(refused)?)))
}

/// `GET /api/v1/devices/{id}/parameters`
async fn parameters(
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<ParameterQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    Ok(page(admin.parameters(id, query.below, query.after, limit).await.map_err(refused)?, &uri))
}

/// `GET /api/v1/devices/{id}/history`
async fn history(
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<HistoryQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    Ok(page(admin.history(id, query.path, query.after, limit).await.map_err(refused)?, &uri))
}

/// `GET /api/v1/devices/{id}/events`
async fn events(
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<EventQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    Ok(page(admin.events(id, number(query.after)?, limit).await.map_err(refused)?, &uri))
}

/// `POST /api/v1/devices/{id}/tasks`
async fn order(
    writer: Writer,
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<OrderQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let TaskOrder { kind, payload, priority, not_before, expires, call } = read_json(&body)?;
    let order = DeviceOrder {
        kind,
        payload,
        priority,
        not_before: time(not_before.as_deref(), "not_before")?,
        expires: time(expires.as_deref(), "expires")?,
        ordered_by: writer.subject.clone(),
        idempotency_key: key(&headers)?,
        call,
        wait: duration(query.wait.as_deref(), "wait")?,
    };
    let kind = order.kind.clone();
    let outcome = admin.order(id.clone(), order).await;
    let task = outcome.as_ref().ok().map(|task| task.id);
    tracing::info!(by = writer.subject, device = id, kind, task, "a task is ordered");
    Ok(fresh_json(StatusCode::CREATED, &linked_task(outcome.map_err(refused)?)))
}

/// `GET /api/v1/devices/{id}/tasks`
async fn tasks_of(
    Admin(admin): Admin,
    Named(id): Named,
    Asked(query): Asked<TaskQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    list_tasks(&admin, Some(id), query, &uri).await
}

/// `GET /api/v1/tasks`
async fn tasks(Admin(admin): Admin, Asked(query): Asked<TaskQuery>, uri: Uri) -> Result<Response, Problem> {
    list_tasks(&admin, None, query, &uri).await
}

async fn list_tasks(
    admin: &Arc<dyn DeviceAdmin>,
    device: Option<String>,
    query: TaskQuery,
    uri: &Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = admin.tasks(device, query.state, number(query.after)?, limit).await.map_err(refused)?;
    Ok(page(each(found, linked_task), uri))
}

/// `GET /api/v1/tasks/{id}`
async fn task(Admin(admin): Admin, Named(id): Named<u64>) -> Result<Response, Problem> {
    Ok(fresh_json(StatusCode::OK, &linked_task(admin.task(id).await.map_err(refused)?)))
}

/// `DELETE /api/v1/tasks/{id}`
async fn cancel(writer: Writer, Admin(admin): Admin, Named(id): Named<u64>) -> Result<Response, Problem> {
    let outcome = admin.cancel(id).await;
    tracing::info!(by = writer.subject, task = id, done = outcome.is_ok(), "a task is taken back");
    Ok(fresh_json(StatusCode::OK, &linked_task(outcome.map_err(refused)?)))
}

/// What a request is known by when it comes again.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let key = headers.get("idempotency-key").map(|key| key.to_str().map(str::to_owned));
    key.transpose().map_err(|_| bad("`Idempotency-Key` has other characters than printable ASCII."))
}

fn number(cursor: Option<String>) -> Result<Option<u64>, Problem> {
    cursor.map(|cursor| cursor.parse()).transpose().map_err(|_| no_cursor())
}

fn time(text: Option<&str>, name: &str) -> Result<Option<Wall>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let since = humantime::parse_rfc3339(text).ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    ms.map(|ms| Some(Wall::from_unix_millis(ms)))
        .ok_or_else(|| bad(&format!("`{name}` is no time of RFC 3339; write 2026-01-31T12:00:00Z.")))
}

fn duration(text: Option<&str>, name: &str) -> Result<Option<Duration>, Problem> {
    let parsed = text.map(humantime::parse_duration).transpose();
    parsed
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "query_invalid", format!("`{name}` is no time; write 10s.")))
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body_invalid", detail.to_owned())
}

fn each<T, U>(found: DeviceList<T>, of: impl Fn(T) -> U) -> DeviceList<U> {
    DeviceList { items: found.items.into_iter().map(of).collect(), next: found.next }
}

/// A page with the address of the one that follows, if there is one.
fn page<T: Serialize>(found: DeviceList<T>, uri: &Uri) -> Response {
    let DeviceList { items: data, next } = found;
    let next = next.map(|after| following(uri, &percent_encoded(&after)));
    let meta = Meta { count: data.len(), has_more: next.is_some() };
    fresh_json(StatusCode::OK, &Listed { data, meta, links: Links { here: uri.to_string(), next } })
}

fn refused(error: DeviceAdminError) -> Problem {
    let (status, code) = match &error {
        DeviceAdminError::NoDevice => (StatusCode::NOT_FOUND, "device_not_found"),
        DeviceAdminError::NoTask => (StatusCode::NOT_FOUND, "task_not_found"),
        DeviceAdminError::NoDiagnostic => (StatusCode::NOT_FOUND, "diagnostic_not_found"),
        DeviceAdminError::Invalid(_) => (StatusCode::BAD_REQUEST, "order_invalid"),
        DeviceAdminError::TooLate => (StatusCode::CONFLICT, "task_not_queued"),
        DeviceAdminError::NoProfile => (StatusCode::NOT_FOUND, "profile_not_found"),
        DeviceAdminError::NoAlarm => (StatusCode::NOT_FOUND, "alarm_not_found"),
        DeviceAdminError::NoSubscription => (StatusCode::NOT_FOUND, "subscription_not_found"),
        DeviceAdminError::Changed(_) => (StatusCode::PRECONDITION_FAILED, "revision_changed"),
        DeviceAdminError::LimitReached(_) => (StatusCode::CONFLICT, "limit_reached"),
        DeviceAdminError::NoFile => (StatusCode::NOT_FOUND, "file_not_found"),
        DeviceAdminError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"),
        DeviceAdminError::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many_tasks"),
        DeviceAdminError::NoCursor => return no_cursor(),
        DeviceAdminError::Full => (StatusCode::INSUFFICIENT_STORAGE, "devices_full"),
        DeviceAdminError::KeyUsed => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_used"),
        _ => {
            let detail = format!("The store of devices cannot be asked now: {error}. Look before you repeat an order.");
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail);
        }
    };
    let detail = error.to_string();
    let mut letters = detail.chars();
    let detail = letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    Problem::new(status, code, format!("{detail}."))
}
