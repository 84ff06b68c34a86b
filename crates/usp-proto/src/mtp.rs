//! What each transport asks of those who carry records over it, without the transport.

pub mod mqtt;
pub mod stomp;
pub mod websocket;
