//! HTTP Basic authentication (RFC 7617): for servers behind TLS alone, as the password itself travels.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::digest::{Credential, Ha1, Refusal, is_equal, split_scheme};

/// Longer headers are not looked at.
pub const BYTES_MAX: usize = 4_096;

/// Name and password of an `Authorization` header, not yet believed.
pub struct BasicAuthorization {
    /// Whose password it claims to be.
    pub username: String,
    password: SecretString,
}

impl BasicAuthorization {
    /// Reads the value of an `Authorization` header.
    ///
    /// # Errors
    ///
    /// Too long, another scheme, or not base64 of UTF-8 with a colon and no control characters.
    pub fn parse(value: &str) -> Result<Self, Refusal> {
        if value.len() > BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let (scheme, encoded) = split_scheme(value).ok_or(Refusal::Malformed)?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Err(Refusal::WrongScheme);
        }
        let bytes = Zeroizing::new(LENIENT.decode(encoded).map_err(|_| Refusal::Malformed)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::Malformed)?;
        let (username, password) = text.split_once(':').ok_or(Refusal::Malformed)?;
        if text.chars().any(char::is_control) {
            return Err(Refusal::Malformed);
        }
        Ok(Self { username: username.to_owned(), password: SecretString::from(password) })
    }

    /// Name and password, for whoever compares them itself.
    #[must_use]
    pub fn into_parts(self) -> (String, String) {
        (self.username, self.password.expose_secret().to_owned())
    }

    /// Whether the password is the one of `credential`, what is held of [`Self::username`] in `realm`. `None`, nobody of
    /// that name, costs hashes as well.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn verify(&self, realm: &str, credential: Option<&Credential>) -> Result<(), Refusal> {
        let given = |algorithm| Ha1::derive(algorithm, &self.username, realm, self.password.expose_secret());
        let unknown = Credential::password("");
        let held = match credential.unwrap_or(&unknown) {
            // Hashes of both are compared, so that the time does not tell the length.
            Credential::Password(password) => {
                Ha1::derive(crate::digest::Algorithm::Sha256, &self.username, realm, password.expose_secret())
            }
            Credential::Derived(keys) => {
                keys.iter().max_by_key(|key| key.algorithm()).ok_or(Refusal::WrongAlgorithm)?.clone()
            }
        };
        let fits = is_equal(given(held.algorithm()).expose_hex(), held.expose_hex());
        match credential {
            None => Err(Refusal::UnknownUser),
            Some(_) if fits => Ok(()),
            Some(_) => Err(Refusal::WrongResponse),
        }
    }
}

impl fmt::Debug for BasicAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuthorization").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The value of `Authorization`; `None` for a name with a colon, which cannot be told from the password.
#[must_use]
pub fn authorize(username: &str, password: &str) -> Option<String> {
    let joined = Zeroizing::new(format!("{username}:{password}"));
    (!username.contains(':')).then(|| format!("Basic {}", STANDARD.encode(joined.as_bytes())))
}

/// The value of `WWW-Authenticate`. `realm` as [`crate::digest::DigestServer::new`] takes it.
#[must_use]
pub fn challenge(realm: &str) -> String {
    format!(r#"Basic realm={}, charset="UTF-8""#, crate::digest::quoted(realm))
}

/// Some leave out the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn the_samples_of_rfc_7617_sections_2_and_2_1_are_read_and_written() {
        for (value, username, password) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
            ("Basic dGVzdDoxMjPCow==", "test", "123£"),
        ] {
            let read = BasicAuthorization::parse(value).unwrap();
            assert_eq!((read.username.as_str(), read.password.expose_secret()), (username, password));
            assert_eq!(authorize(username, password).as_deref(), Some(value));
        }
        assert_eq!(challenge("foo"), r#"Basic realm="foo", charset="UTF-8""#);
        assert_eq!(authorize("a:b", "c"), None);
    }

    #[test]
    fn a_password_is_checked_against_itself_or_what_was_derived_of_it() {
        let read = BasicAuthorization::parse("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ").unwrap();
        let derived = |password| Credential::Derived(vec![Ha1::derive(Algorithm::Md5, "Aladdin", "r", password)]);
        let cases = [
            (Some(Credential::password("open sesame")), Ok(())),
            (Some(Credential::password("open")), Err(Refusal::WrongResponse)),
            (Some(derived("open sesame")), Ok(())),
            (Some(derived("open")), Err(Refusal::WrongResponse)),
            (Some(Credential::Derived(vec![])), Err(Refusal::WrongAlgorithm)),
            (None, Err(Refusal::UnknownUser)),
        ];
        for (credential, expected) in cases {
            assert_eq!(read.verify("r", credential.as_ref()), expected, "{credential:?}");
        }
    }

    #[test]
    fn nobody_is_let_in_by_an_empty_password_for_an_unknown_name() {
        let read = BasicAuthorization::parse("Basic bm9ib2R5Og==").unwrap();
        assert_eq!(read.verify("r", None), Err(Refusal::UnknownUser));
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_nothing_is_printed() {
        for (value, expected) in [
            ("Basic !!", Refusal::Malformed),
            ("Basic QWxhZGRpbg==", Refusal::Malformed),
            ("Basic //8=", Refusal::Malformed),
            ("Basic YToKYg==", Refusal::Malformed),
            ("Digest x=y", Refusal::WrongScheme),
            ("", Refusal::Malformed),
        ] {
            assert_eq!(BasicAuthorization::parse(value).map(|_| ()), Err(expected), "{value}");
        }
        let read = BasicAuthorization::parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert!(!format!("{read:?}").contains("sesame"));
    }
}
