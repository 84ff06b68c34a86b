use std::net::{IpAddr, SocketAddr};

use sangam_mesh_proto::sdp::{self, CandidateHost, CandidateLine, CandidateLineError, Transport};
use sangam_mesh_proto::{Candidate, CandidateKind};
use str0m::Candidate as Ice;
use str0m::net::Protocol;

/// A candidate line of a peer, as far as links can use it.
#[derive(Debug)]
pub(super) enum Line {
    /// An address.
    Address(Box<Ice>, SocketAddr, CandidateKind),
    /// A name in its place (mDNS, draft-ietf-mmusic-mdns-ice-candidates).
    Name(String),
    /// Of a kind that is of no use here: TCP, a second component, a port that is zero. Also the empty line that ends them.
    Ignored,
    /// Not a candidate.
    Malformed,
}

impl Line {
    /// Takes `candidate:…` with and without `a=` before it (RFC 8839 §5.1).
    pub(super) fn parse(text: &str) -> Self {
        if sdp::is_end_marker(text) {
            return Self::Ignored;
        }
        match CandidateLine::parse(text) {
            Ok(line) if line.transport == Transport::Tcp || line.port == 0 => Self::Ignored,
            Ok(line) => Self::of(line),
            Err(CandidateLineError::Component | CandidateLineError::Transport) => Self::Ignored,
            Err(_) => Self::Malformed,
        }
    }

    fn of(line: CandidateLine) -> Self {
        let CandidateLine { foundation, priority, host, port, kind, .. } = line;
        let ip = match host {
            CandidateHost::Address(ip) => ip,
            CandidateHost::Name(name) => return Self::Name(name),
        };
        if ip.is_unspecified() || ip.is_multicast() {
            return Self::Ignored;
        }
        let at = SocketAddr::new(ip, port);
        let ice = Ice::from_parts(foundation, 1, Protocol::Udp, priority, at, ice_kind(kind), None, None, None);
        Self::Address(Box::new(ice), at, kind)
    }
}

/// A candidate of a peer whose line is no longer there: with the priority that its kind has (RFC 8445 §5.1.2.2).
pub(super) fn ice(address: SocketAddr, kind: CandidateKind) -> Ice {
    let preference = match kind {
        CandidateKind::Host => 126,
        CandidateKind::PeerReflexive => 110,
        CandidateKind::ServerReflexive => 100,
        CandidateKind::Relayed => 0,
    };
    let priority = preference << 24 | 0xffff << 8 | 0xff;
    Ice::from_parts("1".into(), 1, Protocol::Udp, priority, address, ice_kind(kind), None, None, None)
}

fn ice_kind(kind: CandidateKind) -> str0m::CandidateKind {
    match kind {
        CandidateKind::Host => str0m::CandidateKind::Host,
        CandidateKind::ServerReflexive => str0m::CandidateKind::ServerReflexive,
        CandidateKind::PeerReflexive => str0m::CandidateKind::PeerReflexive,
        CandidateKind::Relayed => str0m::CandidateKind::Relayed,
    }
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
            Some((name, candidate))
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
    sdp::whole(sdp, &[]).unwrap_or_else(|_| sdp.to_owned())
}
