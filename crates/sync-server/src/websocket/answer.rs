use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sangam_sync_proto::json::ServerMessage;
use sangam_sync_proto::rows::LogEntry;
use sangam_sync_proto::{Name, Operation, Push};

use crate::committer::{NotPushed, Pushed};
use crate::feed::batches;
use crate::pages::{PageRequest, Rows};
use crate::rate::Rate;
use crate::service::Service;
use crate::streams::{Visit, filter};

/// What a client asks to read.
pub(super) struct Pull {
    pub(super) since: u64,
    pub(super) limit: u64,
    pub(super) collections: Option<Vec<Name>>,
}

/// Waits until the caller may ask something of the store, as often as by HTTP. Meanwhile nothing more is read from its socket.
pub(super) async fn in_turn(service: &Service, visit: &Visit, address: IpAddr) {
    loop {
        let live = service.live.load();
        let rate = Rate { per_sec: live.rate_per_sec, burst: live.rate_burst };
        drop(live);
        let Some(wait_secs) = service.limiter.of_caller(&visit.caller, address, rate).wait_secs else { return };
        service.metrics.refused("rate");
        tokio::time::sleep(Duration::from_secs(wait_secs)).await;
    }
}

/// Reads a page.
pub(super) async fn pull(service: &Service, visit: &Visit, id: Option<&str>, pull: Pull) -> String {
    let collections = match filter(pull.collections.into_iter().flatten()) {
        Ok(filter) => filter.map(|names| names.to_vec()),
        Err(problem) => return bad_message(id, &problem.message, "pull_error"),
    };
    presented(service, visit, pull.since);
    let begun = Instant::now();
    let request = PageRequest { db: Arc::clone(&visit.db), since: pull.since, limit: pull.limit, collections };
    match service.pages.rows(request, true).await {
        Ok(rows) => {
            let (operations, next, has_more) = page(&rows, service.options.page_bytes_max);
            service.metrics.pulled(operations.len(), begun.elapsed());
            if pull.since > rows.head {
                service.metrics.pull_ahead();
            }
            ServerMessage::PullResponse { id, db: &visit.db, operations, next, has_more }.text()
        }
        Err(error) => {
            tracing::warn!(%error, "a pull on a WebSocket failed");
            bad_message(id, "Pull failed: the store cannot be read now; try again", "pull_error")
        }
    }
}

/// As much of what was read as makes a message of about that many bytes, at least one row; where the next page begins, and
/// whether there is more. A body is longer in JSON than what was asked of the store.
fn page(rows: &Rows, bytes_max: usize) -> (&[LogEntry], u64, bool) {
    match batches(&rows.entries, bytes_max, true).next() {
        Some(first) if first.len() < rows.entries.len() => {
            (first, first.last().map_or(rows.next, |last| last.cursor), true)
        }
        Some(_) | None => (&rows.entries, rows.next, rows.has_more),
    }
}

/// Has operations decided and made durable.
pub(super) async fn push(
    service: &Service,
    visit: &Visit,
    id: Option<&str>,
    ops: Vec<Operation>,
    bytes: usize,
) -> String {
    match try_push(service, visit, ops, bytes).await {
        Ok(pushed) => {
            let (acknowledged, conflicts) = (pushed.acknowledged, &pushed.conflicts[..]);
            ServerMessage::PushResponse { id, acknowledged, conflicts }.text()
        }
        Err(why) => bad_message(id, &format!("Push failed: {why}"), "push_error"),
    }
}

async fn try_push(service: &Service, visit: &Visit, ops: Vec<Operation>, bytes: usize) -> Result<Pushed, String> {
    visit.caller.of_operations(&visit.db, &visit.device, &ops).map_err(|problem| problem.message)?;
    let room = service.committer.admit(bytes).map_err(|overloaded| {
        service.metrics.refused("overloaded");
        format!("the server is busy; try again in {} s", overloaded.retry_after_secs)
    })?;
    let push = Push { device: Arc::clone(&visit.device), ops };
    service.committer.push(room, Arc::clone(&visit.db), push).await.map_err(|error| match error {
        NotPushed::Store(error) => {
            tracing::warn!(%error, "a push on a WebSocket failed");
            "the store cannot be written now; try again".to_owned()
        }
        told @ (NotPushed::Rules(_) | NotPushed::DatabasesFull { .. } | NotPushed::Stopped) => told.to_string(),
    })
}

/// The client has everything up to `cursor`: remembered if its token says whose word that is.
pub(super) fn presented(service: &Service, visit: &Visit, cursor: u64) {
    if visit.caller.device.is_some() {
        service.replicas.presented(&visit.db, &visit.device, cursor);
    }
}

/// An error that answers a message, or says why it was none.
pub(super) fn bad_message(id: Option<&str>, message: &str, code: &str) -> String {
    ServerMessage::Error { id, message, code }.text()
}
