#![allow(unsafe_code, reason = "recvmmsg takes arrays of C structures with pointers between them")]

use std::fmt;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use super::Socket;
use super::control_message::{CONTROL_BYTES, Control, decode_local};
use super::raw_addr::RawAddr;

/// Datagrams that one batch holds.
pub const BATCH_MAX: usize = 64;

/// Free bytes in front of each datagram: STUN header (20), XOR-PEER-ADDRESS of an IPv6 peer (24), header of the DATA
/// attribute (4).
pub const HEADROOM: usize = 48;

/// Free bytes behind each datagram: padding of an attribute's value (0 to 3).
pub const TAILROOM: usize = 4;

/// Up to [`BATCH_MAX`] datagrams, each in a buffer with room for headers before and padding behind it:
///
/// ```text
/// | HEADROOM 48 | datagram, up to datagram_bytes_max | TAILROOM 4 |
/// ```
///
/// Datagrams of several sockets are gathered one after the other until the batch is [cleared](Self::clear).
pub struct RecvBatch {
    bytes: Box<[u8]>,
    stride: usize,
    datagram_bytes_max: usize,
    /// What is known of the datagrams received; `None` for one that was lost.
    received: Vec<Option<Received>>,
    parts: Box<[Parts]>,
    messages: Box<[libc::mmsghdr]>,
}

/// One datagram of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Its sender.
    pub from: SocketAddr,
    /// The local address that it was sent to, where the socket is bound to a wildcard.
    pub to: Option<IpAddr>,
    /// Its payload.
    pub bytes: &'a [u8],
}

/// Bytes of one buffer of a batch: what to send of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice(pub(super) Range<usize>);

/// What one call brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The indices of the datagrams that are new in the batch.
    pub datagrams: Range<usize>,
    /// How many of them are lost because they were longer than a buffer.
    pub oversized: u64,
    /// Errors of datagrams sent earlier that were taken off the socket.
    pub errors_cleared: u64,
}

#[derive(Clone, Copy)]
struct Received {
    from: SocketAddr,
    to: Option<IpAddr>,
    len: usize,
}

/// What the message header of one datagram points to. The pointers are set anew for each call: between calls, safe code
/// has the batch.
struct Parts {
    iovec: libc::iovec,
    name: RawAddr,
    control: Control,
}

// SAFETY: the pointers lead into memory that the batch itself owns, and are set anew for each call that uses them, so it does not
// matter on which thread the call is made.
unsafe impl Send for RecvBatch {}

impl RecvBatch {
    /// An empty batch for datagrams of up to `datagram_bytes_max` bytes. Takes 64 times that of memory, of which only
    /// the pages that datagrams reached become resident.
    #[must_use]
    pub fn new(datagram_bytes_max: usize) -> Self {
        // A multiple of the cache line, but an odd one: buffers a page apart would all meet in the same cache sets.
        let lines = (HEADROOM + datagram_bytes_max + TAILROOM).div_ceil(64) | 1;
        let stride = lines * 64;
        let iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let parts = || Parts { iovec, name: RawAddr::zeroed(), control: Control::default() };
        Self {
            bytes: vec![0; stride * BATCH_MAX].into_boxed_slice(),
            stride,
            datagram_bytes_max,
            received: Vec::with_capacity(BATCH_MAX),
            parts: (0..BATCH_MAX).map(|_| parts()).collect(),
            messages: vec![EMPTY_MESSAGE; BATCH_MAX].into_boxed_slice(),
        }
    }

    /// How many more datagrams fit.
    #[must_use]
    pub fn room(&self) -> usize {
        BATCH_MAX - self.received.len()
    }

    /// Forgets all datagrams. Slices of them that have not been sent are void.
    pub fn clear(&mut self) {
        self.received.clear();
    }

    /// Takes up to `max` waiting datagrams off `socket`, as many as there is room for; none waiting is no error. Fewer
    /// than asked for means that the socket was empty.
    ///
    /// # Errors
    ///
    /// The socket itself is broken, or the system is out of memory.
    pub fn fill(&mut self, socket: &Socket, max: usize) -> io::Result<Filled> {
        let first = self.received.len();
        let count = max.min(self.room());
        let mut filled = Filled { datagrams: first..first, ..Filled::default() };
        if count == 0 {
            return Ok(filled);
        }
        self.point(first, count, socket.is_wildcard());
        let received = loop {
            match receive(socket, &mut self.messages[..count]) {
                Ok(received) => break received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Reading the error took it off the socket: the next call gets to the datagrams.
                Err(error) if concerns_earlier_datagram(&error) => filled.errors_cleared += 1,
                Err(error) => return Err(error),
            }
        };
        for (message, parts) in self.messages[..received].iter().zip(&self.parts) {
            let received = decode(message, parts);
            filled.oversized += u64::from(received.is_none());
            self.received.push(received);
        }
        filled.datagrams.end = self.received.len();
        Ok(filled)
    }

    /// Copies a message that came another way into the batch, as if it were a datagram, and gives its index; `None` if
    /// there is no room or it is too long.
    pub fn put(&mut self, from: SocketAddr, bytes: &[u8]) -> Option<usize> {
        if self.room() == 0 || bytes.len() > self.datagram_bytes_max {
            return None;
        }
        let index = self.received.len();
        let start = index * self.stride + HEADROOM;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.received.push(Some(Received { from, to: None, len: bytes.len() }));
        Some(index)
    }

    /// Points the first `count` message headers to the buffers from index `first` on.
    fn point(&mut self, first: usize, count: usize, with_control: bool) {
        let buffers = self.bytes.chunks_exact_mut(self.stride).skip(first);
        for ((message, parts), buffer) in self.messages[..count].iter_mut().zip(&mut self.parts).zip(buffers) {
            let room = &mut buffer[HEADROOM..HEADROOM + self.datagram_bytes_max];
            parts.iovec = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
            parts.name = RawAddr::zeroed();
            *message = EMPTY_MESSAGE;
            let header = &mut message.msg_hdr;
            header.msg_name = parts.name.as_mut_ptr();
            header.msg_namelen = RawAddr::LEN;
            header.msg_iov = &raw mut parts.iovec;
            header.msg_iovlen = 1;
            if with_control {
                header.msg_control = parts.control.as_mut_ptr().cast();
                header.msg_controllen = CONTROL_BYTES as _;
            }
        }
    }

    /// A datagram; `None` for one that was too long, or that is not in the batch.
    #[must_use]
    pub fn datagram(&self, index: usize) -> Option<Datagram<'_>> {
        let received = self.received.get(index).copied().flatten()?;
        let start = index * self.stride + HEADROOM;
        Some(Datagram { from: received.from, to: received.to, bytes: &self.bytes[start..start + received.len] })
    }

    /// The part `payload` of a datagram, to be sent as it is.
    ///
    /// # Panics
    ///
    /// `payload` is not part of the datagram.
    #[must_use]
    pub fn slice(&self, index: usize, payload: Range<usize>) -> Slice {
        self.wrap_range(index, payload, 0, 0)
    }

    /// Writes `header` in front of the part `payload` of a datagram and `padding` zero bytes behind it, and gives the
    /// whole, to be sent. What stood there is lost.
    ///
    /// # Panics
    ///
    /// `payload` is not part of the datagram, or `header` or `padding` is longer than the room beyond the datagram's
    /// ends ([`HEADROOM`], [`TAILROOM`]).
    #[must_use]
    pub fn wrap(&mut self, index: usize, payload: Range<usize>, header: &[u8], padding: usize) -> Slice {
        let Slice(range) = self.wrap_range(index, payload, header.len(), padding);
        self.bytes[range.start..range.start + header.len()].copy_from_slice(header);
        self.bytes[range.end - padding..range.end].fill(0);
        Slice(range)
    }

    fn wrap_range(&self, index: usize, payload: Range<usize>, header: usize, padding: usize) -> Slice {
        let len = self.received.get(index).copied().flatten().map_or(0, |received| received.len);
        assert!(payload.start <= payload.end && payload.end <= len, "the payload is part of the datagram");
        assert!(header <= HEADROOM && padding <= TAILROOM, "header and padding fit around the payload");
        let start = index * self.stride + HEADROOM;
        Slice(start + payload.start - header..start + payload.end + padding)
    }

    /// The bytes of a slice.
    ///
    /// # Panics
    ///
    /// The slice is another batch's.
    #[must_use]
    pub fn bytes(&self, slice: &Slice) -> &[u8] {
        &self.bytes[slice.0.clone()]
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

pub(super) const EMPTY_MESSAGE: libc::mmsghdr = {
    // SAFETY: mmsghdr holds pointers, integers and padding, for all of which zero is a valid value.
    unsafe { mem::zeroed() }
};

fn receive(socket: &Socket, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let count = libc::c_uint::try_from(messages.len()).expect("a batch has at most BATCH_MAX messages");
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: each of the `count` headers points to a name, an iovec, a buffer and perhaps a control buffer of the
    // lengths it states, all of them distinct, alive and borrowed from the batch until after the call.
    let result = unsafe { libc::recvmmsg(fd, messages.as_mut_ptr(), count, libc::MSG_DONTWAIT, ptr::null_mut()) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn decode(message: &libc::mmsghdr, parts: &Parts) -> Option<Received> {
    if message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
        return None;
    }
    let from = parts.name.decode()?;
    // SAFETY: the header's control buffer is null or the one in `parts`, which the kernel has just written; it has the
    // alignment of words.
    let to = unsafe { decode_local(&message.msg_hdr) };
    Some(Received { from, to, len: message.msg_len as usize })
}

/// What an ICMP message or a route can leave on a socket after a datagram was sent.
fn concerns_earlier_datagram(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENETDOWN
                | libc::EPROTO
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::EMSGSIZE
                | libc::EACCES
                | libc::EPERM
        )
    )
}
