#![allow(unsafe_code, reason = "eventfd has no safe face in the libraries at hand")]

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// Ends the wait of a thread in its [`Poller`](crate::Poller) from another thread (`eventfd`).
#[derive(Debug)]
pub struct Waker(File);

impl Waker {
    /// A waker, to be added to the poller of the thread that it shall wake.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` is open and nobody else's.
        Ok(Self(File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Wakes the thread, now or when it next waits. Many calls before that are one.
    pub fn wake(&self) {
        // Fails only when the counter is full, and then the thread is being woken anyway.
        (&self.0).write_all(&1_u64.to_ne_bytes()).ok();
    }

    /// Takes the wakings so far; called by the thread woken, before it looks at what it was woken for.
    pub fn clear(&self) {
        // Fails only when there was none.
        (&self.0).read_exact(&mut [0; 8]).ok();
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
