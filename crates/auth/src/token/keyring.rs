use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use sangam_types::Wall;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Claims, Key, Revoked, TokenIdentity, TokenRefusal, Use, Uses};

/// How strictly tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOptions {
    /// By how much the clocks of minter and verifier may differ.
    pub leeway: Duration,
    /// Longer tokens are refused unread.
    pub token_bytes_max: usize,
    /// Our name in `aud`. Without one, a token that names any audience is meant for somebody else and refused
    /// (RFC 7519 §4.1.3); a token without `aud` is always taken.
    pub audience: Option<String>,
    /// Uses whose tokens need not say when they expire. One that does not is taken for ever, as RFC 7519 §4.1.4 allows.
    pub exp_optional: Uses,
}

impl Default for TokenOptions {
    /// 30 s, 8 KiB, no audience, every token expires.
    fn default() -> Self {
        Self { leeway: Duration::from_secs(30), token_bytes_max: 8_192, audience: None, exp_optional: Uses::default() }
    }
}

/// The keys in force, in order: of each use the first one mints, each one verifies.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<Key>,
    options: TokenOptions,
    revoked: Arc<ArcSwap<Revoked>>,
}

/// What a token says, and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The name of its key.
    pub kid: String,
    /// What it says.
    pub claims: Claims,
}

impl Keyring {
    /// How many keys may be in force: a token without `kid` is tried on each of its use.
    pub const KEYS_MAX: usize = 32;

    /// Takes the keys in force. None is allowed: then every token is refused.
    ///
    /// # Errors
    ///
    /// More than [`Self::KEYS_MAX`], or two of the same `kid` and a use in common.
    pub fn new(keys: Vec<Key>, options: TokenOptions) -> Result<Self, KeyringError> {
        if keys.len() > Self::KEYS_MAX {
            return Err(KeyringError::TooMany { count: keys.len(), max: Self::KEYS_MAX });
        }
        let twice = keys.iter().enumerate().find(|(at, key)| keys[..*at].iter().any(|earlier| earlier.collides(key)));
        if let Some((_, key)) = twice {
            return Err(KeyringError::SameKid { kid: key.kid().to_owned() });
        }
        Ok(Self { keys, options, revoked: Arc::default() })
    }

    /// The same keys, which refuse whatever is revoked at the time of asking: a change of the set is in force at once for
    /// all that share it.
    #[must_use]
    pub fn with_revoked(self, revoked: Arc<ArcSwap<Revoked>>) -> Self {
        Self { revoked, ..self }
    }

    /// By how much the clocks of minter and verifier may differ: for so long after its expiry a token is still good.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        self.options.leeway
    }

    /// Signs `claims` with the first key of that use that can sign.
    ///
    /// # Errors
    ///
    /// No key of that use can, `sub` is empty, or the token would be longer than is accepted back.
    pub fn mint(&self, use_: Use, claims: &Claims) -> Result<String, MintError> {
        let signing = self.of_use(use_).find_map(|key| Some((key, key.signing.as_ref()?)));
        let (key, signing) = signing.ok_or(MintError::NoKey { wanted: use_ })?;
        if claims.sub.is_empty() {
            return Err(MintError::NoSubject);
        }
        let mut header = jsonwebtoken::Header::new(key.algorithm);
        header.kid = Some(key.kid().to_owned());
        let token = jsonwebtoken::encode(&header, claims, signing).map_err(MintError::Sign)?;
        if token.len() > self.options.token_bytes_max {
            return Err(MintError::TooLong { bytes: token.len(), max: self.options.token_bytes_max });
        }
        Ok(token)
    }

    /// Reads a token presented for `use_` at `now`. Nothing of its claims is read before its signature fits.
    ///
    /// # Errors
    ///
    /// Why it is refused; see [`TokenRefusal`].
    pub fn verify(&self, token: &str, use_: Use, now: Wall) -> Result<Claims, TokenRefusal> {
        let Signed { claims, .. } = self.read(token, use_)?;
        self.judge(&claims, now)?;
        Ok(claims)
    }

    /// Reads a token whose signature fits, though it may be good no longer: to say what is wrong with it.
    ///
    /// # Errors
    ///
    /// It was not signed by a key of that use, or cannot be read.
    pub fn read(&self, token: &str, use_: Use) -> Result<Signed, TokenRefusal> {
        if token.len() > self.options.token_bytes_max {
            return Err(TokenRefusal::TooLong { bytes: token.len(), max: self.options.token_bytes_max });
        }
        let parts = Parts::split(token)?;
        let header = parts.header()?;
        let kid = self.verify_signature(&parts, &header, use_)?.to_owned();
        Ok(Signed { kid, claims: parts.claims(self.options.exp_optional.contains(use_))? })
    }

    /// Whether what a signed token says is good at `now`.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn judge(&self, claims: &Claims, now: Wall) -> Result<(), TokenRefusal> {
        self.check_times(claims, now)?;
        self.check_audience(claims)?;
        if self.is_revoked(&claims.identity(), now) { Err(TokenRefusal::Revoked) } else { Ok(()) }
    }

    /// Whether a token that was good is revoked by now.
    #[must_use]
    pub fn is_revoked(&self, token: &TokenIdentity, now: Wall) -> bool {
        self.revoked.load().cover(token, now)
    }

    fn of_use(&self, use_: Use) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.uses().contains(use_))
    }

    /// The name of the key that fits.
    fn verify_signature(&self, parts: &Parts<'_>, header: &Header, wanted: Use) -> Result<&str, TokenRefusal> {
        // A key of the use says what it takes; of a header that names something else nothing more is looked at.
        let mut algorithms = self.of_use(wanted).map(|key| key.is_of(&header.alg)).peekable();
        if algorithms.peek().is_some() && !algorithms.any(|is| is) {
            return Err(TokenRefusal::WrongAlgorithm);
        }
        let fits = |key: &&Key| parts.signed_by(key);
        let Some(kid) = header.kid.as_deref() else {
            let mut keys = self.of_use(wanted).filter(|key| key.is_of(&header.alg)).peekable();
            keys.peek().ok_or(TokenRefusal::UnknownKey { wanted })?;
            return keys.find(fits).map(Key::kid).ok_or(TokenRefusal::BadSignature);
        };
        match self.of_use(wanted).find(|key| key.kid() == kid) {
            Some(key) if !key.is_of(&header.alg) => Err(TokenRefusal::WrongAlgorithm),
            Some(key) => fits(&key).then_some(key.kid()).ok_or(TokenRefusal::BadSignature),
            None if self.keys.iter().any(|key| key.kid() == kid) => Err(TokenRefusal::WrongUse { wanted }),
            None => Err(TokenRefusal::UnknownKey { wanted }),
        }
    }

    fn check_times(&self, claims: &Claims, now: Wall) -> Result<(), TokenRefusal> {
        if now >= claims.exp + self.options.leeway {
            return Err(TokenRefusal::Expired { at: claims.exp });
        }
        match claims.nbf {
            Some(from) if now + self.options.leeway < from => Err(TokenRefusal::NotYetValid { from }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenRefusal> {
        let ours = |aud: &String| Some(aud) == self.options.audience.as_ref();
        let meant_for_us = claims.aud.is_empty() || claims.aud.iter().any(ours);
        meant_for_us.then_some(()).ok_or(TokenRefusal::WrongAudience)
    }
}

/// What of a header decides (RFC 7515 §4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// RFC 7515 §3.1: `header.payload.signature`, each in base64url without padding.
struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, TokenRefusal> {
        let malformed = TokenRefusal::Malformed { part: "its form" };
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed.clone())?;
        let (header, payload) = signed.split_once('.').ok_or(malformed.clone())?;
        if payload.contains('.') { Err(malformed) } else { Ok(Self { signed, header, payload, signature }) }
    }

    fn header(&self) -> Result<Header, TokenRefusal> {
        let malformed = TokenRefusal::Malformed { part: "its header" };
        let json = URL_SAFE_NO_PAD.decode(self.header).map_err(|_| malformed.clone())?;
        let header: Header = serde_json::from_slice(&json).map_err(|_| malformed)?;
        // `none`, and whatever else is no name of a signature.
        if header.alg.parse::<jsonwebtoken::Algorithm>().is_err() {
            return Err(TokenRefusal::WrongAlgorithm);
        }
        if header.crit.is_some() {
            return Err(TokenRefusal::CriticalExtension);
        }
        Ok(header)
    }

    fn signed_by(&self, key: &Key) -> bool {
        crypto::verify(self.signature, self.signed.as_bytes(), &key.verifying, key.algorithm).unwrap_or(false)
    }

    fn claims(&self, exp_optional: bool) -> Result<Claims, TokenRefusal> {
        let malformed = TokenRefusal::Malformed { part: "its payload" };
        let json = URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| malformed.clone())?;
        if let Some(claim) = missing_claim(&json).filter(|claim| !exp_optional || *claim != "exp") {
            return Err(TokenRefusal::MissingClaim { claim });
        }
        match serde_json::from_slice::<Claims>(&json) {
            Ok(claims) if claims.sub.is_empty() => Err(TokenRefusal::MissingClaim { claim: "sub" }),
            Ok(claims) => Ok(claims),
            Err(_) => Err(malformed),
        }
    }
}

/// Names the first required claim that a payload lacks, if it is JSON and that is what is wrong with it.
fn missing_claim(json: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Required {
        sub: Option<IgnoredAny>,
        exp: Option<IgnoredAny>,
    }
    let found: Required = serde_json::from_slice(json).ok()?;
    match (found.sub, found.exp) {
        (_, None) => Some("exp"),
        (None, Some(_)) => Some("sub"),
        (Some(_), Some(_)) => None,
    }
}

/// Why a list of keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Each key costs work on a token without `kid`.
    #[error("{count} token keys are in force, at most {max} may be: drop the oldest")]
    TooMany {
        /// How many were given.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// A `kid` must name one key of a use.
    #[error("two token keys of one use have the kid {kid:?}: rename one")]
    SameKid {
        /// Which.
        kid: String,
    },
}

/// Why no token was minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// Nothing to sign with.
    #[error("no key serves {wanted} tokens")]
    NoKey {
        /// What for.
        wanted: Use,
    },
    /// A token must say whose it is.
    #[error("the token's sub is empty")]
    NoSubject,
    /// It would be refused when presented.
    #[error("the token would have {bytes} bytes, at most {max} are accepted")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The signing library failed.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

#[cfg(test)]
mod tests;
