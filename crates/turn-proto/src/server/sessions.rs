//! What operators see and end: one slice of the table after the other, so that packets need not wait for all of it.

use std::net::SocketAddr;
use std::ops::Range;

use sangam_types::{Mono, Now};

use super::TurnServer;
use crate::address::{FiveTuple, RelayedAddr};
use crate::allocation::Allocation;
use crate::api::AllocationKey;
use crate::end_cause::EndCause;
use crate::key::Key;
use crate::stats::Traffic;

/// One live allocation as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session<'a> {
    /// Its name.
    pub allocation: AllocationKey,
    /// Whose it is.
    pub five_tuple: FiveTuple,
    /// The USERNAME it was made with.
    pub username: &'a str,
    /// The key it was made with, which its requests are signed with.
    pub key: Key,
    /// As bound here.
    pub relayed: RelayedAddr,
    /// As clients and peers see it.
    pub external: SocketAddr,
    /// Its other relayed address, if it has one of each family: as bound, and as seen.
    pub additional: Option<(RelayedAddr, SocketAddr)>,
    /// When it began.
    pub begun: Mono,
    /// When it ends unless refreshed.
    pub expires: Mono,
    /// Peer addresses permitted now.
    pub permissions: usize,
    /// Channels bound now.
    pub channels: usize,
    /// Relayed from client to peers so far.
    pub sent: Traffic,
    /// Relayed from peers to client so far.
    pub received: Traffic,
}

impl TurnServer {
    /// Places in the table of allocations, taken or free: what slices are cut from. It never shrinks.
    #[must_use]
    pub fn session_places(&self) -> usize {
        self.allocations.places()
    }

    /// The live allocations in these places, in their order. Asked for slice by slice it shows each allocation once that
    /// lives all the while.
    pub fn sessions(&self, now: Now, places: Range<usize>) -> impl Iterator<Item = Session<'_>> {
        let live = self.allocations.iter(places).filter(move |(_, allocation)| allocation.is_alive(now.mono));
        live.map(move |(key, allocation)| self.session_of(now.mono, key, allocation))
    }

    /// One live allocation.
    #[must_use]
    pub fn session(&self, now: Now, allocation: AllocationKey) -> Option<Session<'_>> {
        let found = self.allocations.get(allocation).filter(|found| found.is_alive(now.mono))?;
        Some(self.session_of(now.mono, allocation, found))
    }

    /// Ends those of the live allocations in these places that `is_meant` says yes to, and returns how many. Then drain
    /// [`poll_output`](Self::poll_output).
    pub fn end_sessions(
        &mut self,
        now: Now,
        cause: EndCause,
        places: Range<usize>,
        mut is_meant: impl FnMut(&Session<'_>) -> bool,
    ) -> usize {
        let meant = self.sessions(now, places).filter(|session| is_meant(session));
        let meant: Vec<AllocationKey> = meant.map(|session| session.allocation).collect();
        for &key in &meant {
            self.end(key, cause);
        }
        meant.len()
    }

    /// Forgets the requests for allocations whose relay socket is still being opened, of those user names and keys that
    /// `is_meant` says yes to. Their clients, who ask again, are judged anew. Then drain [`poll_output`](Self::poll_output).
    pub fn forget_openings(&mut self, mut is_meant: impl FnMut(&str, &Key) -> bool) {
        let meant = self.opening.iter().filter(|(_, opening)| is_meant(opening.username(), opening.key()));
        let meant: Vec<AllocationKey> = meant.map(|(&key, _)| key).collect();
        for key in meant {
            self.forget_opening(key);
        }
    }

    fn session_of<'a>(&'a self, now: Mono, key: AllocationKey, allocation: &'a Allocation) -> Session<'a> {
        let additional = allocation.relays(key).nth(1);
        Session {
            allocation: key,
            five_tuple: allocation.five_tuple,
            username: &allocation.username,
            key: allocation.key,
            relayed: allocation.relayed,
            external: self.filter.external_of(allocation.relayed),
            additional: additional.map(|other| (other.relayed, self.filter.external_of(other.relayed))),
            begun: allocation.begun,
            expires: allocation.expires,
            permissions: allocation.permissions.iter().filter(|permission| permission.is_alive(now)).count(),
            channels: allocation.channels.iter().filter(|channel| channel.is_alive(now)).count(),
            sent: allocation.sent,
            received: allocation.received,
        }
    }
}
