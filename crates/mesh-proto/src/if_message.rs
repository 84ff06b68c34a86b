//! What IF.swarm agents say to each other on a data channel: an object of JSON in a text frame, signed with Ed25519.
//!
//! Their signature covers less than it seems to: what is signed is `JSON.stringify(fields, names)`, and the list of names
//! filters at every level, so that a payload's members are left out unless they are named like one of the message's. Agents
//! verify nothing else, so messages are signed that way ([`canonical::of_agents`]), and with a second signature that covers
//! everything, in a member agents do not mind ([`SOUND_SIGNATURE`]).

mod canonical;
mod guard;
mod message;
mod replay;
mod sender;
mod signature;

pub use canonical::{number, of_agents, sound};
pub use guard::{Guard, GuardOptions, Refusal, Required};
pub use message::{IfMessage, Malformed};
pub use sender::{Draft, Sender};
pub use signature::{DEFAULT_SIGNED_FIELDS, SOUND_SIGNATURE, SignatureError, Trust};

#[cfg(test)]
mod tests;
