//! What the answers of STUN servers tell of the NATs between, and which pairs of NATs can be linked without a relay.

use std::net::SocketAddr;

use serde::Serialize;

/// On what a mapping or a filter depends (RFC 4787 §4.1 and §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependence {
    /// On nothing outside.
    EndpointIndependent,
    /// On the address outside.
    AddressDependent,
    /// On the address and the port outside.
    AddressAndPortDependent,
}

/// What lies between this host and the internet, for UDP, in the words of RFC 3489 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NatKind {
    /// The host's own address is seen outside, and anybody may send to it.
    Open,
    /// The host's own address is seen outside, and a firewall lets in answers alone.
    Firewall,
    /// One mapping for all, and anybody may send to it.
    FullCone,
    /// One mapping for all; whoever was sent to may send to it, from any port.
    AddressRestricted,
    /// One mapping for all; only what was sent to, address and port, may send to it.
    PortRestricted,
    /// One mapping for all; whom it lets in was not found out.
    Cone,
    /// Another mapping for each address, or address and port, that is sent to.
    Symmetric,
    /// UDP passes; no more was found out.
    Unknown,
    /// No UDP passes.
    UdpBlocked,
}

/// Where a socket was seen from: the server's address, and the socket's as seen there.
pub(super) type Seen = (SocketAddr, SocketAddr);

/// Whether answers came that were asked for from elsewhere; `None`: it was not tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// From another address and another port (RFC 5780 §4.4, test II).
    pub(super) other_address: Option<bool>,
    /// From another port of the same address (test III).
    pub(super) other_port: Option<bool>,
}

/// How mappings depend on whom is sent to, if one socket was seen from addresses enough to tell (RFC 5780 §4.3).
pub(super) fn mapping(seen: &[Seen]) -> Option<Dependence> {
    let pairs =
        || seen.iter().enumerate().flat_map(|(at, one)| seen.iter().skip(at + 1).map(move |other| (one, other)));
    let is_same_host = |one: &Seen, other: &Seen| one.0.ip() == other.0.ip();
    let by_port = pairs().filter(|(one, other)| is_same_host(one, other) && one.0 != other.0);
    let moved_by_port: Vec<bool> = by_port.map(|(one, other)| one.1 != other.1).collect();
    if moved_by_port.contains(&true) {
        return Some(Dependence::AddressAndPortDependent);
    }
    let by_address = pairs().filter(|(one, other)| !is_same_host(one, other));
    let moved_by_address: Vec<bool> = by_address.map(|(one, other)| one.1 != other.1).collect();
    match (moved_by_address.contains(&true), moved_by_address.is_empty()) {
        // Without two ports of one address to compare, the worse is assumed: so it is nearly always.
        (true, _) if moved_by_port.is_empty() => Some(Dependence::AddressAndPortDependent),
        (true, _) => Some(Dependence::AddressDependent),
        (false, true) => None,
        (false, false) => Some(Dependence::EndpointIndependent),
    }
}

/// Whom a filter lets in, if enough was tested to tell (RFC 5780 §4.4).
pub(super) fn filtering(heard: Heard) -> Option<Dependence> {
    match (heard.other_address, heard.other_port) {
        (Some(true), _) => Some(Dependence::EndpointIndependent),
        (Some(false), Some(true)) => Some(Dependence::AddressDependent),
        (_, Some(false)) => Some(Dependence::AddressAndPortDependent),
        (None, Some(true)) | (_, None) => None,
    }
}

impl NatKind {
    /// Every kind that a peer may be behind, the easiest to reach first.
    pub const OF_PEERS: [Self; 6] =
        [Self::Open, Self::FullCone, Self::AddressRestricted, Self::PortRestricted, Self::Symmetric, Self::UdpBlocked];

    pub(super) fn of(is_own_address: bool, mapping: Option<Dependence>, filtering: Option<Dependence>) -> Self {
        use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
        match (is_own_address, mapping, filtering) {
            (true, _, Some(AddressDependent | AddressAndPortDependent)) => Self::Firewall,
            (true, _, Some(EndpointIndependent) | None) => Self::Open,
            (false, Some(AddressDependent | AddressAndPortDependent), _) => Self::Symmetric,
            (false, Some(EndpointIndependent), Some(EndpointIndependent)) => Self::FullCone,
            (false, Some(EndpointIndependent), Some(AddressDependent)) => Self::AddressRestricted,
            (false, Some(EndpointIndependent), Some(AddressAndPortDependent)) => Self::PortRestricted,
            (false, Some(EndpointIndependent), None) => Self::Cone,
            (false, None, _) => Self::Unknown,
        }
    }

    /// As it is said.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "no NAT",
            Self::Firewall => "no NAT, a firewall that lets in answers alone",
            Self::FullCone => "full-cone NAT",
            Self::AddressRestricted => "address-restricted NAT",
            Self::PortRestricted => "port-restricted NAT",
            Self::Cone => "NAT with one mapping for all, whose filter was not tested",
            Self::Symmetric => "symmetric NAT",
            Self::Unknown => "a NAT whose kind was not found out",
            Self::UdpBlocked => "UDP blocked",
        }
    }

    /// Whether its mapping moves with whom is sent to. What is not known is taken for the worse.
    const fn moves(self) -> bool {
        matches!(self, Self::Symmetric | Self::Unknown)
    }

    /// Whether it lets in nothing but what comes from an address and port that was sent to. What is not known is taken
    /// for the worse.
    const fn is_strict(self) -> bool {
        matches!(self, Self::Firewall | Self::PortRestricted | Self::Cone | Self::Symmetric | Self::Unknown)
    }

    /// Whether UDP can pass between hosts behind these two without a relay, if both are told of each other (RFC 5128 §3.3).
    ///
    /// It cannot where UDP is blocked, nor where one has another mapping for each peer while the other lets in only the
    /// address and port that it has sent to: that port cannot be known.
    #[must_use]
    pub const fn links_directly_with(self, other: Self) -> bool {
        let has_udp = !matches!(self, Self::UdpBlocked) && !matches!(other, Self::UdpBlocked);
        has_udp && !(self.moves() && other.is_strict()) && !(other.moves() && self.is_strict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[(&str, &str)]) -> Vec<Seen> {
        rows.iter().map(|(server, mapped)| (server.parse().unwrap(), mapped.parse().unwrap())).collect()
    }

    #[test]
    fn a_mapping_is_told_by_where_it_moves() {
        use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
        let (one, two, other) = ("20.0.0.1:3478", "20.0.0.1:3479", "20.0.0.2:3478");
        let (a, b, c) = ("20.1.1.1:5", "20.1.1.1:6", "20.1.1.1:7");
        let check = |rows: &[(&str, &str)], expected| assert_eq!(mapping(&seen(rows)), expected, "{rows:?}");
        check(&[], None);
        check(&[(one, a)], None);
        check(&[(one, a), (two, a)], None);
        check(&[(one, a), (other, a)], Some(EndpointIndependent));
        check(&[(one, a), (two, b)], Some(AddressAndPortDependent));
        check(&[(one, a), (two, a), (other, b)], Some(AddressDependent));
        check(&[(one, a), (other, b)], Some(AddressAndPortDependent));
        check(&[(one, a), (two, b), (other, c)], Some(AddressAndPortDependent));
    }

    #[test]
    fn a_filter_is_told_by_what_it_lets_in_and_not_guessed() {
        let filter = |other_address, other_port| filtering(Heard { other_address, other_port });
        assert_eq!(filter(Some(true), Some(true)), Some(Dependence::EndpointIndependent));
        assert_eq!(filter(Some(false), Some(true)), Some(Dependence::AddressDependent));
        assert_eq!(filter(Some(false), Some(false)), Some(Dependence::AddressAndPortDependent));
        assert_eq!(filter(None, Some(false)), Some(Dependence::AddressAndPortDependent));
        assert_eq!((filter(None, None), filter(None, Some(true)), filter(Some(false), None)), (None, None, None));
    }

    #[test]
    fn pairs_without_a_direct_way_are_those_with_a_port_that_cannot_be_known() {
        let mut hopeless = Vec::new();
        for (at, one) in NatKind::OF_PEERS.into_iter().enumerate() {
            for other in NatKind::OF_PEERS.into_iter().skip(at) {
                assert_eq!(one.links_directly_with(other), other.links_directly_with(one));
                if !one.links_directly_with(other) && other != NatKind::UdpBlocked {
                    hopeless.push((one, other));
                }
            }
            assert!(!one.links_directly_with(NatKind::UdpBlocked));
        }
        use NatKind::{PortRestricted, Symmetric};
        assert_eq!(hopeless, [(PortRestricted, Symmetric), (Symmetric, Symmetric)]);
    }

    #[test]
    fn an_unknown_filter_counts_as_a_strict_one() {
        assert_eq!(NatKind::of(false, Some(Dependence::EndpointIndependent), None), NatKind::Cone);
        assert!(!NatKind::Cone.links_directly_with(NatKind::Symmetric));
        assert!(NatKind::Cone.links_directly_with(NatKind::PortRestricted));
        assert_eq!(NatKind::of(true, None, None), NatKind::Open);
    }
}
