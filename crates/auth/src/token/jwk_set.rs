use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::{Key, Uses};

/// The keys of a JWK set (RFC 7517 §5). Keys of a kind that is not known here, and keys for encryption, are left out, as the
/// standard asks.
#[derive(Debug)]
pub struct JwkSet(Vec<Key>);

impl JwkSet {
    /// Longer texts are not read.
    pub const BYTES_MAX: usize = 256 * 1_024;

    /// How many keys one set may have.
    pub const KEYS_MAX: usize = 16;

    /// Reads a set whose keys serve `uses`. They verify; none of them signs. Each key has its algorithm here, from its `alg` or
    /// else its kind: a token cannot choose it.
    ///
    /// # Errors
    ///
    /// It is too long or no JWK set, a key has no `kid` or cannot be used, there are too many, or none is left.
    pub fn parse(json: &[u8], uses: impl Into<Uses>) -> Result<Self, JwkSetError> {
        if json.len() > Self::BYTES_MAX {
            return Err(JwkSetError::TooLong { max: Self::BYTES_MAX });
        }
        let Set { keys } = serde_json::from_slice(json).map_err(|_| JwkSetError::Malformed)?;
        if keys.len() > Self::KEYS_MAX {
            return Err(JwkSetError::TooMany { count: keys.len(), max: Self::KEYS_MAX });
        }
        let uses = uses.into();
        let numbered = (1..).zip(&keys);
        let keys = numbered.filter_map(|(at, jwk)| Some(jwk.key(at, jwk.algorithm()?, uses)));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(JwkSetError::NoKey) } else { Ok(Self(keys)) }
    }

    /// The keys, in the order of the set.
    #[must_use]
    pub fn into_keys(self) -> Vec<Key> {
        self.0
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// What of a key decides (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2); private parts are not read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    use_: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

impl Jwk {
    /// What it verifies with; `None` for a key that is not for signatures or of a kind that is not known here.
    fn algorithm(&self) -> Option<Algorithm> {
        if self.use_.as_deref().is_some_and(|use_| use_ != "sig") {
            return None;
        }
        let fits: &[(&str, Algorithm)] = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => &RSA,
            ("EC", Some("P-256")) => &[("ES256", Algorithm::ES256)],
            ("EC", Some("P-384")) => &[("ES384", Algorithm::ES384)],
            ("OKP", Some("Ed25519")) => &[("EdDSA", Algorithm::EdDSA), ("Ed25519", Algorithm::EdDSA)],
            ("oct", _) => &[("HS256", Algorithm::HS256)],
            _ => return None,
        };
        match &self.alg {
            None => fits.first().map(|(_, algorithm)| *algorithm),
            Some(alg) => fits.iter().find(|(name, _)| name == alg).map(|(_, algorithm)| *algorithm),
        }
    }

    fn key(&self, at: usize, algorithm: Algorithm, uses: Uses) -> Result<Key, JwkSetError> {
        let kid = self.kid.as_ref().filter(|kid| !kid.is_empty()).ok_or(JwkSetError::NoKid { at })?;
        let verifying = self.verifying(algorithm).map_err(|what| JwkSetError::Unusable { kid: kid.clone(), what })?;
        Ok(Key::verifying(kid.clone(), uses, algorithm, verifying))
    }

    /// The key itself, or which part of it is wrong.
    fn verifying(&self, algorithm: Algorithm) -> Result<DecodingKey, &'static str> {
        match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => {
                let bytes = if algorithm == Algorithm::ES256 { 32 } else { 48 };
                let (x, y) = (of_length(&self.x, "x", bytes..=bytes)?, of_length(&self.y, "y", bytes..=bytes)?);
                // RFC 5480 §2.2: an uncompressed point.
                Ok(DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()))
            }
            Algorithm::EdDSA => Ok(DecodingKey::from_ed_der(&of_length(&self.x, "x", 32..=32)?)),
            Algorithm::HS256 => Ok(DecodingKey::from_secret(&of_length(&self.k, "k", Key::SECRET_BYTES_MIN..=4_096)?)),
            _ => {
                // RFC 7518 §3.3: 2048 bits at least.
                let (n, e) = (of_length(&self.n, "n", 256..=1_024)?, of_length(&self.e, "e", 1..=8)?);
                Ok(DecodingKey::from_rsa_raw_components(&n, &e))
            }
        }
    }
}

const RSA: [(&str, Algorithm); 6] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
];

fn of_length(
    text: &Option<String>,
    name: &'static str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<Vec<u8>, &'static str> {
    let decoded = text.as_ref().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.filter(|bytes| length.contains(&bytes.len())).ok_or(name)
}

/// Why a JWK set cannot be used. Holds nothing of a key but its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkSetError {
    /// Not read.
    #[error("the JWK set is longer than {max} bytes; leave out what is no key")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// Not `{"keys": [...]}`.
    #[error("this is no JWK set; write {{\"keys\": [...]}} as RFC 7517 has it")]
    Malformed,
    /// Each key costs work on a token without `kid`.
    #[error("the JWK set has {count} keys, at most {max} may be: drop the oldest")]
    TooMany {
        /// How many were given.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// A key is chosen by its name.
    #[error("key {at} of the JWK set has no kid: name it")]
    NoKid {
        /// Which, counted from one.
        at: usize,
    },
    /// Not a key.
    #[error(
        "the key {kid:?} of the JWK set cannot be used: its `{what}` is missing, no base64url, or not as long as its kind asks for"
    )]
    Unusable {
        /// Which.
        kid: String,
        /// The member that is wrong.
        what: &'static str,
    },
    /// Nothing could be verified.
    #[error("the JWK set has no key for signatures of a kind that is known here: RSA, P-256, P-384, Ed25519 or HS256")]
    NoKey,
}

#[cfg(test)]
mod tests;
