use std::sync::Arc;
use std::task::{Context, Poll};

use sangam_storage::StoreError;
use sangam_sync_proto::Name;

use crate::pages::{PageRequest, Pages};

use super::topic::{Stream, Topic};
use super::{End, Feeds, Filter, Step};

/// A place among the streams of a database; given back when it is dropped.
pub(crate) struct Subscription {
    pub(super) feeds: Arc<Feeds>,
    pub(super) topic: Arc<Topic>,
    pub(super) stream: Arc<Stream>,
}

impl Subscription {
    /// Tells streams of one server apart.
    pub(crate) fn id(&self) -> u64 {
        self.stream.id
    }

    /// The head of the database, if streams know it already.
    pub(crate) fn head(&self) -> Option<u64> {
        self.topic.head()
    }

    /// From now on it hears of everything after the head, which it returns: the store is asked only if no stream was told of it.
    pub(crate) async fn start(&self, pages: &Pages, db: &Name) -> Result<u64, StoreError> {
        let head = match self.topic.head() {
            Some(head) => head,
            None => pages.rows(beyond(db), false).await?.head,
        };
        Ok(self.start_at(head))
    }

    /// From now on it hears of everything after `head`, which was read from the store after it joined, or after what other
    /// streams were already told of. Returns which.
    pub(crate) fn start_at(&self, head: u64) -> u64 {
        self.topic.start_at(self.stream.id, head)
    }

    /// From now on it hears of everything after `read`, up to which it has read the log. Refused if other streams were
    /// already told of more: then it has to read on.
    pub(crate) fn go_live(&self, read: u64) -> bool {
        self.topic.go_live(self.stream.id, read)
    }

    /// Changes what it hears of; `answer` makes the text that stands between what is sent by the old filter and by the new
    /// one, given the cursor up to which it was told.
    pub(crate) fn refilter(&self, filter: Filter, answer: impl FnOnce(u64) -> String) {
        if self.topic.refilter(self.stream.id, filter, answer) {
            self.feeds.metrics.stream_lagged(self.stream.wire.as_str());
        }
    }

    /// Numbers events.
    pub(crate) fn count_event(&self) -> u64 {
        self.topic.count_event()
    }

    /// What it does next. Waits without end while there is nothing.
    pub(crate) fn poll_step(&self, context: &mut Context<'_>) -> Poll<Step> {
        self.stream.queue.poll_step(context)
    }

    /// As [`Self::poll_step`], for a stream that still reads the log: all but its end waits.
    pub(crate) fn poll_end(&self, context: &mut Context<'_>) -> Poll<End> {
        self.stream.queue.poll_end(context)
    }

    /// The client gave a sign of life.
    pub(crate) fn heard(&self) {
        self.stream.queue.heard();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feeds.leave(&self.topic, &self.stream);
    }
}

/// A page that holds nothing but tells of the head.
fn beyond(db: &Name) -> PageRequest {
    PageRequest { db: Arc::clone(db), since: i64::MAX.unsigned_abs(), limit: 1, collections: None }
}
