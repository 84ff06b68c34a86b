use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use sangam_types::Mono;

use crate::address::RelayedAddr;
use crate::api::AllocationKey;
use crate::user_count::is_same_user;

/// Names a relayed address that is kept for a later allocation (RFC 8656 §18.10: RESERVATION-TOKEN). That allocation's
/// client may come from another address and so reach another server of the same process: the token says whose it is.
///
/// ```text
/// 0              2                             8
/// +--------------+-----------------------------+
/// | server index | 48 random bits              |
/// +--------------+-----------------------------+
/// ```
///
/// Guessing one is not enough: it serves only the user it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationToken(pub [u8; 8]);

impl ReservationToken {
    /// The [`Options::server_index`](crate::Options::server_index) of the server that gave it; any number if nobody did.
    #[must_use]
    pub const fn server_index(self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }
}

/// The addresses kept for later allocations, and those that are being opened for that.
#[derive(Debug)]
pub(crate) struct Reservations {
    by_token: BTreeMap<ReservationToken, Reservation>,
    server_index: u16,
    rng: StdRng,
}

#[derive(Debug)]
pub(crate) struct Reservation {
    /// The socket's name, and that of the allocation to come.
    pub(crate) key: AllocationKey,
    pub(crate) username: Box<str>,
    /// None while its socket is being opened.
    pub(crate) open: Option<OpenReservation>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenReservation {
    pub(crate) relayed: RelayedAddr,
    pub(crate) expires: Mono,
}

impl Reservations {
    pub(crate) fn new(server_index: u16, rng: StdRng) -> Self {
        Self { by_token: BTreeMap::new(), server_index, rng }
    }

    /// How many there are, those being opened included.
    pub(crate) fn len(&self) -> usize {
        self.by_token.len()
    }

    pub(crate) fn is_ours(&self, token: ReservationToken) -> bool {
        token.server_index() == self.server_index
    }

    /// A token for an address that is about to be opened under this key.
    pub(crate) fn promise(&mut self, key: AllocationKey, username: &str) -> ReservationToken {
        let token = self.unused_token();
        self.by_token.insert(token, Reservation { key, username: username.into(), open: None });
        token
    }

    /// The address is open.
    pub(crate) fn begin(&mut self, token: ReservationToken, open: OpenReservation) {
        if let Some(reservation) = self.by_token.get_mut(&token) {
            reservation.open = Some(open);
        }
    }

    /// The key that an address is kept under or will be.
    pub(crate) fn key(&self, token: ReservationToken) -> Option<AllocationKey> {
        self.by_token.get(&token).map(|reservation| reservation.key)
    }

    /// Takes an open address out, if this user may.
    pub(crate) fn take(&mut self, token: ReservationToken, username: &str) -> Option<(Reservation, OpenReservation)> {
        let reservation = self.by_token.get(&token)?;
        let open = reservation.open.filter(|_| is_same_user(&reservation.username, username))?;
        self.by_token.remove(&token).map(|reservation| (reservation, open))
    }

    /// Takes it out whatever its state.
    pub(crate) fn remove(&mut self, token: ReservationToken) -> Option<Reservation> {
        self.by_token.remove(&token)
    }

    fn unused_token(&mut self) -> ReservationToken {
        loop {
            let mut bytes = self.rng.next_u64().to_be_bytes();
            bytes[..2].copy_from_slice(&self.server_index.to_be_bytes());
            let token = ReservationToken(bytes);
            if !self.by_token.contains_key(&token) {
                return token;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn tokens_name_their_server_and_have_nothing_else_in_common() {
        let mut reservations = Reservations::new(0x0102, StdRng::seed_from_u64(1));
        let tokens: Vec<_> = (0..100).map(|key| reservations.promise(AllocationKey(key), "alice")).collect();
        assert!(tokens.iter().all(|token| token.server_index() == 0x0102 && reservations.is_ours(*token)));
        let stranger = Reservations::new(0x0103, StdRng::seed_from_u64(1));
        assert!(!stranger.is_ours(tokens[0]));
        let random = |token: &ReservationToken| u64::from_be_bytes(token.0) & 0xFFFF_FFFF_FFFF;
        let ones = tokens.iter().fold(0, |ones, token| ones | random(token));
        let zeros = tokens.iter().fold(0, |zeros, token| zeros | !random(token) & 0xFFFF_FFFF_FFFF);
        assert_eq!(
            (ones, zeros),
            (0xFFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF),
            "each of the 48 bits is 0 in one, 1 in another"
        );
        assert_eq!(reservations.len(), 100, "each is another");
    }

    #[test]
    fn nothing_is_taken_before_it_is_open() {
        let mut reservations = Reservations::new(0, StdRng::seed_from_u64(1));
        let token = reservations.promise(AllocationKey(7), "alice");
        assert!(reservations.take(token, "alice").is_none());
        let relayed = RelayedAddr(([5, 5, 5, 5], 50_001).into());
        reservations.begin(token, OpenReservation { relayed, expires: Mono::ZERO });
        assert!(reservations.take(token, "bob").is_none());
        assert!(reservations.take(token, "alice").is_some_and(|(_, open)| open.relayed == relayed));
        assert!(reservations.take(token, "alice").is_none());
    }
}
