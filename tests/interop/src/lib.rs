//! Our binary against other people's clients and servers.
//!
//! The clients are in `clients/`, each a program that takes addresses and credentials as arguments. The same clients
//! also run against other people's servers (`tests/control.rs`), so that a failure tells whose fault it is.

mod avahi;
mod call_page;
mod certificate;
mod coturn;
pub mod cycles;
mod link;
pub mod mesh;
mod message_broker;
pub mod natlab;
pub mod original;
mod probe;
mod prosody;
pub mod returning;
pub mod running_node;
mod script;
pub mod socketio;
mod socketio_server;
mod sync;
mod turn_service;
mod uclient;
mod udp_port_pair;
mod usp_agent;
mod verdict;
mod xmpp_device;

pub use avahi::Avahi;
pub use call_page::CallPage;
pub use certificate::{Authority, Certificate};
pub use coturn::Coturn;
pub use link::{Linking, synapse_node};
pub use message_broker::{BROKER_LOGIN, MessageBroker};
pub use probe::{Probe, Probed};
pub use prosody::Prosody;
pub use script::Script;
pub use socketio_server::SocketIoServer;
pub use sync::{OriginalSyncServer, SYNC_SECRET, our_sync_server, sync_scenario, sync_script, sync_token};
pub use turn_service::TurnService;
pub use uclient::{EchoPeer, Report, Way, parse_report, run_uclient, run_uclient_as_user, start_uclient};
pub use usp_agent::{AgentWay, AgentWire, UspAgent};
pub use verdict::exit_code;
pub use xmpp_device::XmppDevice;
