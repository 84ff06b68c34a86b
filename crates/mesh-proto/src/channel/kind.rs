/// The first byte of a binary frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// [`Hello`](super::Hello).
    Hello = 0x01,
    /// Topics wanted.
    Subscribe = 0x02,
    /// Topics wanted no longer.
    Unsubscribe = 0x03,
    /// [`Message`](super::Message).
    Message = 0x04,
    /// Ids of messages that are there.
    IHave = 0x05,
    /// Ids of messages that are wanted.
    IWant = 0x06,
    /// Ids that are dealt with.
    Heard = 0x07,
    /// Ids only, please.
    Prune = 0x08,
    /// [`Chunk`](super::Chunk).
    Chunk = 0x09,
    /// [`Relay`](super::Relay).
    Relay = 0x0a,
}

impl Kind {
    /// The kind of a first byte; `None`: a later version's.
    #[must_use]
    pub fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::Hello,
            0x02 => Self::Subscribe,
            0x03 => Self::Unsubscribe,
            0x04 => Self::Message,
            0x05 => Self::IHave,
            0x06 => Self::IWant,
            0x07 => Self::Heard,
            0x08 => Self::Prune,
            0x09 => Self::Chunk,
            0x0a => Self::Relay,
            _ => return None,
        })
    }
}
