use std::fmt;

use sangam_types::Mono;

use crate::id::{Owner, ParticipantId, SocketId};

/// What happens to the core: exactly one of these, then drain [`Output`] to [`Output::Wait`].
#[derive(Clone, Debug)]
pub enum Input {
    /// A socket opened.
    Connected {
        /// Its name.
        socket: SocketId,
        /// Whose ids it may take.
        owner: Owner,
    },
    /// A socket wants an id.
    Register {
        /// Who asks.
        socket: SocketId,
        /// For which id.
        participant: ParticipantId,
        /// What the client can do.
        traits: Traits,
    },
    /// A socket sends something to a participant.
    Signal {
        /// Who sends.
        socket: SocketId,
        /// What, and to whom.
        signal: Signal,
    },
    /// A socket answered a ping.
    PongReceived {
        /// Which.
        socket: SocketId,
    },
    /// A socket closed, for whatever reason.
    Disconnected {
        /// Which.
        socket: SocketId,
    },
    /// A deadline given by [`Output::Wait`] has passed. Harmless when early.
    Timeout,
}

/// What the core wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Tell these sockets, each once, after everything they were told before.
    Deliver {
        /// In the order in which their participants joined.
        to: Vec<SocketId>,
        /// What.
        notice: Notice,
    },
    /// Ping this socket; its answer is [`Input::PongReceived`].
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
    /// For audit, metrics and log.
    Event(Event),
    /// Drained; call with [`Input::Timeout`] at this deadline at the latest.
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

/// What a client says it can do. A client that says nothing gets what the guide's agents can bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It takes an offer while its own is unanswered, by rolling its own back.
    pub rolls_back: bool,
}

/// A session description or candidate: bytes of the sender's dialect.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(pub Box<[u8]>);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// What a directed message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalKind {
    /// A session description that asks.
    Offer,
    /// A session description that answers.
    Answer,
    /// An ICE candidate.
    Candidate,
}

/// Says of an offer that its dialect can turn it into an answer: two offers of equal shape can each serve as the
/// answer to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferShape(pub Box<[u8]>);

/// A message from one participant to another.
#[derive(Clone, Debug)]
pub struct Signal {
    /// What it is.
    pub kind: SignalKind,
    /// Who the client says it is. Heard only to choose among the ids that its socket has.
    pub from: Box<str>,
    /// Whom it is for.
    pub to: Box<str>,
    /// Passed on as it is.
    pub payload: Payload,
    /// Of an offer that could serve as an answer.
    pub shape: Option<OfferShape>,
}

/// Which end of the DTLS handshake the sender of a crossed offer takes
/// ([RFC 8842 §5](https://www.rfc-editor.org/rfc/rfc8842#section-5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// Begins the handshake, as one who answers usually does.
    Active,
    /// Waits for it, as one who offers usually does.
    Passive,
}

/// What a socket is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It has the id it asked for.
    Registered {
        /// The id.
        participant: ParticipantId,
        /// Who else is there, in the order in which they joined.
        others: Vec<ParticipantId>,
    },
    /// A participant joined, or came back on another socket.
    Joined {
        /// Who.
        participant: ParticipantId,
    },
    /// A participant left.
    Left {
        /// Who.
        participant: ParticipantId,
    },
    /// Another participant sent this.
    Signal {
        /// What it is.
        kind: SignalKind,
        /// Who sent it.
        from: ParticipantId,
        /// To which of the socket's ids.
        to: ParticipantId,
        /// As sent.
        payload: Payload,
    },
    /// Another participant sent an offer while the receiver's own was on its way: hand it over as the answer.
    Crossed {
        /// Who sent it.
        from: ParticipantId,
        /// To which of the socket's ids.
        to: ParticipantId,
        /// As sent.
        offer: Payload,
        /// The role that the answer has to name for its sender.
        sender_role: DtlsRole,
    },
    /// What it asked for was refused.
    Refused(Refusal),
}

/// Why a request was refused. The sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A signal from a socket without an id.
    NotRegistered,
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
    /// The socket has as many ids as it may.
    TooManyIds {
        /// How many that is.
        max: usize,
    },
    /// The participant has signaled to as many others as it may.
    TooManyPeers {
        /// How many that is.
        max: usize,
    },
}

/// Why the core closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// A newer socket of the same owner took its only id.
    Replaced,
    /// It did not answer a ping in time.
    Silent,
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
    /// Held when its sender or receiver left.
    PeerLeft,
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

/// What happened, for audit, metrics and log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A participant joined or came back on another socket.
    Registered {
        /// Who.
        participant: ParticipantId,
        /// How many participants there are now.
        total: usize,
    },
    /// A participant left.
    Left {
        /// Who.
        participant: ParticipantId,
        /// How many participants there are now.
        total: usize,
    },
    /// A message was handed over.
    Relayed {
        /// What it was.
        kind: SignalKind,
        /// Who sent it.
        from: ParticipantId,
        /// Who gets it.
        to: ParticipantId,
    },
    /// Two offers met.
    Glare {
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
        /// Which.
        participant: ParticipantId,
    },
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Open sockets.
    pub sockets: usize,
    /// Registered participants.
    pub participants: usize,
    /// Claims on somebody else's id that wait.
    pub claims: usize,
    /// Ids without a socket that are still their owner's.
    pub graces: usize,
    /// Bytes of messages held back.
    pub held_bytes: usize,
}
