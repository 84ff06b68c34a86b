#![allow(unsafe_code, reason = "registers a descriptor with the runtime, which must not outlive it")]

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{BindError, Filled, RecvBatch, SendFailure, SendQueue, Socket, SocketBuffers};

/// A bound UDP socket in a tokio runtime: what waits is asked for, what is read and sent never waits.
///
/// ```text
/// poll_readable ─► try_fill(batch) ─► fewer than asked for: poll_readable again
/// ```
#[derive(Debug)]
pub struct AsyncSocket {
    inner: AsyncFd<Socket>,
}

impl AsyncSocket {
    /// Binds `addr`, as [`Socket::bind`] does. Must be called in a runtime with I/O.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, or the runtime cannot watch it.
    pub fn bind(addr: SocketAddr, buffers: SocketBuffers) -> Result<Self, BindError> {
        let socket = Socket::bind(addr, buffers)?;
        // SAFETY: a Socket owns its descriptor: it gives the same one as long as it lives, and closes it when it is dropped,
        // which nobody else does.
        let inner = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
        inner.map(|inner| Self { inner }).map_err(|refused| BindError::new(addr, refused.into_parts().1))
    }

    /// The address it is bound to, with its real port.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.inner.get_ref().local()
    }

    /// Ready when datagrams may wait. Stays so until [`try_fill`](Self::try_fill) found fewer than it was to take.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error says that the runtime ends: nobody is left to be told.
        drop(ready!(self.inner.poll_read_ready(context)));
        Poll::Ready(())
    }

    /// Takes up to `max` waiting datagrams, as [`RecvBatch::fill`] does.
    ///
    /// # Errors
    ///
    /// The socket itself is broken, or the system is out of memory.
    pub fn try_fill(&self, batch: &mut RecvBatch, max: usize) -> io::Result<Filled> {
        let wanted = max.min(batch.room());
        let mut filled = Filled::default();
        let tried = self.inner.try_io(Interest::READABLE, |socket| {
            filled = batch.fill(socket, wanted)?;
            // Fewer than asked for: the socket was empty, the next word about it comes from the runtime.
            if filled.datagrams.len() < wanted { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match tried {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(filled),
        }
    }

    /// Sends one datagram, now or not at all. An error that an earlier datagram left on the socket is taken off it and
    /// does not count.
    ///
    /// # Errors
    ///
    /// Why this datagram is lost. The socket is none the worse for it.
    pub fn try_send(&self, to: SocketAddr, bytes: &[u8]) -> Result<(), SendFailure> {
        self.inner.get_ref().try_send(to, bytes)
    }

    /// Sends all that waits in the queue, now or not at all. `each` hears of every datagram, in their order: its bytes, and why it
    /// is lost if it is.
    pub fn try_send_all(&self, queue: &mut SendQueue, each: impl FnMut(usize, Result<(), SendFailure>)) {
        queue.flush(self.inner.get_ref(), each);
    }
}
