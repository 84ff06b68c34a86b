use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::answer::{refused, refused_for};
use super::shared::Shared;

/// A body that was read whole, within the bounds. Holds its place among those at once.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

/// As [`Whole`], as long as a gossip packet may be.
#[derive(Debug)]
pub(super) struct WholePacket(pub(super) Whole);

impl FromRequest<Arc<Shared>> for Whole {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        read(request, shared, shared.options.body_bytes_max).await
    }
}

impl FromRequest<Arc<Shared>> for WholePacket {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        read(request, shared, shared.options.gossip_bytes_max).await.map(Self)
    }
}

async fn read(request: Request, shared: &Shared, bytes_max: usize) -> Result<Whole, Response> {
    let refuse = |reason, response: Response| {
        shared.metrics.http_refused(reason);
        response
    };
    let Ok(place) = Arc::clone(&shared.bodies).try_acquire_owned() else {
        let wait = std::time::Duration::from_secs(1);
        return Err(refuse("busy", refused_for(StatusCode::SERVICE_UNAVAILABLE, wait, "too many requests at once")));
    };
    let body = Limited::new(request.into_body(), bytes_max).collect();
    match timeout(shared.options.body_timeout, body).await {
        Ok(Ok(body)) => Ok(Whole { bytes: body.to_bytes(), _place: place }),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("the body has more than {bytes_max} bytes");
            Err(refuse("size", refused(StatusCode::PAYLOAD_TOO_LARGE, detail)))
        }
        Ok(Err(_)) => Err(refuse("body", refused(StatusCode::BAD_REQUEST, "the body ended before its time"))),
        Err(_) => Err(refuse("slow", refused(StatusCode::REQUEST_TIMEOUT, "the body took too long"))),
    }
}
