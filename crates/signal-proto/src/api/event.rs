use super::refusal::Refusal;
use super::signal::SignalKind;
use crate::id::{ParticipantId, RoomId, SocketId};

/// What happened, for audit, metrics and log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A participant joined, or a [sole](crate::Presence::Sole) one came back on another socket.
    Joined {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// How many participants there are now, over all rooms.
        total: usize,
    },
    /// A participant left.
    Left {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// How many participants there are now, over all rooms.
        total: usize,
    },
    /// The first joined a room that was not there.
    RoomOpened {
        /// Which.
        room: RoomId,
    },
    /// A room was forgotten: nobody is in it, and nobody may return.
    RoomClosed {
        /// Which.
        room: RoomId,
    },
    /// A session was ended: all have left.
    Ended {
        /// Which.
        room: RoomId,
    },
    /// A timer ran out.
    TimerExpired {
        /// Whose.
        room: RoomId,
    },
    /// A participant was put out of a room.
    Kicked {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
    },
    /// A room was locked or opened.
    Locked {
        /// Which.
        room: RoomId,
        /// Which of both.
        locked: bool,
    },
    /// A message was handed over.
    Relayed {
        /// Where.
        room: RoomId,
        /// What it was.
        kind: SignalKind,
        /// Who sent it.
        from: ParticipantId,
        /// Who gets it.
        to: ParticipantId,
    },
    /// Two offers met.
    Glare {
        /// Where.
        room: RoomId,
        /// Who offered first.
        first: ParticipantId,
        /// Who offered second.
        second: ParticipantId,
        /// What became of it.
        outcome: GlareOutcome,
    },
    /// A message was dropped.
    Dropped {
        /// What it was.
        kind: SignalKind,
        /// Why.
        reason: DropReason,
    },
    /// A request was refused.
    Refused {
        /// Whose.
        socket: SocketId,
        /// Why.
        refusal: Refusal,
    },
    /// A socket was closed by the core.
    Closed {
        /// Which.
        socket: SocketId,
        /// Why.
        reason: CloseReason,
    },
    /// An id has no grace period because too many have one.
    GraceRefused {
        /// Where.
        room: RoomId,
        /// Which.
        participant: ParticipantId,
    },
    /// A recorded room or participant was not taken back, because there are as many as may be or the id is taken.
    NotRestored {
        /// Which room.
        room: RoomId,
    },
}

/// Why the core closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// A newer socket of the same owner took its only id.
    Replaced,
    /// It did not answer a ping in time.
    Silent,
    /// It was lost and did not return in time, or a newer socket needed its place.
    Lost,
}

/// Why a message was not delivered, or not in that form. The sender is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// A candidate for nobody.
    PeerNotFound,
    /// A candidate for its own sender.
    PeerIsSelf,
    /// A candidate whose description did not come in time.
    HeldTooLong,
    /// A candidate beyond what may be held.
    HoldFull,
    /// An offer against an unanswered offer from the other side, or a candidate that belongs to such an offer.
    GlareLost,
    /// Held, or in a mailbox, when its sender or receiver left.
    PeerLeft,
    /// From a sender that has signaled to as many others as it may.
    TooManyPeers,
    /// More than may wait for one receiver.
    MailboxFull,
    /// More of one sender than may wait.
    SenderMailFull,
    /// More than may wait in all.
    MailFull,
    /// Nobody took it in time.
    MailExpired,
    /// Waited when a newer offer of the same sender came: that offer, or a candidate that belongs to it.
    StaleOffer,
    /// A candidate for who takes none by themselves, after its description went out.
    CandidateLate,
    /// A candidate that cannot be written into its description.
    CandidateUnfit,
}

/// How two offers that met were dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GlareOutcome {
    /// Each was handed over as the answer to the other.
    Crossed,
    /// The first stands, the second was dropped.
    FirstStands,
    /// The second stands, the first was dropped before it was delivered.
    SecondStands,
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sockets, lost ones that may return among them.
    pub sockets: usize,
    /// Rooms.
    pub rooms: usize,
    /// Rooms with at least one participant.
    pub sessions: usize,
    /// Participants, in all rooms; absent ones that may return among them.
    pub participants: usize,
    /// Participants without a socket, or with lost ones only, that may return.
    pub absent: usize,
    /// Claims on somebody else's id that wait.
    pub claims: usize,
    /// Ids without a participant that are still their owner's.
    pub graces: usize,
    /// Bytes of messages held back.
    pub held_bytes: usize,
    /// Messages in mailboxes.
    pub mail_len: usize,
    /// Their bytes.
    pub mail_bytes: usize,
    /// Bytes of verses and queues.
    pub kept_bytes: usize,
    /// Timers that have not run out.
    pub timers: usize,
}
