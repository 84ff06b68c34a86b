//! Port through which the server is asked how its parts are.
//!
//! Drivers implement [`Part`]; `admin-server` asks, the binary collects. Each answer is a check made
//! when it is asked for, never a remembered verdict.

mod part;

pub use part::{Part, PartReport, PartState};
