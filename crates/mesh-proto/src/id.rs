use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Who a peer says it is: a node's padded base64url Ed25519 key (44 characters ending in `=`), or whatever name an agent
/// or a browser registered. Comparing is by text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(Arc<str>);

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeerIdError {
    /// It is empty or longer than [`PeerId::BYTES_MAX`].
    #[error("an id has 1 to 128 bytes")]
    Length,
    /// It holds a control character.
    #[error("an id holds no control characters")]
    Control,
}

impl PeerId {
    /// The longest id, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// # Errors
    /// The text is empty, too long, or holds a control character.
    pub fn new(text: &str) -> Result<Self, PeerIdError> {
        if text.is_empty() || text.len() > Self::BYTES_MAX {
            return Err(PeerIdError::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(PeerIdError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({})", self.0)
    }
}
