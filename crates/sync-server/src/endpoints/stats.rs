use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header;
use sangam_sync_proto::Name;

use super::names;
use crate::access::SharedCaller;
use crate::problem::Problem;
use crate::query;
use crate::service::Service;

/// GET `/v1/stats`: of the caller's database alone.
pub(crate) async fn stats(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<SharedCaller>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = query::text(request.uri(), "dbId").map(Name::from);
    if let Some(db) = &asked {
        caller.of_database(db)?;
        names::check(&service.options, "dbId", db)?;
    }
    let db = asked.or_else(|| caller.db.clone()).or_else(|| service.live.load().access.default_db.clone());
    let db = db.ok_or_else(|| Problem::invalid("no_database", "Missing dbId query parameter").field("dbId"))?;
    let figures = service.pages.figures(&db).await?;
    let streams = service.feeds.figures(&db);
    let body = serde_json::json!({
        "cursor": figures.cursor,
        "oplogSize": figures.log_len,
        "deviceCount": figures.replicas,
        "sse": { "subscriptions": streams.subscriptions, "devices": streams.devices },
    });
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body.to_string()).into_response())
}
