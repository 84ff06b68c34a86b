//! Tells the streams of each database what was committed.
//!
//! The writer's thread only puts rows into the inbox of their topic and rings ([`Feeds::publish`]); one task
//! (`distributor.rs`) encodes each batch once for all streams that read the same of it, puts the shared bytes into their
//! queues (`queue.rs`), and pings and ends streams by the clock. A topic (`topic.rs`) is there while its database has streams.

mod distributor;
mod encoded;
mod hall;
mod queue;
mod subscription;
mod topic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sangam_auth::token::TokenIdentity;
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::LogEntry;
use sangam_telemetry::metrics::sync::SyncMetrics;
use sangam_types::Wall;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::options::Streams;
use crate::service::WallClock;

pub(crate) use encoded::{hint, operations};
use hall::Hall;
pub(crate) use hall::NotJoined;
pub(crate) use queue::{End, Step};
pub(crate) use subscription::Subscription;
pub(crate) use topic::{Filter, batches};
use topic::{Stream, Topic};

/// How long a stop waits for sockets to say goodbye: a little longer than each may take.
const GOODBYES_MAX: Duration = Duration::from_secs(2);

/// By which kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    /// Server-sent events: operations without bodies.
    Sse,
    /// WebSocket: operations with bodies.
    WebSocket,
}

impl Wire {
    /// As it is called in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }
}

/// Who listens, to what, until when.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) wire: Wire,
    pub(crate) db: Name,
    pub(crate) device: Name,
    /// Only these collections; `None`: all.
    pub(crate) filter: Filter,
    /// When its token ends.
    pub(crate) until: Option<Wall>,
    /// By what its token is known when tokens are revoked.
    pub(crate) token: Option<TokenIdentity>,
}

/// Open streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamFigures {
    /// Streams.
    pub(crate) subscriptions: usize,
    /// Replicas that have one.
    pub(crate) devices: usize,
}

/// Whether a token is revoked.
pub(crate) type IsRevoked = Arc<dyn Fn(&TokenIdentity, Wall) -> bool + Send + Sync>;

/// Tells the streams of each database what was committed.
pub(crate) struct Feeds {
    limits: Streams,
    metrics: Arc<SyncMetrics>,
    clock: WallClock,
    is_revoked: IsRevoked,
    hall: Mutex<Hall>,
    /// Topics that have something to distribute.
    ringing: Mutex<Vec<Arc<Topic>>>,
    bell: Arc<Notify>,
    /// Sockets that are open or say goodbye.
    sockets: TaskTracker,
}

impl Feeds {
    /// With nobody listening.
    pub(crate) fn new(limits: Streams, metrics: Arc<SyncMetrics>, clock: WallClock, is_revoked: IsRevoked) -> Self {
        Self {
            limits,
            metrics,
            clock,
            is_revoked,
            hall: Mutex::default(),
            ringing: Mutex::default(),
            bell: Arc::default(),
            sockets: TaskTracker::new(),
        }
    }

    /// Called by the writer's thread right after a commit, in order of cursors: `entries` end at the head. Never waits for
    /// a stream; costs one look-up where nobody listens.
    ///
    /// Must come after the commit: a stream that joins in between reads it from the store.
    pub(crate) fn publish(&self, db: &Name, entries: Vec<LogEntry>) {
        if entries.is_empty() {
            return;
        }
        let Some(topic) = self.hall().topic(db) else { return };
        if topic.deliver(entries) {
            lock(&self.ringing).push(topic);
            self.bell.notify_one();
        }
    }

    /// Ends all streams of a database whose cursors begin anew: a reset or a restored one.
    pub(crate) fn reset(&self, db: &Name) {
        let Some(topic) = self.hall().forget(db) else { return };
        self.end_all(&topic, End::Reset);
    }

    /// Takes a place for a stream. It hears nothing before [`Subscription::start_at`] or [`Subscription::go_live`].
    ///
    /// # Errors
    ///
    /// There are as many streams as may be, or the server stops.
    pub(crate) fn join(self: &Arc<Self>, listener: Listener) -> Result<Subscription, NotJoined> {
        self.make_room(&listener);
        let (topic, id) = self.hall().take_place(&listener, &self.limits)?;
        self.run_distributor();
        let stream = Arc::new(Stream::new(id, &listener, self.limits.queue_bytes_max));
        topic.enter(Arc::clone(&stream), listener.filter);
        self.metrics.stream_opened(listener.wire.as_str());
        Ok(Subscription { feeds: Arc::clone(self), topic, stream })
    }

    /// A replica that has as many streams as it may loses the oldest for a new one.
    fn make_room(&self, listener: &Listener) {
        let Some(topic) = self.hall().topic(&listener.db) else { return };
        for stream in topic.beyond(listener, self.limits.per_replica_max) {
            self.end(&topic, &stream, End::Replaced);
        }
    }

    /// Ends a stream, and gives its place to others at once.
    fn end(&self, topic: &Arc<Topic>, stream: &Stream, end: End) {
        stream.queue.end(end);
        self.leave(topic, stream);
    }

    fn end_all(&self, topic: &Arc<Topic>, end: End) {
        for stream in topic.streams() {
            self.end(topic, &stream, end);
        }
    }

    fn leave(&self, topic: &Arc<Topic>, stream: &Stream) {
        if !topic.exit(stream) {
            return;
        }
        self.hall().give_back(topic, stream.wire);
        self.metrics.stream_closed(stream.wire.as_str());
    }

    /// Held by the task of a socket, so that a stop waits until it has said goodbye.
    pub(crate) fn socket(&self) -> TaskTrackerToken {
        self.sockets.token()
    }

    /// Ends all streams and takes no more; returns when the sockets are closed, or will not be.
    pub(crate) async fn stop(&self) {
        let topics = {
            let mut hall = self.hall();
            hall.stopping = true;
            hall.topics()
        };
        for topic in topics {
            self.end_all(&topic, End::Stopping);
        }
        self.sockets.close();
        // Who does not answer a close in time is cut off in any case.
        let _: Result<(), _> = tokio::time::timeout(GOODBYES_MAX, self.sockets.wait()).await;
    }

    /// Open event streams of a database.
    pub(crate) fn figures(&self, db: &Name) -> StreamFigures {
        self.hall().topic(db).map(|topic| topic.figures(Wire::Sse)).unwrap_or_default()
    }

    /// Open streams of a replica, of both kinds.
    pub(crate) fn streams_of(&self, db: &Name, device: &Name) -> usize {
        self.hall().topic(db).map_or(0, |topic| topic.of_device(device))
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        lock(&self.hall)
    }
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeds").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Drop for Feeds {
    fn drop(&mut self) {
        // The distributor ends when it finds nobody to work for.
        self.bell.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
