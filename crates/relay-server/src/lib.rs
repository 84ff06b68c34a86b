//! Drives `turn-proto` over real sockets: one thread per core, nothing shared on the packet path.
//!
//! Each relay thread owns one [`TurnServer`](sangam_turn_proto::TurnServer), one socket of every listen address, the
//! relay sockets of its clients, its timers and its counters. The kernel steers each client to one thread. A wake of a
//! thread reads the clock once, takes a batch from each readable socket, and sends what became of it:
//!
//! ```text
//! client --> listener --> relay_from_client --> relay socket --> peer
//!                                          \--> allocation of ours: same thread directly, other thread by its queue
//! peer --> relay socket --> relay_from_peer --> header written in front --> listener --> client
//! ```
//!
//! On the packet path threads meet in three places only: the directory of live relayed addresses (read for peers that are
//! addresses of ours), the bounded queues of datagrams for another thread's clients, and the counters that a scrape
//! reads. Off it they also share the quotas of users, asked once for each allocation, and a few atomic numbers of fixed
//! count: challenges to each network, and bytes of the whole server, which a thread takes out a fiftieth of a second's
//! worth at a time. A client that moves with its allocation (RFC 8016) may come to be heard by another thread than the one
//! that keeps it: its messages go through those queues too.
//!
//! Connections over TCP and TLS are accepted and shake hands on the runtime; then each goes to the thread of its client,
//! whose packet path its messages share.
//!
//! A thread that panics or hangs is replaced on the same sockets; see `supervisor.rs`.
//!
//! Left out: clients over DTLS; segmentation offload.

mod back_off;
mod blueprint;
mod client_networks;
mod clock;
mod connections;
mod counters;
mod credentials;
mod directory;
mod event_log;
mod failures;
#[cfg(test)]
mod fault;
mod figures;
mod handover;
mod incarnation;
mod mailbox;
mod moved;
mod options;
mod orders;
mod part;
mod policy;
mod port_use;
mod probe;
mod probe_credentials;
mod quotas;
mod rates;
mod relay_sockets;
mod revocations;
mod server;
mod sessions;
mod shared;
mod start_error;
mod stream_listener;
mod stream_queue;
mod stun_sender;
mod supervisor;
mod thread;
mod thread_face;
mod watch;

pub use options::{Live, Options};
pub use revocations::Revocations;
pub use sangam_net::udp::{BindError, SocketBuffers};
pub use sangam_turn_proto::{Alternate, Alternates, Redirect};
pub use sangam_turn_proto::{IpRange, IpRangeError, Lifetimes, Limits, NonceSecret, RelayAddress};
pub use server::RelayServer;
pub use start_error::StartError;
