//! Topics over links: each message reaches each node that asked for its topic, once.
//!
//! The driver mutates ([`Gossip::handle_input`]), drains ([`Gossip::poll_output`]) to [`Output::Wait`], mutates again. It hands
//! every message of every data channel in, and gets back what is not of topics ([`Output::Other`]).
//!
//! How a message travels:
//!
//! - Every node carries every topic and delivers those it asked for: small meshes stay connected whoever subscribes.
//! - A message that fits one frame is pushed on at most [`Options::fan_out`] links. A link that brings what came sooner by
//!   another is pruned, both ways: it tells ids from then on. What is left is a tree for whoever publishes (Plumtree: Leitão,
//!   Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007); the ids mend it, as whoever misses one asks for it and,
//!   if it does not come otherwise meanwhile, grafts the link back.
//! - About one message in a second prunes, the same at all nodes, and one in 32 of these tries all links anew (`pace`). Messages
//!   that are under way together would cut each other's tree.
//! - A larger one is told by its id at once and fetched from one peer.
//! - Every link is told the ids of all that is kept, from its beginning on, and never one it was sent or told us of. So
//!   who comes late, or back after a cut, asks for what it missed. A peer says how many ids it has dealt with, so that
//!   neither side needs memory without bound.
//! - What does not fit a link's queue is told by id as well: back-pressure costs time, not messages, while they are kept.
//!
//! Once is kept by remembering ids. A message carries how long it is on its way, so that one older than ids are remembered
//! for is refused, and none comes twice by way of an old cache.

mod api;
mod cache;
mod forward;
mod link;
mod machine;
mod message_id;
mod offers;
mod options;
mod pace;
mod partial;
mod proofs;
mod pump;
mod queue;
mod receive;
mod seen;
mod wants;

pub use api::{Delivery, Frame, Input, Output, PublishError, RefuseReason, SendError, Stats, TopicStats};
pub use machine::Gossip;
pub use message_id::MessageId;
pub use options::Options;
pub use proofs::{Proofs, Unproven, Verdict};

#[cfg(test)]
mod tests;
