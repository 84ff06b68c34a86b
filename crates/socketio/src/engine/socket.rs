mod frames;

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sangam_engineio_proto::encode_as_text;
use sangam_types::{Frame, Mono, Text};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use frames::{Frames, Incoming, Offence, put_header};

/// Close codes of RFC 6455 §7.4.1 and of IANA's registry.
pub(crate) mod close_code {
    /// The server stops.
    pub(crate) const AWAY: u16 = 1_001;
    /// What came is no frame.
    pub(crate) const PROTOCOL: u16 = 1_002;
    /// Text that is not UTF-8.
    pub(crate) const INVALID: u16 = 1_007;
    /// A message that is too large.
    pub(crate) const SIZE: u16 = 1_009;
    /// Come back later.
    pub(crate) const AGAIN: u16 = 1_013;
}

/// Bytes read at once, on the stack.
const READ_BYTES: usize = 16 * 1_024;

/// Frames are written together up to here; a larger payload is written from where it lies.
const WRITE_BYTES: usize = 16 * 1_024;

/// How long a client has to answer our close (RFC 6455 §7.1.1). A drain has to be over sooner than its limit.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// A WebSocket, and what waits to be written to it. Idle, it holds no buffer, whatever went through it.
pub(crate) struct Socket {
    stream: TokioIo<Upgraded>,
    frames: Frames,
    is_text_only: bool,
    queue: VecDeque<Frame>,
    queued_bytes: usize,
    /// Being written: whole frames, or the header of `payload`.
    writing: Bytes,
    payload: Bytes,
    /// The newest ping that is to be answered (RFC 6455 §5.5.3).
    ping: Option<Bytes>,
    /// The client closed it, and so is answered: its code and reason as they came.
    closed: Option<Box<[u8]>>,
    /// What came could not be read: nothing more can.
    has_failed: bool,
    unflushed: bool,
    /// Since when it takes nothing.
    stuck_since: Option<Mono>,
}

/// What a WebSocket is told at its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketOptions {
    /// The largest message that is read.
    pub(crate) message_bytes_max: usize,
    /// The client takes binary messages as text.
    pub(crate) is_text_only: bool,
}

/// What a WebSocket brings.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message.
    Frame(Frame),
    /// A ping or pong of the WebSocket itself, of so many bytes. A ping is answered with what is written next.
    Control(usize),
    /// The client closed it; [`Socket::close`] answers.
    Closed,
    /// It is gone.
    Gone,
    /// What came is no message; it is to be closed with this code.
    Failed(u16),
}

/// The code and the reason (at most 123 bytes) of a close.
pub(crate) type CloseWith = Option<(u16, Text)>;

impl Socket {
    pub(crate) fn new(upgraded: Upgraded, options: SocketOptions) -> Self {
        Self {
            stream: TokioIo::new(upgraded),
            frames: Frames::new(options.message_bytes_max),
            is_text_only: options.is_text_only,
            queue: VecDeque::new(),
            queued_bytes: 0,
            writing: Bytes::new(),
            payload: Bytes::new(),
            ping: None,
            closed: None,
            has_failed: false,
            unflushed: false,
            stuck_since: None,
        }
    }

    /// Puts a packet behind what waits.
    pub(crate) fn push(&mut self, frame: Frame) {
        let frame = if self.is_text_only { encode_as_text(frame) } else { frame };
        self.queued_bytes += frame.len();
        self.queue.push_back(frame);
    }

    /// Bytes that the transport has not taken.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Whether it took all so far.
    pub(crate) fn is_writable(&self) -> bool {
        self.stuck_since.is_none()
    }

    /// Since when it takes nothing of what waits.
    pub(crate) fn stuck_since(&self) -> Option<Mono> {
        self.stuck_since
    }

    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            match self.frames.next() {
                Ok(Some(incoming)) => return Poll::Ready(self.take(incoming)),
                Ok(None) => {}
                Err(offence) => {
                    self.has_failed = true;
                    return Poll::Ready(match offence {
                        Offence::TooLarge => Received::Failed(close_code::SIZE),
                        Offence::Protocol => Received::Failed(close_code::PROTOCOL),
                    });
                }
            }
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut read = ReadBuf::uninit(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => self.frames.feed(read.filled()),
                Ok(()) | Err(_) => return Poll::Ready(Received::Gone),
            }
        }
    }

    fn take(&mut self, incoming: Incoming) -> Received {
        match incoming {
            Incoming::Text(bytes) => match Text::try_from(bytes) {
                Ok(text) => Received::Frame(Frame::Text(text)),
                Err(_) => Received::Failed(close_code::INVALID),
            },
            Incoming::Binary(bytes) => Received::Frame(Frame::Binary(bytes)),
            Incoming::Ping(bytes) => {
                let len = bytes.len();
                self.ping = Some(bytes);
                Received::Control(len)
            }
            Incoming::Pong(len) => Received::Control(len),
            Incoming::Close(payload) => {
                self.closed = Some(payload);
                Received::Closed
            }
        }
    }

    /// Writes what waits, and flushes once. Ready when all is out; an error means that the socket is gone.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, now: Mono) -> Poll<io::Result<()>> {
        let written = self.poll_write_all(cx, now);
        match written {
            Poll::Pending => {
                self.stuck_since.get_or_insert(now);
            }
            Poll::Ready(_) => self.stuck_since = None,
        }
        written
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>, now: Mono) -> Poll<io::Result<()>> {
        loop {
            if self.writing.is_empty() {
                self.writing = std::mem::take(&mut self.payload);
            }
            if self.writing.is_empty() {
                self.writing = self.next_bytes();
            }
            if self.writing.is_empty() {
                break;
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.writing))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.writing.advance(written);
            self.unflushed = true;
            // Something moves.
            self.stuck_since = self.stuck_since.map(|_| now);
        }
        self.writing = Bytes::new();
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// As many frames as are written at once; of a large one its header, its payload comes next.
    fn next_bytes(&mut self) -> Bytes {
        let mut bytes = Vec::new();
        if let Some(ping) = self.ping.take() {
            put_header(&mut bytes, OpCode::Control(Control::Pong), ping.len());
            bytes.extend_from_slice(&ping);
        }
        while bytes.len() < WRITE_BYTES
            && let Some(frame) = self.queue.pop_front()
        {
            self.queued_bytes -= frame.len();
            let (opcode, payload) = match frame {
                Frame::Text(text) => (OpCode::Data(Data::Text), text.into_bytes()),
                Frame::Binary(bytes) => (OpCode::Data(Data::Binary), bytes),
            };
            put_header(&mut bytes, opcode, payload.len());
            if payload.len() > WRITE_BYTES {
                self.payload = payload;
                break;
            }
            bytes.extend_from_slice(&payload);
        }
        if self.queue.is_empty() {
            // An idle socket keeps no memory of a busy past.
            self.queue = VecDeque::new();
        }
        bytes.into()
    }

    /// Forgets what waits, but for the rest of a frame that has begun.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.queued_bytes = 0;
    }

    /// Writes what waits and our close, then hears the client out until its close. Who does not answer in time is cut
    /// off. What comes behind something that cannot be read is read all the same: a connection that is closed over unread
    /// bytes takes our close with it.
    pub(crate) async fn close(mut self, with: CloseWith) {
        let handshake = async {
            std::future::poll_fn(|cx| self.poll_write(cx, Mono::ZERO)).await?;
            self.stream.write_all(&self.close_frame(with)).await?;
            self.stream.flush().await?;
            while self.closed.is_none() && !self.has_failed {
                if let Received::Gone = std::future::poll_fn(|cx| self.poll_receive(cx)).await {
                    return Ok(());
                }
            }
            self.stream.shutdown().await?;
            let mut unread = [0; 1_024];
            while self.has_failed && self.stream.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        drop(tokio::time::timeout(CLOSE_TIME, handshake).await);
    }

    /// A client that closed first hears its own code and reason, as `ws` answers it (RFC 6455 §5.5.1: its code).
    fn close_frame(&self, with: CloseWith) -> Vec<u8> {
        let (code, reason) = with.map_or((None, Text::default()), |(code, reason)| (Some(code), reason));
        let code = code.map(u16::to_be_bytes);
        let own = [code.as_ref().map_or(&[][..], |it| it), reason.as_str().as_bytes()].concat();
        let payload = self.closed.as_deref().unwrap_or(&own);
        let mut bytes = Vec::new();
        put_header(&mut bytes, OpCode::Control(Control::Close), payload.len());
        bytes.extend_from_slice(payload);
        bytes
    }
}
