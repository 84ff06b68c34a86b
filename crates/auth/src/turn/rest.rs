use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sangam_types::Wall;
use secrecy::{ExposeSecret, SecretSlice};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{LongTermKey, LongTermKeySha256};

/// A secret shared by whoever mints time-limited TURN credentials and the TURN server that checks them
/// (coturn: `static-auth-secret`). Wiped when dropped, never printed.
#[derive(Clone)]
pub struct RestSecret(SecretSlice<u8>);

impl RestSecret {
    /// From the secret's bytes: the text as it stands in a configuration, not decoded.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into())
    }

    /// The password that goes with `username`: `base64(HMAC-SHA1(secret, username))`.
    fn password(&self, username: &str) -> Zeroizing<String> {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.0.expose_secret()).expect("HMAC takes a key of any length");
        mac.update(username.as_bytes());
        Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for RestSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestSecret(..)")
    }
}

/// How time-limited credentials are written and how long they may last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestOptions {
    /// Stands between expiry and name (coturn: `rest-api-separator`).
    pub separator: char,
    /// A credential that expires later than this from now is refused: a leaked secret cannot mint for ever.
    pub max_ahead: Duration,
}

impl Default for RestOptions {
    /// Separator `:`, at most 31 days ahead.
    fn default() -> Self {
        Self { separator: ':', max_ahead: Duration::from_secs(31 * 24 * 3_600) }
    }
}

/// The secrets in force, the newest first. During a rotation there is more than one: the first mints, each
/// of them is accepted.
#[derive(Clone, Debug)]
pub struct RestSecrets {
    secrets: Vec<RestSecret>,
    options: RestOptions,
}

impl RestSecrets {
    /// How many secrets may be in force at a time. Each costs one HMAC and one MD5 per look-up and one HMAC
    /// per check of a message that the earlier ones did not sign.
    pub const MAX: usize = 4;

    /// RFC 8489 §14.3: USERNAME holds at most 509 bytes.
    pub const USERNAME_BYTES_MAX: usize = 509;

    /// Takes the secrets in force, the one that mints first.
    ///
    /// # Errors
    ///
    /// None, or more than [`Self::MAX`].
    pub fn new(secrets: Vec<RestSecret>, options: RestOptions) -> Result<Self, RestSecretsError> {
        match secrets.len() {
            0 => Err(RestSecretsError::Empty),
            count if count > Self::MAX => Err(RestSecretsError::TooMany { count, max: Self::MAX }),
            _ => Ok(Self { secrets, options }),
        }
    }

    /// Mints a credential for `name` that ends at `expires`, rounded down to a second.
    ///
    /// # Errors
    ///
    /// The name would make a user name longer than [`Self::USERNAME_BYTES_MAX`].
    pub fn mint(&self, name: &str, expires: Wall) -> Result<RestCredential, MintError> {
        let username = format!("{}{}{name}", expires.unix_secs(), self.options.separator);
        if username.len() > Self::USERNAME_BYTES_MAX {
            return Err(MintError::NameTooLong { bytes: username.len(), max: Self::USERNAME_BYTES_MAX });
        }
        let newest = self.secrets.first().expect("`new` refuses an empty list");
        let password = newest.password(&username).as_str().to_owned();
        Ok(RestCredential { username, password, expires: Wall::from_unix_secs(expires.unix_secs()) })
    }

    /// The keys that may have signed a message of `username`: one per secret in force, in their order, never
    /// none and never more than [`Self::MAX`]. The one whose MESSAGE-INTEGRITY fits is the right one.
    ///
    /// Accepts what coturn accepts: `expiry:name`, `name:expiry`, or `expiry` alone.
    ///
    /// # Errors
    ///
    /// The name holds no expiry, or one that has passed or is too far away.
    pub fn keys_for(&self, username: &str, realm: &str, now: Wall) -> Result<Vec<LongTermKey>, RestRefusal> {
        self.check_expiry(username, now)?;
        let key = |secret: &RestSecret| LongTermKey::derive(username, realm, &secret.password(username));
        Ok(self.secrets.iter().map(key).collect())
    }

    /// As [`keys_for`](Self::keys_for), for clients that chose SHA-256.
    ///
    /// # Errors
    ///
    /// The name holds no expiry, or one that has passed or is too far away.
    pub fn sha256_keys_for(
        &self,
        username: &str,
        realm: &str,
        now: Wall,
    ) -> Result<Vec<LongTermKeySha256>, RestRefusal> {
        self.check_expiry(username, now)?;
        let key = |secret: &RestSecret| LongTermKeySha256::derive(username, realm, &secret.password(username));
        Ok(self.secrets.iter().map(key).collect())
    }

    /// Whether a credential of this name has this key, be it expired or not: a secret that was taken out of force has
    /// none.
    #[must_use]
    pub fn made(&self, username: &str, realm: &str, key: LongTermKey) -> bool {
        let made = |secret: &RestSecret| LongTermKey::derive(username, realm, &secret.password(username)) == key;
        self.expiry(username).is_some() && self.secrets.iter().any(made)
    }

    /// As [`made`](Self::made), for clients that chose SHA-256.
    #[must_use]
    pub fn made_sha256(&self, username: &str, realm: &str, key: LongTermKeySha256) -> bool {
        let made = |secret: &RestSecret| LongTermKeySha256::derive(username, realm, &secret.password(username)) == key;
        self.expiry(username).is_some() && self.secrets.iter().any(made)
    }

    /// For how long a credential that is minted now can be good.
    #[must_use]
    pub fn max_ahead(&self) -> Duration {
        self.options.max_ahead
    }

    fn check_expiry(&self, username: &str, now: Wall) -> Result<(), RestRefusal> {
        let expires = self.expiry(username).ok_or(RestRefusal::NoExpiry)?;
        if expires <= now {
            return Err(RestRefusal::Expired);
        }
        if expires > now + self.options.max_ahead {
            return Err(RestRefusal::TooFarAhead);
        }
        Ok(())
    }

    /// The part of `username` that says who rather than until when, for quotas and logs: empty for a bare
    /// expiry, the whole of it if it holds no expiry.
    #[must_use]
    pub fn name<'a>(&self, username: &'a str) -> &'a str {
        match username.split_once(self.options.separator) {
            Some((expiry, name)) if seconds(expiry).is_some() => name,
            Some((name, expiry)) if seconds(expiry).is_some() => name,
            None if seconds(username).is_some() => "",
            Some(_) | None => username,
        }
    }

    fn expiry(&self, username: &str) -> Option<Wall> {
        match username.split_once(self.options.separator) {
            Some((before, after)) => seconds(before).or_else(|| seconds(after)),
            None => seconds(username),
        }
    }
}

/// Unix time in seconds: ASCII digits and nothing else, so that no sign and no space slips in.
fn seconds(text: &str) -> Option<Wall> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().map(Wall::from_unix_secs)
}

/// A time-limited TURN credential, ready for an `RTCIceServer`.
#[derive(Clone, PartialEq, Eq)]
pub struct RestCredential {
    /// `expiry:name`.
    pub username: String,
    /// `base64(HMAC-SHA1(secret, username))`: 28 characters.
    pub password: String,
    /// When it stops to be accepted for a new request.
    pub expires: Wall,
}

impl fmt::Debug for RestCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestCredential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Why a list of secrets cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestSecretsError {
    /// Nothing to mint or check with.
    #[error("no TURN secret is given")]
    Empty,
    /// Each secret costs work on each look-up.
    #[error("{count} TURN secrets are in force, at most {max} may be: drop the oldest")]
    TooMany {
        /// How many were given.
        count: usize,
        /// How many may be.
        max: usize,
    },
}

/// Why no credential could be minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// A TURN client could not send it.
    #[error("the TURN user name would be {bytes} bytes long, at most {max} fit into USERNAME")]
    NameTooLong {
        /// With expiry and separator.
        bytes: usize,
        /// With expiry and separator.
        max: usize,
    },
}

/// Why a user name stands for no key. The client sees 401 for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum RestRefusal {
    /// Not a time-limited name.
    #[error("the user name holds no expiry")]
    NoExpiry,
    /// Its time is over.
    #[error("the credential has expired")]
    Expired,
    /// Later than `max_ahead` from now.
    #[error("the credential expires further ahead than is allowed")]
    TooFarAhead,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Wall = Wall::from_unix_secs(1_700_000_000);

    fn secrets(list: &[&str]) -> RestSecrets {
        let list = list.iter().map(|text| RestSecret::new(*text)).collect();
        RestSecrets::new(list, RestOptions::default()).unwrap()
    }

    /// `printf '1700003600:alice' | openssl dgst -sha1 -hmac north-wind -binary | base64`
    #[test]
    fn the_password_is_what_openssl_computes() {
        let credential = secrets(&["north-wind"]).mint("alice", NOW + Duration::from_secs(3_600)).unwrap();
        assert_eq!(credential.username, "1700003600:alice");
        assert_eq!(credential.password, "iRtTIZ3N38dm9S+dP+UkHfnN9Qo=");
    }

    /// `printf '1700003600:alice:sangam:iRtTIZ3N38dm9S+dP+UkHfnN9Qo=' | openssl md5`
    #[test]
    fn the_key_is_what_openssl_computes() {
        let keys = secrets(&["north-wind"]).keys_for("1700003600:alice", "sangam", NOW).unwrap();
        assert_eq!(
            keys,
            [LongTermKey([
                0xa5, 0xb9, 0xf1, 0x1f, 0x26, 0xb0, 0x52, 0x00, 0xba, 0xe9, 0x84, 0x10, 0x6a, 0xdd, 0xfb, 0x04
            ])]
        );
    }

    #[test]
    fn what_is_minted_is_accepted_until_it_expires_and_not_after() {
        let secrets = secrets(&["north-wind"]);
        let minted = secrets.mint("alice", NOW + Duration::from_secs(60)).unwrap();
        let expected = LongTermKey::derive(&minted.username, "sangam", &minted.password);
        for (after_secs, answer) in [(0, Ok(vec![expected])), (59, Ok(vec![expected])), (60, Err(RestRefusal::Expired))]
        {
            let now = NOW + Duration::from_secs(after_secs);
            assert_eq!(secrets.keys_for(&minted.username, "sangam", now), answer, "{after_secs} s later");
        }
    }

    #[test]
    fn during_a_rotation_the_newest_secret_mints_and_each_is_accepted() {
        let (old, both) = (secrets(&["north-wind"]), secrets(&["south-wind", "north-wind"]));
        let expires = NOW + Duration::from_secs(60);
        let (by_old, by_both) = (old.mint("alice", expires).unwrap(), both.mint("alice", expires).unwrap());
        assert_ne!(by_old.password, by_both.password);
        let keys = both.keys_for(&by_old.username, "sangam", NOW).unwrap();
        let key = |password: &str| LongTermKey::derive(&by_old.username, "sangam", password);
        assert_eq!(keys, [key(&by_both.password), key(&by_old.password)]);
    }

    #[test]
    fn a_credential_is_its_secrets_after_it_has_expired_and_no_longer_once_the_secret_is_gone() {
        let (old, both, new) =
            (secrets(&["north-wind"]), secrets(&["south-wind", "north-wind"]), secrets(&["south-wind"]));
        let minted = old.mint("alice", NOW).unwrap();
        let key = LongTermKey::derive(&minted.username, "sangam", &minted.password);
        let sha256 = LongTermKeySha256::derive(&minted.username, "sangam", &minted.password);
        for (secrets, expected) in [(&old, true), (&both, true), (&new, false)] {
            assert_eq!(secrets.made(&minted.username, "sangam", key), expected);
            assert_eq!(secrets.made_sha256(&minted.username, "sangam", sha256), expected);
        }
        assert!(!old.made("alice", "sangam", LongTermKey::derive("alice", "sangam", &minted.password)));
    }

    #[test]
    fn user_names_are_read_as_coturn_reads_them_but_strictly() {
        let table = [
            ("1700000060:alice", Ok("alice")),
            ("alice:1700000060", Ok("alice")),
            ("1700000060", Ok("")),
            (":1700000060", Ok("")),
            ("1700000060:", Ok("")),
            ("1700000060:alice:phone", Ok("alice:phone")),
            ("1700000060:1800000000", Ok("1800000000")),
            ("1699999999:1700000060", Err(RestRefusal::Expired)),
            ("", Err(RestRefusal::NoExpiry)),
            (":", Err(RestRefusal::NoExpiry)),
            ("alice", Err(RestRefusal::NoExpiry)),
            ("+1700000060:alice", Err(RestRefusal::NoExpiry)),
            (" 1700000060:alice", Err(RestRefusal::NoExpiry)),
            ("1700000060 :alice", Err(RestRefusal::NoExpiry)),
            ("-1:alice", Err(RestRefusal::NoExpiry)),
            ("١٧٠٠٠٠٠٠٦٠:alice", Err(RestRefusal::NoExpiry)),
            ("99999999999999999999999:alice", Err(RestRefusal::NoExpiry)),
            ("18446744073709551615:alice", Err(RestRefusal::TooFarAhead)),
            ("1702678401:alice", Err(RestRefusal::TooFarAhead)),
            ("1702678400:alice", Ok("alice")),
            ("1700000000:alice", Err(RestRefusal::Expired)),
            ("0:alice", Err(RestRefusal::Expired)),
        ];
        let secrets = secrets(&["north-wind"]);
        for (username, expected) in table {
            let found = secrets.keys_for(username, "sangam", NOW).map(|_| secrets.name(username));
            assert_eq!(found, expected, "{username:?}");
        }
    }

    #[test]
    fn another_separator_is_honoured() {
        let options = RestOptions { separator: '|', ..RestOptions::default() };
        let secrets = RestSecrets::new(vec![RestSecret::new("north-wind")], options).unwrap();
        assert_eq!(secrets.mint("a:b", NOW).unwrap().username, "1700000000|a:b");
        assert!(secrets.keys_for("1700000060|a:b", "sangam", NOW).is_ok());
        assert_eq!(secrets.keys_for("1700000060:a", "sangam", NOW), Err(RestRefusal::NoExpiry));
    }

    #[test]
    fn the_number_of_secrets_is_bounded() {
        let list = |count| vec![RestSecret::new("north-wind"); count];
        let check = |count| RestSecrets::new(list(count), RestOptions::default()).map(|_| ());
        assert_eq!(check(0), Err(RestSecretsError::Empty));
        assert_eq!(check(RestSecrets::MAX), Ok(()));
        assert_eq!(check(RestSecrets::MAX + 1), Err(RestSecretsError::TooMany { count: 5, max: 4 }));
    }

    #[test]
    fn a_name_that_would_not_fit_into_username_is_refused() {
        let secrets = secrets(&["north-wind"]);
        assert!(secrets.mint(&"n".repeat(498), NOW).is_ok());
        assert_eq!(secrets.mint(&"n".repeat(499), NOW), Err(MintError::NameTooLong { bytes: 510, max: 509 }));
    }

    #[test]
    fn debug_prints_neither_secret_nor_password() {
        let secrets = secrets(&["north-wind"]);
        let credential = secrets.mint("alice", NOW).unwrap();
        let printed = format!("{secrets:?} {credential:?}");
        assert!(!printed.contains("north-wind") && !printed.contains(&credential.password), "{printed}");
    }

    proptest! {
        #[test]
        fn no_user_name_panics_and_every_minted_one_is_accepted(name in ".{0,40}", ahead in 1_u64..86_400) {
            let secrets = secrets(&["north-wind", "south-wind"]);
            secrets.keys_for(&name, "sangam", NOW).ok();
            let minted = secrets.mint(&name, NOW + Duration::from_secs(ahead)).unwrap();
            let keys = secrets.keys_for(&minted.username, "sangam", NOW).unwrap();
            prop_assert_eq!(keys[0], LongTermKey::derive(&minted.username, "sangam", &minted.password));
            prop_assert_eq!(secrets.name(&minted.username), name);
        }
    }
}
