use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sangam_mesh_proto::{PeerId, gossip, identity::Identity, mesh, state, tally};
use sangam_telemetry::metrics::mesh::MeshMetrics;
use sangam_types::Wall;

use crate::discovery;
use crate::endpoint::EndpointOptions;
use crate::webrtc::LinkOptions;

/// What a node is started with.
#[derive(Debug)]
pub struct NodeOptions {
    /// Its key.
    pub identity: Identity,
    /// What it is called at signaling servers, if not by its id.
    pub agent_id: Option<PeerId>,
    /// Where its HTTP API is reached from elsewhere: `http://host:port`. Not set: found out, as far as can be.
    pub url: Option<String>,
    /// The port its HTTP API listens on; 0: none.
    pub port: u16,
    /// Channels it takes part in beside `global`.
    pub channels: Vec<String>,
    /// Whether messages of agents are taken only with a signature.
    pub require_signature: bool,
    /// Who dials whom, and how long anything takes.
    pub mesh: mesh::Options,
    /// How far messages go.
    pub gossip: gossip::Options,
    /// Bounds of the state document.
    pub state: state::Options,
    /// Bounds of the ICE metrics.
    pub tally: tally::Options,
    /// How links behave.
    pub links: LinkOptions,
    /// Sockets, STUN and TURN servers.
    pub endpoint: EndpointOptions,
    /// Whether STUN and TURN servers that signaling servers hand out are used beside those of `endpoint`.
    pub take_servers: bool,
    /// Where peers are looked for.
    pub discovery: discovery::Options,
    /// Commands that wait for the node's task at most; then whoever asks waits.
    pub commands_max: usize,
    /// Events of discovery that wait at most.
    pub discovered_max: usize,
    /// Agent events kept for a watcher that falls behind.
    pub events_max: usize,
}

/// What a node needs of its process.
#[derive(Clone)]
pub struct Deps {
    /// Where it counts.
    pub metrics: MeshMetrics,
    /// The time of day.
    pub wall: Arc<dyn Fn() -> Wall + Send + Sync>,
}

impl Default for Deps {
    /// Counts that nobody reads, and the system's clock; one before 1970 counts as 1970.
    fn default() -> Self {
        let wall = || {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Wall::from_unix_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
        };
        Self { metrics: MeshMetrics::default(), wall: Arc::new(wall) }
    }
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

impl NodeOptions {
    /// A node with this key and defaults for everything else: it finds others on the LAN alone.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            agent_id: None,
            url: None,
            port: 0,
            channels: Vec::new(),
            require_signature: true,
            mesh: mesh::Options::default(),
            gossip: gossip::Options::default(),
            state: state::Options::default(),
            tally: tally::Options::default(),
            links: LinkOptions::default(),
            endpoint: EndpointOptions::default(),
            take_servers: true,
            discovery: discovery::Options::default(),
            commands_max: 256,
            discovered_max: 1024,
            events_max: 1024,
        }
    }
}
