use crate::id::RoomId;

/// What a socket may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// In which rooms.
    pub rooms: RoomScope,
    /// Join and take mail.
    pub join: bool,
    /// Send signals, tell.
    pub signal: bool,
    /// Control the timer.
    pub timer: bool,
    /// Kick, lock, end.
    pub moderate: bool,
}

impl Rights {
    /// Everything, everywhere: an open mode.
    pub const ALL: Self = Self { rooms: RoomScope::All, join: true, signal: true, timer: true, moderate: true };

    /// Whether they hold in that room.
    #[must_use]
    pub fn reach(&self, room: &RoomId) -> bool {
        match &self.rooms {
            RoomScope::All => true,
            RoomScope::Only(only) => only == room,
        }
    }
}

/// In which rooms rights hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomScope {
    /// In all.
    All,
    /// In one.
    Only(RoomId),
}

/// One of [`Rights`], to name the one that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// To be in that room.
    Room,
    /// [`Rights::join`].
    Join,
    /// [`Rights::signal`].
    Signal,
    /// [`Rights::timer`].
    Timer,
    /// [`Rights::moderate`].
    Moderate,
}
