use std::time::Duration;

use sangam_types::Mono;

use super::TurnServer;
use super::authenticate::reflexive;
use super::dual::Additional;
use super::request::Request;
use super::respond::{Refusal, ReplyTo};
use crate::address::AddressFamily;
use crate::allocation::Allocation;
use crate::api::{AllocationKey, Event, OpenError, Opened, Output, PortWish, RequestId};
use crate::attribute::Attribute;
use crate::bandwidth::Meters;
use crate::dual::Dual;
use crate::error_code::ErrorCode;
use crate::five_tuple_key::{FiveTupleKey, RelayedKey};
use crate::inline_list::InlineList;
use crate::key::Key;
use crate::mobility_ticket::SealedTicket;
use crate::reservation::ReservationToken;
use crate::stats::{Limited, Traffic};
use crate::timers::Timer;

/// An allocation whose relay socket is being opened.
#[derive(Debug)]
pub(super) struct Opening {
    reply_to: ReplyTo,
    username: Box<str>,
    key: Key,
    pub(super) lifetime: Duration,
    deadline: Mono,
    /// Of the second socket, if one is to be kept for a later allocation.
    reserves: Option<ReservationToken>,
    /// What ADDITIONAL-ADDRESS-FAMILY asks for.
    pub(super) additional: Option<Additional>,
    wants_ticket: bool,
}

/// REQUESTED-TRANSPORT for UDP (RFC 8656 §18.8).
const PROTOCOL_UDP: u8 = 17;

impl Opening {
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }
}

impl TurnServer {
    /// RFC 8656 §7.2
    pub(super) fn allocate(&mut self, now: Mono, request: &Request<'_>) -> Result<(), Refusal> {
        let five_tuple = FiveTupleKey::from(&request.reply_to.five_tuple);
        if let Some(&key) = self.by_five_tuple.get(&five_tuple) {
            return self.allocate_again(key, request);
        }
        if self.moves.formerly_at(&five_tuple).is_some() {
            return Err(Refusal::new(ErrorCode::AllocationMismatch, "the five-tuple has an allocation"));
        }
        if request.requested_transport()? != PROTOCOL_UDP {
            return Err(Refusal::new(ErrorCode::UnsupportedTransportProtocol, "a transport that is not UDP"));
        }
        if self.alternates.takes(&request.reply_to.five_tuple) {
            return Err(Refusal::elsewhere("clients are served by other servers"));
        }
        self.wants_ticket(request)?;
        if let Some(token) = request.reservation_token()? {
            return self.allocate_reserved(now, request, token);
        }
        let (family, besides) = self.families_for(request)?;
        let lifetime = self.granted(request.lifetime()?);
        let even_port = request.even_port()?;
        self.check_quotas(request.username, if even_port == Some(true) { 2 } else { 1 })?;
        let (port, reserves) = match even_port {
            None => (PortWish::Any, None),
            Some(false) => (PortWish::Even, None),
            Some(true) => self.promise_reservation(request.username)?,
        };
        let key = self.allocations.reserve();
        self.users.add(request.username);
        self.wait_for_socket(now, key, request, lifetime, reserves);
        // One question for each socket, so its key serves as the question's name.
        let (question, username) = (RequestId(key.0), request.username.to_owned());
        self.outputs.push_back(Output::OpenRelayed { request: question, allocation: key, family, port, username });
        self.open_besides(key, besides, port, request.username);
        Ok(())
    }

    /// From now on the five-tuple is taken.
    pub(super) fn wait_for_socket(
        &mut self,
        now: Mono,
        key: AllocationKey,
        request: &Request<'_>,
        lifetime: Duration,
        reserves: Option<ReservationToken>,
    ) {
        let deadline = now + self.lifetimes.request;
        let (username, reply_to) = (request.username.into(), request.reply_to);
        let wants_ticket = self.wants_ticket(request).unwrap_or(false);
        self.by_five_tuple.insert(FiveTupleKey::from(&reply_to.five_tuple), key);
        let opening = Opening {
            reply_to,
            username,
            key: request.key,
            lifetime,
            deadline,
            reserves,
            additional: None,
            wants_ticket,
        };
        self.opening.insert(key, opening);
        self.timers.set(deadline, Timer::Opening(key));
    }

    /// RFC 8656 §7.2: a retransmission gets the answer that the first got; another request is refused.
    fn allocate_again(&mut self, key: AllocationKey, request: &Request<'_>) -> Result<(), Refusal> {
        // One that is still being opened is answered when that is done.
        let Some(allocation) = self.allocations.get(key) else { return Ok(()) };
        if allocation.transaction != request.reply_to.transaction || *allocation.username != *request.username {
            return Err(Refusal::new(ErrorCode::AllocationMismatch, "the five-tuple has an allocation"));
        }
        let ticket = self.ticket_of(key, allocation);
        let attributes = self.attributes_of(allocation, ticket.as_ref());
        self.succeed(&request.reply_to, &attributes);
        Ok(())
    }

    /// RFC 8656 §7.2: IPv4 unless asked otherwise.
    pub(super) fn family_for(&self, request: &Request<'_>) -> Result<AddressFamily, Refusal> {
        request
            .requested_family()?
            .map_or(Some(AddressFamily::V4), AddressFamily::from_number)
            .filter(|&family| self.filter.supports(family))
            .ok_or(Refusal::new(ErrorCode::AddressFamilyNotSupported, "no relay address of that family"))
    }

    /// Whether there is room here for so many allocations and reservations more; whether there is room in the process, the
    /// driver says. None more are asked for when one that was
    /// counted before changes its kind; a limit that was lowered meanwhile applies to it too.
    pub(super) fn check_quotas(&self, username: &str, more: usize) -> Result<(), Refusal> {
        if self.users.of(username) + more > self.limits.allocations_per_user {
            return Err(refusal_for(OpenError::UserQuota));
        }
        if self.by_five_tuple.len() + self.reservations.len() + more > self.limits.allocations {
            return Err(refusal_for(OpenError::ServerQuota));
        }
        if self.opening.len() >= self.limits.opening {
            let (code, limited) = (ErrorCode::InsufficientCapacity, Limited::Opening);
            return Err(Refusal::by_limit(code, limited, "too many relay sockets are being opened"));
        }
        Ok(())
    }

    /// RFC 8656 §7.2: what is asked for, at most the maximum, at least the default.
    pub(super) fn granted(&self, asked_secs: Option<u32>) -> Duration {
        let asked = asked_secs.map_or(Duration::ZERO, |secs| Duration::from_secs(secs.into()));
        asked.min(self.lifetimes.allocation_max).max(self.lifetimes.allocation_default)
    }

    pub(super) fn handle_relayed_opened(
        &mut self,
        now: Mono,
        RequestId(id): RequestId,
        result: Result<Opened, OpenError>,
    ) {
        let key = AllocationKey(id);
        if let Some(allocation) = self.dual_opening(key) {
            return self.handle_one_of_two_opened(now, allocation, key, result);
        }
        match (self.opening.remove(&key), result) {
            (Some(opening), Ok(opened)) if self.is_as_wished(&opening, &opened) => {
                let dual = match opening.additional {
                    Some(Additional::Unsupported(family)) => {
                        let refused = (family, ErrorCode::AddressFamilyNotSupported);
                        Some(Box::new(Dual::single(key, opened.relayed, Some(refused))))
                    }
                    Some(Additional::Both { .. }) | None => None,
                };
                self.begin(now, key, opening, &opened, dual);
            }
            (Some(opening), Ok(opened)) => {
                self.close_opened(key, &opened);
                self.abandon(key, &opening, &refusal_for(OpenError::Refused));
            }
            (Some(opening), Err(error)) => self.abandon(key, &opening, &refusal_for(error)),
            // Nobody waits for it any more.
            (None, Ok(opened)) => self.close_opened(key, &opened),
            (None, Err(_)) => {}
        }
    }

    fn is_as_wished(&self, opening: &Opening, opened: &Opened) -> bool {
        opening.reserves.and_then(|token| self.reservations.key(token)) == opened.next.map(|(key, _)| key)
    }

    fn close_opened(&mut self, key: AllocationKey, opened: &Opened) {
        for (allocation, relayed) in [(key, opened.relayed)].into_iter().chain(opened.next) {
            self.outputs.push_back(Output::CloseRelayed { allocation, relayed });
        }
    }

    pub(super) fn begin(
        &mut self,
        now: Mono,
        key: AllocationKey,
        opening: Opening,
        opened: &Opened,
        dual: Option<Box<Dual>>,
    ) {
        let Opening { reply_to, username, key: user_key, lifetime, deadline, reserves, additional: _, wants_ticket } =
            opening;
        let (expires, relayed) = (now + lifetime, opened.relayed);
        self.timers.cancel(deadline, Timer::Opening(key));
        self.stats.allocations_live += 1;
        self.stats.live_over[reply_to.five_tuple.transport as usize] += 1;
        self.stats.allocations_begun += 1;
        if let Some(token) = reserves {
            self.begin_reservation(now, token, opened);
        }
        let allocation = Allocation {
            expires,
            relayed,
            sent: Traffic::default(),
            received: Traffic::default(),
            meters: Meters::default(),
            channels: InlineList::new(),
            permissions: InlineList::new(),
            five_tuple: reply_to.five_tuple,
            username,
            key: user_key,
            begun: now,
            transaction: reply_to.transaction,
            granted_secs: whole_secs(lifetime),
            reserved: reserves,
            dual,
            mobility: wants_ticket.then(Box::default),
        };
        for relay in allocation.relays(key) {
            self.timers.set(relay.expires, Timer::Allocation(relay.socket));
            self.by_relayed.insert(RelayedKey::from(relay.relayed), key);
        }
        let ticket = self.ticket_of(key, &allocation);
        let attributes = self.attributes_of(&allocation, ticket.as_ref());
        self.succeed(&reply_to, &attributes);
        self.outputs.push_back(Output::Event(Event::Allocated {
            allocation: key,
            five_tuple: reply_to.five_tuple,
            username: allocation.username.to_string(),
            relayed,
            additional: allocation.relays(key).nth(1).map(|relay| relay.relayed),
            lifetime,
        }));
        self.allocations.fill(key, allocation);
    }

    pub(super) fn give_up_opening(&mut self, key: AllocationKey) {
        if let Some(opening) = self.opening.remove(&key) {
            let (code, limited) = (ErrorCode::InsufficientCapacity, Limited::RequestTime);
            self.abandon(key, &opening, &Refusal::by_limit(code, limited, "no relay socket in time"));
        }
    }

    /// Stops waiting for a relay socket that nobody wants any more. It is closed when it comes.
    pub(super) fn forget_opening(&mut self, key: AllocationKey) {
        if let Some(opening) = self.opening.remove(&key) {
            self.release_opening(key, &opening);
        }
    }

    pub(super) fn abandon(&mut self, key: AllocationKey, opening: &Opening, refusal: &Refusal) {
        self.release_opening(key, opening);
        self.refuse(&opening.reply_to, refusal);
    }

    fn release_opening(&mut self, key: AllocationKey, opening: &Opening) {
        self.timers.cancel(opening.deadline, Timer::Opening(key));
        self.by_five_tuple.remove(&FiveTupleKey::from(&opening.reply_to.five_tuple));
        self.users.remove(&opening.username);
        self.allocations.release(key);
        self.release_halves(key, opening);
        if let Some(token) = opening.reserves {
            self.end_reservation(token);
        }
    }

    /// What the answer to its Allocate request says, each time it is asked for.
    fn attributes_of<'a>(&self, allocation: &Allocation, ticket: Option<&'a SealedTicket>) -> Vec<Attribute<'a>> {
        let told = allocation.dual.as_ref().map_or([Some(allocation.relayed), None], |dual| dual.told);
        let told = told.into_iter().flatten().map(|relayed| self.filter.external_of(relayed));
        let mut attributes: Vec<_> = told.map(Attribute::XorRelayedAddress).collect();
        attributes.push(Attribute::Lifetime(allocation.granted_secs));
        attributes.push(Attribute::XorMappedAddress(reflexive(&allocation.five_tuple)));
        attributes.extend(allocation.reserved.map(Attribute::ReservationToken));
        let refused = allocation.dual.as_ref().and_then(|dual| dual.refused);
        attributes.extend(refused.map(|(family, code)| Attribute::AddressErrorCode {
            family: family.number(),
            code: code.number(),
            phrase: code.phrase(),
        }));
        attributes.extend(ticket.map(|ticket| Attribute::MobilityTicket(ticket)));
        attributes
    }

    fn ticket_of(&self, key: AllocationKey, allocation: &Allocation) -> Option<SealedTicket> {
        allocation.mobility.as_deref().map(|mobility| self.moves.ticket(key, mobility))
    }
}

pub(super) fn refusal_for(error: OpenError) -> Refusal {
    let (quota, capacity) = (ErrorCode::AllocationQuotaReached, ErrorCode::InsufficientCapacity);
    let (code, limited, reason) = match error {
        OpenError::NoPortLeft => (capacity, None, "no relay port is left"),
        OpenError::NoDescriptorLeft => (capacity, None, "no file descriptor is left"),
        OpenError::Refused => (capacity, None, "the system refused a relay socket"),
        OpenError::NotReserved => (capacity, None, "no port is reserved by that token"),
        OpenError::UserQuota => {
            (quota, Some(Limited::AllocationsPerUser), "the user has as many allocations as one may have")
        }
        OpenError::ServerQuota => {
            (capacity, Some(Limited::Allocations), "the server has as many allocations as it may have")
        }
        OpenError::BandwidthQuota => {
            (quota, Some(Limited::Bandwidth), "the allocations there are may use up the bandwidth of the server")
        }
    };
    limited.map_or_else(|| Refusal::new(code, reason), |limited| Refusal::by_limit(code, limited, reason))
}

/// As LIFETIME tells it.
pub(super) fn whole_secs(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}
