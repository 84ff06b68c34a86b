use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, Version, header};

use super::Scheme;
use super::host::Host;
use super::origin::{AllowedOrigins, WebOrigin};

/// What is known of a request when it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestFacts<'a> {
    /// The address the listener is bound to.
    pub(super) listener: SocketAddr,
    /// The other end of the connection, before any forwarding header was heard.
    pub(super) peer: SocketAddr,
    /// Whether the connection came by PROXY v2 or the peer is a trusted proxy: then others may stand behind it.
    pub(super) proxied: bool,
    /// How the client speaks to us, after trusted proxies were heard.
    pub(super) scheme: Scheme,
    pub(super) version: Version,
    /// Host or `:authority`; `None` if the request names none.
    pub(super) host: Option<Host<'a>>,
    pub(super) headers: &'a HeaderMap,
}

/// What a request may be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    /// See [`Client::trusted_loopback`](super::Client::trusted_loopback).
    pub(super) trusted_loopback: bool,
    /// See [`Client::origin_allowed`](super::Client::origin_allowed).
    pub(super) origin_allowed: bool,
}

/// Where a request says its page comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OriginKind {
    /// No page sent it, or one that asked for a resource of its own site without saying so.
    Absent,
    /// Ours: scheme, host and port are those of the request.
    Same,
    /// Listed by name in the rules.
    Listed,
    /// Any other, `null` and several at once included.
    Other,
}

/// Judges a request. It is the operator's own only if nobody else can have caused it: not a host beyond this one
/// (listener, peer), not a page that had its name point here (Host), not a page of another site (Origin), not
/// a reverse proxy on this host, said (forwarding headers) or unsaid (HTTP/1.0, which proxies speak by default and
/// browsers never).
pub(super) fn judge(facts: &RequestFacts<'_>, allowed: &AllowedOrigins) -> Trust {
    let origin = origin_kind(facts, allowed);
    let origin_trusted = match origin {
        OriginKind::Absent | OriginKind::Same | OriginKind::Listed => true,
        OriginKind::Other => false,
    };
    let trusted_loopback = facts.listener.ip().is_loopback()
        && facts.peer.ip().is_loopback()
        && !facts.proxied
        && facts.version > Version::HTTP_10
        && facts.host.is_some_and(|host| host.is_loopback())
        && !facts.headers.keys().any(is_forwarding)
        && origin_trusted;
    Trust { trusted_loopback, origin_allowed: origin_trusted || allowed.any() }
}

fn origin_kind(facts: &RequestFacts<'_>, allowed: &AllowedOrigins) -> OriginKind {
    let mut lines = facts.headers.get_all(header::ORIGIN).iter();
    let Some(line) = lines.next() else { return OriginKind::Absent };
    let parsed = line.to_str().ok().and_then(|text| WebOrigin::parse(text).ok());
    let (Some(origin), None) = (parsed, lines.next()) else { return OriginKind::Other };
    if facts.host.is_some_and(|host| origin.is_same(facts.scheme, host)) {
        OriginKind::Same
    } else if allowed.lists(&origin) {
        OriginKind::Listed
    } else {
        OriginKind::Other
    }
}

/// Whether a header shows that somebody passed the request on.
fn is_forwarding(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-") || FORWARDING_HEADERS.contains(&name)
}

/// Besides all of `x-forwarded-*`: the standards' headers and those of widespread proxies and tunnels.
const FORWARDING_HEADERS: [&str; 12] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-forwarded",
    "forwarded-for",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "true-client-ip",
    "cf-connecting-ip",
    "cdn-loop",
];

#[cfg(test)]
mod tests;
