use std::io;
use std::net::SocketAddr;

/// Why a listener cannot be opened. Each message names the address, the cause and the mend in one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another socket listens there.
    #[error("cannot listen on {addr}: the port is in use; stop the program that uses it or choose another port")]
    AddressInUse {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The process may not bind this port.
    #[error(
        "cannot listen on {addr}: permission denied; choose a port from 1024 up or grant the program CAP_NET_BIND_SERVICE"
    )]
    PermissionDenied {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// No interface of this host has the address.
    #[error("cannot listen on {addr}: this host has no such address; use one that `ip addr` shows, or 0.0.0.0 or [::]")]
    NotAvailable {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The host has no IPv6 (or no IPv4).
    #[error("cannot listen on {addr}: this host does not support that address family; remove the address")]
    FamilyUnsupported {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The process has as many open files as it may.
    #[error("cannot listen on {addr}: no file descriptor is left; raise the limit of open files (`ulimit -n`)")]
    NoDescriptors {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// Anything else the kernel says.
    #[error(
        "cannot listen on {addr}: the operating system refused the socket; see the cause and choose another address"
    )]
    Other {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
}

impl BindError {
    /// Names the cause of a failed socket call for `addr`.
    #[must_use]
    pub fn from_io(addr: SocketAddr, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EADDRINUSE) => Self::AddressInUse { addr },
            Some(libc::EACCES | libc::EPERM) => Self::PermissionDenied { addr },
            Some(libc::EADDRNOTAVAIL) => Self::NotAvailable { addr },
            Some(libc::EAFNOSUPPORT) => Self::FamilyUnsupported { addr },
            Some(libc::EMFILE | libc::ENFILE) => Self::NoDescriptors { addr },
            _ => Self::Other { addr, source },
        }
    }

    /// The address that could not be bound.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        match self {
            Self::AddressInUse { addr }
            | Self::PermissionDenied { addr }
            | Self::NotAvailable { addr }
            | Self::FamilyUnsupported { addr }
            | Self::NoDescriptors { addr }
            | Self::Other { addr, .. } => *addr,
        }
    }
}
