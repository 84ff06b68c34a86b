//! The Socket.IO suite (`clients/socketio_suite`): the same cases against two servers, and where they saw something else.

mod option_set;
mod server;
mod transcript;

pub use option_set::OptionSet;
pub use server::{ReferenceServer, node_reference, our_reference_server};
pub use transcript::Transcript;
