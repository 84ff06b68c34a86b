use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::gossip::Gossip;
use sangam_mesh_proto::mesh::Mesh;
use sangam_mesh_proto::state::{self, State};
use sangam_mesh_proto::tally::Tally;
use thiserror::Error;
use tokio::sync::{broadcast, mpsc};

use super::Node;
use crate::discovery::{self, Discovery};
use crate::endpoint::{self, Endpoint};
use crate::engine::{Clock, Engine, Parts, proofs_of};
use crate::options::{Deps, NodeOptions};
use crate::webrtc::{self, Links};

/// Why a node does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its sockets.
    #[error("no socket for links: {0}")]
    Endpoint(#[from] endpoint::StartError),
    /// Its certificate.
    #[error("no certificate for links: {0}")]
    Links(#[from] webrtc::StartError),
    /// What looks for peers.
    #[error("peers cannot be looked for: {0}")]
    Discovery(#[from] discovery::StartError),
    /// A channel's name.
    #[error("the channel {name:?} cannot be joined: {why}")]
    Channel {
        /// It.
        name: String,
        /// Why not.
        why: state::SubscribeError,
    },
}

impl Node {
    /// Starts a node. It runs in the runtime it is started in, until it is told to stop.
    ///
    /// # Errors
    /// No socket, a bad file of authorities, or a channel that cannot be joined. A server that is away is no error: it is
    /// tried again.
    pub async fn start(options: NodeOptions, deps: Deps) -> Result<Self, StartError> {
        let clock = Clock::new(Arc::clone(&deps.wall));
        let (_, now) = clock.now();
        let us = options.identity.id().clone();
        let agent_id = options.agent_id.clone();
        let software = concat!("sangam/", env!("CARGO_PKG_VERSION")).to_owned();
        let kx_public_key = options.identity.kx_public_key();
        let told = state::Us { id: us.clone(), url: options.url.clone(), kx_public_key, software };
        let mut state = State::new(options.state, told, now.wall);
        for name in &options.channels {
            state.subscribe(name).map_err(|why| StartError::Channel { name: name.clone(), why })?;
        }
        let channels: Vec<String> = state.channels().map(str::to_owned).collect();
        let (found, discovered) = mpsc::channel(options.discovered_max.max(1));
        let endpoint = Endpoint::start(options.endpoint.clone()).await?;
        let links = Links::new(options.links.clone())?;
        let discovery = Discovery::start(options.discovery.clone(), known_as(&options, &us, channels), found).await?;
        let (commands, asked) = mpsc::channel(options.commands_max.max(1));
        let (events, _) = broadcast::channel(options.events_max.max(1));
        let seed = rand::random();
        let gossip = Gossip::new(us.clone(), options.gossip.clone(), seed, now);
        let parts = Parts {
            mesh: Mesh::new(agent_id.clone().unwrap_or_else(|| us.clone()), options.mesh.clone(), seed, now),
            gossip: gossip.with_proofs(proofs_of(options.identity.clone())),
            tally: Tally::new(options.tally),
            rng: StdRng::seed_from_u64(seed),
            state,
            links,
            endpoint,
            names: discovery.names(),
            discovery,
            commands: asked,
            discovered,
            events: events.clone(),
        };
        let engine = Engine::new(options, deps, clock, parts);
        tokio::spawn(engine.run());
        Ok(Self::new(commands, events))
    }
}

fn known_as(options: &NodeOptions, us: &PeerId, channels: Vec<String>) -> discovery::Us {
    let agent_id = options.agent_id.as_ref().unwrap_or(us).as_str().to_owned();
    discovery::Us { id: us.clone(), agent_id, url: options.url.clone(), channels, port: options.port }
}

#[cfg(test)]
mod tests {
    use sangam_mesh_proto::identity::Identity;

    use super::*;
    use crate::node::Command;

    #[tokio::test]
    async fn the_record_of_a_node_holds_both_its_public_keys() {
        let identity = Identity::from_seed(&[7; 32]);
        let mut options = NodeOptions::new(identity.clone());
        options.endpoint.addresses = vec!["127.0.0.1".parse().unwrap()];
        options.discovery.mdns.enabled = false;
        let node = Node::start(options, Deps::default()).await.unwrap();
        let state = node.ask(Command::State).await.unwrap();
        let record = &state["global"]["nodes"][identity.id().as_str()];
        assert_eq!(record["kx_public_key"], identity.kx_public_key());
        assert_eq!(record["id"], identity.id().as_str());
        node.stop().await;
    }
}
