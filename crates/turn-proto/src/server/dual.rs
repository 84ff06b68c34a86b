//! ADDITIONAL-ADDRESS-FAMILY: two relay sockets opened, lived with and ended under one allocation (RFC 8656 §7.2).

use sangam_types::Mono;

use super::TurnServer;
use super::allocate::{Opening, refusal_for};
use super::request::Request;
use super::respond::Refusal;
use crate::address::{AddressFamily, RelayedAddr};
use crate::api::{AllocationKey, Event, OpenError, Opened, Output, PortWish, RequestId};
use crate::dual::{Dual, Relay};
use crate::end_cause::EndCause;
use crate::error_code::ErrorCode;
use crate::five_tuple_key::RelayedKey;
use crate::timers::Timer;

/// What an Allocate request asks for besides its first relayed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Besides {
    Nothing,
    /// An address of this family.
    Other(AddressFamily),
    /// One of this family, which we do not relay on.
    Unsupported(AddressFamily),
}

/// The same while sockets are being opened.
#[derive(Debug)]
pub(super) enum Additional {
    Unsupported(AddressFamily),
    /// Both are asked for; what came of each so far.
    Both {
        companion: AllocationKey,
        first: Option<Result<RelayedAddr, OpenError>>,
        second: Option<Result<RelayedAddr, OpenError>>,
    },
}

impl TurnServer {
    /// RFC 8656 §7.2 (6) to (9): the family of the first address, and what is asked for besides.
    pub(super) fn families_for(&self, request: &Request<'_>) -> Result<(AddressFamily, Besides), Refusal> {
        let Some(additional) = request.additional_family()? else {
            return Ok((self.family_for(request)?, Besides::Nothing));
        };
        let reason = if request.requested_family()?.is_some() {
            "ADDITIONAL-ADDRESS-FAMILY beside REQUESTED-ADDRESS-FAMILY"
        } else if request.even_port()? == Some(true) {
            "ADDITIONAL-ADDRESS-FAMILY beside EVEN-PORT that reserves"
        } else if AddressFamily::from_number(additional) != Some(AddressFamily::V6) {
            "an additional family that is not IPv6"
        } else {
            let (v4, v6) = (AddressFamily::V4, AddressFamily::V6);
            return match (self.filter.supports(v4), self.filter.supports(v6)) {
                (true, true) => Ok((v4, Besides::Other(v6))),
                (true, false) => Ok((v4, Besides::Unsupported(v6))),
                (false, true) => Ok((v6, Besides::Unsupported(v4))),
                (false, false) => {
                    Err(Refusal::new(ErrorCode::AddressFamilyNotSupported, "no relay address of either family"))
                }
            };
        };
        Err(Refusal::new(ErrorCode::BadRequest, reason))
    }

    /// Asks for the second socket of an allocation whose first is asked for, under a key of its own.
    pub(super) fn open_besides(&mut self, key: AllocationKey, besides: Besides, port: PortWish, username: &str) {
        let Some(opening) = self.opening.get_mut(&key) else { return };
        match besides {
            Besides::Nothing => {}
            Besides::Unsupported(family) => opening.additional = Some(Additional::Unsupported(family)),
            Besides::Other(family) => {
                let companion = self.allocations.reserve();
                self.companions.insert(companion, key);
                opening.additional = Some(Additional::Both { companion, first: None, second: None });
                let request = RequestId(companion.0);
                let username = username.to_owned();
                self.outputs.push_back(Output::OpenRelayed { request, allocation: companion, family, port, username });
            }
        }
    }

    /// The allocation that waits for this socket and another.
    pub(super) fn dual_opening(&self, socket: AllocationKey) -> Option<AllocationKey> {
        let key = self.companions.get(&socket).copied().unwrap_or(socket);
        matches!(self.opening.get(&key)?.additional, Some(Additional::Both { .. })).then_some(key)
    }

    /// What became of one of two sockets. With the second answer the allocation begins with those there are.
    pub(super) fn handle_one_of_two_opened(
        &mut self,
        now: Mono,
        key: AllocationKey,
        socket: AllocationKey,
        result: Result<Opened, OpenError>,
    ) {
        let additional = self.opening.get_mut(&key).and_then(|opening| opening.additional.as_mut());
        let Some(Additional::Both { companion, first, second }) = additional else { return };
        let half = if socket == *companion { &mut *second } else { &mut *first };
        *half = Some(result.map(|opened| opened.relayed));
        let (companion, Some(first), Some(second)) = (*companion, *first, *second) else { return };
        let Some(opening) = self.opening.remove(&key) else { return };
        let lacking = |family| Some((family, ErrorCode::InsufficientCapacity));
        let (relayed, dual) = match (first, second) {
            (Ok(first), Ok(second)) => {
                let other = Relay { socket: companion, relayed: second, expires: now + opening.lifetime };
                (first, Dual { socket: key, other: Some(other), told: [Some(first), Some(second)], refused: None })
            }
            (Ok(first), Err(_)) => {
                self.release_companion(companion);
                (first, Dual::single(key, first, lacking(AddressFamily::V6)))
            }
            (Err(_), Ok(second)) => (second, Dual::single(companion, second, lacking(AddressFamily::V4))),
            (Err(error), Err(_)) => return self.abandon(key, &opening, &refusal_for(error)),
        };
        self.begin(now, key, opening, &Opened::from(relayed), Some(Box::new(dual)));
    }

    /// Closes what was opened of a pair that nobody waits for any more.
    pub(super) fn release_halves(&mut self, key: AllocationKey, opening: &Opening) {
        let Some(Additional::Both { companion, first, second }) = opening.additional else { return };
        for (allocation, half) in [(key, first), (companion, second)] {
            if let Some(Ok(relayed)) = half {
                self.outputs.push_back(Output::CloseRelayed { allocation, relayed });
            }
        }
        self.release_companion(companion);
    }

    /// The allocation whose socket this is.
    pub(super) fn owner_of(&self, socket: AllocationKey) -> AllocationKey {
        if self.allocations.get(socket).is_some() {
            return socket;
        }
        self.companions.get(&socket).copied().unwrap_or(socket)
    }

    /// Ends one relayed address, and the allocation with its last.
    pub(super) fn end_relayed(&mut self, socket: AllocationKey, cause: EndCause) {
        let key = self.owner_of(socket);
        let taken = self.allocations.get_mut(key).and_then(|allocation| allocation.take_relay(key, socket));
        let Some(relay) = taken else { return self.end(key, cause) };
        self.close_relay(key, &relay);
        let relayed = relay.relayed;
        self.outputs.push_back(Output::Event(Event::RelayedEnded { allocation: key, relayed, cause }));
    }

    /// Forgets a relayed address of this allocation and closes its socket.
    pub(super) fn close_relay(&mut self, key: AllocationKey, relay: &Relay) {
        let &Relay { socket, relayed, expires } = relay;
        self.timers.cancel(expires, Timer::Allocation(socket));
        self.by_relayed.remove(&RelayedKey::from(relayed));
        if socket != key {
            self.release_companion(socket);
        }
        self.outputs.push_back(Output::CloseRelayed { allocation: socket, relayed });
    }

    fn release_companion(&mut self, companion: AllocationKey) {
        self.companions.remove(&companion);
        self.allocations.release(companion);
    }
}
