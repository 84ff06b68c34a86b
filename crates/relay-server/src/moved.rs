//! Clients that a move (RFC 8016) has brought to another thread than the one that keeps their allocation.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sangam_turn_proto::FiveTuple;

/// What one thread knows of them.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Whose messages reach us, and which thread keeps their allocation.
    away: HashMap<FiveTuple, usize, RandomState>,
    /// Whose allocation we keep, and which thread their messages reach.
    guests: HashMap<FiveTuple, usize, RandomState>,
}

impl Moved {
    /// Whether there is room for one more of them among `max`.
    pub(crate) fn has_room(&self, max: usize) -> bool {
        self.away.len() < max
    }

    pub(crate) fn is_any_away(&self) -> bool {
        !self.away.is_empty()
    }

    /// The thread that keeps this client's allocation.
    pub(crate) fn keeper(&self, client: &FiveTuple) -> Option<usize> {
        self.away.get(client).copied()
    }

    pub(crate) fn send_away(&mut self, client: FiveTuple, keeper: usize) {
        self.away.insert(client, keeper);
    }

    /// Its messages are our own again, if they still go to that keeper.
    pub(crate) fn take_back(&mut self, client: &FiveTuple, keeper: usize) {
        if self.keeper(client) == Some(keeper) {
            self.away.remove(client);
        }
    }

    /// The thread that this client's messages reach.
    pub(crate) fn host(&self, client: &FiveTuple) -> Option<usize> {
        self.guests.get(client).copied()
    }

    pub(crate) fn welcome(&mut self, client: FiveTuple, host: usize) {
        self.guests.insert(client, host);
    }

    /// Forgets a guest, and gives its host.
    pub(crate) fn dismiss(&mut self, client: &FiveTuple) -> Option<usize> {
        self.guests.remove(client)
    }
}

#[cfg(test)]
mod tests {
    use sangam_turn_proto::{ClientAddr, Transport};

    use super::*;

    #[test]
    fn a_client_that_has_gone_to_another_keeper_is_not_taken_back_for_the_first() {
        let client = FiveTuple {
            client: ClientAddr(([127, 0, 0, 1], 1).into()),
            server: ([127, 0, 0, 1], 3_478).into(),
            transport: Transport::Udp,
        };
        let mut moved = Moved::default();
        moved.send_away(client, 1);
        moved.send_away(client, 2);
        moved.take_back(&client, 1);
        assert_eq!(moved.keeper(&client), Some(2));
        assert!(moved.has_room(2) && !moved.has_room(1));
        moved.take_back(&client, 2);
        assert!(!moved.is_any_away());
    }
}
