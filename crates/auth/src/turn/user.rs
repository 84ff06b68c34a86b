use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::{LongTermKey, LongTermKeySha256, userhash};

/// What a long-term user proves to know. Wiped when dropped, never printed.
#[derive(Clone)]
enum UserSecret {
    /// The password.
    Password(SecretString),
    /// The key that follows from name, realm and password (RFC 8489 §9.2.2), for an operator who does not keep the
    /// password. It holds for one realm.
    Key(SecretSlice<u8>),
}

/// Why an entry is no long-term user. Holds nothing of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// There is no colon, or nothing before it or after it.
    #[error("it is not NAME:PASSWORD")]
    NotAPair,
    /// USERNAME has no room for it (RFC 8489 §14.3).
    #[error("its name has {bytes} bytes, at most {max} fit into a request")]
    NameTooLong {
        /// Its length.
        bytes: usize,
        /// What fits.
        max: usize,
    },
    /// After `0x` stands something else than 32 hexadecimal digits.
    #[error("what follows `0x` is no key of 32 hexadecimal digits")]
    MalformedKey,
}

/// One long-term user, as coturn's `user` option writes it: `name:password`, or `name:0xKEY`.
#[derive(Clone)]
pub struct LongTermUser {
    name: String,
    secret: UserSecret,
}

impl LongTermUser {
    /// RFC 8489 §14.3: USERNAME holds at most 509 bytes.
    pub const NAME_BYTES_MAX: usize = 509;

    /// Reads `name:password` or `name:0xKEY`. The first colon ends the name; a password may hold more.
    ///
    /// # Errors
    ///
    /// The entry has another form.
    pub fn parse(entry: &str) -> Result<Self, UserError> {
        let (name, secret) = entry.split_once(':').ok_or(UserError::NotAPair)?;
        if name.is_empty() || secret.is_empty() {
            return Err(UserError::NotAPair);
        }
        if name.len() > Self::NAME_BYTES_MAX {
            return Err(UserError::NameTooLong { bytes: name.len(), max: Self::NAME_BYTES_MAX });
        }
        let secret = match secret.strip_prefix("0x") {
            Some(digits) => UserSecret::Key(key_of_digits(digits).ok_or(UserError::MalformedKey)?.to_vec().into()),
            None => UserSecret::Password(secret.to_owned().into()),
        };
        Ok(Self { name: name.to_owned(), secret })
    }

    /// The user name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password, if it is known: of a key nobody can say how strong the password behind it is.
    #[must_use]
    pub fn password(&self) -> Option<&SecretString> {
        match &self.secret {
            UserSecret::Password(password) => Some(password),
            UserSecret::Key(_) => None,
        }
    }

    fn key(&self, realm: &str) -> LongTermKey {
        match &self.secret {
            UserSecret::Password(password) => LongTermKey::derive(&self.name, realm, password.expose_secret()),
            UserSecret::Key(key) => {
                LongTermKey(key.expose_secret().try_into().expect("`parse` takes keys of 16 bytes only"))
            }
        }
    }
}

impl fmt::Debug for LongTermUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongTermUser").field("name", &self.name).finish_non_exhaustive()
    }
}

/// 32 hexadecimal digits as the 16 bytes of a key.
fn key_of_digits(digits: &str) -> Option<[u8; 16]> {
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(digits, 16).ok()).flatten().map(u128::to_be_bytes)
}

/// The long-term users of a server.
#[derive(Clone, Debug, Default)]
pub struct LongTermUsers {
    by_name: BTreeMap<String, LongTermUser>,
    /// The names by their USERHASH in one realm.
    by_hash: Option<UsersByHash>,
}

/// The users of one realm by the hash that hides their names (RFC 8489 §14.4).
#[derive(Clone, Debug)]
struct UsersByHash {
    realm: String,
    names: BTreeMap<[u8; 32], String>,
}

impl LongTermUsers {
    /// The key of `username` in `realm`; none if there is no such user.
    #[must_use]
    pub fn key_for(&self, username: &str, realm: &str) -> Option<LongTermKey> {
        self.by_name.get(username).map(|user| user.key(realm))
    }

    /// The same with SHA-256; none for a user whose key alone is known, which is by MD5.
    #[must_use]
    pub fn sha256_key_for(&self, username: &str, realm: &str) -> Option<LongTermKeySha256> {
        let user = self.by_name.get(username)?;
        user.password().map(|password| LongTermKeySha256::derive(&user.name, realm, password.expose_secret()))
    }

    /// The same users, to be found by the hash of their name in `realm` too.
    #[must_use]
    pub fn findable_by_hash(mut self, realm: &str) -> Self {
        let names = self.by_name.keys().map(|name| (userhash(name, realm), name.clone())).collect();
        self.by_hash = Some(UsersByHash { realm: realm.to_owned(), names });
        self
    }

    /// The name of the user whose USERHASH in `realm` this is: the SHA-256 of `name:realm` (RFC 8489 §14.4). None if there
    /// is no such user, or the users were not made [findable](Self::findable_by_hash) in that realm.
    #[must_use]
    pub fn name_of(&self, userhash: &[u8; 32], realm: &str) -> Option<&str> {
        let by_hash = self.by_hash.as_ref().filter(|by_hash| by_hash.realm == realm)?;
        by_hash.names.get(userhash).map(String::as_str)
    }

    /// Whether the password of each is known, so that clients may choose between MD5 and SHA-256.
    #[must_use]
    pub fn are_passwords_known(&self) -> bool {
        self.by_name.values().all(|user| user.password().is_some())
    }

    /// Whether there is a user of that name.
    #[must_use]
    pub fn contains(&self, username: &str) -> bool {
        self.by_name.contains_key(username)
    }

    /// Their names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_name.len()
    }
}

impl FromIterator<LongTermUser> for LongTermUsers {
    /// Of two users of one name the later one counts, as with coturn.
    fn from_iter<T: IntoIterator<Item = LongTermUser>>(users: T) -> Self {
        Self { by_name: users.into_iter().map(|user| (user.name.clone(), user)).collect(), by_hash: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(entries: &[&str]) -> LongTermUsers {
        entries.iter().map(|entry| LongTermUser::parse(entry).unwrap()).collect()
    }

    #[test]
    fn a_password_and_the_key_that_follows_from_it_are_the_same_user() {
        // Printed by `turnadmin -k -u ninefingers -r north.gov -p youhavetoberealistic`.
        let key = LongTermKey(0xbc80_7ee2_9df3_c9ff_a736_523f_b2c4_e8ee_u128.to_be_bytes());
        let by_password = users(&["ninefingers:youhavetoberealistic"]);
        let by_key = users(&["ninefingers:0xbc807ee29df3c9ffa736523fb2c4e8ee"]);
        assert_eq!(by_password.key_for("ninefingers", "north.gov"), Some(key));
        assert_eq!(by_key.key_for("ninefingers", "north.gov"), Some(key));
        assert_ne!(by_password.key_for("ninefingers", "south.gov"), Some(key));
        assert_eq!(by_key.key_for("NineFingers", "north.gov"), None);
    }

    #[test]
    fn the_first_colon_ends_the_name() {
        let key = users(&["a:b:c"]).key_for("a", "r");
        assert_eq!(key, Some(LongTermKey::derive("a", "r", "b:c")));
    }

    #[test]
    fn of_two_users_of_one_name_the_later_counts() {
        let users = users(&["a:old", "b:x", "a:new"]);
        assert_eq!((users.count(), users.key_for("a", "r")), (2, Some(LongTermKey::derive("a", "r", "new"))));
    }

    #[test]
    fn an_entry_of_another_form_is_refused_without_being_quoted() {
        let long = format!("{}:x", "n".repeat(510));
        let cases = [
            ("hunter2", UserError::NotAPair),
            (":hunter2", UserError::NotAPair),
            ("alice:", UserError::NotAPair),
            ("alice:0xhunter2", UserError::MalformedKey),
            ("alice:0x+1234567890123456789012345678901", UserError::MalformedKey),
            (&long, UserError::NameTooLong { bytes: 510, max: 509 }),
        ];
        for (entry, expected) in cases {
            let error = LongTermUser::parse(entry).unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_user_is_found_by_the_hash_of_the_name_in_the_realm_that_was_named() {
        let unfindable = users(&["マトリックス:TheMatrIX", "alice:x"]);
        // RFC 8489 §B.1 prints the USERHASH of that user in `example.org`.
        let hash = 0x4a3c_f38f_ef69_92bd_a952_c678_0417_da0f_u128.to_be_bytes();
        let rest = 0x2481_9415_569e_60b2_05c4_6e41_407f_1704_u128.to_be_bytes();
        let hash: [u8; 32] = [hash, rest].concat().try_into().unwrap();
        assert_eq!(unfindable.name_of(&hash, "example.org"), None);
        let findable = unfindable.findable_by_hash("example.org");
        assert_eq!(findable.name_of(&hash, "example.org"), Some("マトリックス"));
        assert_eq!(findable.name_of(&hash, "example.net"), None);
        assert_eq!(findable.name_of(&[0; 32], "example.org"), None);
    }

    #[test]
    fn debug_prints_the_name_and_no_secret() {
        let shown = format!("{:?}", users(&["alice:hunter2"]));
        assert!(shown.contains("alice") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_user_whose_key_alone_is_known_has_none_by_sha_256() {
        let users = |entries: &[&str]| {
            entries.iter().map(|entry| LongTermUser::parse(entry).unwrap()).collect::<LongTermUsers>()
        };
        let both = users(&["alice:secret", "bob:0x00112233445566778899aabbccddeeff"]);
        let expected = LongTermKeySha256::derive("alice", "sangam", "secret");
        assert_eq!(both.sha256_key_for("alice", "sangam"), Some(expected));
        assert_eq!(both.sha256_key_for("bob", "sangam"), None);
        assert!(both.key_for("bob", "sangam").is_some());
        assert!(!both.are_passwords_known());
        assert!(users(&["alice:secret"]).are_passwords_known() && users(&[]).are_passwords_known());
    }
}
