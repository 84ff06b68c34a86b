//! The mesh: who dials whom and how links come back, topics over them, and the dialects of the nodes and agents it meets.
//!
//! Three machines, each mutated by one input, drained to its `Wait`, mutated again:
//!
//! - [`mesh::Mesh`]: peers, and one link with each of as many as it may have (`mesh/`);
//! - [`gossip::Gossip`]: topics over links, each message once to each receiver (`gossip/`);
//! - [`state::State`]: what nodes tell each other about themselves and their channels (`state/`).
//!
//! Beside them stand the words they share, and the exact formats of others: session descriptions as they differ
//! (`sdp/`), what travels on a data channel (`channel/`), the signed messages of IF agents (`if_message/`)
//! and what they tell of each step (`agent_event/`), ICE metrics (`tally/`), and identities (`identity/`).

mod hex;
mod id;
mod link;
mod profile;
mod signal;
mod timestamp;
mod trace_id;

pub mod agent_event;
pub mod channel;
pub mod gossip;
pub mod identity;
pub mod if_message;
pub mod mesh;
pub mod sdp;
pub mod state;
pub mod tally;

pub use id::{PeerId, PeerIdError};
pub use link::{CandidateKind, Failure, LinkId, LinkState, PathProtocol, SelectedPair};
pub use profile::{Dialling, Profile};
pub use signal::{Candidate, Description, DescriptionKind, Signal, Via};
pub use trace_id::TraceId;
