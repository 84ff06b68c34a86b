//! What a USP agent is to tell us by itself (TR-369 §13.7, `Device.LocalAgent.Subscription.{i}.`).

use crate::DeviceId;
use crate::coded::coded;

/// A subscription that an agent shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// At which device.
    pub device: DeviceId,
    /// Its `ID`, unique for us at one agent; at most [`Subscription::ID_CHARS_MAX`] characters.
    pub id: Box<str>,
    /// Of what.
    pub notify: NotifyKind,
    /// Its `ReferenceList`, at most [`Subscription::PATHS_MAX`] of 256 bytes.
    pub paths: Vec<Box<str>>,
    /// Whether it outlives the agent's boot.
    pub persistent: bool,
    /// Whether the agent tells again until it is answered.
    pub retry: bool,
    /// The instance in the agent's data model; empty: it is not known to be there.
    pub instance: Box<str>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

impl Subscription {
    /// TR-181: `string(64)`.
    pub const ID_CHARS_MAX: usize = 64;
    /// Of one subscription.
    pub const PATHS_MAX: usize = 32;
}

/// `NotifType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyKind {
    /// A value is another.
    ValueChange,
    /// An object is new.
    ObjectCreation,
    /// An object is gone.
    ObjectDeletion,
    /// A command is done.
    OperationComplete,
    /// An event of the data model (`Device.Boot!`).
    Event,
}

coded!(NotifyKind);

impl NotifyKind {
    /// All, in order of codes.
    pub const ALL: [Self; 5] =
        [Self::ValueChange, Self::ObjectCreation, Self::ObjectDeletion, Self::OperationComplete, Self::Event];

    /// As TR-181 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ValueChange => "ValueChange",
            Self::ObjectCreation => "ObjectCreation",
            Self::ObjectDeletion => "ObjectDeletion",
            Self::OperationComplete => "OperationComplete",
            Self::Event => "Event",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
