//! A client of the sync API: the reference for tests, and a library of its own.
//!
//! [`Client`] speaks the protocol, one call for each request, and tries again what may be tried again: the server knows a
//! repetition, so that a push whose answer was lost is safe to send anew. [`Replica`] keeps a device in step: it queues local
//! changes, pulls those of others, pushes its own, and asks a [`Resolver`] where two of them meet.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sangam_sync_client::{Client, ClientOptions, MemoryStore, Replica, ServerWins};
//!
//! let client = Client::new("https://sync.example.org", Some("token".into()), ClientOptions::default())?;
//! let mut replica = Replica::new(client, "my-db", "my-device", MemoryStore::default(), ServerWins);
//! replica.upsert("tasks", "task-1", vec![0xa0])?;
//! let did = replica.sync().await?;
//! println!("{} pulled, {} pushed", did.pulled, did.pushed);
//! # Ok(())
//! # }
//! ```

mod client;
mod connection;
mod error;
mod events;
mod options;
mod replica;
mod resolver;
mod retry;
mod store;
mod trust;

pub use client::{Client, Stats, Usage, Version};
pub use error::{ClientError, Refusal};
pub use events::{Event, EventStream};
pub use options::ClientOptions;
pub use replica::{Cycle, Replica, ReplicaError};
pub use resolver::{ClientWins, LastWriteWins, Resolution, Resolver, ServerWins};
pub use store::{LocalChange, MemoryStore, Position, ReplicaStore, StoreFailure};
pub use trust::Trust;
