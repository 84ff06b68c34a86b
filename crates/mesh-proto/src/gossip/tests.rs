#![allow(clippy::indexing_slicing, reason = "a test ends that way")]

mod bench;
mod bounds;
mod ours;
mod partials;
mod play;
mod proofs;
mod synapse;
