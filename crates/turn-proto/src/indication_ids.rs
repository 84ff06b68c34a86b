use rand::Rng;

use crate::message::TransactionId;

/// Transaction ids for indications: nobody answers them, so they need to differ, not to be unguessable.
#[derive(Debug)]
pub(crate) struct IndicationIds {
    start: u128,
    count: u64,
}

impl IndicationIds {
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        Self { start: u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()), count: 0 }
    }

    pub(crate) fn next(&mut self) -> TransactionId {
        self.count = self.count.wrapping_add(1);
        let bytes = (self.start ^ u128::from(self.count)).to_be_bytes();
        let mut id = [0; 12];
        id.copy_from_slice(&bytes[4..]);
        TransactionId(id)
    }
}
