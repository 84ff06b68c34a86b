//! `/api/v1/profiles`: what devices are to be set to, by who they are.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use sangam_control::{DeviceProfile, Once, ProfileWanted};
use serde::Deserialize;

use super::{Admin, Here, Linked, each, key, number, page, refused};
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/profiles", get(profiles).post(create))
        .route("/api/v1/profiles/{id}", get(profile).put(replace).delete(remove))
        .route("/api/v1/devices/{id}/profile", get(of_device).post(apply))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PageQuery {
    limit: Option<usize>,
    after: Option<String>,
}

/// The same as `If-Match`, for who cannot send that.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RevisionQuery {
    revision: Option<u32>,
}

/// `GET /api/v1/profiles`
async fn profiles(Admin(admin): Admin, Asked(query): Asked<PageQuery>, uri: Uri) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = admin.profiles().profiles(number(query.after)?, limit).await;
    Ok(page(each(found.map_err(refused)?, linked), &uri))
}

/// `GET /api/v1/profiles/{id}`
async fn profile(Admin(admin): Admin, Named(id): Named<u64>) -> Result<Response, Problem> {
    Ok(tagged(StatusCode::OK, admin.profiles().profile(id).await.map_err(refused)?))
}

/// `POST /api/v1/profiles`
async fn create(writer: Writer, Admin(admin): Admin, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let wanted: ProfileWanted = read_json(&body)?;
    let once = Once { by: writer.subject.clone(), key: key(&headers)? };
    let outcome = admin.profiles().create(wanted, once).await;
    let id = outcome.as_ref().ok().map(|profile| profile.id);
    tracing::info!(by = writer.subject, profile = id, "a profile is made");
    Ok(tagged(StatusCode::CREATED, outcome.map_err(refused)?))
}

/// `PUT /api/v1/profiles/{id}`, with `If-Match` only if nobody has changed it since.
async fn replace(
    writer: Writer,
    Admin(admin): Admin,
    Named(id): Named<u64>,
    Asked(query): Asked<RevisionQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let revision = revision(&headers)?.or(query.revision);
    let outcome = admin.profiles().replace(id, read_json(&body)?, revision).await;
    tracing::info!(by = writer.subject, profile = id, done = outcome.is_ok(), "a profile is changed");
    Ok(tagged(StatusCode::OK, outcome.map_err(refused)?))
}

/// `DELETE /api/v1/profiles/{id}`, the same.
async fn remove(
    writer: Writer,
    Admin(admin): Admin,
    Named(id): Named<u64>,
    Asked(query): Asked<RevisionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let revision = revision(&headers)?.or(query.revision);
    let outcome = admin.profiles().remove(id, revision).await;
    tracing::info!(by = writer.subject, profile = id, done = outcome.is_ok(), "a profile is deleted");
    outcome.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/v1/devices/{id}/profile`
async fn of_device(Admin(admin): Admin, Named(id): Named) -> Result<Response, Problem> {
    Ok(fresh_json(StatusCode::OK, &admin.profiles().of_device(id).await.map_err(refused)?))
}

/// `POST /api/v1/devices/{id}/profile`
async fn apply(writer: Writer, Admin(admin): Admin, Named(id): Named) -> Result<Response, Problem> {
    let outcome = admin.profiles().apply(id.clone()).await;
    tracing::info!(by = writer.subject, device = id, done = outcome.is_ok(), "a device is told what is wanted of it");
    Ok(fresh_json(StatusCode::OK, &outcome.map_err(refused)?))
}

fn linked(item: DeviceProfile) -> Linked<DeviceProfile> {
    let here = format!("/api/v1/profiles/{}", item.id);
    Linked { item, links: Here { here } }
}

/// A profile with its revision as an entity tag (RFC 9110 §8.8.3).
fn tagged(status: StatusCode, profile: DeviceProfile) -> Response {
    let tag = HeaderValue::try_from(format!("\"{}\"", profile.revision));
    let mut response = fresh_json(status, &linked(profile));
    if let Ok(tag) = tag {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The revision that whoever asks has seen (RFC 9110 §13.1.1).
fn revision(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(tag) = headers.get(IF_MATCH) else { return Ok(None) };
    let tag = tag.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    let revision = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    let detail = "`If-Match` is the entity tag of the profile, as \"3\", or *.";
    revision.map(Some).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "header_invalid", detail))
}
