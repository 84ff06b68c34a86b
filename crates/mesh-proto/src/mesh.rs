//! Which peers there are, with which of them there is a link, and how it comes about and comes back.
//!
//! The driver mutates ([`Mesh::handle_input`]), drains ([`Mesh::poll_output`]) to [`Output::Wait`], mutates again. It owns the
//! peer connections; this machine only names them ([`LinkId`](crate::LinkId)).

mod api;
mod candidates;
mod contacts;
mod described;
mod dialling;
mod early;
mod heard;
mod link;
mod machine;
mod negotiation;
mod options;
mod peer;
mod recovery;
mod session;
mod us;

pub use api::{Action, Contact, DialOutcome, Event, Gathering, Input, Output, PeerView, Sighting, Source};
pub use machine::Mesh;
pub use options::Options;
