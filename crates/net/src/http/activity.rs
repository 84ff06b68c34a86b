use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What a connection is doing, written by its stream and its requests; read by whoever decides when and how it closes.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    any_request: AtomicBool,
    under_way: AtomicU32,
    /// Milliseconds from `began` to the end of the last request.
    idle_since: AtomicU64,
    /// Bytes have come that are not, or not yet, the end of a whole request.
    mid_request: AtomicBool,
    never_lingers: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            any_request: AtomicBool::new(false),
            under_way: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            mid_request: AtomicBool::new(false),
            never_lingers: AtomicBool::new(false),
        }
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Whether there was a request, if only one.
    pub(super) fn any_request(&self) -> bool {
        self.any_request.load(Ordering::Acquire)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.began + Duration::from_millis(self.idle_since.load(Ordering::Acquire))
    }

    /// So many bytes came; 0: the client will send no more.
    pub(super) fn heard(&self, len: usize) {
        self.mid_request.store(len > 0, Ordering::Release);
    }

    /// The end of a request has come.
    pub(super) fn heard_whole_request(&self) {
        self.mid_request.store(false, Ordering::Release);
    }

    /// The connection is none of HTTP/1, or not any more.
    pub(super) fn never_lingers(&self) {
        self.never_lingers.store(true, Ordering::Release);
    }

    /// The server wants to close: with nothing under way there is no answer that could be lost.
    pub(super) fn is_bidden_goodbye(&self) {
        if !self.is_under_way() {
            self.never_lingers();
        }
    }

    /// Whether a connection that closes now leaves a client that may still be sending.
    pub(super) fn is_mid_request(&self) -> bool {
        self.mid_request.load(Ordering::Acquire) && !self.never_lingers.load(Ordering::Acquire)
    }
}

/// One request under way, from its headers to the end of its answer; or a connection that lingers.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl UnderWay {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Ordering::AcqRel);
        activity.any_request.store(true, Ordering::Release);
        Self(Arc::clone(activity))
    }

    /// What follows the answer is another protocol.
    pub(super) fn hands_over(&self) {
        self.0.never_lingers();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let since = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.store(since, Ordering::Release);
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
