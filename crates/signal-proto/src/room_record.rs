use std::time::Duration;

use sangam_types::{Text, Wall};

use crate::id::{Owner, ParticipantId, RoomId};

/// What of a room outlasts the process. Who was there is absent after a restart and has its grace to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord<P> {
    /// Which room.
    pub room: RoomId,
    /// In the order in which they joined.
    pub participants: Vec<ParticipantRecord>,
    /// Whether it is locked.
    pub locked: bool,
    /// As told last.
    pub verse: Option<P>,
    /// As told last.
    pub queue: Option<P>,
    /// If one was started and has not run out.
    pub timer: Option<TimerRecord>,
}

/// Somebody in a recorded room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantRecord {
    /// Its id.
    pub id: ParticipantId,
    /// As it wants to be shown.
    pub name: Option<Text>,
    /// Whose the id is.
    pub owner: Owner,
}

/// A recorded timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerRecord {
    /// It runs until then.
    Runs {
        /// As started.
        duration: Duration,
        /// By the wall's clock, the only one that two processes share.
        until: Wall,
    },
    /// It is paused.
    Rests {
        /// As started.
        duration: Duration,
        /// What is left.
        remaining: Duration,
    },
}
