//! What goes in and what comes out.

mod event;
mod input;
mod output;
mod refusal;
mod rights;
mod signal;

pub use event::{CloseReason, DropReason, Event, GlareOutcome, Stats};
pub use input::{Departure, Input, Presence, TimerOrder, Traits};
pub use output::{Deadline, Member, Notice, Output, Snapshot, TimerView};
pub use refusal::Refusal;
pub use rights::{Right, Rights, RoomScope};
pub use signal::{DtlsRole, OfferShape, Signal, SignalKind, Telling, Topic};
