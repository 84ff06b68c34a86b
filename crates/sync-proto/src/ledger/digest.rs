use sha2::{Digest as _, Sha256};

use crate::rows::Fingerprint;
use crate::{Kind, Operation};

/// A digest of an operation as it was sent, every field of it: two that have the same one are the same.
pub(super) fn digest(device: &str, op: &Operation) -> Fingerprint {
    let mut hash = Sha256::new();
    for number in [op.op_id, op.version, op.timestamp_ms] {
        hash.update(number.to_le_bytes());
    }
    hash.update([match op.kind {
        Kind::Upsert => 1,
        Kind::Delete => 2,
    }]);
    for part in [device.as_bytes(), op.collection.as_bytes(), op.entity.as_bytes(), op.body.as_deref().unwrap_or(&[])] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    first_half(&hash.finalize().into())
}

/// The first 16 bytes of a SHA-256.
pub(super) fn first_half(whole: &[u8; 32]) -> Fingerprint {
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    Fingerprint(half)
}
