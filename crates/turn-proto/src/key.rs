use std::fmt;

/// The key of a long-term credential: a digest of `user:realm:password` (RFC 8489 §9.2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Of clients that name no algorithm, or this one (RFC 8489 §18.5.1.1).
    Md5([u8; 16]),
    /// RFC 8489 §18.5.1.2
    Sha256([u8; 32]),
}

impl Key {
    /// What messages are signed with.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(key) => key,
            Self::Sha256(key) => key,
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn algorithm(&self) -> PasswordAlgorithm {
        match self {
            Self::Md5(_) => PasswordAlgorithm::Md5,
            Self::Sha256(_) => PasswordAlgorithm::Sha256,
        }
    }
}

/// How a key is made of a password (RFC 8489 §18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PasswordAlgorithm {
    /// 0x0001
    Md5,
    /// 0x0002
    Sha256,
}

impl PasswordAlgorithm {
    /// PASSWORD-ALGORITHMS as challenges offer them, the better first: number and parameter length of each.
    pub(crate) const OFFER: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];

    /// The value of PASSWORD-ALGORITHM; neither algorithm has parameters.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [0, 1, 0, 0] => Some(Self::Md5),
            [0, 2, 0, 0] => Some(Self::Sha256),
            _ => None,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The keys that may have signed a user's request: one, or one of each secret in force while secrets are rotated.
/// Never none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    first: Key,
    others: [Option<Key>; Self::MAX - 1],
}

impl Keys {
    /// Each costs one HMAC for each request that the earlier ones did not sign.
    pub const MAX: usize = 4;

    /// The keys in the order they are to be tried; those beyond [`Self::MAX`] are left out. `None` of none.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Option<Self> {
        let mut keys = keys.into_iter();
        let first = keys.next()?;
        Some(Self { first, others: std::array::from_fn(|_| keys.next()) })
    }

    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = Key> {
        std::iter::once(self.first).chain(self.others.into_iter().flatten())
    }
}

impl From<Key> for Keys {
    fn from(first: Key) -> Self {
        Self { first, others: [None; Self::MAX - 1] }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_are_never_none_nor_more_than_the_maximum() {
        let of = |count: u8| Keys::new((0..count).map(|byte| Key::Md5([byte; 16])));
        let firsts = |count| of(count).map(|keys| keys.iter().map(|key| key.as_bytes()[0]).collect::<Vec<_>>());
        assert_eq!(firsts(0), None);
        assert_eq!(firsts(1), Some(vec![0]));
        assert_eq!(firsts(4), Some(vec![0, 1, 2, 3]));
        assert_eq!(firsts(5), Some(vec![0, 1, 2, 3]));
        assert_eq!(of(1), Some(Keys::from(Key::Md5([0; 16]))));
    }

    #[test]
    fn keys_are_never_printed() {
        assert_eq!(format!("{:?} {:?}", Key::Md5([7; 16]), Keys::from(Key::Md5([7; 16]))), "Key(..) Keys(..)");
    }
}
