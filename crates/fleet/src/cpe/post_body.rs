use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The body of a request as a device sends it: whole, in chunks, or slowly.
pub(super) struct PostBody {
    rest: Bytes,
    /// Bytes at a time.
    piece: usize,
    pause: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Its length is told before it.
    is_sized: bool,
}

/// Of a body that comes slowly: in how many pieces, and how long after each other.
const PIECES: usize = 5;
const PAUSE: Duration = Duration::from_millis(40);

impl PostBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { piece: bytes.len(), rest: bytes, pause: Duration::ZERO, waiting: None, is_sized: true }
    }

    /// In two chunks.
    pub(super) fn chunked(bytes: Bytes) -> Self {
        Self { piece: bytes.len().div_ceil(2), is_sized: false, ..Self::whole(bytes) }
    }

    pub(super) fn slow(self) -> Self {
        Self { piece: self.rest.len().div_ceil(PIECES), pause: PAUSE, ..self }
    }
}

impl Body for PostBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(waiting) = &mut self.waiting {
            if waiting.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.waiting = None;
        }
        let piece = self.piece.clamp(1, self.rest.len());
        let frame = self.rest.split_to(piece);
        if !self.pause.is_zero() && !self.rest.is_empty() {
            self.waiting = Some(Box::pin(sleep(self.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_sized { SizeHint::with_exact(self.rest.len() as u64) } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_the_same_however_it_is_sent() {
        let bytes = Bytes::from_static(b"0123456789ab");
        let whole = || PostBody::whole(bytes.clone());
        for body in [whole(), PostBody::chunked(bytes.clone()), whole().slow()] {
            assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
        }
        assert_eq!(whole().slow().size_hint().exact(), Some(12));
        assert_eq!(PostBody::chunked(bytes.clone()).size_hint().exact(), None);
        assert!(PostBody::whole(Bytes::new()).collect().await.unwrap().to_bytes().is_empty());
    }
}
