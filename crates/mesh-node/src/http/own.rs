//! What we add: everything that is known of the node, and orders to it.

pub(super) mod orders;
pub(super) mod views;
