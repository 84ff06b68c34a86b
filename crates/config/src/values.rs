//! Values that people write with a unit, and values that nobody may read back.

mod alternate_server;
mod broker_url;
mod byte_size;
mod duration;
mod external_ip;
mod listen_addr;
mod network;
mod secret;
mod stun_server;
mod text_value;

pub use alternate_server::AlternateServer;
pub use broker_url::BrokerUrl;
pub use byte_size::ByteSize;
pub use duration::HumanDuration;
pub use external_ip::ExternalIp;
pub use listen_addr::ListenAddr;
pub use network::Network;
pub use secret::Secret;
pub use stun_server::StunServer;
