use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use axum::extract::ws::Utf8Bytes;

use super::lock;

/// Pings that may go unanswered, or unwritten, before a stream is taken for dead.
const UNANSWERED_MAX: u8 = 3;

/// What waits to be written to one stream. The distributor puts in and never waits; the stream takes out. Bounded in bytes:
/// what does not fit is dropped, all of it, for a hint to pull.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    end: Option<End>,
    /// Pings since the last sign of life.
    unanswered: u8,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Item {
    Text(Utf8Bytes),
    Ping(Utf8Bytes),
}

/// What a stream does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this.
    Text(Utf8Bytes),
    /// Tell the client that the server is there: on an event stream with this.
    Ping(Utf8Bytes),
    /// End.
    End(End),
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The same replica opened another one.
    Replaced,
    /// Its token expired.
    Expired,
    /// Its token was revoked.
    Revoked,
    /// The server stops.
    Stopping,
    /// Its client is there no more.
    Dead,
    /// The cursors of its database begin anew.
    Reset,
}

/// Whether what was put in is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits, or the stream has ended.
    In,
    /// There was no room: all that waited is dropped and the hint is there instead.
    Lagged,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), bytes_max }
    }

    /// Puts in a text, or if there is no room, in place of everything, what `hint` makes.
    pub(super) fn put(&self, text: &Utf8Bytes, hint: impl FnOnce() -> Utf8Bytes) -> Put {
        let mut waiting = lock(&self.waiting);
        if waiting.end.is_some() {
            return Put::In;
        }
        let bytes = waiting.bytes + cost(text);
        let put = if bytes > self.bytes_max {
            waiting.clear();
            waiting.add(Item::Text(hint()));
            Put::Lagged
        } else {
            waiting.add(Item::Text(text.clone()));
            Put::In
        };
        wake(waiting);
        put
    }

    /// Drops everything for a hint.
    pub(super) fn put_hint(&self, hint: Utf8Bytes) {
        let mut waiting = lock(&self.waiting);
        if waiting.end.is_none() {
            waiting.clear();
            waiting.add(Item::Text(hint));
            wake(waiting);
        }
    }

    /// Puts in an answer, which is never dropped; if there is no room, everything else is, for what `hint` makes.
    pub(super) fn put_answer(&self, text: Utf8Bytes, hint: impl FnOnce() -> Utf8Bytes) -> Put {
        let mut waiting = lock(&self.waiting);
        if waiting.end.is_some() {
            return Put::In;
        }
        let lagged = waiting.bytes + cost(&text) > self.bytes_max;
        if lagged {
            waiting.clear();
        }
        waiting.add(Item::Text(text));
        if lagged {
            waiting.add(Item::Text(hint()));
        }
        wake(waiting);
        if lagged { Put::Lagged } else { Put::In }
    }

    /// Asks for a sign of life. Refused when several went unanswered. One that still waits to be written is not repeated.
    #[must_use]
    pub(super) fn ping(&self, text: &Utf8Bytes) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.unanswered >= UNANSWERED_MAX {
            return false;
        }
        waiting.unanswered += 1;
        let repeated = waiting.items.iter().any(|item| matches!(item, Item::Ping(_)));
        if waiting.end.is_none() && !repeated {
            waiting.add(Item::Ping(text.clone()));
            wake(waiting);
        }
        true
    }

    /// The client gave a sign of life.
    pub(super) fn heard(&self) {
        lock(&self.waiting).unanswered = 0;
    }

    /// Ends the stream; what waits is dropped. The first reason counts.
    pub(super) fn end(&self, end: End) {
        let mut waiting = lock(&self.waiting);
        waiting.clear();
        waiting.end.get_or_insert(end);
        wake(waiting);
    }

    pub(super) fn poll_step(&self, context: &mut Context<'_>) -> Poll<Step> {
        let mut waiting = lock(&self.waiting);
        if let Some(item) = waiting.take() {
            return Poll::Ready(match item {
                Item::Text(text) => Step::Text(text),
                Item::Ping(text) => Step::Ping(text),
            });
        }
        waiting.poll_end(context).map(Step::End)
    }

    pub(super) fn poll_end(&self, context: &mut Context<'_>) -> Poll<End> {
        lock(&self.waiting).poll_end(context)
    }
}

impl Waiting {
    fn add(&mut self, item: Item) {
        self.bytes += item.cost();
        self.items.push_back(item);
    }

    fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes = self.bytes.saturating_sub(item.cost());
        if self.items.is_empty() {
            // An idle stream keeps no memory of a busy past.
            self.items = VecDeque::new();
        }
        Some(item)
    }

    fn clear(&mut self) {
        self.items = VecDeque::new();
        self.bytes = 0;
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = self.end {
            return Poll::Ready(end);
        }
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Item {
    fn cost(&self) -> usize {
        match self {
            Self::Text(text) | Self::Ping(text) => cost(text),
        }
    }
}

/// Bytes of memory, roughly: a flood of empty texts is a flood.
fn cost(text: &Utf8Bytes) -> usize {
    text.len() + size_of::<Item>()
}

/// Wakes the stream once the lock is open again.
fn wake(mut waiting: std::sync::MutexGuard<'_, Waiting>) {
    let waker = waiting.waker.take();
    drop(waiting);
    if let Some(waker) = waker {
        waker.wake();
    }
}
