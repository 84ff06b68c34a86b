//! Clients that change their address and keep their allocation (RFC 8016).

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use sangam_types::Mono;

use super::TurnServer;
use super::allocate::whole_secs;
use super::request::Request;
use super::respond::{Refusal, ReplyTo};
use crate::address::{AddressFamily, FiveTuple};
use crate::api::{AllocationKey, Event, Output, RequestId};
use crate::attribute::Attribute;
use crate::error_code::ErrorCode;
use crate::five_tuple_key::FiveTupleKey;
use crate::message::Method;
use crate::mobility::{FormerPath, Mobility, MoveRefusal, MovedBy};
use crate::mobility_ticket::{SealedTicket, Ticket, Tickets};

/// What a server needs to move its allocations from one five-tuple to another.
#[derive(Debug)]
pub(super) struct Moves {
    tickets: Tickets,
    are_offered: bool,
    /// The paths that clients have left and that are still good, of allocations that are found by their new ones.
    former: HashMap<FiveTupleKey, AllocationKey, FixedState>,
    /// Whom to answer if a request cannot be handed over. Empty when outputs are drained.
    handing_over: BTreeMap<RequestId, ReplyTo>,
    next_request: u64,
}

/// What becomes of a Refresh request with a ticket.
enum Plan {
    Move(AllocationKey, Shown),
    /// It is the one that brought the last move, or tries that again.
    Repeat(AllocationKey),
    /// Another server of this process keeps the allocation.
    HandOver(u16),
}

/// A ticket that is good.
#[derive(Clone, Copy)]
enum Shown {
    Last,
    /// The one before, of a client that has not used its new path.
    Former(FormerPath),
}

impl Moves {
    pub(super) fn new(tickets: Tickets, are_offered: bool, hasher: FixedState) -> Self {
        let former = HashMap::with_hasher(hasher);
        Self { tickets, are_offered, former, handing_over: BTreeMap::new(), next_request: 0 }
    }

    pub(super) fn are_offered(&self) -> bool {
        self.are_offered
    }

    pub(super) fn formerly_at(&self, five_tuple: &FiveTupleKey) -> Option<AllocationKey> {
        self.former.get(five_tuple).copied()
    }

    /// Whether any allocation has a former path that is still good.
    pub(super) fn is_any_under_way(&self) -> bool {
        !self.former.is_empty()
    }

    pub(super) fn ticket(&self, key: AllocationKey, mobility: &Mobility) -> SealedTicket {
        self.tickets.seal(key, mobility.number)
    }
}

impl TurnServer {
    /// The allocation of this client, wherever the client is in a move.
    pub(super) fn allocation_at(&self, five_tuple: &FiveTuple) -> Option<AllocationKey> {
        let five_tuple = FiveTupleKey::from(five_tuple);
        self.by_five_tuple.get(&five_tuple).copied().or_else(|| self.moves.formerly_at(&five_tuple))
    }

    /// RFC 8016 §3.1.2: whether an Allocate request asks for a ticket.
    pub(super) fn wants_ticket(&self, request: &Request<'_>) -> Result<bool, Refusal> {
        match request.mobility_ticket() {
            None => Ok(false),
            Some([]) if self.moves.are_offered => Ok(true),
            Some([]) => Err(Refusal::new(ErrorCode::MobilityForbidden, "mobility is not offered")),
            Some(_) => Err(Refusal::new(ErrorCode::BadRequest, "an Allocate request with a mobility ticket")),
        }
    }

    /// RFC 8016 §3.2.2: a Refresh request with a ticket, which says whose allocation it is about.
    pub(super) fn refresh_by_ticket(&mut self, now: Mono, request: &Request<'_>, sealed: &[u8]) -> Result<(), Refusal> {
        let plan = match self.plan_move(request, sealed) {
            Ok(plan) => plan,
            Err(refusal) => return self.refuse_move(now, request, refusal),
        };
        match plan {
            Plan::Move(key, shown) => {
                let family = self.family_meant(key, request)?;
                let lifetime_secs = request.lifetime()?;
                self.move_allocation(key, shown, request);
                match lifetime_secs {
                    Some(0) => self.end_by_ticket(now, key, family, request),
                    asked => {
                        let lifetime = self.granted(asked);
                        self.prolong(now, key, family, lifetime);
                        self.note_move(key, request, whole_secs(lifetime));
                        self.answer_move(key, request);
                    }
                }
            }
            Plan::Repeat(key) => self.answer_move(key, request),
            Plan::HandOver(server_index) => self.hand_over(request, server_index),
        }
        Ok(())
    }

    /// Ends one of two relayed addresses, so that the client needs another ticket for the allocation that goes on, or all.
    fn end_by_ticket(&mut self, now: Mono, key: AllocationKey, family: Option<AddressFamily>, request: &Request<'_>) {
        if self.outlives_family(key, family) {
            self.note_move(key, request, 0);
            self.answer_move(key, request);
        } else {
            self.succeed(&request.reply_to, &[Attribute::Lifetime(0)]);
            self.remember_granted(now, request, 0);
        }
        self.end_family(key, family);
    }

    /// The request that ended its allocation gets the same answer when it comes again.
    fn refuse_move(&mut self, now: Mono, request: &Request<'_>, refusal: MoveRefusal) -> Result<(), Refusal> {
        if let Some(secs) = self.granted_before(now, request) {
            self.succeed(&request.reply_to, &[Attribute::Lifetime(secs)]);
            return Ok(());
        }
        self.stats.count_move_refusal(refusal);
        Err(Refusal::new(refusal.code(), refusal.reason()))
    }

    fn plan_move(&self, request: &Request<'_>, sealed: &[u8]) -> Result<Plan, MoveRefusal> {
        let from = &request.reply_to.five_tuple;
        let ticket = self.moves.tickets.open(sealed).ok_or(MoveRefusal::Forged)?;
        let there = self.allocation_at(from);
        if !self.moves.tickets.is_of_this_server(ticket) {
            return match there {
                None => Ok(Plan::HandOver(ticket.server_index)),
                Some(_) => Err(MoveRefusal::FiveTupleTaken),
            };
        }
        let key = self.allocations.key_at(ticket.slot);
        if there.is_some_and(|there| Some(there) != key) {
            return Err(MoveRefusal::FiveTupleTaken);
        }
        let (key, allocation) =
            key.and_then(|key| Some((key, self.allocations.get(key)?))).ok_or(MoveRefusal::Spent)?;
        let mobility = allocation.mobility.as_deref().ok_or(MoveRefusal::Spent)?;
        let is_here = allocation.five_tuple == *from;
        let is_again = is_here && mobility.is_moved_by(request.reply_to.transaction);
        let shown = self.shown(key, mobility, ticket);
        if shown.is_none() && !is_again {
            return Err(MoveRefusal::Spent);
        }
        if !allocation.is_of(request.username) {
            return Err(MoveRefusal::OtherUser);
        }
        match shown {
            _ if is_again => Ok(Plan::Repeat(key)),
            // By the old ticket, for as long as nothing shows that the client has heard of the new one.
            Some(Shown::Former(_)) if is_here => Ok(Plan::Repeat(key)),
            Some(Shown::Former(former)) if former.five_tuple == *from => Err(MoveRefusal::NotMoved),
            Some(Shown::Last) if is_here => Err(MoveRefusal::NotMoved),
            Some(shown) => Ok(Plan::Move(key, shown)),
            None => Err(MoveRefusal::Spent),
        }
    }

    /// Which of the good tickets of an allocation this is.
    fn shown(&self, key: AllocationKey, mobility: &Mobility, ticket: Ticket) -> Option<Shown> {
        let is_of = |number| self.moves.tickets.is_of(ticket, key, number);
        if is_of(mobility.number) {
            return Some(Shown::Last);
        }
        mobility.former.filter(|former| is_of(former.number)).map(Shown::Former)
    }

    /// From now on the allocation is the new five-tuple's, and the old one is what it was last.
    fn move_allocation(&mut self, key: AllocationKey, shown: Shown, request: &Request<'_>) {
        let to = request.reply_to.five_tuple;
        let Some(allocation) = self.allocations.get_mut(key) else { return };
        let Some(mobility) = allocation.mobility.as_deref_mut() else { return };
        let from = allocation.five_tuple;
        // A client that shows the ticket before the last has not heard of the path between, where it is heard of no
        // more; one that shows the last has left the path before.
        let (kept, left) = match shown {
            Shown::Former(former) => (former, Some(from)),
            Shown::Last => {
                let left = mobility.former.map(|former| former.five_tuple);
                (FormerPath { five_tuple: from, number: mobility.number }, left)
            }
        };
        mobility.number += 1;
        mobility.former = Some(kept);
        allocation.five_tuple = to;
        // Perhaps a newer one of the same user.
        (allocation.username, allocation.key) = (request.username.into(), request.key);
        self.by_five_tuple.remove(&FiveTupleKey::from(&from));
        if let Some(five_tuple) = left.filter(|left| *left != to) {
            self.moves.former.remove(&FiveTupleKey::from(&five_tuple));
            self.outputs.push_back(Output::PathEnded(five_tuple));
        }
        self.moves.former.remove(&FiveTupleKey::from(&to));
        self.moves.former.insert(FiveTupleKey::from(&kept.five_tuple), key);
        self.by_five_tuple.insert(FiveTupleKey::from(&to), key);
        self.stats.moves += 1;
        self.stats.live_over[from.transport as usize] -= 1;
        self.stats.live_over[to.transport as usize] += 1;
        self.outputs.push_back(Output::Event(Event::Moved { allocation: key, from, to }));
    }

    fn note_move(&mut self, key: AllocationKey, request: &Request<'_>, lifetime_secs: u32) {
        if let Some(mobility) = self.allocations.get_mut(key).and_then(|allocation| allocation.mobility.as_deref_mut())
        {
            mobility.moved_by = Some(MovedBy { transaction: request.reply_to.transaction, lifetime_secs });
        }
    }

    fn answer_move(&mut self, key: AllocationKey, request: &Request<'_>) {
        let mobility = self.allocations.get(key).and_then(|allocation| allocation.mobility.as_deref());
        let Some(mobility) = mobility else { return };
        let ticket = self.moves.ticket(key, mobility);
        let lifetime_secs = mobility.moved_by.map_or(0, |moved| moved.lifetime_secs);
        let attributes = [Attribute::Lifetime(lifetime_secs), Attribute::MobilityTicket(&ticket)];
        self.succeed(&request.reply_to, &attributes);
    }

    /// RFC 8016 §3.2.2: data from the new path ends the old one.
    pub(super) fn use_path(&mut self, key: AllocationKey, from: &FiveTuple) {
        if self.allocations.get(key).is_some_and(|allocation| allocation.five_tuple == *from) {
            self.end_former_path(key);
        }
    }

    /// As data does, so does any request but one that may be the moving one again, or that first came from there before the
    /// move.
    pub(super) fn use_path_by(&mut self, now: Mono, request: &Request<'_>) {
        let from = request.reply_to.five_tuple;
        if self.moves.is_any_under_way()
            && !(request.message.method() == Method::REFRESH && request.mobility_ticket().is_some())
            && let Some(&key) = self.by_five_tuple.get(&FiveTupleKey::from(&from))
            && self.allocations.get(key).is_some_and(|allocation| allocation.is_of(request.username))
            && self.granted_before(now, request).is_none()
        {
            self.use_path(key, &from);
        }
    }

    fn end_former_path(&mut self, key: AllocationKey) {
        let mobility = self.allocations.get_mut(key).and_then(|allocation| allocation.mobility.as_deref_mut());
        if let Some(FormerPath { five_tuple, .. }) = mobility.and_then(|mobility| mobility.former.take()) {
            self.moves.former.remove(&FiveTupleKey::from(&five_tuple));
            self.outputs.push_back(Output::PathEnded(five_tuple));
        }
    }

    /// The connection of this client is closed. Says whether its allocation goes on, because the client has a ticket.
    pub(super) fn outlives_connection(&mut self, five_tuple: &FiveTuple) -> bool {
        let Some(key) = self.allocation_at(five_tuple) else { return false };
        let Some(allocation) = self.allocations.get(key).filter(|allocation| allocation.mobility.is_some()) else {
            return false;
        };
        if allocation.five_tuple != *five_tuple {
            self.end_former_path(key);
        }
        true
    }

    /// The paths of an allocation that has ended.
    pub(super) fn end_paths(&mut self, current: FiveTuple, mobility: &Mobility) {
        if let Some(FormerPath { five_tuple, .. }) = mobility.former {
            self.moves.former.remove(&FiveTupleKey::from(&five_tuple));
            self.outputs.push_back(Output::PathEnded(five_tuple));
        }
        self.outputs.push_back(Output::PathEnded(current));
    }

    fn hand_over(&mut self, request: &Request<'_>, server_index: u16) {
        let id = RequestId(self.moves.next_request);
        self.moves.next_request += 1;
        self.moves.handing_over.insert(id, request.reply_to);
        let (from, bytes) = (request.reply_to.five_tuple, request.message.as_bytes().to_vec());
        self.outputs.push_back(Output::HandOver { request: id, server_index, from, bytes });
    }

    pub(super) fn handle_handed_over(&mut self, id: RequestId, result: Result<(), MoveRefusal>) {
        let Some(reply_to) = self.moves.handing_over.remove(&id) else { return };
        if let Err(refusal) = result {
            self.stats.count_move_refusal(refusal);
            self.refuse(&reply_to, &Refusal::new(refusal.code(), refusal.reason()));
        }
    }
}
