use std::fmt;

use md5::{Digest, Md5};
use sha2::Sha256;

/// The key of a long-term credential: `MD5(username ":" realm ":" password)` (RFC 8489 §9.2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LongTermKey(pub [u8; 16]);

impl LongTermKey {
    /// Derives the key. All three are hashed as given: whoever lets people choose names or passwords beyond
    /// ASCII prepares them first (OpaqueString, RFC 8265 §4.2).
    #[must_use]
    pub fn derive(username: &str, realm: &str, password: &str) -> Self {
        Self(digest::<Md5>(username, realm, password).into())
    }
}

/// The same with SHA-256, for clients that choose that algorithm (RFC 8489 §18.5.1.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LongTermKeySha256(pub [u8; 32]);

impl LongTermKeySha256 {
    /// Derives the key. All three are hashed as given, as for [`LongTermKey::derive`].
    #[must_use]
    pub fn derive(username: &str, realm: &str, password: &str) -> Self {
        Self(digest::<Sha256>(username, realm, password).into())
    }
}

impl fmt::Debug for LongTermKeySha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LongTermKeySha256(..)")
    }
}

/// What hides a user's name in a request: `SHA-256(username ":" realm)` (RFC 8489 §14.4). Both are hashed as given.
#[must_use]
pub fn userhash(username: &str, realm: &str) -> [u8; 32] {
    [username, ":", realm].iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

fn digest<D: Digest>(username: &str, realm: &str, password: &str) -> md5::digest::Output<D> {
    let mut hash = D::new();
    for part in [username, ":", realm, ":", password] {
        hash.update(part.as_bytes());
    }
    hash.finalize()
}

impl fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LongTermKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha1::Sha1;

    use super::*;

    /// RFC 5769 §2.4: a Binding request with long-term authentication, up to MESSAGE-INTEGRITY.
    #[rustfmt::skip]
    const REQUEST: [u8; 92] = [
        0x00, 0x01, 0x00, 0x60,                         // Binding request, length with MESSAGE-INTEGRITY
        0x21, 0x12, 0xa4, 0x42,                         // magic cookie
        0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, // transaction id
        0x29, 0xda, 0x41, 0x2e,
        0x00, 0x06, 0x00, 0x12,                         // USERNAME, 18 bytes and 2 of padding
        0xe3, 0x83, 0x9e, 0xe3, 0x83, 0x88, 0xe3, 0x83,
        0xaa, 0xe3, 0x83, 0x83, 0xe3, 0x82, 0xaf, 0xe3,
        0x82, 0xb9, 0x00, 0x00,
        0x00, 0x15, 0x00, 0x1c,                         // NONCE, 28 bytes
        0x66, 0x2f, 0x2f, 0x34, 0x39, 0x39, 0x6b, 0x39,
        0x35, 0x34, 0x64, 0x36, 0x4f, 0x4c, 0x33, 0x34,
        0x6f, 0x4c, 0x39, 0x46, 0x53, 0x54, 0x76, 0x79,
        0x36, 0x34, 0x73, 0x41,
        0x00, 0x14, 0x00, 0x0b,                         // REALM, 11 bytes and 1 of padding
        0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e,
        0x6f, 0x72, 0x67, 0x00,
    ];

    /// The value of MESSAGE-INTEGRITY in the same sample.
    const INTEGRITY: [u8; 20] = [
        0xf6, 0x70, 0x24, 0x65, 0x6d, 0xd6, 0x4a, 0x3e, 0x02, 0xb8, 0xe0, 0x71, 0x2e, 0x85, 0xc9, 0xa2, 0x8c, 0xa8,
        0x96, 0x66,
    ];

    #[test]
    fn the_key_of_rfc_5769_section_2_4_signs_its_sample_request() {
        let key = LongTermKey::derive("マトリックス", "example.org", "TheMatrIX");
        let mut mac = Hmac::<Sha1>::new_from_slice(&key.0).unwrap();
        mac.update(&REQUEST);
        assert_eq!(mac.finalize().into_bytes().as_slice(), INTEGRITY);
    }

    #[test]
    fn debug_does_not_print_the_key() {
        assert_eq!(format!("{:?}", LongTermKey::derive("u", "r", "p")), "LongTermKey(..)");
    }

    #[test]
    fn a_key_by_sha_256_is_that_of_the_sample_request() {
        // RFC 8489 §B.1 names user, realm and password; the integrity printed there was made with this key.
        let LongTermKeySha256(key) = LongTermKeySha256::derive("マトリックス", "example.org", "TheMatrIX");
        let expected = "dd295a613b9058c3c23d6dc7165bda072304d989c9d0af3a8c7e184b4f9bb4a1";
        assert_eq!(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
        assert_eq!(format!("{:?}", LongTermKeySha256(key)), "LongTermKeySha256(..)");
    }
}
