//! `[http]`: the main HTTP listener, and what holds for every TCP listener.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::{Check, tls::TlsMode};
use crate::values::{ByteSize, HumanDuration, ListenAddr, Network};

/// The main HTTP listener, and what holds for every TCP listener.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where the main HTTP listens: pages, health, metrics, `/ws`, `/ice-servers`, sync.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Whether the main HTTP speaks TLS: `off`, `on`, or `auto` (the first byte decides). Not set: `auto` if there is a
    /// certificate, else `off`.
    #[schemars(extend("x-reload" = "restart"))]
    pub tls: Option<TlsMode>,
    /// Whether a listener with `tls = "auto"` also serves plain text beyond loopback.
    #[schemars(extend("x-reload" = "live"))]
    pub allow_plain: bool,
    /// Whether every connection to the main HTTP begins with a PROXY v2 header. It is believed only from
    /// `http.trusted_proxies`.
    #[schemars(extend("x-reload" = "restart"))]
    pub proxy_protocol: bool,
    /// Reverse proxies whose forwarding headers give the client's address and scheme.
    #[schemars(extend("x-reload" = "live"))]
    pub trusted_proxies: Vec<Network>,
    /// The one forwarding header that the trusted proxies write; the other is not read.
    #[schemars(extend("x-reload" = "live"))]
    pub forwarding_header: ForwardingHeader,
    /// Web origins besides our own that may open WebSockets and read answers: `https://app.example.org`; `*` for any.
    #[schemars(extend("x-reload" = "live"))]
    pub origins: Vec<String>,
    /// Open connections of one listener; the next is closed at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub connections_max: usize,
    /// Open connections of one listener from one client address (IPv6: one /64).
    #[schemars(extend("x-reload" = "restart"))]
    pub connections_per_address_max: usize,
    /// How long a client may take to send its first byte, and a proxy its PROXY v2 header.
    #[schemars(extend("x-reload" = "restart"))]
    pub first_byte_timeout: HumanDuration,
    /// How long a new connection may take until the headers of its first request are whole.
    #[schemars(extend("x-reload" = "restart"))]
    pub header_timeout: HumanDuration,
    /// How long a connection may stay open with no request under way.
    #[schemars(extend("x-reload" = "restart"))]
    pub idle_timeout: HumanDuration,
    /// The most bytes of a request's line and headers together.
    #[schemars(extend("x-reload" = "restart"))]
    pub header_bytes_max: ByteSize,
    /// The most header lines of an HTTP/1 request.
    #[schemars(extend("x-reload" = "restart"))]
    pub header_count_max: usize,
    /// Requests under way at once on one HTTP/2 connection.
    #[schemars(extend("x-reload" = "restart"))]
    pub h2_streams_max: u32,
    /// How long a connection that is closed while its client is in the midst of a request (a body that is refused unread,
    /// headers that are too large) goes on reading and throwing away, so that the answer arrives. 0: not at all.
    #[schemars(extend("x-reload" = "restart"))]
    pub linger_limit: HumanDuration,
    /// How long requests under way may take to finish once a stop begins.
    #[schemars(extend("x-reload" = "restart"))]
    pub drain_limit: HumanDuration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddr::loopback(8_080)],
            tls: None,
            allow_plain: false,
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            forwarding_header: ForwardingHeader::XForwardedFor,
            origins: Vec::new(),
            connections_max: 16_384,
            connections_per_address_max: 1_024,
            first_byte_timeout: HumanDuration::from_secs(10),
            header_timeout: HumanDuration::from_secs(10),
            idle_timeout: HumanDuration::from_secs(75),
            header_bytes_max: ByteSize::from_kib(16),
            header_count_max: 100,
            h2_streams_max: 128,
            linger_limit: HumanDuration::from_secs(2),
            drain_limit: HumanDuration::from_secs(5),
        }
    }
}

impl Http {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.require(!self.listen.is_empty(), "listen", "the list is empty; write at least one address");
        for origin in &self.origins {
            check.require(
                is_origin(origin),
                "origins",
                format!("`{origin}` is not a web origin; write scheme and host without a path, such as \"https://app.example.org\""),
            );
        }
        check.within("connections_max", self.connections_max, 1, 1_000_000);
        check.within("connections_per_address_max", self.connections_per_address_max, 1, 1_000_000);
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("first_byte_timeout", self.first_byte_timeout, second, hour);
        check.within("header_timeout", self.header_timeout, second, hour);
        check.within("idle_timeout", self.idle_timeout, second, hour);
        check.within("header_bytes_max", self.header_bytes_max, ByteSize::from_kib(8), ByteSize::from_kib(1_024));
        check.within("header_count_max", self.header_count_max, 16, 1_000);
        check.within("h2_streams_max", self.h2_streams_max, 1, 10_000);
        check.within("linger_limit", self.linger_limit, HumanDuration::from_secs(0), HumanDuration::from_secs(60));
    }
}

/// Whether `text` has the shape of a web origin (RFC 6454 §6.2), or allows all of them.
pub(crate) fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map(|(_, host)| host);
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host));
    text == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}

/// A header in which a proxy says whom it speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` and `X-Forwarded-Host`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_scheme_and_host_and_nothing_else() {
        for (text, expected) in [
            ("https://app.example.org", true),
            ("http://localhost:3000", true),
            ("*", true),
            ("app.example.org", false),
            ("https://app.example.org/", true),
            ("capacitor://localhost", true),
            ("https://app.example.org/page", false),
            ("https://", false),
            ("null", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text}");
        }
    }
}
