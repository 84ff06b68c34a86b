//! Sync over a WebSocket: pull and push, and operations as they are committed.
//!
//! One request is answered at a time; while it is, nothing more is read. What was committed waits in the stream's queue
//! and is written between answers. Any frame of the client is a sign of life.

mod answer;
mod session;

use std::sync::Arc;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{FromRequestParts as _, Request};
use axum::response::Response;
use sangam_net::http::Client;
use sangam_sync_proto::message::ErrorCode;

use crate::access::SharedCaller;
use crate::feed::Wire;
use crate::problem::Problem;
use crate::service::Service;
use crate::streams::{Visit, not_joined};

use session::Session;

/// Bytes that a socket's read buffer starts with. An idle socket costs this much; the library's default is 128 KiB.
const READ_BUFFER_BYTES: usize = 2_048;

/// Opens a WebSocket.
pub(crate) async fn open(
    service: &Arc<Service>,
    caller: SharedCaller,
    client: &Client,
    request: Request,
) -> Result<Response, Problem> {
    if !client.origin_allowed {
        let message = "pages of this origin may not connect here; list it in `http.origins`";
        return Err(Problem { message: message.to_owned(), ..Problem::forbidden().because("origin") });
    }
    let visit = Visit::of(service, caller, request.uri())?;
    let (mut parts, _body) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(malformed)?;
    let listener = visit.listener(Wire::WebSocket);
    let subscription = service.feeds.join(listener).map_err(|reason| not_joined(reason, "WebSocket"))?;
    let head = subscription.start(&service.pages, &visit.db).await?;
    let limits = &service.options.streams;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(limits.message_bytes_max)
        .max_frame_size(limits.message_bytes_max);
    let session = Session::new(service, visit, subscription, head, client.addr.ip());
    Ok(upgrade.on_upgrade(|stream| session.run(stream)))
}

fn malformed(rejection: WebSocketUpgradeRejection) -> Problem {
    Problem::new(rejection.status(), ErrorCode::InvalidRequest, "upgrade_malformed", rejection.body_text())
}
