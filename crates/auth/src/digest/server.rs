use std::time::Duration;

use sangam_types::Wall;

use super::authorization::Counted;
use super::fields::quoted;
use super::nonce::{NonceId, NonceKey};
use super::replay::ReplayTable;
use super::response::{ResponseParts, is_equal, response};
use super::{Algorithm, Authorization, Credential, Ha1, Refusal};

/// How a server challenges and how long it remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestOptions {
    /// Offered in this order, a header for each; at least one. A client of today picks the strongest it knows, an old one
    /// takes the first it sees.
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce may be used after it was made.
    pub nonce_lifetime: Duration,
    /// For how many nonces in use replays are found; 80 bytes each. Past that the oldest become stale.
    pub nonces_max: usize,
    /// Whether an answer without `qop` is taken, as RFC 2069 had it. It has no count, so its nonce serves one request.
    pub allow_without_qop: bool,
    /// Whether `uri` must name the request's own target. A proxy that rewrites paths needs this off; then an answer that was
    /// overheard before it was used serves for any path.
    pub uri_must_match: bool,
}

impl Default for DigestOptions {
    /// MD5 then SHA-256, since old devices look at the first alone; nonces for 5 minutes, 65,536 of them; RFC 2069 off.
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::Md5, Algorithm::Sha256],
            nonce_lifetime: Duration::from_secs(300),
            nonces_max: 65_536,
            allow_without_qop: false,
            uri_must_match: true,
        }
    }
}

/// Options that no server can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// Nothing to offer.
    #[error("no algorithm is offered")]
    NoAlgorithm,
    /// No nonce could ever be used.
    #[error("nonces must last at least a second, and at least one must be remembered")]
    NoNonces,
    /// Would not stand in a header as it is.
    #[error("the realm must be 1 to 128 printable ASCII characters")]
    BadRealm,
}

/// What of a request an answer speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// As it stands there: `POST`.
    pub method: &'a str,
    /// The request target: a path with its query, or a whole URL.
    pub target: &'a str,
}

/// How somebody proved that they have the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// With which hash.
    pub algorithm: Algorithm,
    /// Whether with a count, or as RFC 2069 has it.
    pub has_qop: bool,
}

/// The server's end of Digest, for one realm. Keeps nothing of whoever was only challenged.
#[derive(Debug)]
pub struct DigestServer {
    realm: String,
    key: NonceKey,
    options: DigestOptions,
    replays: ReplayTable,
}

impl DigestServer {
    /// A server of `realm` whose nonces `key` signs.
    ///
    /// # Errors
    ///
    /// Options or a realm that cannot work.
    pub fn new(realm: &str, key: NonceKey, options: DigestOptions) -> Result<Self, OptionsError> {
        let printable = realm.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !printable || !(1..=128).contains(&realm.len()) {
            return Err(OptionsError::BadRealm);
        }
        if options.algorithms.is_empty() {
            return Err(OptionsError::NoAlgorithm);
        }
        if options.nonces_max == 0 || options.nonce_lifetime < Duration::from_secs(1) {
            return Err(OptionsError::NoNonces);
        }
        let replays = ReplayTable::new(options.nonces_max);
        Ok(Self { realm: realm.to_owned(), key, options, replays })
    }

    /// The realm: what keys are derived for.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values of the `WWW-Authenticate` headers that go with a 401, one header each, in this order. `salt` is random:
    /// two clients that are challenged in the same millisecond must not share a nonce.
    #[must_use]
    pub fn challenges(&self, now: Wall, salt: [u8; 8], refusal: Refusal) -> Vec<String> {
        let nonce = self.key.nonce(&self.realm, NonceId { made: now, salt: u64::from_be_bytes(salt) });
        let realm = quoted(&self.realm);
        let stale = if refusal.is_stale() { ", stale=true" } else { "" };
        let challenge = |algorithm: &Algorithm| {
            format!(r#"Digest realm={realm}, qop="auth", nonce="{nonce}", algorithm={algorithm}{stale}"#)
        };
        self.options.algorithms.iter().map(challenge).collect()
    }

    /// Whether the answer is that of somebody who has `credential`: what is held of [`Authorization::username`], `None` if
    /// nobody has that name, which costs hashes as well.
    ///
    /// # Errors
    ///
    /// Why not. [`Refusal::StaleNonce`] and [`Refusal::Replayed`] are said only to whoever has the password.
    pub fn verify(
        &mut self,
        request: RequestLine<'_>,
        answer: &Authorization,
        credential: Option<&Credential>,
        now: Wall,
    ) -> Result<Verified, Refusal> {
        let algorithm = answer.algorithm.unwrap_or(Algorithm::Md5);
        self.check_form(request, answer, algorithm)?;
        let decoy = || Ha1::derive(algorithm, &answer.username, &self.realm, "");
        let key = match credential {
            Some(held) => held.ha1(algorithm, &answer.username, &self.realm).ok_or(Refusal::WrongAlgorithm)?,
            None => decoy(),
        };
        let expected = response(&key, &parts(request.method, answer));
        let fits = is_equal(&expected, &answer.response);
        match credential {
            None => return Err(Refusal::UnknownUser),
            Some(_) if !fits => return Err(Refusal::WrongResponse),
            Some(_) => {}
        }
        self.use_nonce(answer, now)?;
        Ok(Verified { algorithm, has_qop: answer.counted.is_some() })
    }

    /// Nonces in use that are remembered.
    #[must_use]
    pub fn nonces(&self) -> usize {
        self.replays.len()
    }

    /// How many nonces became stale before their time for want of room.
    #[must_use]
    pub const fn nonces_evicted(&self) -> u64 {
        self.replays.evicted()
    }

    fn check_form(
        &self,
        request: RequestLine<'_>,
        answer: &Authorization,
        algorithm: Algorithm,
    ) -> Result<(), Refusal> {
        if !self.options.algorithms.contains(&algorithm) {
            return Err(Refusal::WrongAlgorithm);
        }
        if answer.counted.is_none() && !self.options.allow_without_qop {
            return Err(Refusal::WithoutQop);
        }
        if answer.realm != self.realm {
            return Err(Refusal::WrongRealm);
        }
        if self.options.uri_must_match && origin_form(&answer.uri) != origin_form(request.target) {
            return Err(Refusal::WrongUri);
        }
        Ok(())
    }

    fn use_nonce(&mut self, answer: &Authorization, now: Wall) -> Result<(), Refusal> {
        let id = self.key.open(&self.realm, &answer.nonce).ok_or(Refusal::StaleNonce)?;
        let lifetime = self.options.nonce_lifetime;
        // A nonce of the future is one from before the clock was set back.
        if now > id.made + lifetime || id.made > now + lifetime {
            return Err(Refusal::StaleNonce);
        }
        let lifetime_millis = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let expired = now.unix_millis().checked_sub(lifetime_millis).and_then(|millis| millis.checked_sub(1));
        let nc = answer.counted.as_ref().map_or(u32::MAX, |counted| counted.nc);
        self.replays.enter(id, nc, Wall::from_unix_millis(expired.unwrap_or(0)))
    }
}

fn parts<'a>(method: &'a str, answer: &'a Authorization) -> ResponseParts<'a> {
    let counted = answer.counted.as_ref();
    let triple = |c: &'a Counted| (c.nc_text.as_str(), c.cnonce.as_str(), c.qop.as_str());
    ResponseParts { method, uri: &answer.uri, nonce: &answer.nonce, counted: counted.map(triple) }
}

/// Path and query of a request target or a whole URL.
fn origin_form(uri: &str) -> &str {
    let after_scheme = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = uri.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let path = match after_scheme {
        Some(rest) => rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => uri,
    };
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests;
