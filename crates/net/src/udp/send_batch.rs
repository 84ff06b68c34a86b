#![allow(unsafe_code, reason = "sendmmsg takes arrays of C structures with pointers between them")]

use std::borrow::Borrow;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr;

use super::control_message::{Control, encode_source};
use super::raw_addr::RawAddr;
use super::recv_batch::EMPTY_MESSAGE;
use super::{BATCH_MAX, RecvBatch, Slice, Socket};

/// Datagrams to be sent, from any number of sockets, in the order they were pushed.
///
/// `S` is the driver's handle to a socket. An entry keeps it, so a socket given up meanwhile closes after the flush and
/// its descriptor cannot become another's under the entry.
pub struct SendBatch<S> {
    entries: Vec<Entry<S>>,
    run: Run,
}

struct Entry<S> {
    socket: S,
    to: SocketAddr,
    from: Option<IpAddr>,
    payload: Payload,
    is_unfragmented: bool,
}

enum Payload {
    Received(Slice),
    Owned(Vec<u8>),
}

/// The message headers of one run and what they point to. The pointers are set anew for each call: between calls, safe
/// code has the batch.
struct Run {
    parts: Box<[Parts]>,
    messages: Box<[libc::mmsghdr]>,
}

struct Parts {
    iovec: libc::iovec,
    name: RawAddr,
    control: Control,
}

/// Why a datagram was not sent. It is lost; the socket and the others are as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SendFailure {
    /// The socket's or the device's queue is full.
    QueueFull,
    /// No route, a rule forbids it, an address no datagram can be sent to from there, or the other side has refused.
    Unroutable,
    /// Longer than the path or the protocol carries.
    TooLong,
    /// Anything else, by its errno.
    System(i32),
}

impl<S: Borrow<Socket>> SendBatch<S> {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: Vec::with_capacity(BATCH_MAX), run: Run::new() }
    }

    /// Datagrams waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Queues bytes that lie in the receive batch, which must be flushed before it is cleared. `from` is the local
    /// address it shall leave from, for a socket bound to a wildcard.
    pub fn push_received(&mut self, socket: S, to: SocketAddr, from: Option<IpAddr>, slice: Slice) {
        self.entries.push(Entry { socket, to, from, payload: Payload::Received(slice), is_unfragmented: false });
    }

    /// As [`push_received`](Self::push_received), but what is longer than the path carries is lost rather than cut. Costs
    /// two system calls more for each row of such datagrams of one socket.
    pub fn push_unfragmented(&mut self, socket: S, to: SocketAddr, slice: Slice) {
        let payload = Payload::Received(slice);
        self.entries.push(Entry { socket, to, from: None, payload, is_unfragmented: true });
    }

    /// Queues bytes of its own.
    pub fn push_owned(&mut self, socket: S, to: SocketAddr, from: Option<IpAddr>, bytes: Vec<u8>) {
        self.entries.push(Entry { socket, to, from, payload: Payload::Owned(bytes), is_unfragmented: false });
    }

    /// Sends all and gives how many were sent. `lost` hears of each that was not, with the address it was for.
    pub fn flush(&mut self, received: &RecvBatch, mut lost: impl FnMut(SocketAddr, SendFailure)) -> usize {
        let mut sent = 0;
        let mut rest = &self.entries[..];
        while let Some(first) = rest.first() {
            let alike =
                |entry: &&Entry<S>| raw_fd(entry) == raw_fd(first) && entry.is_unfragmented == first.is_unfragmented;
            let same = rest.iter().take(BATCH_MAX).take_while(alike).count();
            let (run, after) = rest.split_at(same);
            sent += if first.is_unfragmented {
                self.run.send_unfragmented(run, received, &mut lost)
            } else {
                self.run.send(run, received, &mut lost)
            };
            rest = after;
        }
        self.entries.clear();
        sent
    }
}

impl<S> fmt::Debug for SendBatch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBatch").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl<S: Borrow<Socket>> Default for SendBatch<S> {
    fn default() -> Self {
        Self::new()
    }
}

fn raw_fd<S: Borrow<Socket>>(entry: &Entry<S>) -> RawFd {
    entry.socket.borrow().as_fd().as_raw_fd()
}

impl Run {
    fn new() -> Self {
        let iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let parts = || Parts { iovec, name: RawAddr::zeroed(), control: Control::default() };
        Self {
            parts: (0..BATCH_MAX).map(|_| parts()).collect(),
            messages: vec![EMPTY_MESSAGE; BATCH_MAX].into_boxed_slice(),
        }
    }

    /// As [`send`](Self::send), with the socket forbidding fragments meanwhile.
    fn send_unfragmented<S: Borrow<Socket>>(
        &mut self,
        entries: &[Entry<S>],
        received: &RecvBatch,
        lost: &mut impl FnMut(SocketAddr, SendFailure),
    ) -> usize {
        let Some(first) = entries.first() else { return 0 };
        let socket: &Socket = first.socket.borrow();
        let forbidden = socket.forbid_fragments();
        let sent = match &forbidden {
            Ok(()) => self.send(entries, received, lost),
            Err(error) => {
                entries.iter().for_each(|entry| lost(entry.to, SendFailure::of(error)));
                0
            }
        };
        // The kernel knows the option, or it would not have been set. If it was not, there is nothing to undo.
        socket.allow_fragments().ok();
        sent
    }

    /// Sends at most [`BATCH_MAX`] entries of one socket.
    fn send<S: Borrow<Socket>>(
        &mut self,
        entries: &[Entry<S>],
        received: &RecvBatch,
        lost: &mut impl FnMut(SocketAddr, SendFailure),
    ) -> usize {
        for ((message, parts), entry) in self.messages.iter_mut().zip(&mut self.parts).zip(entries) {
            let bytes = match &entry.payload {
                Payload::Received(slice) => received.bytes(slice),
                Payload::Owned(bytes) => bytes,
            };
            let name_len;
            (parts.name, name_len) = RawAddr::encode(&entry.to);
            parts.iovec = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            *message = EMPTY_MESSAGE;
            let header = &mut message.msg_hdr;
            header.msg_name = parts.name.as_mut_ptr();
            header.msg_namelen = name_len;
            header.msg_iov = &raw mut parts.iovec;
            header.msg_iovlen = 1;
            if let Some(from) = entry.from {
                header.msg_controllen = encode_source(&mut parts.control, from) as _;
                header.msg_control = parts.control.as_mut_ptr().cast();
            }
        }
        send_all(entries, &mut self.messages[..entries.len()], lost)
    }
}

/// Sends messages that are ready. The kernel stops at the first one it cannot send; that one is settled and the call
/// made again behind it.
fn send_all<S: Borrow<Socket>>(
    entries: &[Entry<S>],
    messages: &mut [libc::mmsghdr],
    lost: &mut impl FnMut(SocketAddr, SendFailure),
) -> usize {
    let Some(first) = entries.first() else { return 0 };
    let fd = raw_fd(first);
    let (mut next, mut sent, mut tried_again) = (0, 0, false);
    while next < entries.len() {
        let error = match send(fd, &mut messages[next..]) {
            Ok(count) => {
                sent += count;
                next += count;
                tried_again = false;
                continue;
            }
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::Interrupted {
            continue;
        }
        let failure = SendFailure::of(&error);
        // It may be the fate of an earlier datagram that is reported here, while this one was not even tried.
        if failure == SendFailure::Unroutable && !tried_again {
            tried_again = true;
            continue;
        }
        tried_again = false;
        // A full queue will not empty while we ask: the rest goes with this one.
        let given_up = if error.kind() == io::ErrorKind::WouldBlock { entries.len() - next } else { 1 };
        for entry in &entries[next..next + given_up] {
            lost(entry.to, failure);
        }
        next += given_up;
    }
    sent
}

pub(super) fn send(fd: RawFd, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let count = libc::c_uint::try_from(messages.len()).expect("a run has at most BATCH_MAX messages");
    // SAFETY: each of the `count` headers points to a name, iovecs, their bytes and perhaps a control message of the
    // lengths it states, which the callers keep alive; the kernel only reads them.
    let result = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

impl SendFailure {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.raw_os_error().unwrap_or(0) {
            libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM => Self::QueueFull,
            libc::EMSGSIZE => Self::TooLong,
            libc::ECONNREFUSED
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENETDOWN
            | libc::EADDRNOTAVAIL
            | libc::EAFNOSUPPORT
            | libc::ENOKEY
            | libc::EACCES
            | libc::EPERM
            | libc::EINVAL => Self::Unroutable,
            other => Self::System(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_which_a_peer_cannot_be_reached_is_unroutable() {
        for errno in [
            libc::ENETUNREACH,
            libc::EHOSTUNREACH,
            libc::ECONNREFUSED,
            libc::EPERM,
            libc::EACCES,
            libc::EINVAL,
            libc::EADDRNOTAVAIL,
        ] {
            assert_eq!(SendFailure::of(&io::Error::from_raw_os_error(errno)), SendFailure::Unroutable, "{errno}");
        }
        for (errno, failure) in [
            (libc::EAGAIN, SendFailure::QueueFull),
            (libc::ENOBUFS, SendFailure::QueueFull),
            (libc::EMSGSIZE, SendFailure::TooLong),
            (libc::EIO, SendFailure::System(libc::EIO)),
        ] {
            assert_eq!(SendFailure::of(&io::Error::from_raw_os_error(errno)), failure);
        }
    }
}
