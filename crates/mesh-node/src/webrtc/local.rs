use sangam_mesh_proto::CandidateKind;
use str0m::Candidate as Ice;

use crate::endpoint::LocalCandidate;

/// A candidate of ours as the stack takes it. Whatever the leg to a relay runs over, to ICE a relayed address is UDP.
/// None if it is of no use to any peer, e.g. an IPv4 link-local address.
pub(super) fn ice(candidate: &LocalCandidate) -> Option<Ice> {
    let LocalCandidate { address, base, .. } = *candidate;
    match candidate.kind {
        CandidateKind::Host => Ice::host(address, "udp").ok(),
        CandidateKind::ServerReflexive => Ice::server_reflexive(address, base, "udp").ok(),
        CandidateKind::Relayed => Ice::relayed(address, address, "udp").ok(),
        // Only the stack itself can find those.
        CandidateKind::PeerReflexive => None,
    }
}
