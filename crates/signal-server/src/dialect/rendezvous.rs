//! The rendezvous dialect: nodes register a URL, ask for others, and send and poll signals over plain HTTP, as the
//! Synapse-NG rendezvous speaks it.
//!
//! `docs/protocols/rendezvous.md` has the requests and every deviation.

mod decode;
mod directory;
mod encode;
mod invalid;

pub use decode::{Outgoing, node_id, peers_limit, registration, signal};
pub use directory::{Directory, DirectoryFull, DirectoryOptions};
pub use encode::{Incoming, mail, registered};
pub use invalid::{Invalid, Kind as InvalidKind};
