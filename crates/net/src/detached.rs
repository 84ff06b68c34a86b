use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use rustls::ServerConnection;
use socket2::SockRef;

use crate::tcp::ConnectionPermit;

/// The byte stream of an accepted connection for a thread of its own: never blocks, knows no runtime. Watch it with a
/// [`Poller`](crate::Poller).
#[derive(Debug)]
pub struct DetachedStream {
    // Declared before the permit: the descriptor is closed before its place is given away.
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    _permit: ConnectionPermit,
}

impl DetachedStream {
    /// Of what is written, so much may wait in the kernel for its turn on the wire. More would grow old there, where
    /// its writer can no longer drop it.
    const UNSENT_MAX: u32 = 16 << 10;

    /// Plaintext that TLS takes at a time: as much as fits into one record (RFC 8446 §5.1).
    const RECORD: usize = 16 << 10;

    /// What TLS may hold for the socket: that plaintext, with what each record adds to it.
    const HELD_MAX: usize = 64 << 10;

    pub(crate) fn new(
        socket: TcpStream,
        mut tls: Option<Box<ServerConnection>>,
        permit: ConnectionPermit,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        #[cfg(target_os = "linux")]
        SockRef::from(&socket).set_tcp_notsent_lowat(Self::UNSENT_MAX)?;
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(Some(Self::HELD_MAX));
        }
        Ok(Self { socket, tls, _permit: permit })
    }

    /// Whether written bytes wait here for the socket to take them.
    #[must_use]
    pub fn holds_output(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Writes as much of `parts`, one after the other, as the socket takes now, and says how many bytes. Those count
    /// as sent, but with TLS some may still be [held](Self::holds_output), until a later call.
    ///
    /// With TLS each part is a record of its own, if it fits into one: there are clients that take what one record brings
    /// for one message.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes none now; any other ends the connection.
    pub fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let Self { socket, tls, .. } = self;
        let Some(tls) = tls else { return retried(|| socket.write_vectored(parts)) };
        // A record that waits goes first. Whatever follows may still be dropped by its owner, so it is not taken yet.
        push_records(socket, tls)?;
        let mut taken = 0;
        for part in parts {
            if taken > 0 && taken + part.len() > Self::RECORD {
                break;
            }
            let written = tls.writer().write(part)?;
            taken += written;
            if written < part.len() {
                break;
            }
        }
        match push_records(socket, tls) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(taken),
        }
    }

    /// Tells the client that nothing more follows, if it speaks TLS and there is room (RFC 8446 §6.1).
    pub fn say_goodbye(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // Whoever does not read has no use for it.
            push_records(&mut self.socket, tls).ok();
        }
    }
}

impl Read for DetachedStream {
    /// As much as there is and fits; `Ok(0)` at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { socket, tls, .. } = self;
        let Some(tls) = tls else { return retried(|| socket.read(buffer)) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A client that closes without saying so has ended all the same: messages tell their own length.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            // At the end of the stream this reads nothing, and the reader above says so.
            retried(|| tls.read_tls(socket))?;
            if let Err(error) = tls.process_new_packets() {
                // The alert that says what was wrong.
                push_records(socket, tls).ok();
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

impl AsFd for DetachedStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sends the records that wait.
fn push_records(socket: &mut TcpStream, tls: &mut ServerConnection) -> io::Result<()> {
    while tls.wants_write() {
        if retried(|| tls.write_tls(socket))? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

fn retried(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
