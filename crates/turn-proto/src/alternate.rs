use std::net::SocketAddr;

use crate::address::{AddressFamily, FiveTuple, Transport};
use crate::attribute::Attribute;

/// The other servers that clients are sent to with 300 Try Alternate (RFC 8489 §10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternates {
    /// For clients over UDP and TCP, who get one after the other.
    pub plain: Vec<Alternate>,
    /// For clients over TLS, likewise.
    pub tls: Vec<Alternate>,
    /// Whom they are for.
    pub redirect: Redirect,
}

/// One other server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternate {
    /// Where it listens, with the transport that the client uses here.
    pub address: SocketAddr,
    /// The name on its certificate, if that differs from ours. At most 255 bytes.
    pub domain: Option<String>,
}

/// Which Allocate requests are answered with another server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// Those that find no room: at the limit of allocations, or while the server drains.
    #[default]
    WhenFull,
    /// All: this server only spreads clients over the others.
    Always,
}

/// Gives out the other servers in turn.
#[derive(Debug, Default)]
pub(crate) struct AlternateTurns {
    alternates: Alternates,
    next: usize,
}

impl AlternateTurns {
    pub(crate) fn new(alternates: Alternates) -> Self {
        Self { alternates, next: 0 }
    }

    pub(crate) fn replace(&mut self, alternates: Alternates) {
        self.alternates = alternates;
    }

    /// Whether this client is to go elsewhere although there is room.
    pub(crate) fn takes(&self, from: &FiveTuple) -> bool {
        self.alternates.redirect == Redirect::Always && self.of_family(from, family_of(from)).next().is_some()
    }

    /// The next server of the client's family, and one of the other family if there is one (RFC 8489 §10), as
    /// attributes. `None` if no server can be reached from where the client is.
    pub(crate) fn attributes_for(&mut self, from: &FiveTuple) -> Option<Vec<Attribute<'_>>> {
        let turn = self.next;
        self.next = turn.wrapping_add(1);
        let family = family_of(from);
        let first = self.in_turn(from, family, turn)?;
        let second = self.in_turn(from, family.other(), turn);
        let mut attributes = vec![Attribute::AlternateServer(first.address)];
        attributes.extend(second.map(|second| Attribute::AlternateServer(second.address)));
        attributes.extend(first.domain.as_deref().map(Attribute::AlternateDomain));
        Some(attributes)
    }

    fn in_turn(&self, from: &FiveTuple, family: AddressFamily, turn: usize) -> Option<&Alternate> {
        let count = self.of_family(from, family).count();
        self.of_family(from, family).nth(turn.checked_rem(count)?)
    }

    fn of_family(&self, from: &FiveTuple, family: AddressFamily) -> impl Iterator<Item = &Alternate> {
        let servers = match from.transport {
            Transport::Udp | Transport::Tcp => &self.alternates.plain,
            Transport::Tls => &self.alternates.tls,
        };
        servers.iter().filter(move |server| AddressFamily::of(server.address.ip()) == family)
    }
}

fn family_of(from: &FiveTuple) -> AddressFamily {
    AddressFamily::of(from.client.0.ip().to_canonical())
}
