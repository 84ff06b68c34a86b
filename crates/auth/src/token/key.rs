use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretSlice};

/// What tokens are used for. A key serves the uses it names and no other, so that whoever can mint for one
/// cannot mint for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Sync clients.
    Sync,
    /// Signaling clients and `/ice-servers`.
    Signal,
    /// The admin API, metrics and readiness.
    Admin,
}

impl Use {
    /// As written in configuration, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Signal => "signal",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Sync => 1,
            Self::Signal => 2,
            Self::Admin => 4,
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of [`Use`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses(u8);

impl Uses {
    /// Whether the sets have a use in common.
    #[must_use]
    pub const fn overlap(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether `use_` is in the set.
    #[must_use]
    pub const fn contains(self, use_: Use) -> bool {
        self.0 & use_.bit() != 0
    }
}

impl From<Use> for Uses {
    fn from(use_: Use) -> Self {
        Self(use_.bit())
    }
}

impl FromIterator<Use> for Uses {
    fn from_iter<I: IntoIterator<Item = Use>>(uses: I) -> Self {
        Self(uses.into_iter().fold(0, |bits, use_| bits | use_.bit()))
    }
}

/// A shared secret that signs and verifies tokens with HS256, or a key of somebody else that only verifies. Wiped when
/// dropped, never printed.
#[derive(Clone)]
pub struct Key {
    kid: String,
    uses: Uses,
    /// What signs: it belongs to the key, a token cannot choose it.
    pub(super) algorithm: Algorithm,
    pub(super) signing: Option<EncodingKey>,
    pub(super) verifying: DecodingKey,
}

impl Key {
    /// RFC 7518 §3.2: a key at least as long as the hash, 256 bits.
    pub const SECRET_BYTES_MIN: usize = 32;

    /// Takes the secret's bytes: the text as it stands in a configuration, not decoded.
    ///
    /// # Errors
    ///
    /// The secret is shorter than [`Self::SECRET_BYTES_MIN`], `kid` is empty, or `uses` is.
    pub fn new(kid: impl Into<String>, uses: impl Into<Uses>, secret: &SecretSlice<u8>) -> Result<Self, KeyError> {
        let (kid, uses, secret) = (kid.into(), uses.into(), secret.expose_secret());
        if kid.is_empty() {
            return Err(KeyError::NoKid);
        }
        if uses == Uses::default() {
            return Err(KeyError::NoUse { kid });
        }
        if secret.len() < Self::SECRET_BYTES_MIN {
            return Err(KeyError::TooShort { kid, bytes: secret.len(), min: Self::SECRET_BYTES_MIN });
        }
        let (signing, verifying) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self { kid, uses, algorithm: Algorithm::HS256, signing: Some(signing), verifying })
    }

    /// A key that signs nothing here.
    pub(super) fn verifying(kid: String, uses: Uses, algorithm: Algorithm, verifying: DecodingKey) -> Self {
        Self { kid, uses, algorithm, signing: None, verifying }
    }

    /// Its algorithm as a token's header has it (RFC 7518 §3.1, RFC 8037 §3.1).
    pub(super) fn is_of(&self, alg: &str) -> bool {
        alg.parse() == Ok(self.algorithm)
    }

    /// Its name in a token's header.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether a token could mean either of the two.
    pub(super) fn collides(&self, other: &Self) -> bool {
        self.kid == other.kid && self.uses.overlap(other.uses)
    }

    /// What it serves.
    #[must_use]
    pub fn uses(&self) -> Uses {
        self.uses
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("uses", &self.uses).finish_non_exhaustive()
    }
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key is chosen by its name.
    #[error("a token key has an empty kid: name it")]
    NoKid,
    /// A key without a use would never be tried.
    #[error("the token key {kid:?} names no use: give it sync, signal or admin")]
    NoUse {
        /// Which.
        kid: String,
    },
    /// Could be found by trying.
    #[error(
        "the token key {kid:?} has {bytes} bytes, HS256 needs at least {min}: make one with `openssl rand -base64 48`"
    )]
    TooShort {
        /// Which.
        kid: String,
        /// How long it is.
        bytes: usize,
        /// How long it must be.
        min: usize,
    },
}
