use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Body;
use tokio::io::AsyncWrite;
use tokio_util::io::poll_write_buf;

use super::activity::UnderWay;
use super::connection::BoxError;
use super::lingering::LingeringStream;

/// Marks an answer whose body goes on for long and is mostly idle, as an event stream's: put it into the answer's extensions.
///
/// On HTTP/1.1 the front then writes the body by itself and gives back what a connection holds for further requests, its
/// buffers above all. Each frame of data leaves as one chunk in one write, and when the body ends the connection closes.
/// A drain ends the body as it stands. Where that cannot be (another version, a body whose length is told, a client that
/// has sent more than its request) the answer goes the ordinary way: the client sees no difference until the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endless;

/// Whether the front may write this answer by itself, as far as the answer goes.
pub(super) fn is_endless<B>(answer: &Response<B>) -> bool {
    let framed = |name| answer.headers().contains_key(name);
    answer.status() == StatusCode::OK
        && answer.extensions().get::<Endless>().is_some()
        && !framed(header::CONTENT_LENGTH)
        && !framed(header::TRANSFER_ENCODING)
}

/// An answer that has left hyper, and the connection it is written to.
pub(super) struct EndlessAnswer<B> {
    stream: LingeringStream,
    /// `None` once it has ended.
    body: Option<Pin<Box<B>>>,
    /// What comes before the next chunk: the head of the answer, once.
    head: Bytes,
    out: Chunk,
    flushed: bool,
    _under_way: UnderWay,
}

/// The size line with whatever comes before it, the data, what ends it (RFC 9112 §7.1).
type Chunk = Chain<Chain<Bytes, Bytes>, &'static [u8]>;

/// Why an answer is over before its last chunk.
#[derive(Debug, thiserror::Error)]
pub(super) enum CutShort {
    #[error("the client left")]
    Left,
    #[error("the connection broke")]
    Broken(#[from] std::io::Error),
    #[error("the body failed")]
    Body(#[source] BoxError),
}

impl<B> EndlessAnswer<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(stream: LingeringStream, answer: Response<B>, under_way: UnderWay) -> Self {
        let head = head(answer.headers());
        Self {
            stream,
            body: Some(Box::pin(answer.into_body())),
            head,
            out: chunk(Bytes::new(), Bytes::new(), b""),
            flushed: true,
            _under_way: under_way,
        }
    }

    /// Ends the body after what is being written.
    pub(super) fn end(&mut self) {
        if self.body.take().is_some() {
            let rest = self.out.copy_to_bytes(self.out.remaining());
            let head = std::mem::take(&mut self.head);
            self.out = chunk(rest, head, b"0\r\n\r\n");
        }
    }

    /// Writes until the body has ended and its last chunk has left.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CutShort>> {
        // Also while the client does not read: it is to be known that it left.
        if self.body.is_some() && self.stream.poll_left(context).is_ready() {
            return Poll::Ready(Err(CutShort::Left));
        }
        loop {
            ready!(self.poll_out(context))?;
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
            match body.as_mut().poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        self.put(data);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(CutShort::Body(error.into()))),
                Poll::Ready(None) => self.end(),
                // An answer begins before its body does.
                Poll::Pending if !self.head.is_empty() => {
                    self.out = chunk(std::mem::take(&mut self.head), Bytes::new(), b"");
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Lets the connection end as every other does.
    pub(super) fn into_stream(self) -> LingeringStream {
        self.stream
    }

    fn put(&mut self, data: Bytes) {
        let mut before = Vec::with_capacity(self.head.len() + SIZE_LINE_MAX);
        before.extend_from_slice(&std::mem::take(&mut self.head));
        before.extend_from_slice(format!("{:X}\r\n", data.len()).as_bytes());
        self.out = chunk(before.into(), data, b"\r\n");
    }

    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while self.out.has_remaining() {
            self.flushed = false;
            if ready!(poll_write_buf(Pin::new(&mut self.stream), context, &mut self.out))? == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.flushed = true;
            // Nothing that was sent is kept.
            self.out = chunk(Bytes::new(), Bytes::new(), b"");
        }
        Poll::Ready(Ok(()))
    }
}

/// 16 hexadecimal digits and a line end.
const SIZE_LINE_MAX: usize = 18;

fn chunk(before: Bytes, data: Bytes, after: &'static [u8]) -> Chunk {
    before.chain(data).chain(after)
}

/// The status line and the headers: those of the service, and those that only the connection knows (RFC 9110 §6.6.1,
/// RFC 9112 §6.1).
fn head(headers: &HeaderMap) -> Bytes {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let mut line = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            head.extend_from_slice(part);
        }
    };
    for (name, value) in headers {
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    if !headers.contains_key(header::DATE) {
        line(b"date", httpdate::fmt_http_date(std::time::SystemTime::now()).as_bytes());
    }
    // What the service says of it stands: some clients know their stream by that.
    if !headers.contains_key(header::CONNECTION) {
        line(b"connection", b"close");
    }
    line(b"transfer-encoding", b"chunked");
    head.extend_from_slice(b"\r\n");
    head.into()
}
