//! Peer connections, all of a node's together: ICE, DTLS, SCTP and data channels without a socket and without a clock.
//!
//! [`Links`] is given packets and moments, and gives packets and events back. The sockets and relays it speaks through are
//! shared by all links: a packet's link is found by the ICE user fragment of a request, and by the path otherwise. This is
//! the only place that knows which WebRTC stack is underneath.

mod burst;
mod candidate;
mod checks;
mod description;
mod dtls;
mod error;
mod event;
mod guard;
mod link;
mod links;
mod local;
mod options;
mod record;
mod repeat;
mod routes;
mod schedule;

#[cfg(test)]
mod tests;

pub use candidate::{names_in, with_address, with_end_of_candidates};
pub use error::{LinkError, SendError, StartError};
pub use event::{LinkEvent, LinkFigures, LinksFigures, LinksOutput};
pub use links::Links;
pub use options::LinkOptions;
