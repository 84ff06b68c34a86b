use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, bail};

use super::link::{Impairment, Link};
use super::{Firewall, Gateway, Host, Nat, Network, Site, SiteKind};

/// A machine at a site of some kind, with all that is between it and the internet.
#[derive(Debug)]
pub struct Place {
    host: Host,
    kind: SiteKind,
    address: IpAddr,
    number: u8,
    rebinds: u8,
    /// The innermost first.
    sites: Vec<Site>,
}

/// What a firewall that knows no UDP lets out: the web, and STUN and TURN by their registered ports.
const TCP_PORTS: &[u16] = &[80, 443, 3_478, 5_349];

impl Network {
    /// A machine at a site of this kind. Its number, from 1 to 254, makes its addresses: public ones 20.1.N.1 and
    /// 2600:1::N, private ones 10.N.0.2, and 100.64.N.2 behind a carrier's NAT.
    ///
    /// # Errors
    /// Name or number are taken in this network, or `nft` is missing.
    pub fn place(&self, name: &str, kind: SiteKind, number: u8, impairment: Option<Impairment>) -> Result<Place> {
        let private = Ipv4Addr::new(10, number, 0, 2);
        let (nat, firewall) = match kind {
            SiteKind::Public | SiteKind::Ipv6Only => {
                let address =
                    if kind == SiteKind::Public { public(number, 0).into() } else { public_v6(number).into() };
                let host = self.host_over(name, &[address], impairment)?;
                return Ok(Place { host, kind, address, number, rebinds: 0, sites: Vec::new() });
            }
            SiteKind::FullCone => (Nat::FullCone(private), Firewall::Open),
            SiteKind::AddressRestricted => (Nat::AddressRestricted(private), Firewall::Open),
            SiteKind::PortRestricted | SiteKind::Cgnat => (Nat::PortRestricted, Firewall::Open),
            SiteKind::Symmetric | SiteKind::CgnatSymmetric => (Nat::Symmetric, Firewall::Open),
            SiteKind::UdpBlocked => (Nat::PortRestricted, Firewall::Tcp(TCP_PORTS)),
            SiteKind::WebOnly => (Nat::PortRestricted, Firewall::Tcp(&[443])),
        };
        let outermost = self.site_with(name, &Gateway { nat, firewall, impairment }, public(number, 0))?;
        let mut sites = vec![outermost];
        if matches!(kind, SiteKind::Cgnat | SiteKind::CgnatSymmetric) {
            let home = sites[0].site("home", &Nat::PortRestricted, Ipv4Addr::new(100, 64, number, 2))?;
            sites.insert(0, home);
        }
        let host = sites[0].host("peer", private)?;
        Ok(Place { host, kind, address: private.into(), number, rebinds: 0, sites })
    }

    /// Gives the site of a machine another public address, and has its NAT forget every mapping: what is on the way to the
    /// old one is lost.
    ///
    /// # Errors
    /// There is no NAT.
    pub fn rebind(&self, place: &mut Place) -> Result<Ipv4Addr> {
        let Some(outermost) = place.sites.last_mut() else { bail!("{} has no NAT", place.kind) };
        place.rebinds += 1;
        let to = public(place.number, place.rebinds);
        self.move_site(outermost, to)?;
        for site in &place.sites {
            site.forget_mappings()?;
        }
        Ok(to)
    }
}

impl Place {
    /// The machine.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What kind of site it is at.
    #[must_use]
    pub fn kind(&self) -> SiteKind {
        self.kind
    }

    /// The machine's own address, a private one behind NAT.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// What its packets pass between the site and the internet; none if it was not asked for.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.sites.last().map_or_else(|| self.host.link(), Site::link)
    }
}

fn public(number: u8, rebinds: u8) -> Ipv4Addr {
    Ipv4Addr::new(20, 1, number, rebinds + 1)
}

fn public_v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2600, 1, 0, 0, 0, 0, 0, number.into())
}
