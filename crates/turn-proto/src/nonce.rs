use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sangam_types::Wall;
use sha2::Sha256;

use crate::address::ClientAddr;
use crate::options::NonceSecret;

/// Makes and checks nonces without remembering any: a nonce is the time it was made at, and a code over that time and
/// the client's address, so that one server's nonce is good at another with the same secret, and nobody else's.
///
/// ```text
/// 0                          8                          24
/// +--------------------------+--------------------------+
/// | seconds since 1970, hex  | 64 bits of HMAC, hex     |
/// +--------------------------+--------------------------+
/// ```
#[derive(Debug)]
pub(crate) struct Nonces {
    mac: Hmac<Sha256>,
    lifetime: Duration,
}

const TIME_LEN: usize = 8;
const CODE_BYTES: usize = 8;
pub(crate) const NONCE_LEN: usize = TIME_LEN + 2 * CODE_BYTES;

/// How far ahead of ours the clock of another server may be.
const SKEW_SECS: u64 = 30;

impl Nonces {
    pub(crate) fn new(secret: NonceSecret, lifetime: Duration) -> Self {
        let mac = Hmac::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
        Self { mac, lifetime }
    }

    pub(crate) fn make(&self, now: Wall, client: ClientAddr) -> [u8; NONCE_LEN] {
        // 32 bits of seconds last until 2106.
        let made_at = now.unix_secs() as u32;
        let code = self.mac_over(made_at, client).finalize().into_bytes();
        let mut nonce = [0; NONCE_LEN];
        write_hex(&made_at.to_be_bytes(), &mut nonce[..TIME_LEN]);
        write_hex(&code[..CODE_BYTES], &mut nonce[TIME_LEN..]);
        nonce
    }

    /// Whether it was made for this client by a holder of the secret, within its lifetime.
    pub(crate) fn is_good(&self, nonce: &[u8], now: Wall, client: ClientAddr) -> bool {
        let Some((time, code)) = nonce.split_first_chunk::<TIME_LEN>() else { return false };
        let (Some(made_at), Some(code)) = (read_hex::<4>(time), read_hex::<CODE_BYTES>(code)) else { return false };
        let made_at = u32::from_be_bytes(made_at);
        if self.mac_over(made_at, client).verify_truncated_left(&code).is_err() {
            return false;
        }
        let (made_at, now) = (u64::from(made_at), now.unix_secs());
        made_at <= now + SKEW_SECS && now.saturating_sub(made_at) < self.lifetime.as_secs()
    }

    fn mac_over(&self, made_at: u32, client: ClientAddr) -> Hmac<Sha256> {
        let ip = match client.0.ip() {
            std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            std::net::IpAddr::V6(v6) => v6,
        };
        let mut mac = self.mac.clone();
        mac.update(&made_at.to_be_bytes());
        mac.update(&ip.octets());
        mac.update(&client.0.port().to_be_bytes());
        mac
    }
}

fn write_hex(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xF)];
    }
}

fn read_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |&byte: &u8| char::from(byte).to_digit(16).map(|value| value as u8);
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(&pair[0])? << 4 | digit(&pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(port: u16) -> ClientAddr {
        ClientAddr(([203, 0, 113, 7], port).into())
    }

    #[test]
    fn a_nonce_is_good_for_its_lifetime_its_client_and_its_secret_alone() {
        let nonces = Nonces::new(NonceSecret([1; 32]), Duration::from_secs(60));
        let elsewhere = Nonces::new(NonceSecret([1; 32]), Duration::from_secs(60));
        let stranger = Nonces::new(NonceSecret([2; 32]), Duration::from_secs(60));
        let now = Wall::from_unix_secs(1_000_000);
        let nonce = nonces.make(now, client(1));
        let later = |secs| now + Duration::from_secs(secs);
        assert!(nonces.is_good(&nonce, now, client(1)));
        assert!(elsewhere.is_good(&nonce, later(59), client(1)));
        assert!(!nonces.is_good(&nonce, later(60), client(1)));
        assert!(!nonces.is_good(&nonce, now, client(2)));
        assert!(!stranger.is_good(&nonce, now, client(1)));
    }

    #[test]
    fn a_nonce_from_a_clock_slightly_ahead_is_good_and_from_far_ahead_is_not() {
        let nonces = Nonces::new(NonceSecret([1; 32]), Duration::from_secs(60));
        let nonce = nonces.make(Wall::from_unix_secs(1_000_030), client(1));
        assert!(nonces.is_good(&nonce, Wall::from_unix_secs(1_000_000), client(1)));
        assert!(!nonces.is_good(&nonce, Wall::from_unix_secs(999_999), client(1)));
    }

    #[test]
    fn a_changed_or_cut_nonce_is_not_good() {
        let nonces = Nonces::new(NonceSecret([1; 32]), Duration::from_secs(60));
        let now = Wall::from_unix_secs(1_000_000);
        let nonce = nonces.make(now, client(1));
        for at in 0..NONCE_LEN {
            let mut changed = nonce;
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(!nonces.is_good(&changed, now, client(1)), "byte {at}");
            assert!(!nonces.is_good(&nonce[..at], now, client(1)), "length {at}");
        }
        assert!(!nonces.is_good(&[0xFF; NONCE_LEN], now, client(1)));
    }
}
