use axum::body::Bytes;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Relay;
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::{fresh_json, read_json};

/// Whether new allocations are refused while those there are go on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    draining: bool,
}

/// `GET /api/v1/relay/drain`
pub(crate) async fn show(Relay(relay): Relay) -> Response {
    fresh_json(StatusCode::OK, &Drain { draining: relay.is_draining() })
}

/// `PUT /api/v1/relay/drain`
pub(crate) async fn set(writer: Writer, Relay(relay): Relay, body: Bytes) -> Result<Response, Problem> {
    let Drain { draining } = read_json(&body)?;
    relay.set_draining(draining);
    tracing::info!(by = writer.subject, draining, "drain");
    Ok(fresh_json(StatusCode::OK, &Drain { draining }))
}
