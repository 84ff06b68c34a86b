//! TR-369, the User Services Platform, 1.0 to 1.4: what controllers and agents say to each other, and how they behave,
//! without sockets, clock or store.
//!
//! - [`record`], [`message`]: the protocol buffers, written by hand from the field numbers, refused before they are decoded
//!   where they are too large for [`UspLimits`] or break the rules of the schema;
//! - [`EndpointId`], [`ErrorCode`]: who, and why not;
//! - [`session`]: records in order and once, messages in segments;
//! - [`controller`]: a controller's side of one agent; [`subscriptions`]: what the agent is to tell it;
//! - [`agent`], [`path`]: an agent over an abstract data model;
//! - [`mtp`]: what WebSocket, STOMP and MQTT ask of those who carry records.
//!
//! Each machine is mutated by one input, drained to its `Wait`, mutated again. Time is an argument, randomness a seed.
//!
//! Clause by clause, and what is left out: `docs/protocols/usp.md`.

mod endpoint_id;
mod error_code;
mod exchange;
mod limits;
mod retry;
mod shape;

pub mod agent;
pub mod controller;
pub mod message;
pub mod mtp;
pub mod path;
pub mod record;
pub mod session;
pub mod subscriptions;

pub use endpoint_id::{DeviceIdentity, EndpointId, EndpointIdError, Scheme, percent_decode, percent_encode};
pub use error_code::ErrorCode;
pub use exchange::{Connect, Refusal, Via};
pub use limits::UspLimits;
pub use retry::{Jitter, Retry};
pub use shape::WireFault;
