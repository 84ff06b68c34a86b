//! A node of a mesh: WebRTC links to nodes like this one, to Synapse-NG nodes, IF.swarm agents and browsers, through any NAT.
//!
//! One task owns it all ([`node`] is its handle): the sockets and relays (`endpoint/`), the peer connections over them
//! (`webrtc/`), and the machines that decide ([`sangam_mesh_proto`]). Who is there, and how signals reach them, is found out by
//! tasks of its own (`discovery/`).
//!
//! A node needs nothing but a key. It lives in the tokio runtime it is started in, until it is stopped:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sangam_mesh_node::discovery::Server;
//! use sangam_mesh_node::proto::identity::Identity;
//! use sangam_mesh_node::{Deps, Node, NodeOptions};
//!
//! let identity = Identity::generate(&mut rand::rng());
//! let mut options = NodeOptions::new(identity);
//! options.discovery.signaling = vec![Server { url: "ws://127.0.0.1:8443/".to_owned(), token: None }];
//!
//! let node = Node::start(options, Deps::default()).await?;
//! let mut news = node.subscribe("news", 64).await?;
//! node.publish("news", "hello").await?;
//! while let Some(message) = news.recv().await {
//!     println!("{}: {} bytes", message.origin, message.payload.len());
//! }
//! node.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/two_nodes.rs` is a whole program. What can be asked of a node is [`node::Command`], and [`Node::ask`] asks it; the
//! commonest have methods. Its HTTP API ([`http::router`]) is separate: without it, set neither [`NodeOptions::port`] nor
//! [`NodeOptions::url`], and peers are signalled by JSON signaling servers alone. Keys are read and written as PEM
//! ([`proto::identity::Identity::from_pem`]); whoever keeps one sees to the file's mode.

pub mod discovery;
pub mod endpoint;
mod engine;
pub mod http;
pub mod names;
pub mod node;
mod options;
mod trust;
pub mod webrtc;

pub use node::{Node, NodeError, StartError};
pub use options::{Deps, NodeOptions};
pub use sangam_mesh_proto as proto;
pub use sangam_telemetry::metrics::mesh::MeshMetrics;
pub use sangam_types::Wall;
