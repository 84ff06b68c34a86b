use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_storage::StoreError;
use sangam_sync_proto::Name;
use sangam_sync_proto::json::Event;

use crate::feed::{Subscription, Wire, batches, hint, operations};
use crate::pages::{PageRequest, Rows};
use crate::service::Service;
use crate::streams::Visit;

/// Rows that are read at once for a stream. Their events wait beside its queue: this bounds them.
const ROWS: u64 = 256;

/// Reads the log for a stream, from where its client was to where the stream goes live.
pub(super) struct Replay {
    service: Arc<Service>,
    db: Name,
    collections: Option<Vec<Name>>,
    /// It has read up to here.
    since: u64,
}

/// The log does not go on: the stream has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck;

impl Replay {
    pub(super) fn new(service: &Arc<Service>, visit: Visit, since: u64) -> Self {
        let collections = visit.filter.map(|names| names.to_vec());
        Self { service: Arc::clone(service), db: visit.db, collections, since }
    }

    /// What the stream begins with, and what reads on if there is more. Without `resumes` it begins at the head.
    pub(super) async fn begin(
        self,
        subscription: &Subscription,
        name: &str,
        resumes: bool,
    ) -> Result<(Vec<Utf8Bytes>, Option<Self>), StoreError> {
        if !resumes {
            let head = subscription.start(&self.service.pages, &self.db).await?;
            return Ok((vec![connected(name, head)], None));
        }
        if subscription.head() == Some(self.since) && subscription.go_live(self.since) {
            return Ok((vec![connected(name, self.since)], None));
        }
        let (mut replay, rows) = self.read().await;
        let rows = rows?;
        if replay.since > rows.head || (replay.since > 0 && replay.since < rows.tombstones_to) {
            let head = subscription.start_at(rows.head);
            let hint = hint(&replay.db, head, Wire::Sse, subscription.count_event());
            return Ok((vec![connected(name, head), hint], None));
        }
        let mut first = vec![connected(name, rows.head)];
        replay.since = replay.since.min(rows.head);
        let replay = replay.take(subscription, &rows, &mut first).unwrap_or(None);
        Ok((first, replay))
    }

    /// Reads the next page.
    pub(super) fn read(self) -> BoxFuture<'static, (Self, Result<Rows, StoreError>)> {
        async move {
            let request = PageRequest {
                db: Arc::clone(&self.db),
                since: self.since,
                limit: ROWS,
                collections: self.collections.clone(),
            };
            let rows = self.service.pages.rows(request, false).await;
            (self, rows)
        }
        .boxed()
    }

    /// Makes events of a page. Returns what reads on, or nothing if the stream is live.
    pub(super) fn take(
        mut self,
        subscription: &Subscription,
        rows: &Rows,
        texts: &mut Vec<Utf8Bytes>,
    ) -> Result<Option<Self>, Stuck> {
        for entries in batches(&rows.entries, self.service.options.streams.queue_bytes_max / 4, false) {
            texts.extend(operations(&self.db, entries, Wire::Sse, subscription.count_event()));
        }
        if rows.has_more && rows.next <= self.since {
            return Err(Stuck);
        }
        self.since = rows.next;
        let live = !rows.has_more && subscription.go_live(self.since);
        Ok((!live).then_some(self))
    }
}

fn connected(subscription: &str, cursor: u64) -> Utf8Bytes {
    Event::Connected { subscription, cursor }.text().into()
}
