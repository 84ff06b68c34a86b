//! Values that people write with a unit, and values that nobody may read back.

mod alternate_server;
mod byte_size;
mod duration;
mod listen_addr;
mod network;
mod secret;

pub use alternate_server::AlternateServer;
pub use byte_size::ByteSize;
pub use duration::HumanDuration;
pub use listen_addr::ListenAddr;
pub use network::Network;
pub use secret::Secret;
