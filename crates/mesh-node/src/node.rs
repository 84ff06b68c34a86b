//! The handle of a running node: what its HTTP API and its users ask.

mod command;
mod handle;
mod start;
mod view;

pub use command::{Command, GossipOutcome, RelayOutcome, SignalOutcome};
pub use handle::{Node, NodeError};
pub use sangam_mesh_proto::agent_event::AgentEvent;
pub use start::StartError;
pub use view::{IceState, LinkView, NodeView, TopicsView};
