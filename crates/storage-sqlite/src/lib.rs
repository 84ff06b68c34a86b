//! SQLite behind the storage port: one file and one writer for an area, a pool of readers.
//!
//! In WAL mode with `synchronous=FULL` a transaction is on the disk when its commit returns, and readers never wait for the
//! writer. One process at a time has a store open.

mod area;
mod cache;
mod connection;
mod devices;
mod errors;
mod file_system;
mod frame;
mod lock;
mod options;
mod reader;
mod readers;
mod reserve;
mod schema;
mod sync;

pub use devices::open_devices;
pub use options::SqliteOptions;
pub use sync::open_sync;
