use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use sangam_storage::Admitted;
use sangam_sync_proto::message::ErrorCode;

use crate::committer::{Committer, Overloaded};
use crate::problem::Problem;
use crate::service::Service;
use crate::unpacking::Coding;

/// Bytes of a handshake or a pull: a hundred times what one needs.
pub(super) const SMALL_BYTES_MAX: usize = 256 << 10;

/// Room that is taken at first for a body that does not say how long it is.
const STEP_BYTES: usize = 64 << 10;

/// A packed body longer than this is unpacked off the threads that serve others.
const INLINE_PACKED_BYTES_MAX: usize = 512;

/// Bytes of a request's body, as they came; in the extensions of the request, for whoever counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received(Arc<AtomicU64>);

impl Received {
    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Room in the writer's queue, taken before what it is for is read or unpacked.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: Vec<Admitted>,
    bytes: usize,
}

impl Room {
    /// Makes it large enough for `bytes`; at least doubles it, up to `max`, so that there are few pieces.
    fn grow(&mut self, committer: &Committer, bytes: usize, max: usize) -> Result<(), Problem> {
        if bytes <= self.bytes && !self.taken.is_empty() {
            return Ok(());
        }
        let step = bytes.max(self.bytes.saturating_mul(2)).min(max.max(bytes)) - self.bytes;
        self.taken.push(committer.admit(step).map_err(overloaded)?);
        self.bytes += step;
        Ok(())
    }

    /// What goes with the push, and is given back when that is answered, even if nobody waits for the answer any more.
    pub(super) fn into_one(self) -> Option<Admitted> {
        self.taken.into_iter().reduce(|mut all, piece| {
            all.absorb(piece);
            all
        })
    }
}

fn overloaded(Overloaded { retry_after_secs }: Overloaded) -> Problem {
    let message = "The server has more pushes waiting than it may: try again in a moment";
    Problem::unavailable("overloaded", message, retry_after_secs)
}

/// Reads a handshake or a pull.
pub(super) async fn small(service: &Arc<Service>, request: Request) -> Result<Bytes, Problem> {
    let max = service.options.body_bytes_max.min(SMALL_BYTES_MAX);
    Ok(Reading { service: Arc::clone(service), max, room: None }.read(request).await?.0)
}

/// Reads a push, for which there must be room in the writer's queue first.
pub(super) async fn push(service: &Arc<Service>, request: Request) -> Result<(Bytes, Room), Problem> {
    let max = service.options.body_bytes_max;
    let (body, room) = Reading { service: Arc::clone(service), max, room: Some(Room::default()) }.read(request).await?;
    Ok((body, room.unwrap_or_default()))
}

struct Reading {
    service: Arc<Service>,
    max: usize,
    room: Option<Room>,
}

impl Reading {
    async fn read(mut self, request: Request) -> Result<(Bytes, Option<Room>), Problem> {
        let coding = Coding::of(request.headers())?;
        let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
        if declared.is_some_and(|len: usize| len > self.max) {
            return Err(Problem::too_large(self.max));
        }
        self.grow(declared.unwrap_or(STEP_BYTES.min(self.max)))?;
        let received = request.extensions().get::<Received>().cloned().unwrap_or_default();
        let timeout = self.service.options.body_timeout;
        let collected = tokio::time::timeout(timeout, self.collect(request.into_body(), &received)).await;
        let body = collected.map_err(|_| too_slow())??;
        match coding {
            None => Ok((body, self.room)),
            Some(coding) if body.len() <= INLINE_PACKED_BYTES_MAX => self.unpack(coding, &body),
            Some(coding) => {
                let service = Arc::clone(&self.service);
                let unpacked = service.packers.run(move || self.unpack(coding, &body)).await;
                unpacked.unwrap_or_else(|| Err(Problem::invalid("encoding_broken", "The body cannot be unpacked")))
            }
        }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let Some(room) = &mut self.room else { return Ok(()) };
        room.grow(&self.service.committer, bytes, self.max)
    }

    /// A body that comes in one piece is not copied.
    async fn collect(&mut self, mut body: Body, received: &Received) -> Result<Bytes, Problem> {
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::invalid("body_cut", "The request body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            received.add(data.len());
            let len = first.len() + all.len() + data.len();
            if len > self.max {
                return Err(Problem::too_large(self.max));
            }
            self.grow(len)?;
            if len == data.len() {
                first = data;
            } else {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
            }
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    fn unpack(mut self, coding: Coding, packed: &[u8]) -> Result<(Bytes, Option<Room>), Problem> {
        let max = self.max;
        let body = coding.unpack(packed, max, &mut |bytes| self.grow(bytes))?;
        Ok((body, self.room))
    }
}

fn too_slow() -> Problem {
    let message = "The request body did not come in time";
    Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, "body_timeout", message)
}
