use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one listener. Connections add to them; the scraper reads them with [`FrontStats::snapshot`].
#[derive(Debug, Default)]
pub struct FrontStats {
    pub(crate) accepted: Counter,
    pub(crate) active: Counter,
    pub(crate) accept_errors: Counter,
    pub(crate) accept_exhausted: Counter,
    pub(crate) refused: [Counter; Refused::ALL.len()],
    pub(crate) tls_ok: Counter,
    pub(crate) tls_failed: Counter,
    pub(crate) tls_timeout: Counter,
    pub(crate) requests: Counter,
    pub(crate) endless: Counter,
    pub(crate) connections_malformed: Counter,
    pub(crate) requests_refused: Counter,
    pub(crate) header_timeouts: Counter,
    pub(crate) idle_closed: Counter,
    pub(crate) lingered: Counter,
    pub(crate) linger_cut: Counter,
    pub(crate) drain_cut: Counter,
}

impl FrontStats {
    /// Reads every counter. The figures are not from one instant: each is exact by itself.
    #[must_use]
    pub fn snapshot(&self) -> FrontSnapshot {
        FrontSnapshot {
            accepted: self.accepted.value(),
            active: self.active.value(),
            accept_errors: self.accept_errors.value(),
            accept_exhausted: self.accept_exhausted.value(),
            refused: Refused::ALL.map(|reason| (reason, self.refused[reason.index()].value())),
            tls_ok: self.tls_ok.value(),
            tls_failed: self.tls_failed.value(),
            tls_timeout: self.tls_timeout.value(),
            requests: self.requests.value(),
            endless: self.endless.value(),
            connections_malformed: self.connections_malformed.value(),
            requests_refused: self.requests_refused.value(),
            header_timeouts: self.header_timeouts.value(),
            idle_closed: self.idle_closed.value(),
            lingered: self.lingered.value(),
            linger_cut: self.linger_cut.value(),
            drain_cut: self.drain_cut.value(),
        }
    }

    pub(crate) fn refuse(&self, reason: Refused) {
        self.refused[reason.index()].add();
    }
}

/// One reading of [`FrontStats`]. All are totals since the listener was bound, except `active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontSnapshot {
    /// Connections taken from the kernel, including those refused right after.
    pub accepted: u64,
    /// Connections open now, upgraded ones included.
    pub active: u64,
    /// Failed accepts that concern one connection only (it was reset before we took it).
    pub accept_errors: u64,
    /// Failed accepts for want of file descriptors or memory; the listener then waits for a connection to close.
    pub accept_exhausted: u64,
    /// Connections closed before their first request, by reason.
    pub refused: [(Refused, u64); Refused::ALL.len()],
    /// TLS handshakes that succeeded.
    pub tls_ok: u64,
    /// TLS handshakes that failed: wrong bytes, no common version or cipher, the client gave up.
    pub tls_failed: u64,
    /// TLS handshakes that took too long.
    pub tls_timeout: u64,
    /// HTTP requests handed to the service.
    pub requests: u64,
    /// Those of them whose [`Endless`](crate::http::Endless) answers the front wrote by itself.
    pub endless: u64,
    /// Connections closed because what they sent is not HTTP or its headers are too large.
    pub connections_malformed: u64,
    /// HTTP requests answered 400 by the front: no Host, several, or one that is no host.
    pub requests_refused: u64,
    /// Connections closed because the headers of their first request did not arrive in time.
    pub header_timeouts: u64,
    /// Connections closed after being idle for too long.
    pub idle_closed: u64,
    /// Connections that were read on while they closed, as their clients were in the midst of a request.
    pub lingered: u64,
    /// Those of them whose clients still sent, or did not close, when [`linger_limit`](crate::http::HttpOptions) ended.
    pub linger_cut: u64,
    /// Connections cut because they outlived the drain limit.
    pub drain_cut: u64,
}

impl FrontSnapshot {
    /// How many connections were refused for `reason`.
    #[must_use]
    pub fn refused(&self, reason: Refused) -> u64 {
        self.refused[reason.index()].1
    }
}

/// Why a connection was closed before it was handed to its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The listener has as many connections as it may.
    TooMany,
    /// This client address has as many connections as it may.
    TooManyFromAddress,
    /// The listener wants PROXY v2 and the peer is no trusted proxy.
    NotAProxy,
    /// The trusted proxy's PROXY v2 header is missing or malformed.
    ProxyHeaderMalformed,
    /// The client sent nothing, or the proxy not its whole header, in time.
    Silent,
    /// Plain text from beyond loopback on a listener that allows it in TLS only.
    PlainText,
    /// This client address begins TLS handshakes too fast.
    HandshakeRate,
}

impl Refused {
    /// Every reason, in the order of [`FrontSnapshot::refused`].
    pub const ALL: [Self; 7] = [
        Self::TooMany,
        Self::TooManyFromAddress,
        Self::NotAProxy,
        Self::ProxyHeaderMalformed,
        Self::Silent,
        Self::PlainText,
        Self::HandshakeRate,
    ];

    /// A short stable name, fit for a metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::TooManyFromAddress => "too_many_from_address",
            Self::NotAProxy => "not_a_proxy",
            Self::ProxyHeaderMalformed => "proxy_header_malformed",
            Self::Silent => "silent",
            Self::PlainText => "plain_text",
            Self::HandshakeRate => "handshake_rate",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// A number that only statistics read: no other memory depends on its order.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_counts_for_itself_under_its_own_name() {
        for reason in Refused::ALL {
            let stats = FrontStats::default();
            stats.refuse(reason);
            let snapshot = stats.snapshot();
            for (other, count) in snapshot.refused {
                assert_eq!(count, u64::from(other == reason), "{other:?} after {reason:?}");
                assert_eq!(other.as_str() == reason.as_str(), other == reason);
            }
            assert_eq!(snapshot.refused(reason), 1);
        }
    }
}
