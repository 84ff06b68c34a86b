use bytes::Bytes;
use sangam_types::Mono;

use super::notifies::NotifyToken;
use super::onboarding::{Identity, OnboardingStep};
use crate::error_code::ErrorCode;
use crate::exchange::{Connect, Refusal};
use crate::message::{Error, GetSupportedDmResp, Notify, Response};
use crate::session::{RestartReason, SendRefused};

/// What a controller has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ControllerOutput {
    /// Send this record to the agent.
    Transmit(Bytes),
    /// Make this durable, then call [`handle_stored`](super::Controller::handle_stored).
    Store {
        /// Which.
        token: NotifyToken,
        /// What the agent told.
        notify: Notify,
    },
    /// Something happened.
    Event(ControllerEvent),
    /// Nothing more; call [`handle_timeout`](super::Controller::handle_timeout) then.
    Wait(Option<Mono>),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum ControllerEvent {
    /// The agent is here; with its Connect Record, if it sent one.
    Connected(Option<Connect>),
    /// The agent went, or the channel did.
    Disconnected {
        /// As it said, if it did.
        code: Option<ErrorCode>,
        /// In words; at most as long as an id.
        reason: String,
    },
    /// A request was answered.
    Answered {
        /// As [`request`](super::Controller::request) gave it.
        request: String,
        /// The answer.
        response: Response,
    },
    /// A request was not answered.
    Failed {
        /// As [`request`](super::Controller::request) gave it.
        request: String,
        /// Why.
        failure: RequestFailure,
    },
    /// The versions of USP that the agent speaks, with commas between.
    Protocol(String),
    /// Who the agent is and what it runs: call [`continue_onboarding`](super::Controller::continue_onboarding).
    Identified(Identity),
    /// The agent's supported data model.
    Schema(GetSupportedDmResp),
    /// Subscriptions differ from what is wanted; it is being done.
    Subscribing {
        /// Missing ones.
        added: usize,
        /// Ours that differed.
        changed: usize,
        /// Ours that are not wanted.
        removed: usize,
    },
    /// A step of taking the agent on failed; the others go on.
    OnboardingFailed {
        /// Which.
        step: OnboardingStep,
        /// Why.
        failure: RequestFailure,
    },
    /// All that was to be asked and set after a contact has been.
    Onboarded,
    /// Something that came was not taken.
    Refused(Refusal),
    /// The session context began anew.
    SessionRestarted {
        /// Why.
        reason: RestartReason,
        /// How many records with payload were not acknowledged: they may or may not have come.
        undelivered: usize,
    },
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestFailure {
    /// The agent said so.
    #[error("the agent answered with an error: {}", .0.code())]
    Error(Error),
    /// Not in time.
    #[error("the agent did not answer in time")]
    Timeout,
    /// The agent went.
    #[error("the agent went before it answered")]
    Disconnected,
    /// With something else than was asked for.
    #[error("the agent answered something else")]
    WrongAnswer,
    /// It was never sent.
    #[error("it was not sent: {0}")]
    NotSent(RequestRefused),
}

impl RequestFailure {
    /// Whether the agent may have done what was asked although it did not say so. Such a task is unknown, and not to be
    /// done again unless that is safe.
    #[must_use]
    pub const fn may_have_run(&self) -> bool {
        matches!(self, Self::Timeout | Self::Disconnected | Self::WrongAnswer)
    }

    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::WrongAnswer => "wrong_answer",
            Self::NotSent(refused) => refused.label(),
        }
    }
}

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RequestRefused {
    /// The agent is not there.
    #[error("the agent is not connected")]
    NotConnected,
    /// Too many requests are unanswered.
    #[error("too many requests are unanswered")]
    TooMany,
    /// The session context does not take it.
    #[error(transparent)]
    NotSent(SendRefused),
}

impl RequestRefused {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::TooMany => "too_many_requests",
            Self::NotSent(refused) => refused.label(),
        }
    }
}
