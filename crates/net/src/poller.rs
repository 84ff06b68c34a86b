#![allow(unsafe_code, reason = "epoll has no safe face in the libraries at hand")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Waits for sockets to become readable, or writable where wanted (`epoll`, level-triggered).
///
/// Level-triggered: a socket that was not emptied is reported again, so a thread may take a batch of each and go on to
/// the next without keeping books on who is owed a turn.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    /// A poller that reports up to `events_max` sockets at a time.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub fn new(events_max: usize) -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` is open and nobody else's.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { epoll, events: vec![libc::epoll_event { events: 0, u64: 0 }; events_max.max(1)] })
    }

    /// Reports `source` as `token` from now on while it is readable. It stays until all handles to it are closed or it
    /// is [removed](Self::remove).
    ///
    /// # Errors
    ///
    /// The system is out of memory or of watches.
    pub fn add(&self, source: impl AsFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        self.control(libc::EPOLL_CTL_ADD, source, &mut event)
    }

    /// Reports a `source` that was [added](Self::add) while it is readable and, if `writable`, also while it takes output.
    ///
    /// # Errors
    ///
    /// It was not added.
    pub fn watch_output(&self, source: impl AsFd, token: u64, writable: bool) -> io::Result<()> {
        let output = if writable { libc::EPOLLOUT } else { 0 };
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | output) as u32, u64: token };
        self.control(libc::EPOLL_CTL_MOD, source, &mut event)
    }

    /// Reports `source` no more.
    ///
    /// # Errors
    ///
    /// It was not added.
    pub fn remove(&self, source: impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, source, &mut libc::epoll_event { events: 0, u64: 0 })
    }

    fn control(&self, operation: libc::c_int, source: impl AsFd, event: &mut libc::epoll_event) -> io::Result<()> {
        let fd = source.as_fd().as_raw_fd();
        // SAFETY: both descriptors are open, and `event` is alive for the call.
        let result = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Puts the tokens of readable sockets into `ready`, waiting up to `timeout` (rounded up to a millisecond) for the
    /// first; `None` waits for ever. None after the time, or if a signal came.
    ///
    /// # Errors
    ///
    /// None that a caller could mend.
    pub fn wait(&mut self, ready: &mut Vec<u64>, timeout: Option<Duration>) -> io::Result<()> {
        ready.clear();
        let millis = timeout
            .map_or(-1, |time| libc::c_int::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(libc::c_int::MAX));
        let room = libc::c_int::try_from(self.events.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: `events` has room for `room` events and is borrowed for the call.
        let result = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.events.as_mut_ptr(), room, millis) };
        match usize::try_from(result) {
            Ok(count) => ready.extend(self.events[..count].iter().map(|event| event.u64)),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::Waker;

    #[test]
    fn a_readable_socket_is_reported_until_it_is_read_and_no_more_once_removed() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut poller = Poller::new(8).unwrap();
        let mut ready = vec![1, 2, 3];
        poller.add(&socket, u64::MAX).unwrap();
        poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        for _ in 0..2 {
            poller.wait(&mut ready, None).unwrap();
            assert_eq!(ready, [u64::MAX]);
        }
        poller.remove(&socket).unwrap();
        poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn a_socket_is_reported_for_room_in_its_output_only_while_that_is_wanted() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut poller = Poller::new(8).unwrap();
        let mut ready = Vec::new();
        poller.add(&socket, 5).unwrap();
        for (writable, reported) in [(true, vec![5]), (false, vec![])] {
            poller.watch_output(&socket, 5, writable).unwrap();
            poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
            assert_eq!(ready, reported);
        }
    }

    #[test]
    fn a_waker_ends_the_wait_of_another_thread_until_it_is_cleared() {
        let waker = std::sync::Arc::new(Waker::new().unwrap());
        let mut poller = Poller::new(8).unwrap();
        poller.add(&*waker, 7).unwrap();
        let other = std::thread::spawn({
            let waker = std::sync::Arc::clone(&waker);
            move || waker.wake()
        });
        let mut ready = Vec::new();
        poller.wait(&mut ready, None).unwrap();
        assert_eq!(ready, [7]);
        other.join().unwrap();
        waker.clear();
        poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
    }
}
