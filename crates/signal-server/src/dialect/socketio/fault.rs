use sangam_signal_proto::IdError;

use super::outgoing::Outgoing;
use crate::dialect::object::ObjectWriter;

/// What is wrong with an event: its sender is told by an `error`, and stays connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which event.
    pub event: &'static str,
    /// In the original's words where it has them.
    pub message: &'static str,
    /// What exactly.
    pub code: FaultCode,
}

/// What can be wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultCode {
    /// `null`, or nothing at all.
    #[error("the event needs an object")]
    PayloadMissing,
    /// A list, text, number, or an object with too many members.
    #[error("the event needs an object with at most 256 members")]
    PayloadInvalid,
    /// Nested deeper than a client's parser has to bear.
    #[error("the event is nested deeper than {max} levels")]
    PayloadTooDeep {
        /// How deep it may be.
        max: usize,
    },
    /// An id is absent or `null`.
    #[error("{member} is missing")]
    IdMissing {
        /// Which.
        member: &'static str,
    },
    /// An id is neither text nor a number.
    #[error("{member} is neither text nor a number")]
    IdNotText {
        /// Which.
        member: &'static str,
    },
    /// An id cannot be one.
    #[error("{member} is invalid: {error}")]
    IdInvalid {
        /// Which.
        member: &'static str,
        /// Why.
        error: IdError,
    },
    /// Another member is absent or not what it should be.
    #[error("{member} is missing or invalid")]
    ValueInvalid {
        /// Which.
        member: &'static str,
    },
    /// A timer cannot run for so long.
    #[error("a timer runs for 1 to 86400 seconds")]
    DurationInvalid,
}

impl FaultCode {
    /// Stable, for programs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PayloadMissing => "payload_missing",
            Self::PayloadInvalid => "payload_invalid",
            Self::PayloadTooDeep { .. } => "payload_too_deep",
            Self::IdMissing { .. } => "id_missing",
            Self::IdNotText { .. } | Self::IdInvalid { .. } => "id_invalid",
            Self::ValueInvalid { .. } => "value_invalid",
            Self::DurationInvalid => "duration_invalid",
        }
    }
}

impl Fault {
    /// The `error` event for the sender.
    #[must_use]
    pub fn encode(&self) -> Outgoing {
        let object = ObjectWriter::new()
            .text("message", self.message)
            .text("code", self.code.as_str())
            .text("event", self.event)
            .text("detail", &self.code.to_string());
        Outgoing::new("error", &object.end(), &[])
    }
}
