//! Port for what must last: batches made durable, snapshots read.
//!
//! An area of the product (sync, devices) has one file or schema, one writer, and readers that see a state as it was at
//! one moment. A backend is an adapter (`storage-*`); `testkit` has the suites that each must pass.

pub mod devices;
mod error;
mod health;
mod room;
pub mod sync;

pub use error::StoreError;
pub use health::{Health, Trouble, with_sources};
pub use room::{Admitted, Room};
