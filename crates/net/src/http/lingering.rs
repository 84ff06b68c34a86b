use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::{Activity, UnderWay};
use super::head_end::HeadEnds;
use crate::accepted::FrontStream;
use crate::stats::FrontStats;

/// A stream that does not close on a client in the midst of a request (RFC 9112 §9.6): once its writing side is shut, it
/// reads and throws away what still comes, until the client closes or the time is over. Closed at once, the kernel would
/// answer those bytes with a reset, which can overtake the answer or break the client's next write.
///
/// hyper shuts an HTTP/1 connection down when its last answer is flushed, also when it left a body unread.
#[derive(Debug)]
pub(super) struct LingeringStream {
    /// `None` only when it is dropped.
    inner: Option<FrontStream>,
    head_ends: HeadEnds,
    activity: Arc<Activity>,
    limit: Duration,
    stats: Arc<FrontStats>,
    closing: Closing,
}

#[derive(Debug)]
enum Closing {
    /// Not, or its writing side is not shut yet.
    No,
    /// Reads on until the time is over. Patience with the connection is the limit's alone, so it counts as under way.
    Lingers {
        until: Pin<Box<Sleep>>,
        _under_way: UnderWay,
    },
    Done,
}

/// Bytes thrown away at once.
const DISCARD: usize = 16 * 1_024;
/// The same, where nothing is expected.
const SPARE: usize = 256;

impl LingeringStream {
    pub(super) fn new(inner: FrontStream, activity: Arc<Activity>, limit: Duration, stats: Arc<FrontStats>) -> Self {
        let (inner, head_ends) = (Some(inner), HeadEnds::default());
        Self { inner, head_ends, activity, limit, stats, closing: Closing::No }
    }

    fn inner(&mut self) -> io::Result<Pin<&mut FrontStream>> {
        self.inner.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Throws away what comes. Ready at the client's end, which may be a broken connection.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); SPARE];
        loop {
            let mut read = ReadBuf::uninit(&mut space);
            let outcome = ready!(Pin::new(&mut *self).poll_read(cx, &mut read));
            if outcome.is_err() || read.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// What a connection does whose writing side has just been shut.
    fn begin(&self) -> Closing {
        if self.limit.is_zero() || !self.activity.is_mid_request() {
            return Closing::Done;
        }
        self.stats.lingered.add();
        Closing::Lingers { until: Box::pin(sleep(self.limit)), _under_way: UnderWay::begin(&self.activity) }
    }

    /// Ready at the client's end, which may be a broken connection.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); DISCARD];
        // A stream of the runtime is pending now and then even where there is more to read.
        loop {
            let mut read = ReadBuf::uninit(&mut space);
            let Ok(inner) = self.inner() else { return Poll::Ready(()) };
            let outcome = ready!(inner.poll_read(cx, &mut read));
            if outcome.is_err() || read.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for LingeringStream {
    fn drop(&mut self) {
        if let Some(stream) = self.inner.take() {
            self.activity.keeper().is_left(stream);
        }
    }
}

impl AsyncRead for LingeringStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = ready!(self.inner()?.poll_read(cx, buf));
        let bytes = buf.filled().get(before..).unwrap_or_default();
        let at_head_end = self.head_ends.ends_with_the_only(bytes);
        self.activity.heard(bytes.len(), at_head_end);
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for LingeringStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.activity.awaits_flush();
        self.inner()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.awaits_flush();
        self.inner()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.as_ref().is_some_and(FrontStream::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.activity.flushed();
        self.inner()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if matches!(this.closing, Closing::No) {
            ready!(this.inner()?.poll_shutdown(cx))?;
            this.closing = this.begin();
        }
        if let Closing::Lingers { until, .. } = &mut this.closing {
            // The time first: a client that never stops must not keep it from being looked at.
            if until.as_mut().poll(cx).is_ready() {
                this.stats.linger_cut.add();
            } else {
                ready!(this.poll_discard(cx));
            }
            this.closing = Closing::Done;
        }
        Poll::Ready(Ok(()))
    }
}
