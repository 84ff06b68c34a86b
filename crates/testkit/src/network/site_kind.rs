use std::fmt;
use std::str::FromStr;

use anyhow::{Error, bail};

/// The ways in which a machine is joined to the internet, as far as they decide who can reach whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteKind {
    /// A public address, nothing in between.
    Public,
    /// Behind [`Nat::FullCone`](super::Nat::FullCone).
    FullCone,
    /// Behind [`Nat::AddressRestricted`](super::Nat::AddressRestricted).
    AddressRestricted,
    /// Behind [`Nat::PortRestricted`](super::Nat::PortRestricted).
    PortRestricted,
    /// Behind [`Nat::Symmetric`](super::Nat::Symmetric).
    Symmetric,
    /// A port-restricted NAT at home behind the port-restricted one of a carrier (RFC 6598 addresses between them).
    Cgnat,
    /// A port-restricted NAT at home behind the symmetric one of a carrier.
    CgnatSymmetric,
    /// A port-restricted NAT that lets out TCP to ports 80, 443, 3478 and 5349 alone.
    UdpBlocked,
    /// A port-restricted NAT that lets out TCP to port 443 alone.
    WebOnly,
    /// A public address of IPv6, and none of IPv4.
    Ipv6Only,
}

/// On what a mapping or a filter depends (RFC 4787 sections 4.1 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// On no address outside.
    EndpointIndependent,
    /// On the address outside.
    AddressDependent,
    /// On the address and the port outside.
    AddressAndPortDependent,
}

impl SiteKind {
    /// Every kind, the easiest to reach first.
    pub const ALL: [Self; 10] = [
        Self::Public,
        Self::FullCone,
        Self::AddressRestricted,
        Self::PortRestricted,
        Self::Symmetric,
        Self::Cgnat,
        Self::CgnatSymmetric,
        Self::UdpBlocked,
        Self::WebOnly,
        Self::Ipv6Only,
    ];

    /// One word for tables and command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::FullCone => "cone",
            Self::AddressRestricted => "addr",
            Self::PortRestricted => "port",
            Self::Symmetric => "sym",
            Self::Cgnat => "cgnat",
            Self::CgnatSymmetric => "cgnatsym",
            Self::UdpBlocked => "noudp",
            Self::WebOnly => "web",
            Self::Ipv6Only => "v6",
        }
    }

    /// How its public address and port come about; none where no UDP passes.
    #[must_use]
    pub const fn mapping(self) -> Option<Dependence> {
        match self {
            Self::Public
            | Self::FullCone
            | Self::AddressRestricted
            | Self::PortRestricted
            | Self::Cgnat
            | Self::Ipv6Only => Some(Dependence::EndpointIndependent),
            Self::Symmetric | Self::CgnatSymmetric => Some(Dependence::AddressAndPortDependent),
            Self::UdpBlocked | Self::WebOnly => None,
        }
    }

    /// Whose packets it lets in; none where no UDP passes.
    #[must_use]
    pub const fn filtering(self) -> Option<Dependence> {
        match self {
            Self::Public | Self::FullCone | Self::Ipv6Only => Some(Dependence::EndpointIndependent),
            Self::AddressRestricted => Some(Dependence::AddressDependent),
            Self::PortRestricted | Self::Symmetric | Self::Cgnat | Self::CgnatSymmetric => {
                Some(Dependence::AddressAndPortDependent)
            }
            Self::UdpBlocked | Self::WebOnly => None,
        }
    }

    /// Why no UDP can pass between two machines, each at a site of its own, however they punch holes; none if it can.
    ///
    /// A hole is punched if one of the two can guess the address the other sends from, or needs no guess because the
    /// other's filter lets in whatever comes from its address: it cannot between two mappings that depend on address and
    /// port, nor between such a one and a filter by address and port.
    #[must_use]
    pub fn direct_obstacle(self, other: Self) -> Option<&'static str> {
        let (Some(mine), Some(theirs)) = (self.mapping(), other.mapping()) else { return Some("UDP does not get out") };
        if (self == Self::Ipv6Only) != (other == Self::Ipv6Only) {
            return Some("no address family in common");
        }
        let moves = |mapping| mapping == Dependence::AddressAndPortDependent;
        let is_strict = |kind: Self| kind.filtering() == Some(Dependence::AddressAndPortDependent);
        let is_hopeless = (moves(mine) && is_strict(other)) || (moves(theirs) && is_strict(self));
        is_hopeless.then_some("the port to send to cannot be known")
    }

    /// Whether UDP can pass between two machines, each at a site of its own: the oracle for "relayed only when needed".
    #[must_use]
    pub fn is_direct_possible(self, other: Self) -> bool {
        self.direct_obstacle(other).is_none()
    }
}

impl fmt::Display for SiteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SiteKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some(kind) = Self::ALL.into_iter().find(|kind| kind.name() == text) else {
            let names = Self::ALL.map(Self::name).join(", ");
            bail!("no kind of site is called `{text}`; there are {names}");
        };
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_ways_are_missing_between_the_pairs_known_for_it_and_no_others() {
        let mut hopeless = Vec::new();
        let with_udp = SiteKind::ALL.iter().filter(|kind| kind.mapping().is_some() && **kind != SiteKind::Ipv6Only);
        let with_udp: Vec<SiteKind> = with_udp.copied().collect();
        for (at, &one) in with_udp.iter().enumerate() {
            for &other in &with_udp[at..] {
                assert_eq!(one.is_direct_possible(other), other.is_direct_possible(one));
                if !one.is_direct_possible(other) {
                    hopeless.push(format!("{one}-{other}"));
                }
            }
        }
        let known = [
            "port-sym",
            "port-cgnatsym",
            "sym-sym",
            "sym-cgnat",
            "sym-cgnatsym",
            "cgnat-cgnatsym",
            "cgnatsym-cgnatsym",
        ];
        assert_eq!(hopeless, known);
    }

    #[test]
    fn a_site_without_udp_or_without_a_common_family_has_no_direct_way() {
        for kind in SiteKind::ALL {
            assert!(!kind.is_direct_possible(SiteKind::UdpBlocked) && !SiteKind::WebOnly.is_direct_possible(kind));
            assert_eq!(kind.is_direct_possible(SiteKind::Ipv6Only), kind == SiteKind::Ipv6Only, "{kind}");
        }
    }

    #[test]
    fn a_kind_is_known_by_its_name_and_an_unknown_one_lists_them() {
        for kind in SiteKind::ALL {
            assert_eq!(kind.name().parse::<SiteKind>().unwrap(), kind);
        }
        let error = "none".parse::<SiteKind>().unwrap_err().to_string();
        assert!(error.contains("`none`") && error.contains("cgnatsym"), "{error}");
    }
}
