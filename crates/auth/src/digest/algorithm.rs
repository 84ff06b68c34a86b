use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A hash that Digest may use (RFC 7616 §6.1). Ordered by strength, the weaker first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// `MD5`: what TR-069 prescribes, and what is meant where a challenge names none.
    Md5,
    /// `SHA-256`.
    Sha256,
}

impl Algorithm {
    /// As headers write it.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The hash of `parts` with a colon between each two, in lower-case hex.
    pub(super) fn hash(self, parts: &[&str]) -> Zeroizing<String> {
        match self {
            Self::Md5 => joined::<Md5>(parts),
            Self::Sha256 => joined::<Sha256>(parts),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// In any case of letters.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Md5, Self::Sha256];
        known.into_iter().find(|algorithm| algorithm.token().eq_ignore_ascii_case(text)).ok_or(UnknownAlgorithm)
    }
}

/// Another algorithm than ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither MD5 nor SHA-256")]
pub struct UnknownAlgorithm;

fn joined<D: Digest>(parts: &[&str]) -> Zeroizing<String> {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part.as_bytes());
    }
    Zeroizing::new(hex(&hash.finalize()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}
