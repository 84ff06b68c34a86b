//! TCP listeners: bound, counted, bounded.

mod bind_error;
mod connection_limits;
mod options;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

pub use self::bind_error::BindError;
pub(crate) use self::connection_limits::ConnectionPermit;
pub use self::options::{FrontOptions, TcpOptions};

use self::connection_limits::ConnectionLimits;
use crate::accepted::Arrived;
use crate::rules::LiveRules;
use crate::stats::{FrontSnapshot, FrontStats};
use crate::tls::Tls;

/// A TCP listener with everything that happens before a protocol begins: connection limits, PROXY v2, TLS.
///
/// [`TcpFront::accept`] never waits for a client; what does ([`Arrived::establish`]) belongs in the connection's
/// own task:
///
/// ```no_run
/// # async fn example(front: sangam_net::TcpFront) {
/// loop {
///     let arrived = front.accept().await;
///     tokio::spawn(async move {
///         if let Ok(accepted) = arrived.establish().await {
///             // `accepted.stream` speaks the protocol; `accepted.peer` is the client.
///         }
///     });
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TcpFront {
    listener: TcpListener,
    limits: Arc<ConnectionLimits>,
    shared: Arc<FrontShared>,
    warned_of_exhaustion: Mutex<Option<Instant>>,
}

/// What the connections of one listener share with it.
#[derive(Debug)]
pub(crate) struct FrontShared {
    pub(crate) listener: SocketAddr,
    pub(crate) options: FrontOptions,
    pub(crate) rules: LiveRules,
    pub(crate) tls: Tls,
    pub(crate) stats: Arc<FrontStats>,
}

impl TcpFront {
    /// Opens the listener. An IPv6 address serves IPv6 only; `[::]` beside `0.0.0.0` are two listeners.
    ///
    /// # Errors
    ///
    /// Names the address, the cause and the mend.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(addr: SocketAddr, tls: Tls, options: FrontOptions, rules: LiveRules) -> Result<Self, BindError> {
        let listener = listen(addr, &options.tcp).map_err(|source| BindError::from_io(addr, source))?;
        let bound = listener.local_addr().map_err(|source| BindError::from_io(addr, source))?;
        let stats = Arc::new(FrontStats::default());
        let limits =
            ConnectionLimits::new(options.connections_max, options.connections_per_address_max, Arc::clone(&stats));
        let shared = Arc::new(FrontShared { listener: bound, options, rules, tls, stats });
        Ok(Self { listener, limits, shared, warned_of_exhaustion: Mutex::new(None) })
    }

    /// The address in use; its port is the kernel's choice if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.listener
    }

    /// What it speaks.
    #[must_use]
    pub fn tls(&self) -> &Tls {
        &self.shared.tls
    }

    /// Whether every connection must begin with a PROXY v2 header.
    #[must_use]
    pub fn wants_proxy_header(&self) -> bool {
        self.shared.options.proxy_protocol
    }

    /// The listener's counters; they outlive it.
    #[must_use]
    pub fn stats(&self) -> Arc<FrontStats> {
        Arc::clone(&self.shared.stats)
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> FrontSnapshot {
        self.shared.stats.snapshot()
    }

    /// What it believes and lets in.
    #[must_use]
    pub fn rules(&self) -> &LiveRules {
        &self.shared.rules
    }

    /// The next connection for which there is room. Those for which there is none are closed and counted here.
    ///
    /// Cancel safe. Without file descriptors it waits until a connection of this listener closes, or a moment
    /// (another part of the process may have closed something), never spinning.
    pub async fn accept(&self) -> Arrived {
        let mut backoff = EXHAUSTED_BACKOFF_MIN;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if let Some(arrived) = self.admit(stream, peer) {
                        return arrived;
                    }
                }
                Err(error) if is_exhaustion(&error) => {
                    self.shared.stats.accept_exhausted.add();
                    self.warn_of_exhaustion(&error);
                    // The outcome does not matter: either way it is time to try again.
                    let _elapsed = tokio::time::timeout(backoff, self.limits.freed()).await;
                    backoff = (backoff * 2).min(EXHAUSTED_BACKOFF_MAX);
                }
                Err(error) => {
                    self.shared.stats.accept_errors.add();
                    tracing::debug!(listener = %self.shared.listener, %error, "a connection was gone before it was accepted");
                    // An error that the kernel repeats without making us wait must not starve other tasks.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Tells the operator, but not for every connection that waits.
    fn warn_of_exhaustion(&self, error: &io::Error) {
        let now = Instant::now();
        let mut warned = self.warned_of_exhaustion.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|before| now.duration_since(before) >= EXHAUSTED_WARNING_INTERVAL) {
            *warned = Some(now);
            tracing::warn!(
                listener = %self.shared.listener, %error,
                "connections wait: no file descriptor or memory is left; raise the limit of open files"
            );
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Option<Arrived> {
        self.shared.stats.accepted.add();
        let peer = canonical(peer);
        let mut permit = match self.limits.admit() {
            Ok(permit) => permit,
            Err(reason) => {
                self.shared.refuse(reason, peer);
                return None;
            }
        };
        // A trusted proxy stands for many clients; with PROXY v2 they are counted once the header names them.
        if !self.shared.rules.current().trusted_proxies.contains(peer.ip())
            && let Err(reason) = permit.charge(peer.ip())
        {
            self.shared.refuse(reason, peer);
            return None;
        }
        if let Err(error) = self.shared.options.tcp.apply(&SockRef::from(&stream)) {
            // The kernel refuses options on a socket whose peer has already gone.
            self.shared.stats.accept_errors.add();
            tracing::debug!(%peer, %error, "a connection was gone before it was set up");
            return None;
        }
        Some(Arrived::new(stream, peer, permit, Arc::clone(&self.shared)))
    }
}

impl TcpOptions {
    fn apply(&self, socket: &SockRef<'_>) -> io::Result<()> {
        socket.set_tcp_nodelay(true)?;
        if let Some(idle) = self.keepalive_idle {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(self.keepalive_interval))?;
        }
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(self.unacknowledged_max)?;
        Ok(())
    }
}

/// The first wait when descriptors run out and none of ours comes free; doubles up to the longest.
const EXHAUSTED_BACKOFF_MIN: Duration = Duration::from_millis(20);
/// The longest such wait: a listener is never deaf for longer.
const EXHAUSTED_BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How often the log says so while it lasts; the counter says how often it was.
const EXHAUSTED_WARNING_INTERVAL: Duration = Duration::from_secs(30);

fn listen(addr: SocketAddr, options: &TcpOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the old process's connections to leave TIME-WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// IPv4-mapped IPv6 addresses are the IPv4 address they carry: rules and counters must not see two clients.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests;
