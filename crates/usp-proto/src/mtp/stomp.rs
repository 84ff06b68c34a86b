//! USP over STOMP 1.2 (TR-369 §4, STOMP Binding): frames, and the two ends of a connection.
//!
//! - [`Frame`], [`FrameDecoder`]: the wire, with bounds;
//! - [`StompClient`]: an endpoint at somebody's broker;
//! - [`StompServer`]: a broker of our own that knows no topics: each connection is one agent's, its destination is its own,
//!   and what it sends goes to the controller alone.
//!
//! The two ends are mutated by one input, drained to their `Wait`, mutated again.

mod client;
mod frame;
mod heart_beat;
mod server;

pub use client::{ClientEvent, ClientFailure, ClientOptions, ClientOutput, StompClient};
pub use frame::{Frame, FrameDecoder, Item, StompFault, StompLimits};
pub use heart_beat::HeartBeat;
pub use server::{ConnectRequest, ServerEvent, ServerOptions, ServerOutput, StompRefusal, StompServer};

/// The content type of a SEND with a record (R-STOMP.20).
pub const CONTENT_TYPE: &str = "application/vnd.bbf.usp.msg";

/// The header of STOMP and CONNECT that says who connects (R-STOMP.4).
pub const ENDPOINT_ID: &str = "endpoint-id";

/// The header of CONNECTED that says where to subscribe (R-STOMP.6).
pub const SUBSCRIBE_DEST: &str = "subscribe-dest";

/// The header of SEND and MESSAGE that says where answers go (R-STOMP.21).
pub const REPLY_TO_DEST: &str = "reply-to-dest";
