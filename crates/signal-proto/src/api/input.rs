use std::time::Duration;

use sangam_types::Text;

use super::rights::Rights;
use super::signal::{Signal, Telling};
use crate::id::{Owner, ParticipantId, RoomId, SocketId};
use crate::room_record::RoomRecord;

/// What happens to the core: exactly one of these, then drain [`Output`](crate::Output) to
/// [`Output::Wait`](crate::Output::Wait).
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// A socket opened.
    Connected {
        /// Its name.
        socket: SocketId,
        /// Whose ids it may take.
        owner: Owner,
        /// What it may do.
        rights: Rights,
    },
    /// A socket wants to be, or to be one more socket of, a participant. Again by the same socket: nothing is announced.
    Join {
        /// Who asks.
        socket: SocketId,
        /// Where.
        room: RoomId,
        /// Under which id.
        participant: ParticipantId,
        /// As it wants to be shown to the others.
        name: Option<Text>,
        /// What the client can do.
        traits: Traits,
    },
    /// A socket leaves a room, on purpose.
    Leave {
        /// Who.
        socket: SocketId,
        /// Which room.
        room: RoomId,
        /// Which of its ids there; all without.
        participant: Option<ParticipantId>,
    },
    /// A socket sends something to a participant, or to all others in the room.
    Signal {
        /// Who sends.
        socket: SocketId,
        /// In which room.
        room: RoomId,
        /// What, and to whom.
        signal: Signal<P>,
    },
    /// A socket tells the whole room something, itself included.
    Tell {
        /// Who.
        socket: SocketId,
        /// In which room.
        room: RoomId,
        /// What.
        telling: Telling<P>,
    },
    /// A socket wants to hear what a late joiner hears.
    Recall {
        /// Who.
        socket: SocketId,
        /// Of which room.
        room: RoomId,
    },
    /// A socket controls the room's timer.
    Timer {
        /// Who.
        socket: SocketId,
        /// Of which room.
        room: RoomId,
        /// What it shall do.
        order: TimerOrder,
    },
    /// The session is ended, by a socket that may or (without one) by the operator: all are told, all leave, nothing is
    /// kept.
    End {
        /// Who asks.
        by: Option<SocketId>,
        /// Which room.
        room: RoomId,
        /// Told to all.
        reason: Option<Text>,
    },
    /// A socket of a [polled](Presence::Polled) participant takes what waits for it, now or as soon as there is
    /// something: exactly one [`Notice::Mail`](crate::Notice::Mail) answers, unless the socket goes first.
    TakeMail {
        /// Who.
        socket: SocketId,
        /// In which room.
        room: RoomId,
        /// For which of its ids.
        participant: ParticipantId,
    },
    /// A participant is put out of a room, by a socket that may or (without one) by the operator.
    Kick {
        /// Who asks.
        by: Option<SocketId>,
        /// Which room.
        room: RoomId,
        /// Who goes.
        participant: ParticipantId,
        /// Told to it and to the others.
        reason: Option<Text>,
    },
    /// Nobody new may join from now on, or may again.
    Lock {
        /// Who asks.
        by: Option<SocketId>,
        /// Which room.
        room: RoomId,
        /// Whether it is locked.
        locked: bool,
    },
    /// A socket answered a ping.
    PongReceived {
        /// Which.
        socket: SocketId,
    },
    /// A socket is gone.
    Disconnected {
        /// Which.
        socket: SocketId,
        /// How.
        departure: Departure,
    },
    /// A socket that was [lost](Departure::Lost) is there again, under the same name. Anything else that it says means
    /// that too.
    Returned {
        /// Which.
        socket: SocketId,
    },
    /// A room as it was recorded before a restart: its participants are absent, their grace begins now.
    Restore(RoomRecord<P>),
    /// A deadline given by [`Output::Wait`](crate::Output::Wait) has passed. Harmless when early.
    Timeout,
}

/// How a socket went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It said so: its participants leave with it.
    Said,
    /// Its connection was lost: who may return has its grace, and nobody is told before it ends.
    Lost,
}

/// What a client can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It takes an offer while its own is unanswered, by rolling its own back.
    pub rolls_back: bool,
    /// It takes no candidates by themselves: descriptions come to it whole, held until gathering ends or for as long as
    /// the options say; candidates later than that are dropped.
    pub wants_whole: bool,
    /// How its sockets come and go.
    pub presence: Presence,
}

/// How the sockets of a participant come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// One socket; a newer one of the same owner takes its place, and the participant is gone with it at once.
    #[default]
    Sole,
    /// One socket; if it is lost, the participant has its grace to come with another, and what is sent to it meanwhile
    /// waits in its mailbox.
    Returning,
    /// Several sockets at once; each may [return](Input::Returned). What is delivered to a lost one is the driver's to keep.
    Shared,
    /// None that lasts: it [takes mail](Input::TakeMail). Gone when it has not for as long as the options say, or when its
    /// last socket said so; a socket that is [lost](Departure::Lost) means nothing.
    Polled,
}

/// What the timer shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerOrder {
    /// Begin anew with this much: 1 s to 24 h, else refused.
    Start(Duration),
    /// Rest; resting twice is resting once.
    Pause,
    /// Go on.
    Resume,
}
