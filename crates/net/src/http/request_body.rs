use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use super::activity::Activity;

/// The body of a request. A service may drop it unread: a short rest is then read over before the answer; with a longer one the
/// answer says that the connection closes.
#[derive(Debug)]
pub struct RequestBody {
    /// There until it is dropped.
    incoming: Option<Incoming>,
    activity: Arc<Activity>,
}

/// Bytes of a rest that are read over, so that the connection can be used again.
const READ_OVER_BYTES_MAX: u64 = 64 * 1_024;

impl RequestBody {
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>) -> Self {
        let body = Self { incoming: Some(incoming), activity: Arc::clone(activity) };
        body.tell_if_whole();
        body
    }

    fn tell_if_whole(&self) {
        if self.is_end_stream() {
            self.activity.heard_whole_request();
        }
    }
}

/// Reads the rest of a body that nobody wants. Whether it came whole, within the bound and the time.
pub(super) async fn read_over(mut rest: Incoming, limit: Duration) -> bool {
    if rest.size_hint().lower() > READ_OVER_BYTES_MAX || limit.is_zero() {
        return false;
    }
    let reading = async {
        let mut bytes = 0;
        while let Some(frame) = rest.frame().await {
            let Ok(frame) = frame else { return false };
            bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            if bytes > READ_OVER_BYTES_MAX {
                return false;
            }
        }
        true
    };
    timeout(limit, reading).await.unwrap_or(false)
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(rest) = self.incoming.take().filter(|incoming| !incoming.is_end_stream()) {
            self.activity.left_unread(rest);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(incoming).poll_frame(cx);
        match &polled {
            // The end of a chunked body shows here alone.
            Poll::Ready(None) => self.activity.heard_whole_request(),
            Poll::Ready(Some(_)) => self.tell_if_whole(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
