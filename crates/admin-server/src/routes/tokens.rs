//! `/api/v1/tokens`: tokens taken back, and tokens exchanged for later ones.

pub(crate) mod renew;
mod revocations;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::state::Shared;

/// The routes for operators.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let revocations = get(revocations::list).post(revocations::revoke).delete(revocations::restore);
    Router::new().route("/api/v1/tokens/revocations", revocations)
}
