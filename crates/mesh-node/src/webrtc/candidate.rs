use std::net::{IpAddr, SocketAddr};

use sangam_mesh_proto::{Candidate, CandidateKind};
use str0m::Candidate as Ice;
use str0m::net::Protocol;

/// A candidate line of a peer, as far as links can use it.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// An address.
    Address(Box<Ice>, SocketAddr, CandidateKind),
    /// A name in its place (mDNS, draft-ietf-mmusic-mdns-ice-candidates).
    Name(&'a str),
    /// Of a kind that is of no use here: TCP, a second component, a port that is zero. Also the empty line that ends them.
    Ignored,
    /// Not a candidate.
    Malformed,
}

impl<'a> Line<'a> {
    /// Takes `candidate:…` with and without `a=` before it (RFC 8839 §5.1). Fields after the kind are not needed.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").unwrap_or(text);
        if text.is_empty() || text == "end-of-candidates" {
            return Self::Ignored;
        }
        Self::fields(text).unwrap_or(Self::Malformed)
    }

    fn fields(text: &'a str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        let foundation = fields.next()?;
        let component: u32 = fields.next()?.parse().ok()?;
        let transport = fields.next()?;
        let priority: u32 = fields.next()?.parse().ok()?;
        let address = fields.next()?;
        let port: u16 = fields.next()?.parse().ok()?;
        if !fields.next()?.eq_ignore_ascii_case("typ") {
            return None;
        }
        let (kind, ice_kind) = kind(fields.next()?)?;
        if component != 1 || !transport.eq_ignore_ascii_case("udp") || port == 0 || foundation.len() > 64 {
            return Some(Self::Ignored);
        }
        let Ok(ip) = address.parse::<IpAddr>() else {
            return Some(if is_local_name(address) { Self::Name(address) } else { Self::Malformed });
        };
        if ip.is_unspecified() || ip.is_multicast() {
            return Some(Self::Ignored);
        }
        let at = SocketAddr::new(ip, port);
        let ice = Ice::from_parts(foundation.to_owned(), 1, Protocol::Udp, priority, at, ice_kind, None, None, None);
        Some(Self::Address(Box::new(ice), at, kind))
    }
}

/// A candidate of a peer whose line is no longer there: with the priority that its kind has (RFC 8445 §5.1.2.2).
pub(super) fn ice(address: SocketAddr, kind: CandidateKind) -> Ice {
    let (preference, kind) = match kind {
        CandidateKind::Host => (126, str0m::CandidateKind::Host),
        CandidateKind::PeerReflexive => (110, str0m::CandidateKind::PeerReflexive),
        CandidateKind::ServerReflexive => (100, str0m::CandidateKind::ServerReflexive),
        CandidateKind::Relayed => (0, str0m::CandidateKind::Relayed),
    };
    let priority = preference << 24 | 0xffff << 8 | 0xff;
    Ice::from_parts("1".into(), 1, Protocol::Udp, priority, address, kind, None, None, None)
}

fn kind(word: &str) -> Option<(CandidateKind, str0m::CandidateKind)> {
    Some(match word {
        "host" => (CandidateKind::Host, str0m::CandidateKind::Host),
        "srflx" => (CandidateKind::ServerReflexive, str0m::CandidateKind::ServerReflexive),
        "prflx" => (CandidateKind::PeerReflexive, str0m::CandidateKind::PeerReflexive),
        "relay" => (CandidateKind::Relayed, str0m::CandidateKind::Relayed),
        _ => return None,
    })
}

fn is_local_name(address: &str) -> bool {
    let bytes = address.as_bytes();
    let end = bytes.len().saturating_sub(".local".len());
    bytes.len() <= 255 && end > 0 && bytes[end..].eq_ignore_ascii_case(b".local")
}

/// The candidates of a description that hold a `.local` name, each with that name. Links leave them out: they are to be
/// resolved, and added by [`with_address`] and [`super::Links::add_remote`]. At most 32.
#[must_use]
pub fn names_in(sdp: &str) -> Vec<(String, Candidate)> {
    let lines = sdp.lines().filter_map(|line| line.trim().strip_prefix("a="));
    let lines = lines.filter(|line| line.starts_with("candidate:"));
    let named = lines.filter_map(|line| match Line::parse(line) {
        Line::Name(name) => {
            let candidate = Candidate { line: line.to_owned(), mid: None, line_index: None, ufrag: None };
            Some((name.to_owned(), candidate))
        }
        Line::Address(..) | Line::Ignored | Line::Malformed => None,
    });
    named.take(32).collect()
}

/// The same candidate with the address its name stands for.
#[must_use]
pub fn with_address(candidate: &Candidate, ip: IpAddr) -> Candidate {
    let mut fields: Vec<String> = candidate.line.split_ascii_whitespace().map(str::to_owned).collect();
    if let Some(address) = fields.get_mut(4) {
        *address = ip.to_string();
    }
    Candidate { line: fields.join(" "), ..candidate.clone() }
}

/// The description, told to be whole: no candidate follows it (RFC 8838 §8.2).
#[must_use]
pub fn with_end_of_candidates(sdp: &str) -> String {
    const END: &str = "a=end-of-candidates\r\n";
    if sdp.contains(END) {
        return sdp.to_owned();
    }
    let mut whole = sdp.to_owned();
    whole.push_str(END);
    whole
}
