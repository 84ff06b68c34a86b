use std::time::Duration;

use sangam_types::Mono;

use super::TurnServer;
use super::allocate::whole_secs;
use super::request::Request;
use super::respond::{Refusal, ReplyTo};
use crate::address::AddressFamily;
use crate::allocation::Allocation;
use crate::api::{AllocationKey, Event, Output};
use crate::attribute::Attribute;
use crate::dual::{Families, Relay, is_of};
use crate::end_cause::EndCause;
use crate::error_code::ErrorCode;
use crate::timers::Timer;

impl TurnServer {
    /// RFC 8656 §8.2
    pub(super) fn refresh(&mut self, now: Mono, request: &Request<'_>) -> Result<(), Refusal> {
        if self.moves.are_offered()
            && let Some(ticket) = request.mobility_ticket()
        {
            return self.refresh_by_ticket(now, request, ticket);
        }
        if let Some(secs) = self.granted_before(now, request) {
            self.succeed(&request.reply_to, &[Attribute::Lifetime(secs)]);
            return Ok(());
        }
        let (key, _) = self.allocation_for(request)?;
        let family = self.family_meant(key, request)?;
        let lifetime = match request.lifetime()? {
            Some(0) => Duration::ZERO,
            asked => self.granted(asked),
        };
        let secs = whole_secs(lifetime);
        self.succeed(&request.reply_to, &[Attribute::Lifetime(secs)]);
        self.remember_granted(now, request, secs);
        if secs == 0 {
            self.end_family(key, family);
        } else {
            self.prolong(now, key, family, lifetime);
        }
        Ok(())
    }

    /// The lifetime that this request was granted when it came before, in seconds.
    pub(super) fn granted_before(&self, now: Mono, request: &Request<'_>) -> Option<u32> {
        let ReplyTo { five_tuple, transaction, .. } = request.reply_to;
        self.recent_refreshes.granted_secs(now, &five_tuple, transaction, &request.key)
    }

    pub(super) fn remember_granted(&mut self, now: Mono, request: &Request<'_>, secs: u32) {
        let ReplyTo { five_tuple, transaction, .. } = request.reply_to;
        self.recent_refreshes.remember(now, &five_tuple, transaction, request.key, secs);
    }

    /// The family that a Refresh request names, which must be one of the allocation's; `None` if it means all there are.
    pub(super) fn family_meant(
        &self,
        key: AllocationKey,
        request: &Request<'_>,
    ) -> Result<Option<AddressFamily>, Refusal> {
        let Some(asked) = request.requested_family()? else { return Ok(None) };
        let families = self.allocations.get(key).map(Allocation::families);
        let family = AddressFamily::from_number(asked)
            .filter(|family| families.is_some_and(|families| families.contains(*family)));
        let reason = "another family than the allocation's";
        family.map(Some).ok_or(Refusal::new(ErrorCode::PeerAddressFamilyMismatch, reason))
    }

    /// Whether the allocation goes on without the relayed address of this family.
    pub(super) fn outlives_family(&self, key: AllocationKey, family: Option<AddressFamily>) -> bool {
        family.is_some() && self.allocations.get(key).is_some_and(|allocation| allocation.relays(key).count() > 1)
    }

    /// Ends the relayed address of one family, or all with their allocation.
    pub(super) fn end_family(&mut self, key: AllocationKey, family: Option<AddressFamily>) {
        let Some(family) = family else { return self.end(key, EndCause::Client) };
        let its = |relay: &Relay| is_of(relay.relayed, Some(family));
        if let Some(relay) = self.allocations.get(key).and_then(|allocation| allocation.relays(key).find(its)) {
            self.end_relayed(relay.socket, EndCause::Client);
        }
    }

    /// Makes the relayed address of one family last longer, or all.
    pub(super) fn prolong(&mut self, now: Mono, key: AllocationKey, family: Option<AddressFamily>, lifetime: Duration) {
        let Some(allocation) = self.allocations.get_mut(key) else { return };
        let expires = now + lifetime;
        for relay in allocation.relays(key).filter(|relay| is_of(relay.relayed, family)) {
            self.timers.cancel(relay.expires, Timer::Allocation(relay.socket));
            self.timers.set(expires, Timer::Allocation(relay.socket));
        }
        allocation.prolong(family, expires);
        self.outputs.push_back(Output::Event(Event::Refreshed {
            allocation: key,
            five_tuple: allocation.five_tuple,
            username: allocation.username.to_string(),
            relayed: allocation.relayed,
            lifetime,
            sent: allocation.sent,
            received: allocation.received,
        }));
    }

    /// The allocation that a request other than Allocate speaks of (RFC 8656 §5), and the families of its
    /// relayed addresses.
    pub(super) fn allocation_for(&self, request: &Request<'_>) -> Result<(AllocationKey, Families), Refusal> {
        let key = self.allocation_at(&request.reply_to.five_tuple);
        let Some((key, allocation)) = key.and_then(|key| Some((key, self.allocations.get(key)?))) else {
            return Err(Refusal::new(ErrorCode::AllocationMismatch, "the five-tuple has no allocation"));
        };
        if !allocation.is_of(request.username) {
            return Err(Refusal::new(ErrorCode::WrongCredentials, "the allocation was made by another user"));
        }
        Ok((key, allocation.families()))
    }
}
