use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::extract::ws::{CloseFrame, Utf8Bytes, close_code};
use tokio::sync::Notify;

/// What waits to be written to one socket. The task that owns the rooms puts in and never waits; the socket's task takes
/// out. Bounded in bytes.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    steps: VecDeque<Step>,
    bytes: usize,
    /// Nothing comes after the close.
    closing: bool,
}

/// What the socket's task does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Send this.
    Text(Utf8Bytes),
    /// Ping the client.
    Ping,
    /// Send this, then end.
    Close(CloseFrame),
}

/// The client reads too slowly: the outbox now holds nothing but a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Outbox {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Notify::new(), bytes_max }
    }

    /// Puts in a text or a ping. Silently drops it behind a close.
    pub(crate) fn push(&self, step: Step) -> Result<(), Full> {
        let mut waiting = self.lock();
        if waiting.closing {
            return Ok(());
        }
        let bytes = waiting.bytes + step.cost();
        let result = if bytes > self.bytes_max {
            waiting.steps.clear();
            waiting.closing = true;
            waiting.steps.push_back(Step::Close(frame(close_code::AGAIN, "reads too slowly")));
            Err(Full)
        } else {
            waiting.bytes = bytes;
            waiting.steps.push_back(step);
            Ok(())
        };
        drop(waiting);
        self.changed.notify_one();
        result
    }

    /// Ends the socket after what waits already.
    pub(crate) fn close(&self, code: u16, reason: &'static str) {
        self.close_with(frame(code, reason));
    }

    /// As [`Self::close`].
    pub(crate) fn close_with(&self, frame: CloseFrame) {
        let mut waiting = self.lock();
        if !waiting.closing {
            waiting.closing = true;
            waiting.steps.push_back(Step::Close(frame));
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Waits for the next step. Dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Step {
        loop {
            if let Some(step) = self.take() {
                return step;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Option<Step> {
        let mut waiting = self.lock();
        let step = waiting.steps.pop_front()?;
        waiting.bytes -= step.cost().min(waiting.bytes);
        if waiting.steps.is_empty() {
            // An idle socket keeps no memory of a busy past.
            waiting.steps = VecDeque::new();
        }
        Some(step)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
    /// Bytes of memory, roughly: a flood of empty steps is a flood.
    fn cost(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + size_of::<Self>(),
            Self::Ping => size_of::<Self>(),
            Self::Close(_) => 0,
        }
    }
}

pub(crate) fn frame(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Step {
        Step::Text("x".repeat(len).into())
    }

    #[tokio::test]
    async fn a_full_outbox_holds_nothing_but_the_close() {
        let outbox = Outbox::new(1_000);
        outbox.push(text(400)).unwrap();
        assert_eq!(outbox.push(text(600)), Err(Full));
        assert_eq!(outbox.push(text(1)), Ok(()));
        assert!(matches!(outbox.next().await, Step::Close(frame) if frame.code == 1013));
        assert!(outbox.take().is_none());
    }

    #[tokio::test]
    async fn what_waits_goes_out_before_the_close_and_nothing_after_it() {
        let outbox = Outbox::new(1_000);
        outbox.push(text(1)).unwrap();
        outbox.close(1001, "going away");
        outbox.push(text(2)).unwrap();
        assert!(matches!(outbox.next().await, Step::Text(it) if it.len() == 1));
        assert!(matches!(outbox.next().await, Step::Close(frame) if frame.code == 1001));
        assert!(outbox.take().is_none());
    }

    #[tokio::test]
    async fn taking_out_makes_room() {
        let outbox = Outbox::new(1_000);
        for _ in 0..10 {
            outbox.push(text(700)).unwrap();
            outbox.next().await;
        }
    }
}
