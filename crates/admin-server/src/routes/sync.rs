//! `/api/v1/sync`: seeing what sync holds, and mending it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;
use http::{StatusCode, Uri};
use sangam_control::{SyncAdmin, SyncAdminError, SyncList};
use sangam_net::http::percent_encoded;
use serde::{Deserialize, Serialize};

use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, Links, Listed, following, no_cursor, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

/// The routes; without sync each says so.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/sync/databases", get(databases))
        .route("/api/v1/sync/databases/{db}", get(database))
        .route("/api/v1/sync/databases/{db}/replicas", get(replicas))
        .route("/api/v1/sync/databases/{db}/conflicts", get(conflicts))
        .route("/api/v1/sync/databases/{db}/history", get(history))
        .route("/api/v1/sync/databases/{db}/replicas/{device}/reset", post(reset_replica))
        .route("/api/v1/sync/databases/{db}/reset", post(reset_database))
}

/// The sync of this server.
struct Admin(Arc<dyn SyncAdmin>);

impl FromRequestParts<Arc<Shared>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no_sync", "No sync runs in this server.");
        shared.sync.clone().map(Self).ok_or_else(none)
    }
}

/// `?limit=&after=`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PageQuery {
    limit: Option<usize>,
    after: Option<String>,
}

impl PageQuery {
    fn limit(&self) -> Result<usize, Problem> {
        within(self.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")
    }
}

/// `?collection=&entity=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    collection: String,
    entity: String,
    limit: Option<usize>,
}

/// What is known of a list besides its members.
#[derive(Serialize)]
struct Meta {
    /// Members of this list.
    count: usize,
    /// Whether there are more behind them.
    has_more: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetOrder {
    db: String,
}

#[derive(Serialize)]
struct ReplicaReset<'a> {
    db: &'a str,
    device: &'a str,
    resume: u64,
}

/// `GET /api/v1/sync/databases`
async fn databases(Admin(sync): Admin, Asked(query): Asked<PageQuery>, uri: Uri) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let found = sync.databases(query.after, limit).await.map_err(refused)?;
    Ok(page(found, &uri, |database| Some(percent_encoded(&database.db))))
}

/// `GET /api/v1/sync/databases/{db}`
async fn database(Admin(sync): Admin, Named(db): Named) -> Result<Response, Problem> {
    let found = sync.database(db).await.map_err(refused)?;
    Ok(fresh_json(StatusCode::OK, &found))
}

/// `GET /api/v1/sync/databases/{db}/replicas`
async fn replicas(
    Admin(sync): Admin,
    Named(db): Named,
    Asked(query): Asked<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let found = sync.replicas(db, query.after, limit).await.map_err(refused)?;
    Ok(page(found, &uri, |replica| Some(percent_encoded(&replica.device))))
}

/// `GET /api/v1/sync/databases/{db}/conflicts`
async fn conflicts(
    Admin(sync): Admin,
    Named(db): Named,
    Asked(query): Asked<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let before = query.after.map(|after| after.parse()).transpose().map_err(|_| no_cursor())?;
    let found = sync.conflicts(db, before, limit).await.map_err(refused)?;
    Ok(page(found, &uri, |conflict| Some(conflict.number.to_string())))
}

/// `GET /api/v1/sync/databases/{db}/history`
async fn history(
    Admin(sync): Admin,
    Named(db): Named,
    Asked(query): Asked<HistoryQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = sync.history(db, query.collection, query.entity, limit).await.map_err(refused)?;
    Ok(page(found, &uri, |_| None))
}

/// `POST /api/v1/sync/databases/{db}/replicas/{device}/reset`
async fn reset_replica(
    writer: Writer,
    Admin(sync): Admin,
    Named((db, device)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let outcome = sync.reset_replica(db.clone(), device.clone()).await;
    tracing::info!(by = writer.subject, db, device, done = outcome.is_ok(), "reset of a replica");
    outcome.map_err(refused)?;
    Ok(fresh_json(StatusCode::OK, &ReplicaReset { db: &db, device: &device, resume: 0 }))
}

/// `POST /api/v1/sync/databases/{db}/reset`
async fn reset_database(
    writer: Writer,
    Admin(sync): Admin,
    Named(db): Named,
    body: Bytes,
) -> Result<Response, Problem> {
    let ResetOrder { db: again } = read_json(&body)?;
    if again != db {
        let detail = "`db` in the body must be the name in the path once more: everything in that database is dropped.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "name_differs", detail));
    }
    let outcome = sync.reset_database(db.clone()).await;
    let epoch = outcome.as_ref().ok().map(|database| database.epoch.as_str());
    tracing::info!(by = writer.subject, db, epoch, done = outcome.is_ok(), "reset of a database");
    let database = outcome.map_err(refused)?;
    Ok(fresh_json(StatusCode::OK, &database))
}

/// A page with the address of the one that follows, if there is one and it can be asked for.
fn page<T: Serialize>(found: SyncList<T>, uri: &Uri, cursor: impl Fn(&T) -> Option<String>) -> Response {
    let SyncList { items: data, has_more } = found;
    let last = data.last().filter(|_| has_more).and_then(cursor);
    let next = last.map(|after| following(uri, &after));
    let meta = Meta { count: data.len(), has_more };
    fresh_json(StatusCode::OK, &Listed { data, meta, links: Links { here: uri.to_string(), next } })
}

fn refused(error: SyncAdminError) -> Problem {
    let (code, detail) = match error {
        SyncAdminError::NoDatabase => {
            ("database_not_found", "Nothing was ever pushed to a database of that name.".to_owned())
        }
        SyncAdminError::NoReplica => {
            let detail = "No device of that name is remembered: only those are whose token names them.";
            ("replica_not_found", detail.to_owned())
        }
        SyncAdminError::NoEntity => {
            ("entity_not_found", "There is no such entity in that collection, or its history is gone.".to_owned())
        }
        error => {
            let detail = format!("The store of sync cannot be asked now: {error}. Look before you repeat an order.");
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail);
        }
    };
    Problem::new(StatusCode::NOT_FOUND, code, detail)
}
