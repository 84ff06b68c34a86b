//! What goes on: `/ws` and event streams.

pub(super) mod events;
pub(super) mod full_update;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sangam_net::Place;
use sangam_net::http::Client;
use std::time::Duration;

use super::answer::refused_for;
use super::shared::{Shared, address};

/// Counts one more stream in.
fn admit(shared: &Arc<Shared>, client: Option<&Client>) -> Result<Place, Box<Response>> {
    shared.streams.admit(address(client)).map_err(|_| {
        shared.metrics.http_refused("streams");
        let wait = Duration::from_secs(5);
        Box::new(refused_for(StatusCode::SERVICE_UNAVAILABLE, wait, "too many streams are open").into_response())
    })
}
