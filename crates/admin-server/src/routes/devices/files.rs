//! `/api/v1/files`: files that devices fetch and bring.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use futures_util::StreamExt as _;
use http::{StatusCode, Uri};
use sangam_control::DeviceFileFacts;
use serde::Deserialize;

use super::{Admin, number, page, refused};
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::fresh_json;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, within};
use crate::routes::named::Named;
use crate::state::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/files", get(files)).route(PUT_FILE, put(put_file).delete(remove))
}

/// Where a body is a file: its length is bounded where it is taken.
pub(crate) const PUT_FILE: &str = "/api/v1/files/{name}";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FilesQuery {
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FactsQuery {
    #[serde(rename = "type")]
    kind: String,
    version: String,
}

/// `GET /api/v1/files`
async fn files(Admin(admin): Admin, Asked(query): Asked<FilesQuery>, uri: Uri) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = admin.files().files(number(query.after)?, limit).await;
    Ok(page(found.map_err(refused)?, &uri))
}

/// `PUT /api/v1/files/{name}?type=&version=`: the body is the file.
async fn put_file(
    writer: Writer,
    Admin(admin): Admin,
    Named(name): Named,
    Asked(query): Asked<FactsQuery>,
    body: Body,
) -> Result<Response, Problem> {
    let facts = DeviceFileFacts { kind: query.kind, version: query.version };
    let bytes = body.into_data_stream().map(|chunk| chunk.map_err(io::Error::other)).boxed();
    let outcome = admin.files().put(name.clone(), facts, bytes).await;
    let bytes = outcome.as_ref().ok().map(|file| file.bytes);
    tracing::info!(by = writer.subject, file = name, bytes, "a file is put there");
    Ok(fresh_json(StatusCode::CREATED, &outcome.map_err(refused)?))
}

/// `DELETE /api/v1/files/{name}`
async fn remove(writer: Writer, Admin(admin): Admin, Named(name): Named) -> Result<Response, Problem> {
    let outcome = admin.files().remove(name.clone()).await;
    tracing::info!(by = writer.subject, file = name, done = outcome.is_ok(), "a file is deleted");
    outcome.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
