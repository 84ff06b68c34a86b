use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::answer::{refused, refused_for};
use super::shared::Shared;

/// A body that was read whole, within the bounds. Holds its place among those at once, and its bytes among theirs.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _place: OwnedSemaphorePermit,
    _room: Option<OwnedSemaphorePermit>,
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

/// When to come back if there is no room: what holds it is done soon.
const WAIT: Duration = Duration::from_secs(1);

async fn read(request: Request, shared: &Shared, bytes_max: usize) -> Result<Whole, Response> {
    let refuse = |reason, response: Response| {
        shared.metrics.http_refused(reason);
        response
    };
    let full = |detail| refused_for(StatusCode::SERVICE_UNAVAILABLE, WAIT, detail);
    let Ok(place) = Arc::clone(&shared.bodies).try_acquire_owned() else {
        return Err(refuse("busy", full("too many requests at once")));
    };
    let fault = match timeout(shared.options.body_timeout, collect(request.into_body(), shared, bytes_max)).await {
        Ok(Ok((bytes, room))) => return Ok(Whole { bytes, _place: place, _room: room }),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::Slow,
    };
    Err(match fault {
        Fault::TooLong => {
            let detail = format!("the body has more than {bytes_max} bytes");
            refuse("size", refused(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Fault::NoRoom => refuse("memory", full("too many bytes of requests at once")),
        Fault::Cut => refuse("body", refused(StatusCode::BAD_REQUEST, "the body ended before its time")),
        Fault::Slow => refuse("slow", refused(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    })
}

/// Why a body could not be read whole.
enum Fault {
    TooLong,
    /// All bodies together have as many bytes as they may.
    NoRoom,
    Cut,
    Slow,
}

/// Takes room as bytes come, not as they are announced: who announces much and sends nothing holds nothing.
async fn collect(
    mut body: Body,
    shared: &Shared,
    bytes_max: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Fault> {
    let (mut whole, mut room) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Cut)?.into_data() else { continue };
        if data.len() > bytes_max - whole.len() {
            return Err(Fault::TooLong);
        }
        let count = u32::try_from(data.len()).map_err(|_| Fault::TooLong)?;
        let more = Arc::clone(&shared.body_room).try_acquire_many_owned(count).map_err(|_| Fault::NoRoom)?;
        match &mut room {
            Some(room) => room.merge(more),
            None => room = Some(more),
        }
        whole.extend_from_slice(&data);
    }
    Ok((whole.freeze(), room))
}
