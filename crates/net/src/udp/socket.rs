#![allow(unsafe_code, reason = "sets the options that socket2 does not know")]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use socket2::{Domain, Protocol, Type};

use super::{BindError, SendFailure};

/// A bound UDP socket that never blocks.
#[derive(Debug)]
pub struct Socket {
    inner: socket2::Socket,
    local: SocketAddr,
}

/// Kernel buffers of a socket, bytes; `None` leaves the system's default. Linux doubles what is asked for, to pay for
/// its own book-keeping, and caps it at `net.core.rmem_max` and `wmem_max`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketBuffers {
    /// `SO_RCVBUF`
    pub receive_bytes: Option<usize>,
    /// `SO_SNDBUF`
    pub send_bytes: Option<usize>,
}

impl Socket {
    /// Binds `addr` for this socket alone; port 0 takes a free one. IPv6 sockets carry IPv6 only.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn bind(addr: SocketAddr, buffers: SocketBuffers) -> Result<Self, BindError> {
        let socket = Self::prepare(addr, buffers).and_then(|inner| {
            inner.bind(&addr.into())?;
            Self::from_bound(inner)
        });
        socket.map_err(|source| BindError::new(addr, source))
    }

    /// Binds `addr` beside the sockets that already share it. `addr` has a port.
    pub(super) fn bind_beside(addr: SocketAddr, buffers: SocketBuffers) -> io::Result<Self> {
        let inner = Self::prepare(addr, buffers)?;
        inner.set_reuse_port(true)?;
        inner.bind(&addr.into())?;
        Self::from_bound(inner)
    }

    /// Lets further sockets of this user bind the same address from now on.
    pub(super) fn share(&self) -> io::Result<()> {
        self.inner.set_reuse_port(true)
    }

    fn prepare(addr: SocketAddr, buffers: SocketBuffers) -> io::Result<socket2::Socket> {
        let inner = socket2::Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        inner.set_nonblocking(true)?;
        if addr.is_ipv6() {
            inner.set_only_v6(true)?;
        }
        if let Some(bytes) = buffers.receive_bytes {
            inner.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = buffers.send_bytes {
            inner.set_send_buffer_size(bytes)?;
        }
        Ok(inner)
    }

    fn from_bound(inner: socket2::Socket) -> io::Result<Self> {
        let local = inner.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { inner, local })
    }

    /// The address it is bound to, with its real port.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether it is bound to all addresses of its family, so that each datagram tells which one it was sent to.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.local.ip().is_unspecified()
    }

    /// Another handle to the same socket: the same queue, closed when the last handle is gone.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { inner: self.inner.try_clone()?, local: self.local })
    }

    /// Takes a pending error off the socket, such as one that an ICMP message left there.
    pub fn clear_error(&self) -> Option<io::Error> {
        self.inner.take_error().ok().flatten()
    }

    /// Sends one datagram, without waiting for room in the socket's queue.
    fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.inner.send_to_with_flags(bytes, &to.into(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    }

    /// Sends one datagram, now or not at all. An error that an earlier datagram left here is taken off and does not count.
    pub(super) fn try_send(&self, to: SocketAddr, bytes: &[u8]) -> Result<(), SendFailure> {
        let mut is_second = false;
        loop {
            let Err(error) = self.send_to(bytes, to) else { return Ok(()) };
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            let failure = SendFailure::of(&error);
            if failure != SendFailure::Unroutable || is_second {
                return Err(failure);
            }
            is_second = true;
        }
    }

    /// Asks for the local address of each datagram received.
    pub(super) fn tell_local_address(&self) -> io::Result<()> {
        if self.local.is_ipv4() {
            self.set_option(libc::IPPROTO_IP, libc::IP_PKTINFO, &1_i32)
        } else {
            self.set_option(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1_i32)
        }
    }

    /// From now on the kernel refuses datagrams longer than the path carries, and lets no router cut them (RFC 8656 §14:
    /// the DF bit).
    pub(super) fn forbid_fragments(&self) -> io::Result<()> {
        self.set_path_mtu_discovery(libc::IP_PMTUDISC_DO, libc::IPV6_PMTUDISC_DO)
    }

    /// The system's default: what is longer than the path is known to carry is cut here.
    pub(super) fn allow_fragments(&self) -> io::Result<()> {
        self.set_path_mtu_discovery(libc::IP_PMTUDISC_WANT, libc::IPV6_PMTUDISC_WANT)
    }

    fn set_path_mtu_discovery(&self, v4: libc::c_int, v6: libc::c_int) -> io::Result<()> {
        if self.local.is_ipv4() {
            self.set_option(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, &v4)
        } else {
            self.set_option(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, &v6)
        }
    }

    pub(super) fn set_option<T>(&self, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
        let bytes = size_of::<T>() as libc::socklen_t;
        // SAFETY: the descriptor is open, and value and length describe one initialised T that outlives the call.
        let result =
            unsafe { libc::setsockopt(self.inner.as_raw_fd(), level, name, (&raw const *value).cast(), bytes) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// What tokio asks for to watch it.
impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}
