//! TR-369: agents that are connected, whatever carries their records, and what they are asked.
//!
//! A transport opens a way for an endpoint ([`link`]). Behind it is a desk (`desk.rs`): the controller of that agent, as what it does it
//! does in order. What an agent tells is durable before it is thanked (`notify.rs`); its tasks become requests (`order.rs`, `work.rs`).
//! Of an agent that has nothing to say nothing runs: one clock wakes all whose time has come (`agents.rs`).
//!
//! Clauses and their tests: `docs/protocols/usp.md`.

mod admit;
mod agents;
mod answer;
mod broker;
mod carriers;
mod desk;
mod hub;
pub(crate) mod link;
mod notify;
mod options;
mod order;
mod schema;
mod stomp;
mod test;
mod transfer;
mod values;
mod websocket;
mod work;

pub(crate) use agents::Agents;
pub use broker::{BrokerOptions, BrokerTls, BrokerWire};
pub(crate) use carriers::Carriers;
pub(crate) use hub::{Hub, watch};
pub use options::UspOptions;
pub(crate) use order::{carries_out, check_order};
pub use stomp::StompOptions;
pub(crate) use websocket::{is_asked, open};
