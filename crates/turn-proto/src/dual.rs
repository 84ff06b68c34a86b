//! Dual allocations: an IPv4 and an IPv6 relayed address under one five-tuple (RFC 8656 §7.2, ADDITIONAL-ADDRESS-FAMILY).

use std::net::IpAddr;

use sangam_types::Mono;

use crate::address::{AddressFamily, RelayedAddr};
use crate::allocation::Allocation;
use crate::api::AllocationKey;
use crate::error_code::ErrorCode;

/// One relayed address and the socket behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relay {
    /// What its driver calls the socket: the allocation's own key, or that of its companion.
    pub(crate) socket: AllocationKey,
    pub(crate) relayed: RelayedAddr,
    pub(crate) expires: Mono,
}

/// What an allocation has besides if ADDITIONAL-ADDRESS-FAMILY asked for two relayed addresses. The others have none of
/// it, and their packets see one empty pointer.
#[derive(Debug)]
pub(crate) struct Dual {
    /// The socket of the allocation's `relayed`: its companion's once the first address is gone.
    pub(crate) socket: AllocationKey,
    /// The address of the other family, while there is one.
    pub(crate) other: Option<Relay>,
    /// The addresses that the answer to the Allocate request named, so that its retransmission gets the same.
    pub(crate) told: [Option<RelayedAddr>; 2],
    /// What that answer said in ADDRESS-ERROR-CODE.
    pub(crate) refused: Option<(AddressFamily, ErrorCode)>,
}

impl Dual {
    /// Of an allocation that got one of the two, and was told why not the other.
    pub(crate) fn single(
        socket: AllocationKey,
        relayed: RelayedAddr,
        refused: Option<(AddressFamily, ErrorCode)>,
    ) -> Self {
        Self { socket, other: None, told: [Some(relayed), None], refused }
    }
}

/// The families that an allocation has relayed addresses of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Families {
    first: AddressFamily,
    other: Option<AddressFamily>,
}

impl Families {
    pub(crate) fn contains(self, family: AddressFamily) -> bool {
        self.first == family || self.other == Some(family)
    }
}

impl Allocation {
    /// Its relayed addresses: one or two. `key` is its own.
    pub(crate) fn relays(&self, key: AllocationKey) -> impl Iterator<Item = Relay> + use<> {
        let socket = self.dual.as_ref().map_or(key, |dual| dual.socket);
        let first = Relay { socket, relayed: self.relayed, expires: self.expires };
        std::iter::once(first).chain(self.other().copied())
    }

    pub(crate) fn families(&self) -> Families {
        let of = |relayed: RelayedAddr| AddressFamily::of(relayed.0.ip());
        Families { first: of(self.relayed), other: self.other().map(|other| of(other.relayed)) }
    }

    /// Through which socket and from which relayed address data goes to this peer: that of its family. `key` is the
    /// allocation's own.
    pub(crate) fn way_to(&self, key: AllocationKey, peer: IpAddr, now: Mono) -> Option<(AllocationKey, RelayedAddr)> {
        if self.dual.is_none() {
            return Some((key, self.relayed));
        }
        let leads_there = |relay: &Relay| relay.relayed.0.is_ipv4() == peer.is_ipv4() && now < relay.expires;
        self.relays(key).find(leads_there).map(|relay| (relay.socket, relay.relayed))
    }

    /// Whether the relayed address behind this socket lives.
    pub(crate) fn is_alive_at(&self, key: AllocationKey, socket: AllocationKey, now: Mono) -> bool {
        if self.dual.is_none() {
            return now < self.expires;
        }
        self.relays(key).any(|relay| relay.socket == socket && now < relay.expires)
    }

    /// Whether this relayed address of its own lives.
    pub(crate) fn has_relayed(&self, key: AllocationKey, relayed: RelayedAddr, now: Mono) -> bool {
        if self.dual.is_none() {
            return now < self.expires;
        }
        // The zone and flow label that one side may lack do not count; two addresses of one allocation differ in family.
        self.relays(key).any(|relay| relay.relayed.0.is_ipv4() == relayed.0.is_ipv4() && now < relay.expires)
    }

    /// Takes out one of two relayed addresses, with the permissions and channels of its family. `None` if it is the only
    /// one.
    pub(crate) fn take_relay(&mut self, key: AllocationKey, socket: AllocationKey) -> Option<Relay> {
        let first = Relay { socket: key, relayed: self.relayed, expires: self.expires };
        let dual = self.dual.as_deref_mut()?;
        let other = dual.other.take()?;
        let ended = if other.socket == socket {
            other
        } else {
            dual.socket = other.socket;
            (self.relayed, self.expires) = (other.relayed, other.expires);
            first
        };
        let is_v4 = ended.relayed.0.is_ipv4();
        self.permissions.retain(|permission| permission.peer.is_ipv4() != is_v4);
        self.channels.retain(|channel| channel.peer.is_ipv4() != is_v4);
        Some(ended)
    }

    /// Makes the relayed address of one family last until then, or all there are.
    pub(crate) fn prolong(&mut self, family: Option<AddressFamily>, expires: Mono) {
        if is_of(self.relayed, family) {
            self.expires = expires;
        }
        let other = self.dual.as_deref_mut().and_then(|dual| dual.other.as_mut());
        if let Some(other) = other.filter(|other| is_of(other.relayed, family)) {
            other.expires = expires;
        }
    }

    fn other(&self) -> Option<&Relay> {
        self.dual.as_ref()?.other.as_ref()
    }
}

/// Whether it is of that family, if one is meant.
pub(crate) fn is_of(relayed: RelayedAddr, family: Option<AddressFamily>) -> bool {
    family.is_none_or(|family| family == AddressFamily::of(relayed.0.ip()))
}
