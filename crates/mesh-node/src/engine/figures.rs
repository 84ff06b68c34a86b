use std::time::{Duration, Instant};

use sangam_mesh_proto::{PathProtocol, Profile};
use sangam_telemetry::metrics::mesh::MeshFigures;

use super::Engine;
use crate::endpoint::{Drop, EndpointFigures, RelayState};

/// How often what the parts count by themselves is noted for whoever reads the metrics.
const EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Notes the parts' own figures, and when to do it again.
    pub(super) fn note_figures(&mut self, now: Instant) {
        self.wanted.figures = Some(now + EVERY);
        let (endpoint, links) = (self.endpoint.figures(), self.links.totals());
        let (gossip, discovery, state) = (self.gossip.stats(), self.discovery.figures(), self.state.refused());
        let mut packets_dropped: Vec<(&'static str, u64)> =
            Drop::ALL.into_iter().map(|reason| (reason.as_str(), endpoint.dropped(reason))).collect();
        packets_dropped.extend([("unknown_link", links.packets_unknown), ("refused_by_link", links.packets_refused)]);
        self.metrics.noted(MeshFigures {
            peers: self.peers_by_profile(),
            topics: self.gossip.topics().len() as u64,
            gossip: vec![
                ("published", gossip.published),
                ("delivered", gossip.delivered),
                ("duplicate", gossip.duplicates),
                ("forwarded", gossip.forwarded),
                ("recovered", gossip.recovered),
                ("held_back", gossip.held_back),
                ("lost", gossip.lost),
                ("unsuited", gossip.unsuited),
                ("refused", gossip.refused),
            ],
            gossip_cached_bytes: gossip.cached_bytes as u64,
            packets: vec![("sent", endpoint.packets_out), ("received", endpoint.packets_in)],
            packets_dropped,
            allocations: allocations(&endpoint),
            allocation_failures: endpoint.allocations_failed + endpoint.allocations_lost,
            discovery: vec![
                ("sent", discovery.sent),
                ("undeliverable", discovery.undeliverable),
                ("dropped", discovery.dropped),
                ("malformed", discovery.malformed),
                ("beyond_bounds", discovery.beyond_bounds),
                ("out_of_reach", discovery.out_of_reach),
            ],
            refused: vec![
                ("candidate", links.candidates_refused),
                ("channel", links.channels_refused),
                ("permission", endpoint.permissions_refused + endpoint.permits_refused),
                ("state_malformed", state.malformed),
                ("state_bound", state.full),
                ("state_time", state.time),
                ("state_second_hand", state.second_hand),
            ],
            network_changes: endpoint.network_changes,
        });
    }

    fn peers_by_profile(&self) -> Vec<(&'static str, u64)> {
        let profiles = [Profile::Sangam, Profile::Synapse, Profile::Agent, Profile::Unknown];
        let mut counts = profiles.map(|profile| (profile.as_str(), 0));
        for peer in self.mesh.peers() {
            let word = peer.profile.as_str();
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == word) {
                *count += 1;
            }
        }
        counts.to_vec()
    }
}

fn allocations(endpoint: &EndpointFigures) -> Vec<(&'static str, u64)> {
    let of = |protocol: PathProtocol| {
        let held =
            |relay: &&crate::endpoint::RelayFigures| relay.protocol == protocol && relay.state == RelayState::Allocated;
        (protocol.as_str(), endpoint.relays.iter().filter(held).count() as u64)
    };
    [PathProtocol::Udp, PathProtocol::Tcp, PathProtocol::Tls].map(of).to_vec()
}
