use std::sync::Arc;
use std::time::Duration;

use sangam_types::{Mono, Text};

use super::event::{CloseReason, Event};
use super::refusal::Refusal;
use super::signal::{DtlsRole, SignalKind, Topic};
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::room_record::RoomRecord;

/// What the core wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<P> {
    /// Tell these sockets, each once, after everything they were told before.
    Deliver {
        /// In the order in which their participants joined.
        to: Vec<SocketId>,
        /// What.
        notice: Notice<P>,
    },
    /// Ping this socket; its answer is [`Input::PongReceived`](crate::Input::PongReceived).
    Ping {
        /// Which.
        to: SocketId,
    },
    /// Close this socket, which the core has already forgotten, after what it was told before.
    Close {
        /// Which.
        socket: SocketId,
        /// Why.
        reason: CloseReason,
    },
    /// Keep this of a room in place of what was kept before, so that a restart finds it.
    Keep(RoomRecord<P>),
    /// Nothing of this room needs to be kept any more.
    Forget(RoomId),
    /// For audit, metrics and log.
    Event(Event),
    /// Drained; call with [`Input::Timeout`](crate::Input::Timeout) at this deadline at the latest.
    Wait(Option<Deadline>),
}

/// A time to wake up at, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Mono,
    /// For a trace or a debug line.
    pub reason: &'static str,
}

/// What a socket is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice<P> {
    /// It is in the room under the id it asked for. If it is late, what it missed comes with it.
    Joined {
        /// Which room.
        room: RoomId,
        /// Under which id.
        participant: ParticipantId,
        /// Whether the participant was in the room already, by another socket, before a loss, or by this one.
        again: bool,
        /// What there is.
        snapshot: Snapshot<P>,
    },
    /// What it asked for with [`Input::Recall`](crate::Input::Recall).
    Recalled {
        /// Which room.
        room: RoomId,
        /// What there is.
        snapshot: Snapshot<P>,
    },
    /// Another participant joined.
    Arrived {
        /// Where.
        room: RoomId,
        /// Who.
        member: Member,
        /// Everybody there now, in the order in which they joined.
        members: Arc<[ParticipantId]>,
    },
    /// A participant left.
    Left {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// Why, if somebody said so.
        reason: Option<Text>,
    },
    /// Another participant sent this.
    Signal {
        /// Where.
        room: RoomId,
        /// What it is.
        kind: SignalKind,
        /// Who sent it.
        from: ParticipantId,
        /// To which of the socket's ids; none if it was to all others.
        to: Option<ParticipantId>,
        /// As sent.
        payload: P,
    },
    /// Another participant sent an offer while the receiver's own was on its way: hand it over as the answer.
    Crossed {
        /// Where.
        room: RoomId,
        /// Who sent it.
        from: ParticipantId,
        /// To which of the socket's ids.
        to: ParticipantId,
        /// As sent.
        offer: P,
        /// The role that the answer has to name for its sender.
        sender_role: DtlsRole,
    },
    /// The answer to [`Input::TakeMail`](crate::Input::TakeMail): signals only, in order.
    Mail {
        /// At least one.
        signals: Vec<Notice<P>>,
    },
    /// A participant told the room something.
    Told {
        /// Where.
        room: RoomId,
        /// Who.
        from: ParticipantId,
        /// About what.
        topic: Topic,
        /// What.
        value: P,
    },
    /// The timer was started, paused, resumed, has run for another tick, or out.
    Timer {
        /// Where.
        room: RoomId,
        /// How it stands.
        timer: TimerView,
    },
    /// The session is over: the receiver is in the room no more.
    Ended {
        /// Where.
        room: RoomId,
        /// Why, if somebody said so.
        reason: Option<Text>,
    },
    /// The receiver was put out of the room.
    Kicked {
        /// Where.
        room: RoomId,
        /// Which of its ids.
        participant: ParticipantId,
        /// Why, if somebody said so.
        reason: Option<Text>,
    },
    /// The room was locked or opened.
    Locked {
        /// Where.
        room: RoomId,
        /// Which.
        locked: bool,
    },
    /// What it asked for was refused.
    Refused(Refusal),
}

/// What a late joiner has missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<P> {
    /// Everybody, in the order in which they joined.
    pub members: Vec<Member>,
    /// As told last.
    pub verse: Option<P>,
    /// As told last.
    pub queue: Option<P>,
    /// If one was started.
    pub timer: Option<TimerView>,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: ParticipantId,
    /// As it wants to be shown.
    pub name: Option<Text>,
}

/// How the timer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerView {
    /// What is left, rounded up to whole seconds.
    pub remaining: Duration,
    /// Whether it has not run out.
    pub active: bool,
    /// Whether it rests.
    pub paused: bool,
}
