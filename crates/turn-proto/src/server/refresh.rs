use sangam_types::Mono;

use super::TurnServer;
use super::allocate::whole_secs;
use super::request::Request;
use super::respond::Refusal;
use crate::address::AddressFamily;
use crate::api::{AllocationKey, Event, Output};
use crate::attribute::Attribute;
use crate::error_code::ErrorCode;
use crate::five_tuple_key::FiveTupleKey;
use crate::timers::Timer;

impl TurnServer {
    /// RFC 8656 §8.2
    pub(super) fn refresh(&mut self, now: Mono, request: &Request<'_>) -> Result<(), Refusal> {
        let (key, family) = self.allocation_for(request)?;
        if request.requested_family()?.is_some_and(|asked| asked != family.number()) {
            let reason = "another family than the allocation's";
            return Err(Refusal::new(ErrorCode::PeerAddressFamilyMismatch, reason));
        }
        if request.lifetime()? == Some(0) {
            self.succeed(&request.reply_to, &[Attribute::Lifetime(0)]);
            self.end(key, false);
            return Ok(());
        }
        let lifetime = self.granted(request.lifetime()?);
        let Some(allocation) = self.allocations.get_mut(key) else { return Ok(()) };
        self.timers.cancel(allocation.expires, Timer::Allocation(key));
        allocation.expires = now + lifetime;
        self.timers.set(allocation.expires, Timer::Allocation(key));
        self.succeed(&request.reply_to, &[Attribute::Lifetime(whole_secs(lifetime))]);
        self.outputs.push_back(Output::Event(Event::Refreshed { allocation: key, lifetime }));
        Ok(())
    }

    /// The allocation that a request other than Allocate speaks of (RFC 8656 §5), and the family of its relayed address.
    pub(super) fn allocation_for(&self, request: &Request<'_>) -> Result<(AllocationKey, AddressFamily), Refusal> {
        let key = self.by_five_tuple.get(&FiveTupleKey::from(&request.reply_to.five_tuple)).copied();
        let Some((key, allocation)) = key.and_then(|key| Some((key, self.allocations.get(key)?))) else {
            return Err(Refusal::new(ErrorCode::AllocationMismatch, "the five-tuple has no allocation"));
        };
        if *allocation.username != *request.username {
            return Err(Refusal::new(ErrorCode::WrongCredentials, "the allocation was made by another user"));
        }
        Ok((key, AddressFamily::of(allocation.relayed.0.ip())))
    }
}
