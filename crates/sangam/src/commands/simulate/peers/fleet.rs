use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::join_all;
use rand::RngExt as _;
use rand::rngs::StdRng;
use sangam_mesh_node::node::{Command, LinkView, TopicsView};
use sangam_mesh_node::{Deps, Node, NodeOptions};
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::gossip::Delivery;
use sangam_mesh_proto::identity::Identity;
use sangam_telemetry::metrics::mesh::MeshMetrics;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Plan;
use super::ledger::{Ledger, Stamp};
use crate::clock::wall_now;

/// A node of the simulation.
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) node: Node,
    /// Whether it was made to die.
    pub(super) is_dead: bool,
}

/// All of them, by number.
pub(super) struct Fleet {
    pub(super) peers: Vec<Peer>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) began: Instant,
}

/// Messages that may wait for a receiver's list.
const DELIVERIES_WAITING_MAX: usize = 65_536;

/// A node that does not say what links it has for so long counts as one without.
const ANSWER_MAX: Duration = Duration::from_secs(5);

pub(super) fn topic(number: u32) -> String {
    format!("simulation-{number}")
}

impl Peer {
    /// Its links; none if it is dead or does not answer in time.
    async fn links(&self) -> Vec<LinkView> {
        if self.is_dead {
            return Vec::new();
        }
        timeout(ANSWER_MAX, self.node.ask(Command::Links)).await.ok().flatten().unwrap_or_default()
    }
}

impl Fleet {
    /// Starts one more node, that hears of every topic.
    pub(super) async fn add(&mut self, plan: &Plan<'_>, rng: &mut StdRng) -> anyhow::Result<()> {
        let number = self.peers.len();
        let options = options(plan, rng);
        let id = options.identity.id().clone();
        let deps = Deps { metrics: MeshMetrics::default(), wall: Arc::new(wall_now) };
        let node = Node::start(options, deps).await.with_context(|| format!("node {number} does not start"))?;
        let (to, heard) = mpsc::channel(DELIVERIES_WAITING_MAX);
        for topic in (0..plan.args.topics).map(topic) {
            node.ask(|reply| Command::Subscribe { topic, to: to.clone(), reply }).await;
        }
        tokio::spawn(note(number, heard, Arc::clone(&self.ledger), self.began));
        self.peers.push(Peer { id, node, is_dead: false });
        Ok(())
    }

    /// The links of each node that lives, by number; none of others.
    pub(super) async fn links(&self) -> Vec<Vec<LinkView>> {
        join_all(self.peers.iter().map(Peer::links)).await
    }

    /// Bytes of frames that all living nodes handed to their links.
    pub(super) async fn topics(&self) -> Vec<TopicsView> {
        let alive = self.peers.iter().filter(|peer| !peer.is_dead);
        let asked = join_all(alive.map(|peer| peer.node.ask(Command::Topics))).await;
        asked.into_iter().flatten().collect()
    }

    /// Ends a node without a goodbye.
    pub(super) async fn kill(&mut self, number: usize) {
        let Some(peer) = self.peers.get_mut(number) else { return };
        peer.is_dead = true;
        peer.node.tell(Command::Vanish).await;
        peer.node.stopped().await;
    }

    /// Ends them all with a goodbye.
    pub(super) async fn stop(self) {
        let mut stopping = JoinSet::new();
        for peer in self.peers.into_iter().filter(|peer| !peer.is_dead) {
            stopping.spawn(async move { peer.node.ask(Command::Stop).await });
        }
        while stopping.join_next().await.is_some() {}
    }
}

fn options(plan: &Plan<'_>, rng: &mut StdRng) -> NodeOptions {
    let mut options = NodeOptions::new(Identity::generate(rng));
    options.endpoint.addresses.clone_from(&plan.args.address);
    options.endpoint.with_loopback = plan.args.address.iter().any(std::net::IpAddr::is_loopback);
    options.endpoint.servers.clone_from(&plan.servers);
    options.endpoint.loss_share = plan.args.loss;
    options.endpoint.loss_seed = Some(rng.random());
    options.endpoint.ca_file.clone_from(&plan.args.common.ca_file);
    options.discovery.ca_file.clone_from(&plan.args.common.ca_file);
    options.discovery.mdns.enabled = false;
    options.discovery.signaling = plan.signaling.iter().cloned().collect();
    options.discovery.rendezvous = plan.rendezvous.iter().cloned().collect();
    options.mesh.links_max = plan.args.links_max as usize;
    options.mesh.links_wanted = options.mesh.links_wanted.min(options.mesh.links_max);
    options
}

/// Keeps the list of what one node heard.
async fn note(number: usize, mut heard: mpsc::Receiver<Delivery>, ledger: Arc<Mutex<Ledger>>, began: Instant) {
    while let Some(delivery) = heard.recv().await {
        let at = began.elapsed();
        let stamp = Stamp::read(&delivery.payload);
        let mut ledger = ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ledger.heard(number, stamp, delivery.proven, at);
    }
}
