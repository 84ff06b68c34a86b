use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::rows::Fingerprint;

use super::canonical::Canonical;
use super::digest::first_half;

/// Digests what bodies mean: equal for two that are the same CBOR value, however each is written.
///
/// What is not one CBOR item, or breaks a bound of [`Canonical`], counts as nothing but its bytes.
#[derive(Default)]
pub(super) struct Fingerprinter {
    canonical: Canonical,
}

impl Fingerprinter {
    pub(super) fn fingerprint(&mut self, body: &[u8]) -> Fingerprint {
        let mut hash = Sha256::new();
        match self.canonical.write(body) {
            Some(canonical) => {
                hash.update([0]);
                hash.update(canonical);
            }
            None => {
                hash.update([1]);
                hash.update(body);
            }
        }
        let fingerprint = first_half(&hash.finalize().into());
        self.canonical.shrink();
        fingerprint
    }
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprinter").finish_non_exhaustive()
    }
}
