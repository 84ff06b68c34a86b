//! Metrics: name, unit, help and labels of each, per subject.

pub mod coturn;
pub mod devices;
#[cfg(test)]
mod exposition;
pub mod external_address;
pub mod http;
pub mod listener;
pub mod log;
pub mod mesh;
pub mod process;
pub mod relay;
pub mod signal;
pub mod socketio;
pub mod sync;
