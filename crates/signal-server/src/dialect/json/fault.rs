use sangam_signal_proto::{IdError, SignalKind};

/// What is wrong with a message, in the words that the sender is told. The first five are those of the original server,
/// whose text for broken JSON depends on its JavaScript engine; ours does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// `null` where an object should be.
    #[error("TypeError: Cannot read properties of null (reading 'type')")]
    Null,
    /// No JSON, or more after it.
    #[error("SyntaxError: Unexpected token in JSON at line {line} column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// JSON that stops too early.
    #[error("SyntaxError: Unexpected end of JSON input")]
    End,
    /// `register` without an id.
    #[error("Error: Missing agent_id in register message")]
    MissingAgentId,
    /// A signal without sender, receiver or payload.
    #[error("Error: Invalid {} message", kind_name(*.kind))]
    InvalidSignal {
        /// Of which kind.
        kind: SignalKind,
    },
    /// An id that is neither text nor number.
    #[error("Error: Invalid agent_id in register message: an id is a string or a number")]
    AgentIdNotText,
    /// An id that is no id.
    #[error("Error: Invalid agent_id in register message: {0}")]
    InvalidAgentId(IdError),
    /// `tell` about nothing we know.
    #[error("Error: Invalid tell message: topic is verse, queue or reading")]
    UnknownTopic,
    /// `tell` without a value.
    #[error("Error: Invalid tell message: value is missing")]
    MissingValue,
    /// `timer` that orders nothing.
    #[error("Error: Invalid timer message: order is start (with seconds), pause or resume")]
    InvalidTimer,
    /// `kick` of nobody.
    #[error("Error: Missing agent_id in kick message")]
    MissingAgentToKick,
    /// Not UTF-8.
    #[error("SyntaxError: JSON is not UTF-8")]
    NotUtf8,
    /// Nested deeper than a client's parser has to bear.
    #[error("RangeError: JSON is nested deeper than {max} levels")]
    TooDeep {
        /// How deep it may be.
        max: usize,
    },
}

fn kind_name(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Offer => "offer",
        SignalKind::Answer => "answer",
        SignalKind::Candidate => "ICE candidate",
    }
}
