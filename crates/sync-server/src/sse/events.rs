use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use sangam_storage::StoreError;

use crate::feed::{Step, Subscription};
use crate::pages::Rows;

use super::replay::Replay;

/// The body of an event stream: each item is one event.
pub(super) struct Events {
    subscription: Subscription,
    /// What was read of the log and not yet sent.
    ready: VecDeque<Utf8Bytes>,
    /// Of a stream that still reads the log.
    reading: Option<BoxFuture<'static, (Replay, Result<Rows, StoreError>)>>,
}

impl Events {
    /// What is `first` comes before everything else; then what `replay` reads, if there is more of the log.
    pub(super) fn new(subscription: Subscription, first: Vec<Utf8Bytes>, replay: Option<Replay>) -> Self {
        Self { subscription, ready: first.into(), reading: replay.map(Replay::read) }
    }

    fn take_ready(&mut self) -> Option<Utf8Bytes> {
        let text = self.ready.pop_front()?;
        if self.ready.is_empty() {
            // An idle stream keeps no memory of what it once had to say.
            self.ready = VecDeque::new();
        }
        Some(text)
    }

    /// Goes on with what was read. `None`: the stream ends, and its client comes back with where it was.
    fn take(&mut self, replay: Replay, rows: Result<Rows, StoreError>) -> Option<()> {
        let rows = rows.inspect_err(|error| tracing::warn!(%error, "the log could not be read for a stream")).ok()?;
        let mut texts = Vec::new();
        let replay = replay.take(&self.subscription, &rows, &mut texts);
        self.ready.extend(texts);
        self.reading = replay.ok()?.map(Replay::read);
        Some(())
    }
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.subscription.poll_end(context).is_ready() {
                return Poll::Ready(None);
            }
            let text = if let Some(text) = self.take_ready() {
                text
            } else if let Some(reading) = &mut self.reading {
                let (replay, rows) = ready!(reading.as_mut().poll(context));
                if self.take(replay, rows).is_none() {
                    return Poll::Ready(None);
                }
                continue;
            } else {
                match ready!(self.subscription.poll_step(context)) {
                    Step::Text(text) | Step::Ping(text) => text,
                    Step::End(_) => return Poll::Ready(None),
                }
            };
            // Only who reads is asked for more.
            self.subscription.heard();
            return Poll::Ready(Some(Ok(text.into())));
        }
    }
}
