use std::collections::BTreeMap;

use sangam_types::Wall;

use super::Refusal;
use super::nonce::NonceId;

/// Which nonce counts were seen, for as many nonces as there is room for. Only who has answered rightly is entered.
#[derive(Debug)]
pub(super) struct ReplayTable {
    seen: BTreeMap<NonceId, Window>,
    /// Nonces up to this one were forgotten for want of room: none of them can be told from a replay any more.
    forgotten: Option<NonceId>,
    nonces_max: usize,
    evicted: u64,
}

impl ReplayTable {
    pub(super) const fn new(nonces_max: usize) -> Self {
        Self { seen: BTreeMap::new(), forgotten: None, nonces_max, evicted: 0 }
    }

    /// Enters the use of a nonce. Forgets those made at or before `expired`.
    ///
    /// # Errors
    ///
    /// That count was seen, or is too far behind to know; or the nonce is one of those that were forgotten.
    pub(super) fn enter(&mut self, id: NonceId, nc: u32, expired: Wall) -> Result<(), Refusal> {
        self.forget_expired(expired);
        if let Some(window) = self.seen.get_mut(&id) {
            return if window.enter(nc) { Ok(()) } else { Err(Refusal::Replayed) };
        }
        if self.forgotten.is_some_and(|last| id <= last) {
            return Err(Refusal::StaleNonce);
        }
        if nc == 0 {
            return Err(Refusal::Replayed);
        }
        self.seen.insert(id, Window { highest: nc, below: 0 });
        self.make_room();
        if self.forgotten.is_some_and(|last| id <= last) { Err(Refusal::StaleNonce) } else { Ok(()) }
    }

    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn forget_expired(&mut self, expired: Wall) {
        while let Some(oldest) = self.seen.first_entry() {
            if oldest.key().made > expired {
                break;
            }
            oldest.remove();
        }
    }

    fn make_room(&mut self) {
        while self.seen.len() > self.nonces_max {
            if let Some((id, _)) = self.seen.pop_first() {
                self.forgotten = Some(id);
                self.evicted += 1;
            }
        }
    }
}

/// The counts seen of one nonce: the highest, and which of the 64 below it.
#[derive(Clone, Copy, Debug)]
struct Window {
    highest: u32,
    /// Bit n: `highest - 1 - n` was seen.
    below: u64,
}

impl Window {
    /// Whether `nc` was not seen before; from now on it was.
    fn enter(&mut self, nc: u32) -> bool {
        if let Some(ahead) = nc.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            // The old highest becomes bit `ahead - 1`, what was below it moves up past that.
            let moved = self.below.checked_shl(ahead).unwrap_or(0);
            self.below = moved | 1_u64.checked_shl(ahead - 1).unwrap_or(0);
            self.highest = nc;
            return true;
        }
        let behind = self.highest - nc;
        let Some(bit) = behind.checked_sub(1).and_then(|shift| 1_u64.checked_shl(shift)) else {
            return false;
        };
        let fresh = nc > 0 && self.below & bit == 0;
        self.below |= bit;
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(millis: u64) -> NonceId {
        NonceId { made: Wall::from_unix_millis(millis), salt: 0 }
    }

    const LONG_AGO: Wall = Wall::from_unix_millis(0);

    #[test]
    fn each_count_is_taken_once_in_any_order_of_the_window() {
        let mut table = ReplayTable::new(8);
        for nc in [1, 3, 2, 66, 5] {
            assert_eq!(table.enter(id(10), nc, LONG_AGO), Ok(()), "{nc}");
            assert_eq!(table.enter(id(10), nc, LONG_AGO), Err(Refusal::Replayed), "{nc}");
        }
        for nc in [2, 3, 5, 66] {
            assert_eq!(table.enter(id(10), nc, LONG_AGO), Err(Refusal::Replayed), "{nc} is still remembered");
        }
        assert_eq!(table.enter(id(10), 4, LONG_AGO), Ok(()), "the window has room for it");
        assert_eq!(table.enter(id(10), 1, LONG_AGO), Err(Refusal::Replayed), "too far behind");
        assert_eq!(table.enter(id(10), 0, LONG_AGO), Err(Refusal::Replayed));
    }

    #[test]
    fn a_full_table_forgets_the_oldest_nonce_and_takes_it_no_more() {
        let mut table = ReplayTable::new(2);
        for millis in [10, 20, 30] {
            assert_eq!(table.enter(id(millis), 1, LONG_AGO), Ok(()));
        }
        assert_eq!((table.len(), table.evicted()), (2, 1));
        assert_eq!(table.enter(id(10), 2, LONG_AGO), Err(Refusal::StaleNonce));
        assert_eq!(table.enter(id(5), 1, LONG_AGO), Err(Refusal::StaleNonce));
        assert_eq!(table.enter(id(20), 2, LONG_AGO), Ok(()));
    }

    #[test]
    fn the_table_is_empty_once_its_nonces_have_expired() {
        let mut table = ReplayTable::new(8);
        assert_eq!(table.enter(id(10), 1, LONG_AGO), Ok(()));
        assert_eq!(table.enter(id(20), 1, Wall::from_unix_millis(10)), Ok(()));
        assert_eq!(table.len(), 1);
    }

    proptest! {
        #[test]
        fn no_count_is_ever_taken_twice_and_new_highest_ones_always(
            counts in prop_oneof![
                prop::collection::vec(0_u32..100, 1..200),
                prop::collection::vec(0_u32..1_000, 1..200),
                prop::collection::vec(any::<u32>(), 1..20),
            ],
        ) {
            let (mut table, mut taken) = (ReplayTable::new(1), BTreeSet::new());
            for nc in counts {
                let highest = taken.last().copied().unwrap_or(0);
                let fresh = table.enter(id(1), nc, LONG_AGO).is_ok();
                prop_assert!(!fresh || !taken.contains(&nc));
                prop_assert!(fresh || nc <= highest);
                if fresh {
                    taken.insert(nc);
                } else if nc > 0 && highest - nc <= 64 {
                    prop_assert!(taken.contains(&nc), "inside the window only what was seen is refused");
                }
            }
        }
    }
}
