use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sangam_types::Wall;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// The key that signs a server's nonces. Wiped when dropped, never printed. Make one at random at each start: a nonce of
/// the process before is then stale, which costs a client one request, and nothing seen before can be replayed.
#[derive(Clone)]
pub struct NonceKey(SecretSlice<u8>);

impl NonceKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec().into())
    }

    /// `base64url(millis(8) salt(8) HMAC-SHA256(key, realm millis salt)(16))`: 43 characters.
    pub(super) fn nonce(&self, realm: &str, id: NonceId) -> String {
        let mut bytes = [0_u8; BYTES];
        let (head, proof) = bytes.split_at_mut(ID_BYTES);
        head.copy_from_slice(&id.bytes());
        proof.copy_from_slice(&self.proof(realm, id));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a nonce says, if this key made it for that realm.
    pub(super) fn open(&self, realm: &str, nonce: &str) -> Option<NonceId> {
        let mut bytes = [0_u8; BYTES];
        let filled = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        let (head, proof) = bytes.split_at_checked(ID_BYTES).filter(|_| filled == BYTES)?;
        let (millis, salt) = head.split_first_chunk::<8>()?;
        let id = NonceId {
            made: Wall::from_unix_millis(u64::from_be_bytes(*millis)),
            salt: u64::from_be_bytes(salt.try_into().ok()?),
        };
        self.mac(realm, id).verify_truncated_left(proof).is_ok().then_some(id)
    }

    fn proof(&self, realm: &str, id: NonceId) -> [u8; BYTES - ID_BYTES] {
        let whole: [u8; 32] = self.mac(realm, id).finalize().into_bytes().into();
        std::array::from_fn(|index| whole.get(index).copied().unwrap_or_default())
    }

    fn mac(&self, realm: &str, id: NonceId) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes a key of any length");
        mac.update(realm.as_bytes());
        mac.update(&id.bytes());
        mac
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(..)")
    }
}

/// What tells nonces apart. Ordered by when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NonceId {
    pub(super) made: Wall,
    pub(super) salt: u64,
}

impl NonceId {
    fn bytes(self) -> [u8; ID_BYTES] {
        let mut bytes = [0; ID_BYTES];
        let (made, salt) = bytes.split_at_mut(8);
        made.copy_from_slice(&self.made.unix_millis().to_be_bytes());
        salt.copy_from_slice(&self.salt.to_be_bytes());
        bytes
    }
}

const ID_BYTES: usize = 16;

/// With 128 bits of proof.
const BYTES: usize = ID_BYTES + 16;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: NonceId = NonceId { made: Wall::from_unix_millis(1_700_000_000_123), salt: 7 };

    #[test]
    fn a_nonce_is_opened_by_its_key_for_its_realm_alone() {
        let key = NonceKey::new([1; 32]);
        let nonce = key.nonce("acs", ID);
        assert_eq!(nonce.len(), 43);
        assert_eq!(key.open("acs", &nonce), Some(ID));
        assert_eq!(key.open("other", &nonce), None);
        assert_eq!(NonceKey::new([2; 32]).open("acs", &nonce), None);
    }

    #[test]
    fn a_nonce_with_any_character_changed_or_gone_is_not_ours() {
        let key = NonceKey::new([1; 32]);
        let nonce = key.nonce("acs", ID);
        for at in 0..nonce.len() {
            let mut other = nonce.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open("acs", std::str::from_utf8(&other).unwrap()), None, "at {at}");
            assert_eq!(key.open("acs", &nonce[..at]), None);
        }
        assert_eq!(key.open("acs", &format!("{nonce}{nonce}")), None);
    }

    #[test]
    fn debug_does_not_print_the_key() {
        assert_eq!(format!("{:?}", NonceKey::new([1; 32])), "NonceKey(..)");
    }
}
