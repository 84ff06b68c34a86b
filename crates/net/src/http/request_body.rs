use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::activity::Activity;

/// The body of a request. A service may drop it unread: its connection then closes once the answer has arrived.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>) -> Self {
        let body = Self { incoming, activity: Arc::clone(activity) };
        body.tell_if_whole();
        body
    }

    fn tell_if_whole(&self) {
        if self.incoming.is_end_stream() {
            self.activity.heard_whole_request();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        match &polled {
            // The end of a chunked body shows here alone.
            Poll::Ready(None) => self.activity.heard_whole_request(),
            Poll::Ready(Some(_)) => self.tell_if_whole(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
