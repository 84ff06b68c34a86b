use std::borrow::Borrow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// One connection of one client. Given by the driver, never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// The name under which a participant can be reached in its room: 1 to 128 bytes of text without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(Arc<str>);

impl ParticipantId {
    /// The longest id, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than [`Self::BYTES_MAX`] bytes, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(IdError::TooLong { bytes: text.len() });
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::ControlCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ParticipantId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a room: 1 to 128 bytes of text without control characters, as a [`ParticipantId`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(Arc<str>);

impl RoomId {
    /// The room of those who name none, unless the settings say another: `main`.
    #[must_use]
    pub fn main() -> Self {
        Self("main".into())
    }

    /// Checks a name.
    ///
    /// # Errors
    /// As [`ParticipantId::parse`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        ParticipantId::parse(text).map(|id| Self(id.as_str().into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RoomId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a name cannot be a participant's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// It has no character.
    #[error("an id needs at least one character")]
    Empty,
    /// It has more than [`ParticipantId::BYTES_MAX`] bytes.
    #[error("an id has at most {max} bytes, not {bytes}", max = ParticipantId::BYTES_MAX)]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// A control character is in it.
    #[error("an id has no control characters")]
    ControlCharacter,
}

/// Whose an id is: who may take it over with a new socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Somebody without a token, known by where they come from.
    Address(IpAddr),
    /// Somebody with a token, known by its subject.
    Subject(Arc<str>),
}

impl Owner {
    /// The owner for a client address. One IPv6 subscriber has at least a /64 and changes address inside it, so the
    /// network stands for all of them; an IPv4 address written as IPv6 is the IPv4 address.
    #[must_use]
    pub fn of_address(addr: IpAddr) -> Self {
        Self::Address(match addr.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_text() {
        assert_eq!(ParticipantId::parse(""), Err(IdError::Empty));
        assert_eq!(ParticipantId::parse("a\nb"), Err(IdError::ControlCharacter));
        assert!(ParticipantId::parse(&"é".repeat(64)).is_ok());
        assert_eq!(ParticipantId::parse(&"a".repeat(129)), Err(IdError::TooLong { bytes: 129 }));
    }

    #[test]
    fn an_owner_is_an_ipv4_address_or_an_ipv6_network() {
        let owner = |text: &str| Owner::of_address(text.parse().unwrap());
        assert_eq!(owner("2001:db8:1:2::1"), owner("2001:db8:1:2:ffff::9"));
        assert_ne!(owner("2001:db8:1:2::1"), owner("2001:db8:1:3::1"));
        assert_eq!(owner("::ffff:192.0.2.1"), owner("192.0.2.1"));
        assert_ne!(owner("192.0.2.1"), owner("192.0.2.2"));
        assert_ne!(owner("::1"), owner("127.0.0.1"));
    }
}
