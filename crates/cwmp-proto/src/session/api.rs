use std::time::Duration;

use sangam_types::Mono;

use super::EndReason;
use crate::message::{
    AutonomousDuStateChangeComplete, AutonomousTransferComplete, DuStateChangeComplete, Inform, Kicked,
    RequestDownload, TransferComplete,
};
use crate::{EncodeError, Envelope, Fault, Message, Namespace, Version};

/// What a POST of the CPE holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// An envelope.
    Envelope(Box<Envelope>),
    /// No body: it is our turn.
    Empty,
    /// A body that is no envelope.
    Unreadable,
    /// A body that passes a bound of [`SoapLimits`](crate::SoapLimits).
    TooLarge,
}

/// The driver's own number for a request, told back with what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestHandle(pub u64);

/// A request to the CPE, its sending durable already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcsRequest {
    /// Told back with the outcome.
    pub handle: RequestHandle,
    /// One of the methods that a CPE has.
    pub message: Message,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Make this durable, then say so with [`Session::handle_durable`](super::Session::handle_durable).
    Inform(Box<InformFacts>),
    /// The same, for what a CPE says after its Inform. It may say it again in a later session: TR-069 promises at least once.
    Notice(Box<CpeNotice>),
    /// Choose the next request, make its sending durable, and hand it to
    /// [`Session::handle_work`](super::Session::handle_work); or none.
    Next,
    /// What came of a request.
    Answered {
        /// Which.
        handle: RequestHandle,
        /// What.
        outcome: Outcome,
    },
    /// Answer the POST that is open.
    Reply(Reply),
    /// The session is over. After [`EndReason::Superseded`] by an Inform of its own another one has begun.
    Ended {
        /// Why.
        reason: EndReason,
        /// A request that left and was not answered: it may have run.
        unanswered: Option<RequestHandle>,
    },
    /// Nothing more to do until an input or the deadline.
    Wait(Option<Deadline>),
}

/// When to call [`Session::handle_timeout`](super::Session::handle_timeout).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Mono,
    /// What for.
    pub timer: Timer,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The CPE has been silent for too long.
    Idle,
    /// The session has lasted for too long.
    Total,
}

/// How a POST is answered. Every reply carries `Content-Length`: weak CPEs mishandle chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 200 with this.
    Envelope(Box<Envelope>),
    /// 204 with nothing: we have no request.
    Empty,
    /// 400 with nothing: what came has no place in a session.
    BadRequest,
    /// 503 with nothing but `Retry-After`: the CPE begins anew later.
    Unavailable,
}

impl Reply {
    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Envelope(_) => 200,
            Self::Empty => 204,
            Self::BadRequest => 400,
            Self::Unavailable => 503,
        }
    }
}

/// What an Inform says, and what was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformFacts {
    /// The Inform; its identity is within the bounds of the schema.
    pub inform: Inform,
    /// In which everything of this session is written.
    pub namespace: Namespace,
    /// The version of this session.
    pub version: Version,
    /// `0 BOOTSTRAP` is among the events: whatever was known of this CPE's parameters, attributes and pending events is void.
    pub is_bootstrap: bool,
    /// The silence that ends the session.
    pub idle: Duration,
}

/// What a CPE tells besides its Inform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CpeNotice {
    /// A transfer that we asked for ended.
    TransferComplete(TransferComplete),
    /// Another ended.
    AutonomousTransferComplete(AutonomousTransferComplete),
    /// Operations on deployment units that we asked for ended.
    DuStateChangeComplete(DuStateChangeComplete),
    /// Others ended.
    AutonomousDuStateChangeComplete(AutonomousDuStateChangeComplete),
    /// It wants a file.
    RequestDownload(RequestDownload),
    /// Somebody behind it was sent here.
    Kicked(Kicked),
}

/// What came of a request of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The response that belongs to it.
    Response(Box<Message>),
    /// The CPE could not or would not.
    Fault(Box<Fault>),
    /// It was answered by more than is read: ask for less.
    TooLarge,
    /// It never left.
    NotSent(NotSent),
}

/// Why a request never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// A response, or a method of an ACS.
    #[error("no method of a CPE")]
    NoRequest,
    /// It holds what XML cannot.
    #[error("{0}")]
    Unwritable(EncodeError),
}

/// Whether what a CPE said is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It outlasts a power cut.
    Durable,
    /// It could not be stored.
    Failed,
}

/// An input that nobody asked for: the driver's mistake, or the session ended meanwhile. A request that was handed in has not
/// left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session did not ask for that")]
pub struct NotAsked;
