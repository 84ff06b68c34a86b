use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use sangam_usp_proto::Connect;

use crate::usp::link::{Closing, Link};

/// What waits to be sent on a WebSocket.
pub(super) struct Outbox {
    bytes_max: usize,
    base: Option<Box<str>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Bytes>,
    bytes: usize,
    closing: Option<Closing>,
    /// The socket is gone.
    gone: bool,
    reader: Option<Waker>,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Out {
    Record(Bytes),
    Close(Closing),
}

impl Outbox {
    pub(super) fn new(bytes_max: usize, base: Option<Box<str>>) -> Self {
        Self { bytes_max, base, waiting: Mutex::default() }
    }

    /// What is next; all that was queued comes before the end.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Out> {
        let mut waiting = self.waiting();
        if waiting.closing != Some(Closing::Stuck)
            && let Some(record) = waiting.records.pop_front()
        {
            waiting.bytes -= record.len();
            if waiting.records.is_empty() {
                // An idle socket keeps no memory for what it had to say.
                waiting.records = VecDeque::new();
            }
            return Poll::Ready(Out::Record(record));
        }
        if let Some(why) = waiting.closing {
            return Poll::Ready(Out::Close(why));
        }
        waiting.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Ends when an agent that takes nothing is to be cut off.
    pub(super) fn poll_stuck(&self, context: &Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting();
        if waiting.closing == Some(Closing::Stuck) {
            return Poll::Ready(());
        }
        waiting.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Nothing is taken any more.
    pub(super) fn gone(&self) {
        let mut waiting = self.waiting();
        *waiting = Waiting { gone: true, closing: waiting.closing, ..Waiting::default() };
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for Outbox {
    fn connect(&self) -> Connect {
        Connect::WebSocket
    }

    fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    fn send(&self, record: Bytes) -> bool {
        let mut waiting = self.waiting();
        let is_full = waiting.bytes + record.len() > self.bytes_max && !waiting.records.is_empty();
        if waiting.gone || waiting.closing.is_some() || is_full {
            return false;
        }
        waiting.bytes += record.len();
        waiting.records.push_back(record);
        wake(waiting);
        true
    }

    fn close(&self, why: Closing) {
        let mut waiting = self.waiting();
        // What was said first counts, unless the agent takes nothing.
        if waiting.closing.is_none() || why == Closing::Stuck {
            waiting.closing = Some(why);
        }
        wake(waiting);
    }
}

fn wake(mut waiting: MutexGuard<'_, Waiting>) {
    let reader = waiting.reader.take();
    drop(waiting);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(outbox: &Outbox) -> Poll<Out> {
        outbox.poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_was_queued_comes_before_the_end_and_nothing_after_it() {
        let outbox = Outbox::new(10, None);
        assert!(outbox.send(Bytes::from_static(b"one")) && outbox.send(Bytes::from_static(b"two")));
        outbox.close(Closing::Draining);
        assert!(!outbox.send(Bytes::from_static(b"late")));
        assert_eq!(next(&outbox), Poll::Ready(Out::Record(Bytes::from_static(b"one"))));
        assert_eq!(next(&outbox), Poll::Ready(Out::Record(Bytes::from_static(b"two"))));
        assert_eq!(next(&outbox), Poll::Ready(Out::Close(Closing::Draining)));
    }

    #[test]
    fn no_more_waits_than_may_but_one_record_always_may() {
        let outbox = Outbox::new(5, None);
        assert!(outbox.send(Bytes::from_static(b"longer than five")));
        assert!(!outbox.send(Bytes::from_static(b"x")));
        assert!(matches!(next(&outbox), Poll::Ready(Out::Record(_))));
        assert!(outbox.send(Bytes::from_static(b"x")));
        outbox.close(Closing::Stuck);
        assert_eq!(next(&outbox), Poll::Ready(Out::Close(Closing::Stuck)), "whoever takes nothing is not waited for");
        outbox.gone();
        assert!(!outbox.send(Bytes::from_static(b"x")));
    }
}
