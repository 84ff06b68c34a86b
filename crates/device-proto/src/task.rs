//! What is to be done with a device, and how it gets done once.
//!
//! A task's row says `sent`, durably, before its RPC leaves. Whoever finds a `sent` task after a crash, or loses the session in
//! which it was sent, does not know whether it ran: it is queued again only if running twice does no harm, and is `unknown`
//! otherwise. What a device finishes later (a transfer, a diagnostic, an operation) waits for it in a state of its own, which
//! outlives us.

mod kind;
mod life;
mod rules;
mod state;

pub use kind::TaskKind;
pub use life::{Answer, Happened, Step, next_due};
pub use rules::{NotTaken, TaskRules};
pub use state::TaskState;

use bytes::Bytes;

use crate::text::bounded_text;
use crate::{DeviceId, TaskId};

bounded_text!(
    /// What a device says again when it has done something later (TR-069 A.3.2.8, A.4.1.5: `string(32)`).
    CommandKey,
    1,
    32
);

impl CommandKey {
    /// The one of a task.
    #[must_use]
    pub fn of(task: TaskId) -> Self {
        Self(format!("task-{}", task.0).into())
    }
}

/// How a payload is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    #[default]
    Json,
    /// CBOR.
    Cbor,
}

/// What a task needs beside its kind: paths, values, a file. Whoever sends it reads it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// How it is written.
    pub format: Format,
    /// At most [`TaskRules::payload_bytes_max`].
    pub bytes: Bytes,
}

/// Never what is in it: there may be passwords.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

/// What came of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The fault's code (CWMP 9xxx, USP 7xxx); 0: none.
    pub code: u32,
    /// For people, at most [`Report::TEXT_CHARS_MAX`] characters.
    pub text: Box<str>,
    /// What the device answered, if that was asked for and is not longer than may be kept.
    pub payload: Payload,
}

impl Report {
    /// Longer ones are cut.
    pub const TEXT_CHARS_MAX: usize = 256;

    /// A fault, or a word to what became of a task.
    #[must_use]
    pub fn of(code: u32, text: &str) -> Self {
        Self { code, text: crate::text::cut(text, Self::TEXT_CHARS_MAX), payload: Payload::default() }
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number; of two with the same priority the lower one is first.
    pub id: TaskId,
    /// How often this row was written, from 1. A store takes a row only if it is one more than the one it has.
    pub revision: u32,
    /// With which device.
    pub device: DeviceId,
    /// What.
    pub kind: TaskKind,
    /// With what.
    pub payload: Payload,
    /// Higher ones are first.
    pub priority: u8,
    /// Where it is in its life.
    pub state: TaskState,
    /// How often it was sent.
    pub attempts: u32,
    /// What the device says again when it has done it later.
    pub command_key: CommandKey,
    /// Who wants it, for operators; at most 128 characters.
    pub ordered_by: Box<str>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// Not sent before, milliseconds since 1970.
    pub not_before_ms: u64,
    /// Not sent from then on, milliseconds since 1970; `None`: it stays.
    pub expires_ms: Option<u64>,
    /// When it was last sent, milliseconds since 1970.
    pub sent_ms: Option<u64>,
    /// While it waits for the device: until when, milliseconds since 1970.
    pub deadline_ms: Option<u64>,
    /// When it ended, milliseconds since 1970. Of one that is `unknown`, when that was seen.
    pub ended_ms: Option<u64>,
    /// What came of it, or of its last attempt.
    pub report: Option<Report>,
}

impl Task {
    /// A new one that may be sent at once.
    #[must_use]
    pub fn new(id: TaskId, device: DeviceId, kind: TaskKind, payload: Payload, now_ms: u64) -> Self {
        Self {
            id,
            revision: 1,
            device,
            kind,
            payload,
            priority: 0,
            state: TaskState::Queued,
            attempts: 0,
            command_key: CommandKey::of(id),
            ordered_by: Box::default(),
            created_ms: now_ms,
            not_before_ms: now_ms,
            expires_ms: None,
            sent_ms: None,
            deadline_ms: None,
            ended_ms: None,
            report: None,
        }
    }
}
