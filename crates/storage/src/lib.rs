//! Port for what must last: batches made durable, snapshots read.
//!
//! An area of the product (sync for now) has one file or schema, one writer, and readers that see a state as it was at
//! one moment. A backend is an adapter (`storage-*`); `testkit` has the suite that each must pass.

mod error;
pub mod sync;

pub use error::StoreError;
