//! The mesh node's endpoint against relays: ours and coturn, by every way to them.

mod credentials;
mod echo;
mod loss;
mod node;
