//! Rooms, participants and directed delivery: knows no wire.
//!
//! The driver mutates ([`Signaling::handle_input`]), drains ([`Signaling::poll_output`]) to [`Output::Wait`], mutates
//! again. Payloads (session descriptions, candidates) are bytes that nobody here looks into.
//!
//! What the core sees to, beyond passing messages on:
//!
//! - an id belongs to whoever used it first, until its grace period ends (`registration.rs`);
//! - all ids of a socket leave with it; silent sockets are pinged and closed (`liveness.rs`);
//! - a candidate never arrives before the description it belongs to, and of two offers that cross each other none reaches
//!   a client that would fall over it (`delivery.rs`, with the timeline in `docs/protocols/signaling-json.md`).
//!
//! There is one room. Several rooms, several sockets for one participant and mailboxes are left out until something
//! uses them.

mod api;
mod deadlines;
mod delivery;
mod direction;
mod id;
mod liveness;
mod options;
mod registration;
mod room;
mod signaling;

pub use api::{
    CloseReason, Deadline, DropReason, DtlsRole, Event, GlareOutcome, Input, Notice, OfferShape, Output, Payload,
    Refusal, Signal, SignalKind, Stats, Traits,
};
pub use id::{IdError, Owner, ParticipantId, SocketId};
pub use options::Options;
pub use signaling::Signaling;
