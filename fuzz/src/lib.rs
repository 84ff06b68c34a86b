//! Fuzz targets, each an ordinary function that takes bytes and must return: whatever they are, nothing panics and what
//! the target states about its core holds.
//!
//! `cargo xtask fuzz` searches with libFuzzer; `tests/replay.rs` runs every input of `corpus/` in every test run.

mod configuration;
mod connection_request;
mod cwmp_session;
mod device_identity;
mod device_page;
mod http_authentication;
mod if_message;
mod json_dialect;
mod mesh_channel;
mod mqtt;
mod rendezvous;
mod script;
mod session_description;
mod signal_core;
mod soap;
mod socketio_client;
mod socketio_dialect;
mod stomp;
mod stun_decode;
mod sync_json;
mod sync_messages;
mod turn_client_bytes;
mod turnserver_conf;
mod usp_record;

pub use configuration::configuration;
pub use connection_request::connection_request;
pub use cwmp_session::cwmp_session;
pub use device_identity::device_identity;
pub use device_page::device_page;
pub use http_authentication::http_authentication;
pub use if_message::if_message;
pub use json_dialect::json_dialect;
pub use mesh_channel::mesh_channel;
pub use mqtt::mqtt;
pub use rendezvous::rendezvous;
pub use session_description::session_description;
pub use signal_core::signal_core;
pub use soap::soap;
pub use socketio_client::socketio_client;
pub use socketio_dialect::socketio_dialect;
pub use stomp::stomp;
pub use stun_decode::stun_decode;
pub use sync_json::sync_json;
pub use sync_messages::sync_messages;
pub use turn_client_bytes::turn_client_bytes;
pub use turnserver_conf::turnserver_conf;
pub use usp_record::usp_record;
