use std::borrow::Cow;
use std::fmt;

use super::fields::{Fields, split_scheme};
use super::{Algorithm, Refusal};

/// A Digest answer as its client wrote it (RFC 7616 §3.4): an `Authorization` header, not yet believed in anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Whose answer it claims to be.
    pub username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    /// As it was hashed, which is not always as it was requested.
    pub(super) uri: String,
    /// Lower-case hex.
    pub(super) response: String,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) counted: Option<Counted>,
}

/// What `qop` brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// As it was hashed: some write it in capitals.
    pub(super) qop: String,
    /// As it was hashed: eight hex digits, or fewer from some.
    pub(super) nc_text: String,
    pub(super) nc: u32,
    pub(super) cnonce: String,
}

impl Authorization {
    /// Longer headers are not looked at.
    pub const BYTES_MAX: usize = 4_096;

    /// A longer name is nobody's: TR-069 allows 256 characters (ManagementServer.Username), here of two bytes.
    pub const USERNAME_BYTES_MAX: usize = 512;

    /// Reads the value of an `Authorization` header. Values may be quoted or not, spaced and separated in any way, names in
    /// any case, `uri` whole or a path; unknown fields are passed over.
    ///
    /// # Errors
    ///
    /// Too long, another scheme, or a field missing, doubled or unreadable. An answer without `qop` is read; whether it is
    /// taken is the server's option.
    pub fn parse(value: &str) -> Result<Self, Refusal> {
        if value.len() > Self::BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let (scheme, rest) = split_scheme(value).ok_or(Refusal::Malformed)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(Refusal::WrongScheme);
        }
        let fields = Fields::parse(rest).ok_or(Refusal::Malformed)?;
        let algorithm = match fields.get("algorithm") {
            Some(name) => Some(name.parse().map_err(|_| Refusal::WrongAlgorithm)?),
            None => None,
        };
        let need = |name| fields.get(name).ok_or(Refusal::Malformed);
        Ok(Self {
            username: username(&fields).ok_or(Refusal::Malformed)?,
            realm: need("realm")?.to_owned(),
            nonce: need("nonce")?.to_owned(),
            uri: need("uri")?.to_owned(),
            response: response(need("response")?)?,
            algorithm,
            counted: counted(&fields)?,
        })
    }

    /// The realm it was made for: what a server with several looks at first.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }
}

impl fmt::Debug for Authorization {
    /// Without the answer: with it and the nonce the password could be tried offline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .field("uri", &self.uri)
            .field("algorithm", &self.algorithm)
            .field("qop", &self.counted.as_ref().map(|counted| &counted.qop))
            .finish_non_exhaustive()
    }
}

/// `username`, or `username*` for names beyond ASCII (RFC 7616 §3.4).
fn username(fields: &Fields<'_>) -> Option<String> {
    let name = match (fields.get("username"), fields.get("username*")) {
        (Some(plain), None) => Cow::Borrowed(plain),
        (None, Some(extended)) => Cow::Owned(extended_value(extended)?),
        _ => return None,
    };
    (name.len() <= Authorization::USERNAME_BYTES_MAX).then(|| name.into_owned())
}

/// `UTF-8''` and percent-encoded text (RFC 8187 §3.2).
fn extended_value(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("UTF-8") {
        return None;
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes().iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => bytes.push((hex_digit(*rest.next()?)? << 4) | hex_digit(*rest.next()?)?),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn response(text: &str) -> Result<String, Refusal> {
    let hex = matches!(text.len(), 32 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { Ok(text.to_ascii_lowercase()) } else { Err(Refusal::Malformed) }
}

fn counted(fields: &Fields<'_>) -> Result<Option<Counted>, Refusal> {
    let Some(qop) = fields.get("qop").filter(|qop| !qop.is_empty()) else {
        return Ok(None);
    };
    if !qop.eq_ignore_ascii_case("auth") {
        return Err(Refusal::WrongQop);
    }
    let (Some(nc_text), Some(cnonce)) = (fields.get("nc"), fields.get("cnonce")) else {
        return Err(Refusal::Malformed);
    };
    let digits = (1..=8).contains(&nc_text.len()) && nc_text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let nc = u32::from_str_radix(nc_text, 16).ok().filter(|_| digits).ok_or(Refusal::Malformed)?;
    Ok(Some(Counted { qop: qop.to_owned(), nc_text: nc_text.to_owned(), nc, cnonce: cnonce.to_owned() }))
}
