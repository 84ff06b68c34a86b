use std::net::{IpAddr, SocketAddr};

use sangam_types::Mono;

use crate::address::{FiveTuple, RelayedAddr};
use crate::bandwidth::Meters;
use crate::channel::Channel;
use crate::dual::Dual;
use crate::inline_list::InlineList;
use crate::key::Key;
use crate::message::TransactionId;
use crate::mobility::Mobility;
use crate::permission::Permission;
use crate::reservation::ReservationToken;
use crate::stats::Traffic;
use crate::user_count::is_same_user;

/// A client's relayed address and what it may be used for (RFC 8656 §6). What a packet needs comes first.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) expires: Mono,
    pub(crate) relayed: RelayedAddr,
    pub(crate) sent: Traffic,
    pub(crate) received: Traffic,
    pub(crate) meters: Meters,
    pub(crate) channels: InlineList<Channel, 4>,
    pub(crate) permissions: InlineList<Permission, 2>,
    pub(crate) five_tuple: FiveTuple,
    pub(crate) username: Box<str>,
    pub(crate) key: Key,
    pub(crate) begun: Mono,
    /// Of the Allocate request, so that its retransmission gets the same answer.
    pub(crate) transaction: TransactionId,
    /// As the answer to that request said.
    pub(crate) granted_secs: u32,
    /// As that answer said.
    pub(crate) reserved: Option<ReservationToken>,
    /// If two relayed addresses were asked for.
    pub(crate) dual: Option<Box<Dual>>,
    /// If its client asked for a ticket.
    pub(crate) mobility: Option<Box<Mobility>>,
}

impl Allocation {
    pub(crate) fn is_alive(&self, now: Mono) -> bool {
        let outlived_by = |dual: &Dual| dual.other.is_some_and(|other| now < other.expires);
        now < self.expires || self.dual.as_deref().is_some_and(outlived_by)
    }

    /// Whether this user may use it. One that can be moved may see its credential renewed: time-limited names of one user
    /// differ in their expiry.
    pub(crate) fn is_of(&self, username: &str) -> bool {
        *self.username == *username || (self.mobility.is_some() && is_same_user(&self.username, username))
    }

    /// Where its client hears what peers send: where it was last known to be (RFC 8016 §3.2.2).
    pub(crate) fn path(&self) -> FiveTuple {
        let former = self.mobility.as_ref().and_then(|mobility| mobility.former);
        former.map_or(self.five_tuple, |former| former.five_tuple)
    }

    /// The live binding of this number.
    pub(crate) fn channel(&self, number: u16, now: Mono) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.number == number && channel.is_alive(now))
    }

    /// The live binding to this transport address.
    pub(crate) fn channel_to(&self, peer: SocketAddr, now: Mono) -> Option<&Channel> {
        self.channels.iter().find(|channel| is_same(channel.peer, peer) && channel.is_alive(now))
    }

    /// The live permission for this address.
    pub(crate) fn permission(&self, peer: IpAddr, now: Mono) -> Option<&Permission> {
        self.permissions.iter().find(|permission| permission.peer == peer && permission.is_alive(now))
    }

    /// Begins a permission or makes it last longer.
    pub(crate) fn permit(&mut self, fresh: Permission) {
        self.permissions.put(fresh, |permission| permission.peer == fresh.peer);
    }

    /// Begins a channel binding or makes it last longer.
    pub(crate) fn bind(&mut self, fresh: Channel) {
        self.channels.put(fresh, |channel| channel.number == fresh.number);
    }
}

/// Address and port, without the zone and flow label that one side may lack.
pub(crate) fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip() == b.ip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_fits_its_budget() {
        // 4 channels of 56 bytes and 2 permissions of 40 lie in place; lists beyond that, the name, a second relayed address
        // and the tables' entries (64 + 48 + 32 bytes) come on top.
        assert!(size_of::<Allocation>() <= 640, "{}", size_of::<Allocation>());
        assert_eq!(size_of::<Channel>(), 56);
    }
}
