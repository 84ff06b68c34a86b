#![allow(unsafe_code, reason = "holds arrays of C structures with pointers between them, for sendmmsg")]

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

use super::control_message::{Control, encode_segment};
use super::raw_addr::RawAddr;
use super::recv_batch::EMPTY_MESSAGE;
use super::send_batch::send;
use super::{BATCH_MAX, SendFailure, Socket};

/// Datagrams of one socket that leave together.
///
/// A row of them to one address, all of one length but the last, which may be shorter, goes through the kernel as one message
/// and is cut as late as possible, by the network card if that can (`UDP_SEGMENT`, udp(7)).
#[derive(Default)]
pub struct SendQueue {
    datagrams: Vec<(SocketAddr, Vec<u8>)>,
    rows: Vec<Range<usize>>,
    // What the headers point to. The pointers are set anew for each call: between calls, safe code has the queue.
    iovecs: Vec<libc::iovec>,
    parts: Vec<Parts>,
    messages: Vec<libc::mmsghdr>,
}

struct Parts {
    name: RawAddr,
    name_len: libc::socklen_t,
    control: Control,
    control_len: usize,
}

/// As many as every kernel with `UDP_SEGMENT` takes in one message (`UDP_MAX_SEGMENTS`).
const ROW_MAX: usize = 64;
/// A message and its headers must fit an IP packet.
const ROW_BYTES_MAX: usize = 65_000;

// SAFETY: the pointers lead into memory that the queue itself owns, and are set anew for each call that uses them, so it does not
// matter on which thread the call is made.
unsafe impl Send for SendQueue {}

impl SendQueue {
    /// Queues a datagram.
    pub fn push(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        self.datagrams.push((to, bytes));
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.datagrams.clear();
    }

    /// Datagrams waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether none is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Sends all, now or not at all. `each` hears of every datagram in their order: its bytes, and why it is lost if it is.
    pub(super) fn flush(&mut self, socket: &Socket, mut each: impl FnMut(usize, Result<(), SendFailure>)) {
        self.rows.clear();
        self.rows.extend(Rows { datagrams: &self.datagrams, next: 0 });
        let mut done = 0;
        while done < self.rows.len() {
            let rows = done..self.rows.len().min(done + BATCH_MAX);
            self.point(rows.clone());
            done += self.send(socket, rows, &mut each);
        }
        self.clear();
    }

    /// Points a message header at each of these rows.
    fn point(&mut self, rows: Range<usize>) {
        let Self { datagrams, rows: all, iovecs, parts, messages } = self;
        iovecs.clear();
        parts.clear();
        messages.clear();
        for row in &all[rows.clone()] {
            let (to, first) = &datagrams[row.start];
            let (name, name_len) = RawAddr::encode(to);
            let mut control = Control::default();
            // Without cutting, a message is one datagram.
            let control_len = match u16::try_from(first.len()) {
                Ok(bytes) if row.len() > 1 => encode_segment(&mut control, bytes),
                Ok(_) | Err(_) => 0,
            };
            parts.push(Parts { name, name_len, control, control_len });
            let iovec =
                |bytes: &Vec<u8>| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            iovecs.extend(datagrams[row.clone()].iter().map(|(_, bytes)| iovec(bytes)));
        }
        let mut rest = &mut iovecs[..];
        for (row, parts) in all[rows].iter().zip(parts) {
            let (own, after) = rest.split_at_mut(row.len());
            rest = after;
            let mut message = EMPTY_MESSAGE;
            let header = &mut message.msg_hdr;
            header.msg_name = parts.name.as_mut_ptr();
            header.msg_namelen = parts.name_len;
            header.msg_iov = own.as_mut_ptr();
            header.msg_iovlen = own.len() as _;
            if parts.control_len > 0 {
                header.msg_control = parts.control.as_mut_ptr().cast();
                header.msg_controllen = parts.control_len as _;
            }
            messages.push(message);
        }
    }

    /// Sends the rows that were pointed at, until one is refused; that one is settled datagram by datagram. How many rows are
    /// done with.
    fn send(
        &mut self,
        socket: &Socket,
        rows: Range<usize>,
        each: &mut impl FnMut(usize, Result<(), SendFailure>),
    ) -> usize {
        let (sent, error) = match send(socket.as_fd().as_raw_fd(), &mut self.messages) {
            Ok(sent) => (sent, None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, None),
            Err(error) => (0, Some(error)),
        };
        let rows = &self.rows[rows];
        for (_, bytes) in rows[..sent].iter().flat_map(|row| &self.datagrams[row.clone()]) {
            each(bytes.len(), Ok(()));
        }
        let Some(error) = error else { return sent };
        // A full queue will not empty while we ask: all go with this one. Anything else may be the fate of an earlier datagram
        // that is reported late, or of one of the row, or there is a device on the way that cannot cut.
        let is_full = error.kind() == io::ErrorKind::WouldBlock;
        let settled = if is_full { rows } else { &rows[..1] };
        for (to, bytes) in settled.iter().flat_map(|row| &self.datagrams[row.clone()]) {
            let result = if is_full { Err(SendFailure::QueueFull) } else { socket.try_send(*to, bytes) };
            each(bytes.len(), result);
        }
        settled.len()
    }
}

impl fmt::Debug for SendQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendQueue").field("datagrams", &self.datagrams.len()).finish_non_exhaustive()
    }
}

/// Which datagrams go as one message.
struct Rows<'a> {
    datagrams: &'a [(SocketAddr, Vec<u8>)],
    next: usize,
}

impl Iterator for Rows<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.next;
        let (to, first) = self.datagrams.get(start)?;
        let length = first.len();
        let most = ROW_BYTES_MAX.checked_div(length).unwrap_or(1).clamp(1, ROW_MAX);
        let mut end = start + 1;
        for (other, bytes) in self.datagrams[end..].iter().take(most - 1) {
            if other != to || bytes.is_empty() || bytes.len() > length {
                break;
            }
            end += 1;
            if bytes.len() < length {
                break;
            }
        }
        self.next = end;
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(datagrams: &[(u16, usize)]) -> Vec<Range<usize>> {
        let datagram = |&(port, bytes): &(u16, usize)| (SocketAddr::from(([127, 0, 0, 1], port)), vec![0; bytes]);
        let datagrams: Vec<_> = datagrams.iter().map(datagram).collect();
        Rows { datagrams: &datagrams, next: 0 }.collect()
    }

    #[test]
    fn a_row_is_of_one_address_and_one_length_but_for_the_last() {
        assert_eq!(rows(&[(1, 9), (1, 9), (1, 5), (1, 9), (2, 9), (2, 10), (2, 10)]), [0..3, 3..4, 4..5, 5..7]);
        assert_eq!(rows(&[(1, 0), (1, 0), (1, 3), (1, 0)]), [0..1, 1..2, 2..3, 3..4]);
        assert!(rows(&[]).is_empty());
    }

    #[test]
    fn a_row_fits_a_packet_and_what_kernels_take() {
        assert_eq!(rows(&[(1, 100); 65]), [0..64, 64..65]);
        assert_eq!(rows(&[(1, 30_000); 3]), [0..2, 2..3]);
        assert_eq!(rows(&[(1, 65_507); 2]), [0..1, 1..2]);
    }
}
