//! What a device, or we towards it, proves itself with.

use std::fmt;

/// A secret text. It is never printed; whoever needs it says so with [`Self::expose`].
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// The most bytes a secret may have: twice what TR-181 has room for in `ManagementServer.Password` (256 characters).
    pub const BYTES_MAX: usize = 512;

    /// Takes a secret; `None`: it is longer than [`Self::BYTES_MAX`].
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Option<Self> {
        let text = text.into();
        (text.len() <= Self::BYTES_MAX).then_some(Self(text))
    }

    /// A new one from 16 random bytes: 26 letters and digits, which every form field and header takes.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        // Crockford's base 32: no letters that are mistaken for digits.
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut bits = u128::from_be_bytes(random);
        let mut text = String::with_capacity(26);
        for _ in 0..26 {
            text.push(char::from(ALPHABET[(bits & 31) as usize]));
            bits >>= 5;
        }
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// In a time that does not tell how much of them is equal.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let differences = self.0.bytes().zip(other.0.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        self.0.len() == other.0.len() && differences == 0
    }
}

impl Eq for Secret {}

/// A user name and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: Box<str>,
    /// The secret.
    pub secret: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let login = Login { user: "u".into(), secret: Secret::new("hush").unwrap() };
        assert!(!format!("{login:?}").contains("hush"));
    }

    #[test]
    fn a_new_secret_has_letters_and_digits_and_all_of_its_randomness() {
        let one = Secret::from_random([0xA5; 16]);
        assert_eq!(one.expose().len(), 26);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        for bit in 0..128 {
            let mut random = [0xA5; 16];
            random[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Secret::from_random(random), one, "bit {bit}");
        }
    }

    #[test]
    fn secrets_are_equal_as_a_whole_and_bounded() {
        let secret = |text: &str| Secret::new(text).unwrap();
        assert_eq!(secret("abc"), secret("abc"));
        assert_ne!(secret("abc"), secret("ab"));
        assert_ne!(secret("abc"), secret("abd"));
        assert!(Secret::new("x".repeat(513)).is_none());
    }
}
