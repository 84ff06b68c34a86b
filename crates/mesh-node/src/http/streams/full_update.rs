use std::sync::{Arc, Weak};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sangam_net::Place;
use sangam_net::http::Client;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::admit;
use crate::http::answer::{Problem, Unanswered};
use crate::http::original::network_stats::network_stats;
use crate::http::original::timestamp;
use crate::http::shared::Shared;
use crate::node::Command;

/// What a client of `/ws` sends is not read; more than this at once ends it.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// Makes what all clients of `/ws` are told, as often as it is due and only while there are any. Ends with the router.
pub(in crate::http) fn start(shared: &Arc<Shared>) {
    let (weak, stop) = (Arc::downgrade(shared), shared.stop.clone());
    let mut due = interval(shared.options.update_interval);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(async move {
        while stop.run_until_cancelled(due.tick()).await.is_some() {
            if !tell(&weak).await {
                return;
            }
        }
    });
}

/// False: nobody will ask any more.
async fn tell(shared: &Weak<Shared>) -> bool {
    let Some(shared) = shared.upgrade() else { return false };
    if shared.updates.receiver_count() > 0
        && let Ok(update) = full_update(&shared).await
    {
        shared.updates.send_replace(Some(update));
    }
    true
}

async fn full_update(shared: &Shared) -> Result<Utf8Bytes, Unanswered> {
    let state = shared.ask(Command::State).await?;
    let stats = network_stats(shared, &state).await?;
    let update = json!({
        "type": "full_update",
        "timestamp": timestamp(),
        "state": state,
        "network_stats": stats,
    });
    Ok(update.to_string().into())
}

/// `GET /ws`.
pub(in crate::http) async fn socket(
    State(shared): State<Arc<Shared>>,
    client: Option<Extension<Client>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let client = client.map(|it| it.0);
    if client.as_ref().is_some_and(|client| !client.origin_allowed) {
        let detail = "Pages of this origin may not connect here; list it in `node.origins`.";
        return Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail).into_response();
    }
    let place = match admit(&shared, client.as_ref()) {
        Ok(place) => place,
        Err(refusal) => return *refusal,
    };
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    upgrade.on_upgrade(move |stream| serve(shared, stream, place))
}

/// Sends the first update at once, and each later one as it is made; one that was not taken in time is skipped for the newest.
async fn serve(shared: Arc<Shared>, mut stream: WebSocket, place: Place) {
    let mut updates = shared.updates.subscribe();
    let first = full_update(&shared).await.ok();
    let (stop, limit, node) = (shared.stop.clone(), shared.options.write_timeout, shared.node.clone());
    drop(shared);
    let mut next = first;
    loop {
        if let Some(update) = next.take()
            && !matches!(timeout(limit, stream.send(Message::Text(update))).await, Ok(Ok(())))
        {
            return;
        }
        tokio::select! {
            changed = updates.changed() => match changed {
                Ok(()) => next = updates.borrow_and_update().clone(),
                Err(_) => break,
            },
            received = stream.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = stop.cancelled() => break,
            () = node.stopped() => break,
        }
    }
    let frame = CloseFrame { code: close_code::AWAY, reason: Utf8Bytes::from_static("the node stops") };
    // A client that does not answer in time is cut off.
    drop(timeout(limit, stream.send(Message::Close(Some(frame)))).await);
    drop(place);
}
