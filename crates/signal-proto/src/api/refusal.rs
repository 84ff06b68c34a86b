use super::rights::Right;
use crate::id::ParticipantId;

/// Why a request was refused. The sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// From a socket that is not in that room.
    NotInRoom,
    /// Its rights do not reach that far.
    NotAllowed {
        /// Which one is missing.
        right: Right,
    },
    /// An offer or answer to nobody.
    PeerNotFound {
        /// Whom it was for.
        to: Box<str>,
    },
    /// An offer or answer to its own sender.
    PeerIsSelf {
        /// Who.
        participant: ParticipantId,
    },
    /// The id is somebody else's.
    IdInUse {
        /// Which.
        participant: ParticipantId,
    },
    /// The room is locked.
    RoomLocked,
    /// There are as many participants in the room as may be.
    RoomFull {
        /// How many that is.
        max: usize,
    },
    /// There are as many rooms as may be.
    TooManyRooms {
        /// How many that is.
        max: usize,
    },
    /// The participant has as many sockets as it may.
    TooManySockets {
        /// How many that is.
        max: usize,
    },
    /// The socket has as many ids as it may, over all rooms.
    TooManyIds {
        /// How many that is.
        max: usize,
    },
    /// The participant has signaled to as many others as it may.
    TooManyPeers {
        /// How many that is.
        max: usize,
    },
    /// A timer of that length cannot be.
    BadDuration,
    /// Nothing was started that could be paused or resumed.
    NoTimer,
    /// What it tells is larger than may be kept.
    TooLarge {
        /// How many bytes may be.
        max: usize,
    },
}
