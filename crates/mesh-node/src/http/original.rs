//! What a Synapse-NG node serves, in its words and with true answers.

pub(super) mod gossip;
pub(super) mod handshake;
pub(super) mod identity;
pub(super) mod network_stats;
pub(super) mod pubsub;
pub(super) mod raft;
pub(super) mod signals;
pub(super) mod webrtc;
mod words;

pub(super) use words::timestamp;
