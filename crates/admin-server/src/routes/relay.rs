//! `/api/v1/relay`: seeing and ending the relay's sessions.

mod drain;
mod events;
mod revocations;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::get;
use http::StatusCode;
use http::request::Parts;
use sangam_control::RelaySessions;

use crate::problem::Problem;
use crate::state::Shared;

/// The routes; none without a relay.
pub(crate) fn router(shared: &Shared) -> Router<Arc<Shared>> {
    if shared.relay.is_none() {
        return Router::new();
    }
    Router::new()
        .route("/api/v1/relay/sessions", get(sessions::list).delete(sessions::kick))
        .route("/api/v1/relay/sessions/top", get(sessions::top))
        .route("/api/v1/relay/sessions/{id}", get(sessions::one).delete(sessions::kick_one))
        .route("/api/v1/relay/drain", get(drain::show).put(drain::set))
        .route(
            "/api/v1/relay/revocations",
            get(revocations::list).post(revocations::revoke).delete(revocations::restore),
        )
        .route("/api/v1/relay/events", get(events::follow))
}

/// The relay of this server.
pub(crate) struct Relay(Arc<dyn RelaySessions>);

impl FromRequestParts<Arc<Shared>> for Relay {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no_relay", "No relay runs in this server.");
        shared.relay.clone().map(Self).ok_or_else(none)
    }
}
