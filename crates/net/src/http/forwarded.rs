use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use super::Scheme;
use crate::rules::FrontRules;
use crate::trusted_proxies::{ForwardingHeader, TrustedProxies};

/// Proxies a request may have come through; what lies beyond is not looked at. Real chains have two or three.
const HOPS_MAX: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// One proxy's word on who sent it the request, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hop {
    /// `None` if the proxy does not know or does not say.
    addr: Option<SocketAddr>,
    scheme: Option<Scheme>,
}

/// Who sent the request and how, after the trusted proxies were heard.
///
/// Each proxy appends whom it got the request from. So the list is read from its end for as long as whoever wrote
/// the entry is trusted; the first address that is not a trusted proxy's is the client. What stands before it is
/// the client's own invention. From an untrusted `peer` nothing is heard.
pub(super) fn client_of(
    peer: SocketAddr,
    scheme: Scheme,
    headers: &HeaderMap,
    rules: &FrontRules,
) -> (SocketAddr, Scheme) {
    if !rules.trusted_proxies.contains(peer.ip()) {
        return (peer, scheme);
    }
    let hops = match rules.forwarding_header {
        ForwardingHeader::XForwardedFor => x_forwarded_hops(headers),
        ForwardingHeader::Forwarded => forwarded_hops(headers),
    };
    walk(peer, scheme, &hops, &rules.trusted_proxies)
}

/// `hops` begins with the entry that `peer` wrote.
fn walk(peer: SocketAddr, scheme: Scheme, hops: &[Hop], trusted: &TrustedProxies) -> (SocketAddr, Scheme) {
    let (mut client, mut scheme) = (peer, scheme);
    for hop in hops {
        if !trusted.contains(client.ip()) {
            break;
        }
        scheme = hop.scheme.unwrap_or(scheme);
        match hop.addr {
            Some(addr) => client = addr,
            None => break,
        }
    }
    (client, scheme)
}

/// The entries, last first. `X-Forwarded-Proto` belongs to them one by one if there are as many; else its last
/// value, which the nearest proxy wrote, is for all.
fn x_forwarded_hops(headers: &HeaderMap) -> Vec<Hop> {
    let addrs = list_from_end(headers, &X_FORWARDED_FOR);
    let schemes = list_from_end(headers, &X_FORWARDED_PROTO);
    let paired = schemes.len() == addrs.len();
    let scheme_of = |hop: usize| schemes.get(if paired { hop } else { 0 }).and_then(|text| parse_scheme(text));
    if addrs.is_empty() && !schemes.is_empty() {
        return vec![Hop { addr: None, scheme: scheme_of(0) }];
    }
    addrs.iter().enumerate().map(|(hop, text)| Hop { addr: parse_node(text), scheme: scheme_of(hop) }).collect()
}

/// The elements (RFC 7239 §4), last first.
fn forwarded_hops(headers: &HeaderMap) -> Vec<Hop> {
    list_from_end(headers, &http::header::FORWARDED).into_iter().map(parse_element).collect()
}

fn parse_element(element: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in element.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("for") {
            hop.addr = parse_node(value);
        } else if name.trim().eq_ignore_ascii_case("proto") {
            hop.scheme = parse_scheme(value);
        }
    }
    hop
}

/// The members of a list header, over all its lines, last first, at most [`HOPS_MAX`]. A line that is not text is
/// one member that nobody can parse. Commas separate even inside quotes: otherwise a quote that a client opens
/// would swallow what the proxy appends, and no address has a comma.
fn list_from_end<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?"));
    let members: Vec<&str> = lines.flat_map(|line| line.split(',').map(str::trim)).collect();
    members.into_iter().rev().take(HOPS_MAX).collect()
}

/// An address with or without port, in any of the spellings proxies use: `192.0.2.1`, `192.0.2.1:80`,
/// `2001:db8::1`, `[2001:db8::1]`, `"[2001:db8::1]:80"`. Port 0 if there is none.
fn parse_node(text: &str) -> Option<SocketAddr> {
    let text = unquote(text);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let addr = match bare.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, 0),
        Err(_) => text.parse::<SocketAddr>().ok()?,
    };
    Some(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
}

fn parse_scheme(text: &str) -> Option<Scheme> {
    let text = unquote(text);
    if text.eq_ignore_ascii_case("https") || text.eq_ignore_ascii_case("wss") {
        Some(Scheme::Https)
    } else if text.eq_ignore_ascii_case("http") || text.eq_ignore_ascii_case("ws") {
        Some(Scheme::Http)
    } else {
        None
    }
}

fn unquote(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests;
