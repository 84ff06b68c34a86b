use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::Algorithm;

/// What a server holds of a user: the password, or what was derived of it. Never printed.
#[derive(Clone)]
pub enum Credential {
    /// The password itself: answers every algorithm and realm.
    Password(SecretString),
    /// Derived keys, one for each algorithm held; an answer in another algorithm is refused.
    Derived(Vec<Ha1>),
}

impl Credential {
    /// A password.
    #[must_use]
    pub fn password(text: impl Into<String>) -> Self {
        Self::Password(SecretString::from(text.into()))
    }

    /// The key by which `username` answers in `realm`; `None` if none of that algorithm is held.
    pub(super) fn ha1(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<Ha1> {
        match self {
            Self::Password(password) => Some(Ha1::derive(algorithm, username, realm, password.expose_secret())),
            Self::Derived(keys) => keys.iter().find(|key| key.algorithm == algorithm).cloned(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password(..)"),
            Self::Derived(keys) => f.debug_tuple("Derived").field(keys).finish(),
        }
    }
}

/// `H(username ":" realm ":" password)` (RFC 7616 §3.4.2): all that is needed to answer in one realm, and nothing
/// anywhere else. Worth as much as the password there: wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    hex: Zeroizing<String>,
}

impl Ha1 {
    /// Derives it. All three are hashed as given.
    #[must_use]
    pub fn derive(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> Self {
        Self { algorithm, hex: algorithm.hash(&[username, realm, password]) }
    }

    /// One that was stored: hex digits, 32 of MD5 or 64 of SHA-256, which tells the algorithm.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let algorithm = match hex.len() {
            32 => Algorithm::Md5,
            64 => Algorithm::Sha256,
            _ => return None,
        };
        let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| Self { algorithm, hex: Zeroizing::new(hex.to_ascii_lowercase()) })
    }

    /// To be stored: as secret as the password.
    #[must_use]
    pub fn expose_hex(&self) -> &str {
        &self.hex
    }

    /// Of which algorithm it is.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({}, ..)", self.algorithm)
    }
}
