use std::net::{IpAddr, SocketAddr};

use sangam_types::Mono;

use super::TurnServer;
use super::request::Request;
use super::respond::Refusal;
use crate::address::AddressFamily;
use crate::api::AllocationKey;
use crate::dual::Families;
use crate::error_code::ErrorCode;
use crate::peer_filter::ReachablePeer;
use crate::permission::Permission;
use crate::stats::Limited;

impl TurnServer {
    /// RFC 8656 §10.2: all peers or none.
    pub(super) fn create_permission(&mut self, now: Mono, request: &Request<'_>) -> Result<(), Refusal> {
        let (key, families) = self.allocation_for(request)?;
        let peers = request.peers()?;
        for peer in &peers {
            check_family(*peer, families)?;
        }
        let admitted = peers.iter().map(|peer| self.admit(peer.ip())).collect::<Result<Vec<_>, _>>()?;
        self.permit(now, key, &admitted)?;
        self.succeed(&request.reply_to, &[]);
        Ok(())
    }

    pub(super) fn admit(&self, peer: IpAddr) -> Result<ReachablePeer, Refusal> {
        self.filter.admit(peer).ok_or(Refusal::new(ErrorCode::Forbidden, "the peer policy denies the address"))
    }

    /// Begins or prolongs a permission for each of these peers, or for none if there would be too many.
    pub(super) fn permit(&mut self, now: Mono, key: AllocationKey, peers: &[ReachablePeer]) -> Result<(), Refusal> {
        let Some(allocation) = self.allocations.get_mut(key) else { return Ok(()) };
        allocation.permissions.retain(|permission| permission.is_alive(now));
        let is_new = |(at, peer): &(usize, &ReachablePeer)| {
            allocation.permission(peer.ip, now).is_none() && !peers[..*at].iter().any(|earlier| earlier.ip == peer.ip)
        };
        let fresh = peers.iter().enumerate().filter(is_new).count();
        if fresh > 0 && allocation.permissions.len() + fresh > self.limits.permissions {
            let (code, limited) = (ErrorCode::InsufficientCapacity, Limited::Permissions);
            return Err(Refusal::by_limit(code, limited, "the allocation has as many permissions as one may have"));
        }
        let expires = now + self.lifetimes.permission;
        for &ReachablePeer { ip, route } in peers {
            allocation.permit(Permission { peer: ip, route, expires });
        }
        Ok(())
    }
}

/// RFC 8656 §10.2, §12.2
pub(super) fn check_family(peer: SocketAddr, families: Families) -> Result<(), Refusal> {
    if families.contains(AddressFamily::of(peer.ip())) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::PeerAddressFamilyMismatch, "a peer of another family than the relayed address"))
}
