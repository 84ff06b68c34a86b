//! SQLite behind the storage port: one file and one writer for an area, a pool of readers.
//!
//! In WAL mode with `synchronous=FULL` a transaction is on the disk when its commit returns, and readers never wait for the
//! writer. One process at a time has a store open.

mod change;
mod connection;
mod discard;
mod errors;
mod file_system;
mod lock;
mod names;
mod options;
mod page;
mod reader;
mod readers;
mod reserve;
mod rows;
mod schema;
mod snapshot;
mod sweep;
mod sync;
mod writer;

pub use options::SqliteOptions;
pub use sync::open_sync;
