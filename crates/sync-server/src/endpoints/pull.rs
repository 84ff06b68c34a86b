use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use sangam_sync_proto::Name;
use sangam_sync_proto::message::{ErrorCode, Message as _, PullRequest};

use super::handshake::hex;
use super::{body, bounds, cbor, malformed, names};
use crate::access::SharedCaller;
use crate::encoding::ForOthersToo;
use crate::pages::PageRequest;
use crate::problem::Problem;
use crate::service::Service;

/// POST `/v1/pull`.
pub(crate) async fn pull(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<SharedCaller>,
    request: Request,
) -> Result<Response, Problem> {
    let begun = Instant::now();
    let body = body::small(&service, request).await?;
    let request = PullRequest::decode(&body, &bounds(&service.options));
    let request = request.map_err(|error| malformed("pull", &error))?;
    caller.of_database(&request.db)?;
    names::check(&service.options, "dbId", &request.db)?;
    for collection in request.collections.iter().flatten() {
        names::check(&service.options, "collections", collection)?;
    }
    let known = request.epoch;
    let (db, since) = (request.db, request.since);
    let collections = request.collections.and_then(filter);
    let wanted = PageRequest { db: Name::clone(&db), since, limit: request.limit, collections };
    let page = service.pages.page(wanted).await?;
    if known.is_some_and(|known| !known.eq_ignore_ascii_case(&hex(page.epoch))) {
        return Err(other_epoch());
    }
    if page.ahead {
        service.metrics.pull_ahead();
    }
    // Nobody but a replica whose token names it says how far that replica has got.
    if let Some(device) = &caller.device {
        service.replicas.presented(&db, device, since);
    }
    service.metrics.pulled(page.operations, begun.elapsed());
    let mut response = cbor(page.body);
    // A full page stays what it is, and is kept.
    if page.has_more {
        response.extensions_mut().insert(ForOthersToo);
    }
    Ok(response)
}

/// Sorted, each once; a list without a name is none: all are wanted.
fn filter(mut collections: Vec<Name>) -> Option<Vec<Name>> {
    collections.sort_unstable();
    collections.dedup();
    (!collections.is_empty()).then_some(collections)
}

fn other_epoch() -> Problem {
    let message = "The database was reset or restored since: shake hands again and begin anew";
    Problem::new(StatusCode::CONFLICT, ErrorCode::InvalidCursor, "other_epoch", message)
}
