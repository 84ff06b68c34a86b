use std::io;
use std::net::SocketAddr;

/// Why a UDP address could not be bound. One sentence for an operator; the system's own words are the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// `EADDRINUSE`
    #[error("UDP {addr} is in use: stop what listens there or choose another port")]
    InUse {
        /// What was to be bound.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// `EACCES`, `EPERM`: a port below 1024 without the privilege.
    #[error("UDP {addr} may not be bound: choose a port of 1024 or above, or grant CAP_NET_BIND_SERVICE")]
    NotPermitted {
        /// What was to be bound.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// `EADDRNOTAVAIL`, `EAFNOSUPPORT`: an address this host does not have.
    #[error("UDP {addr} cannot be bound because this host has no such address: choose one of its own, or a wildcard")]
    NotAvailable {
        /// What was to be bound.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// `EMFILE`, `ENFILE`: no descriptor left.
    #[error("UDP {addr} cannot be bound because no file descriptor is left: raise the limit (ulimit -n)")]
    NoDescriptorLeft {
        /// What was to be bound.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// Anything else.
    #[error("UDP {addr} cannot be bound")]
    System {
        /// What was to be bound.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

impl BindError {
    pub(super) fn new(addr: SocketAddr, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EADDRINUSE) => Self::InUse { addr, source },
            Some(libc::EACCES | libc::EPERM) => Self::NotPermitted { addr, source },
            Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT) => Self::NotAvailable { addr, source },
            Some(libc::EMFILE | libc::ENFILE) => Self::NoDescriptorLeft { addr, source },
            _ => Self::System { addr, source },
        }
    }
}
