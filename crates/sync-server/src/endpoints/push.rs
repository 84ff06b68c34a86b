use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use sangam_net::retry_after;
use sangam_sync_proto::message::{ErrorCode, Message as _, PushRequest, PushResponse};
use sangam_sync_proto::{NotDecided, Push};

use super::{body, bounds, cbor, malformed, names};
use crate::access::SharedCaller;
use crate::committer::NotPushed;
use crate::problem::Problem;
use crate::service::Service;

/// The longest time that a client is told to stay away from a server that stops.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// POST `/v1/push`. When it is answered with 200, it is on the disk.
pub(crate) async fn push(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<SharedCaller>,
    request: Request,
) -> Result<Response, Problem> {
    let (body, room) = body::push(&service, request).await?;
    let request = PushRequest::decode(&body, &bounds(&service.options));
    let request = request.map_err(|error| malformed("push", &error))?;
    caller.of_operations(&request.db, &request.device, &request.ops)?;
    names::check(&service.options, "dbId", &request.db)?;
    names::check(&service.options, "deviceId", &request.device)?;
    let room = room.into_one().ok_or_else(stopped)?;
    let push = Push { device: request.device, ops: request.ops };
    let pushed = service.committer.push(room, request.db, push).await?;
    let answer = PushResponse { acknowledged: pushed.acknowledged, conflicts: pushed.conflicts };
    Ok(cbor(answer.encode()))
}

impl From<NotPushed> for Problem {
    fn from(why: NotPushed) -> Self {
        match why {
            NotPushed::Rules(rules) => rules.into(),
            // Names the caller's own database alone, and no repetition helps.
            NotPushed::DatabasesFull { max } => {
                let message = format!("There is no such database, and there are {max} already, as many as may be");
                Self::new(StatusCode::NOT_FOUND, ErrorCode::DatabaseNotFound, "databases_full", message)
            }
            NotPushed::Store(error) => Self::from(&*error),
            NotPushed::Stopped => stopped(),
        }
    }
}

impl From<NotDecided> for Problem {
    /// A client repeats what is answered with 500 or above, three times and then again every few seconds. What only its user or
    /// an operator can mend is below.
    fn from(why: NotDecided) -> Self {
        let message = format!("Invalid push request: {why}");
        match why {
            NotDecided::TooLong { what, .. } => Self::invalid("operation_too_long", message).field(what),
            NotDecided::Empty { what, .. } => Self::invalid("operation_empty", message).field(what),
            NotDecided::ClockAhead { .. } => Self::invalid("clock_ahead", message).field("entityVersion"),
            NotDecided::Full { .. } => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Self::new(status, ErrorCode::InvalidRequest, "database_full", why.to_string())
            }
            _ => Self::invalid("refused", message),
        }
    }
}

fn stopped() -> Problem {
    let secs = retry_after(RETRY_AFTER_MAX).as_secs();
    Problem::unavailable("stopped", "The server takes no more pushes at the moment: try again", secs)
}
