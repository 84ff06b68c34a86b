use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use tokio::time::Instant;

use super::handover::Keeper;
use super::request_body::read_over;

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
    unread: Mutex<Unread>,
    /// How often bytes, or their end, came. It may wrap.
    reads: AtomicU32,
    /// Whether what came last ends with the headers of a request, the only ones that end in it.
    at_head_end: AtomicBool,
    /// Whether what was written is known to have left whoever writes.
    flushed: AtomicBool,
    keeper: Keeper,
}

/// What a service did not read of its request. Kept longer than until the answer it would hold up the connection.
#[derive(Debug, Default)]
enum Unread {
    /// Nobody will ask: it is dropped.
    #[default]
    Unwanted,
    /// Its answer is being made.
    Wanted,
    Left(Incoming),
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
            unread: Mutex::default(),
            reads: AtomicU32::new(0),
            at_head_end: AtomicBool::new(false),
            flushed: AtomicBool::new(false),
            keeper: Keeper::default(),
        }
    }

    /// Who may want the stream when its owner is dropped.
    pub(super) fn keeper(&self) -> &Keeper {
        &self.keeper
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

    /// So many bytes came, which may end as the headers of one request do; 0: the client will send no more.
    pub(super) fn heard(&self, len: usize, at_head_end: bool) {
        self.mid_request.store(len > 0, Ordering::Release);
        self.at_head_end.store(at_head_end, Ordering::Release);
        self.reads.fetch_add(1, Ordering::AcqRel);
    }

    /// For a request without a body that has just begun: this moment, unless more than the request has come by now.
    pub(super) fn at_head_end(&self) -> Option<Moment> {
        let at_end = self.at_head_end.load(Ordering::Acquire);
        at_end.then(|| Moment(self.reads.load(Ordering::Acquire)))
    }

    /// Whether nothing came since.
    pub(super) fn heard_nothing_since(&self, moment: Moment) -> bool {
        self.reads.load(Ordering::Acquire) == moment.0
    }

    /// Bytes were written, or are to be: a flush is due.
    pub(super) fn awaits_flush(&self) {
        self.flushed.store(false, Ordering::Release);
    }

    /// A flush was asked for, which is done only when nothing is left to write.
    pub(super) fn flushed(&self) {
        self.flushed.store(true, Ordering::Release);
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.flushed.load(Ordering::Acquire)
    }

    /// The end of a request has come.
    pub(super) fn heard_whole_request(&self) {
        self.mid_request.store(false, Ordering::Release);
    }

    /// From now until [`Self::take_unread`] what a service leaves unread is kept.
    pub(super) fn wants_unread(&self) {
        *self.unread() = Unread::Wanted;
    }

    /// A service dropped its request's body before the end. Of HTTP/2, where that concerns no other request, it is just dropped.
    pub(super) fn left_unread(&self, rest: Incoming) {
        let mut unread = self.unread();
        if matches!(*unread, Unread::Wanted) && !self.never_lingers.load(Ordering::Acquire) {
            *unread = Unread::Left(rest);
        }
    }

    /// What was left unread so far; what is left later is dropped.
    pub(super) fn take_unread(&self) -> Option<Incoming> {
        match std::mem::take(&mut *self.unread()) {
            Unread::Left(rest) => Some(rest),
            Unread::Wanted | Unread::Unwanted => None,
        }
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
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

/// How much had come of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(u32);

/// One request under way, from its headers to the end of its answer; or a connection that lingers.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl UnderWay {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Ordering::AcqRel);
        activity.any_request.store(true, Ordering::Release);
        Self(Arc::clone(activity))
    }

    /// Whether the service left nothing of its request on the connection, once what it left was read over if that is short.
    pub(super) async fn is_request_done_with(&self, read_over_max: Duration) -> bool {
        let Some(rest) = self.0.take_unread() else { return true };
        let is_done = read_over(rest, read_over_max).await;
        if is_done {
            self.0.heard_whole_request();
        }
        is_done
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
