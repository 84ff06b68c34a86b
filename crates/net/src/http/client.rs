use std::net::SocketAddr;

/// The scheme the client used, after trusted proxies were heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP or WebSocket.
    Http,
    /// HTTP or WebSocket inside TLS.
    Https,
}

/// What is known of who sent a request. The HTTP front puts one into the extensions of every request;
/// limits, logs and access rules use this and nothing else.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client's address: the peer of the connection, unless PROXY v2 or a forwarding header of a
    /// configured trusted proxy names another.
    pub addr: SocketAddr,
    /// The local address the connection was accepted on.
    pub local: SocketAddr,
    /// How the client speaks to us (or to the trusted proxy before us).
    pub scheme: Scheme,
    /// Whether the request may be treated as the operator's own: listener and peer are loopback, Host is a
    /// loopback name, nothing shows a proxy (no forwarding header, no PROXY v2, no trusted proxy, no HTTP/1.0), and
    /// Origin is absent, same-origin or listed.
    pub trusted_loopback: bool,
    /// Whether Origin is absent, same-origin or listed. WebSocket upgrades are refused without it.
    pub origin_allowed: bool,
}
