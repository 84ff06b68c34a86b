use std::time::Duration;

/// How one listener treats its connections before their protocol begins.
#[derive(Clone, Debug)]
pub struct FrontOptions {
    /// Socket options.
    pub tcp: TcpOptions,
    /// Whether every connection must come from a trusted proxy and begin with a PROXY v2 header.
    pub proxy_protocol: bool,
    /// Connections held at once, upgraded ones included; more are closed.
    pub connections_max: usize,
    /// Connections held at once by one client address (IPv6: one /64). Trusted proxies are exempt; the clients a
    /// PROXY v2 header names are not.
    pub connections_per_address_max: usize,
    /// How long a client may take to send its first byte, and a proxy its PROXY v2 header. Browsers open
    /// connections ahead of need, so not too short.
    pub first_byte_timeout: Duration,
}

impl Default for FrontOptions {
    fn default() -> Self {
        Self {
            tcp: TcpOptions::default(),
            proxy_protocol: false,
            connections_max: 16_384,
            connections_per_address_max: 1_024,
            first_byte_timeout: Duration::from_secs(10),
        }
    }
}

/// Socket options of a listener and its connections.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    /// Connections the kernel completes ahead of us. It caps this at `net.core.somaxconn`.
    pub backlog: u32,
    /// How long a connection may be silent before the kernel asks whether the peer is still there; `None`: never.
    pub keepalive_idle: Option<Duration>,
    /// The time between such questions.
    pub keepalive_interval: Duration,
    /// How long sent data may stay unacknowledged, or a peer's window closed, before the kernel ends the
    /// connection (RFC 5482); `None`: the kernel's own patience, about 15 minutes. Linux only.
    pub unacknowledged_max: Option<Duration>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            backlog: 4_096,
            keepalive_idle: Some(Duration::from_secs(60)),
            keepalive_interval: Duration::from_secs(15),
            unacknowledged_max: Some(Duration::from_secs(60)),
        }
    }
}
