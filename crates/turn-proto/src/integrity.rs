use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Bytes of a MESSAGE-INTEGRITY (RFC 8489 §14.5).
pub(crate) const SHA1_LEN: usize = 20;

/// Bytes of a MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6: TURN does not let it be cut).
pub(crate) const SHA256_LEN: usize = 32;

/// RFC 8489 §14.7: "STUN", so that the sum differs from one a payload may carry itself.
const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// The MESSAGE-INTEGRITY of a message whose bytes up to that attribute are given.
pub(crate) fn sha1(key: &[u8], before: &[u8]) -> [u8; SHA1_LEN] {
    over(keyed::<Hmac<Sha1>>(key), before, SHA1_LEN).finalize().into_bytes().into()
}

/// Whether it is that one; in constant time.
pub(crate) fn is_sha1(key: &[u8], before: &[u8], claimed: &[u8]) -> bool {
    over(keyed::<Hmac<Sha1>>(key), before, SHA1_LEN).verify_slice(claimed).is_ok()
}

/// The MESSAGE-INTEGRITY-SHA256 of a message whose bytes up to that attribute are given.
pub(crate) fn sha256(key: &[u8], before: &[u8]) -> [u8; SHA256_LEN] {
    over(keyed::<Hmac<Sha256>>(key), before, SHA256_LEN).finalize().into_bytes().into()
}

/// Whether it is that one; in constant time.
pub(crate) fn is_sha256(key: &[u8], before: &[u8], claimed: &[u8]) -> bool {
    over(keyed::<Hmac<Sha256>>(key), before, SHA256_LEN).verify_slice(claimed).is_ok()
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// RFC 8489 §14.5, §14.6: the length field counts as if the message ended with the attribute to be made.
fn over<M: Mac>(mut mac: M, before: &[u8], value_len: usize) -> M {
    let body_len = before.len() - crate::message::HEADER_LEN + 4 + value_len;
    mac.update(&before[..2]);
    // A message whose length does not fit 16 bits is never decoded or built.
    mac.update(&(body_len as u16).to_be_bytes());
    mac.update(&before[4..]);
    mac
}

/// The FINGERPRINT of a message whose bytes up to that attribute are given, its length field counting the attribute.
pub(crate) fn fingerprint(before: &[u8]) -> u32 {
    crc32fast::hash(before) ^ FINGERPRINT_XOR
}
