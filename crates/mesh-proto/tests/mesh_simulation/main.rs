//! Many machines, a network that loses, delays, repeats and reorders what they say, and hosts that crash, sleep and
//! move: whatever was done to them, the mesh is whole ten seconds after it ends.
//!
//! `SANGAM_MESH_SEEDS=2000 cargo nextest run -p sangam-mesh-proto --test mesh_simulation` plays more seeds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail wherever it likes, in its helping functions too"
)]

mod checks;
mod driver;
mod node;
mod original;
mod scenarios;
mod stack;
mod world;
