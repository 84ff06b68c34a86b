use futures_util::future::BoxFuture;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use crate::timestamp;

/// Sees the rooms of signaling and moderates them. What is said in them is their participants'; here are only its sizes.
///
/// Each question goes to the task that owns the rooms, which answers between what clients want of it, a slice at a time. If
/// it has not answered within a second the caller is told so; what it was told to do it may still do.
pub trait Rooms: Send + Sync {
    /// The rooms whose names come after that one, in the order of their names, `limit` at most.
    fn list(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<RoomList, RoomError>>;

    /// One room, with who joined after [`Members::after`].
    fn find(&self, room: String, members: Members) -> BoxFuture<'_, Result<RoomWithMembers, RoomError>>;

    /// Puts a participant out; it hears the reason, and so do the others. It may come again: see [`lock`](Self::lock).
    fn kick(&self, room: String, participant: String, reason: Option<String>) -> BoxFuture<'_, Result<(), RoomError>>;

    /// Whether nobody new may join from now on. Everybody in the room hears of it.
    fn lock(&self, room: String, locked: bool) -> BoxFuture<'_, Result<(), RoomError>>;

    /// Ends a session: all hear the reason and leave, nothing of the room is kept.
    fn end(&self, room: String, reason: Option<String>) -> BoxFuture<'_, Result<RoomEnded, RoomError>>;
}

/// Which of a room's members are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// Those after this place in the order of joining; zero: from the first.
    pub after: u64,
    /// How many at most.
    pub limit: usize,
}

/// Rooms, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomList {
    /// The rooms.
    pub rooms: Vec<Room>,
    /// Whether there are more behind them.
    pub has_more: bool,
    /// Rooms in all.
    pub total: usize,
    /// Participants in all of them.
    pub participants: usize,
}

/// One room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Its name.
    pub room: String,
    /// Participants, absent ones that may come back among them.
    pub participants: usize,
    /// Those that lost their connection and may come back.
    pub absent: usize,
    /// Whether nobody new may join.
    pub locked: bool,
    /// If one was started.
    pub timer: Option<RoomTimer>,
    /// Bytes of the verse that is kept for late joiners, if there is one.
    pub verse_bytes: Option<usize>,
    /// Bytes of the queue that is kept for late joiners, if there is one.
    pub queue_bytes: Option<usize>,
}

/// How a room's timer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RoomTimer {
    /// Seconds that are left, rounded up.
    pub remaining_secs: u64,
    /// Whether it has not run out.
    pub active: bool,
    /// Whether it rests.
    pub paused: bool,
}

/// One room and who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomWithMembers {
    /// The room.
    pub room: Room,
    /// In the order in which they joined.
    pub members: Vec<RoomMember>,
    /// After which place the others stand, if there are more.
    pub next: Option<u64>,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomMember {
    /// Its id.
    pub id: String,
    /// As it wants to be shown.
    pub name: Option<String>,
    /// How it comes; none of an absent one of which only that is known.
    pub wires: Vec<RoomWire>,
    /// Whether it is there, or away and may come back.
    pub present: bool,
    /// When it joined; of who was in the room before a restart, when the server began.
    #[serde(with = "timestamp")]
    pub joined_at: Wall,
    /// Since when it is away; none if it is there.
    #[serde(with = "timestamp::option")]
    pub absent_since: Option<Wall>,
}

/// What carries a participant's signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomWire {
    /// JSON over WebSocket.
    Json,
    /// Socket.IO.
    Socketio,
    /// The rendezvous over HTTP, which a node asks again and again.
    Rendezvous,
}

/// What came of an order to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RoomEnded {
    /// Participants that left with it.
    pub ended: usize,
}

/// Why nothing is seen or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no such room.
    #[error("there is no such room, or no longer")]
    NoRoom,
    /// Nobody of that id is in it.
    #[error("nobody of that id is in the room, or no longer")]
    NoParticipant,
    /// The task that owns the rooms did not answer in time.
    #[error("the rooms did not answer within a second; ask again")]
    Silent,
}
