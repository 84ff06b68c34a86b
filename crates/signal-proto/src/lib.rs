//! Rooms, participants, presence, directed delivery, mailboxes and the session's timer: knows no wire.
//!
//! The driver mutates ([`Signaling::handle_input`]), drains ([`Signaling::poll_output`]) to [`Output::Wait`], mutates
//! again. Payloads (session descriptions, candidates, verses) are whatever the driver's [`Payload`] is.
//!
//! What the core sees to, beyond passing messages on:
//!
//! - who may do what, and in which room (`admission.rs`, `moderation.rs`);
//! - an id belongs to whoever used it first, until its grace period ends (`join.rs`, `claim.rs`);
//! - how sockets come and go, and when the others are told (`presence.rs`); silent sockets are pinged and closed
//!   (`liveness.rs`);
//! - a candidate never arrives before the description it belongs to, and of two offers that cross each other none reaches
//!   a client that would fall over it (`delivery.rs`, `glare.rs`, with the timeline in `docs/protocols/signaling-json.md`);
//! - what cannot be handed over yet waits, bounded, for seconds (`post.rs`, `mailbox.rs`), and who takes no candidates by
//!   themselves gets whole descriptions (`whole.rs`);
//! - operators see what there is without changing it (`view.rs`);
//! - late joiners learn what they missed, and a restart finds what it should (`telling.rs`, `clock.rs`, `record.rs`).

mod admission;
mod api;
mod claim;
mod clock;
mod deadlines;
mod delivery;
mod direction;
mod glare;
mod id;
mod join;
mod liveness;
mod mailbox;
mod moderation;
mod options;
mod participant;
mod payload;
mod post;
mod presence;
mod record;
mod room;
mod room_record;
mod rooms;
mod signaling;
mod stopwatch;
mod telling;
mod view;
mod whole;

pub use api::{
    CloseReason, Deadline, Departure, DropReason, DtlsRole, Event, GlareOutcome, Input, Member, Notice, OfferShape,
    Output, Presence, Refusal, Right, Rights, RoomScope, Signal, SignalKind, Snapshot, Stats, Telling, TimerOrder,
    TimerView, Topic, Traits,
};
pub use id::{IdError, Owner, ParticipantId, RoomId, SocketId};
pub use options::Options;
pub use payload::{Fold, Payload};
pub use room_record::{ParticipantRecord, RoomRecord, TimerRecord};
pub use signaling::Signaling;
pub use view::{MemberView, RoomView};
