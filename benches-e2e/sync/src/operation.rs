use std::sync::Arc;

use bytes::Bytes;
use sangam_sync_proto::{Kind, Name, Operation};

/// Bytes of every body.
pub(crate) const BODY_BYTES: usize = 256;
/// Collections that operations are spread over.
const COLLECTIONS: u64 = 10;

/// Operations of one replica, of one shape, each on an entity of its own.
pub(crate) struct Operations {
    db: Name,
    device: Name,
    collections: Vec<Name>,
    /// Makes the names of its entities its own.
    prefix: String,
    next: u64,
}

impl Operations {
    pub(crate) fn new(db: &str, device: &str) -> Self {
        let collections = (0..COLLECTIONS).map(|at| Arc::from(format!("c{at}"))).collect();
        Self { db: Arc::from(db), device: Arc::from(device), collections, prefix: format!("e-{device}-"), next: 1 }
    }

    /// The next ones, with the number of the last.
    pub(crate) fn take(&mut self, count: usize) -> (Vec<Operation>, u64) {
        let ops = (0..count).map(|_| self.one()).collect();
        (ops, self.next - 1)
    }

    fn one(&mut self) -> Operation {
        let number = self.next;
        self.next += 1;
        Operation {
            op_id: number,
            db: Arc::clone(&self.db),
            device: Arc::clone(&self.device),
            collection: Arc::clone(&self.collections[(number % COLLECTIONS) as usize]),
            entity: Arc::from(format!("{}{number}", self.prefix)),
            kind: Kind::Upsert,
            version: 1,
            body: Some(body(number)),
            timestamp_ms: 1_702_569_600_000,
        }
    }
}

/// The number of the operation that made an entity, which its name ends with.
pub(crate) fn number_of(entity: &str) -> Option<u64> {
    entity.rsplit('-').next()?.parse().ok()
}

/// A CBOR byte string with different content each time.
pub(crate) fn body(number: u64) -> Bytes {
    let mut bytes = vec![0x59, 0, 0];
    let content = BODY_BYTES - bytes.len();
    bytes[1..3].copy_from_slice(&(content as u16).to_be_bytes());
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < BODY_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let left = BODY_BYTES - bytes.len();
        bytes.extend_from_slice(&state.to_le_bytes()[..left.min(8)]);
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_their_size_and_differ() {
        assert_eq!(body(1).len(), BODY_BYTES);
        assert_ne!(body(1), body(2));
    }

    #[test]
    fn operations_are_numbered_on() {
        let mut operations = Operations::new("d", "v");
        assert_eq!(operations.take(3).1, 3);
        let (ops, last) = operations.take(2);
        assert_eq!((ops[0].op_id, ops.len(), last), (4, 2, 5));
    }
}
