use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rand::Rng;
use rand::rngs::StdRng;
use sangam_types::{Mono, Now};

use crate::address::{FiveTuple, PeerAddr, RelayedAddr};
use crate::allocation::Allocation;
use crate::alternate::{AlternateTurns, Alternates};
use crate::api::{AllocationKey, Event, FoundUser, FromClient, FromPeer, Input, Output};
use crate::bandwidth::Bandwidth;
use crate::end_cause::EndCause;
use crate::five_tuple_key::{FiveTupleKey, RelayedKey};
use crate::indication_ids::IndicationIds;
use crate::mobility_ticket::Tickets;
use crate::nonce::Nonces;
use crate::options::{Lifetimes, Limits, Options, RelayAddress};
use crate::peer_filter::PeerFilter;
use crate::peer_policy::PeerPolicy;
use crate::pending::PendingRequests;
use crate::recent_refreshes::RecentRefreshes;
use crate::reservation::Reservations;
use crate::shared_counts::SharedCounts;
use crate::slots::Slots;
use crate::stats::{Limited, Stats};
use crate::timers::{Timer, Timers};
use crate::user_count::UserCount;

mod allocate;
mod authenticate;
mod channel_bind;
mod create_permission;
mod dual;
mod mobility;
mod refresh;
mod relay;
mod request;
mod reserve;
mod respond;
mod sessions;

pub use sessions::Session;

/// A TURN server (RFC 8656) without sockets, clock or threads: one for each relay thread, nothing shared but the
/// secret that nonces are signed with and [`SharedCounts`].
///
/// Hand each datagram to a fast call first; what it calls [`FromClient::Control`] goes to
/// [`handle_input`](Self::handle_input), after which [`poll_output`](Self::poll_output) is drained until
/// [`Output::Wait`].
#[derive(Debug)]
pub struct TurnServer {
    allocations: Slots<Allocation>,
    by_five_tuple: HashMap<FiveTupleKey, AllocationKey, FixedState>,
    by_relayed: HashMap<RelayedKey, AllocationKey, FixedState>,
    /// The second sockets of dual allocations, and whose each is.
    companions: HashMap<AllocationKey, AllocationKey, FixedState>,
    opening: BTreeMap<AllocationKey, allocate::Opening>,
    recent_refreshes: RecentRefreshes,
    reservations: Reservations,
    moves: mobility::Moves,
    pending: PendingRequests,
    users: UserCount,
    timers: Timers,
    outputs: VecDeque<Output>,
    stats: Stats,
    filter: PeerFilter,
    nonces: Nonces,
    bandwidth: Bandwidth,
    shared: Arc<SharedCounts>,
    indication_ids: IndicationIds,
    realm: String,
    offers_password_algorithms: bool,
    offers_username_anonymity: bool,
    software: Option<String>,
    alternates: AlternateTurns,
    channel_number_max: u16,
    lifetimes: Lifetimes,
    limits: Limits,
}

impl TurnServer {
    /// A server without allocations.
    #[must_use]
    pub fn new(options: Options, mut rng: StdRng, _now: Now) -> Self {
        // Clients choose their own addresses, so the order of a table must not be theirs to foresee.
        let hasher = FixedState::with_seed(rng.next_u64());
        let indication_ids = IndicationIds::new(&mut rng);
        let tickets = Tickets::new(options.nonce_secret, options.server_index, rng.next_u64());
        Self {
            allocations: Slots::new(),
            by_five_tuple: HashMap::with_hasher(hasher.clone()),
            by_relayed: HashMap::with_hasher(hasher.clone()),
            companions: HashMap::with_hasher(hasher.clone()),
            recent_refreshes: RecentRefreshes::new(hasher.clone()),
            opening: BTreeMap::new(),
            moves: mobility::Moves::new(tickets, options.mobility, hasher),
            reservations: Reservations::new(options.server_index, rng),
            pending: PendingRequests::default(),
            users: UserCount::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
            filter: PeerFilter::new(options.policy, options.relay_addresses),
            nonces: Nonces::new(options.nonce_secret, options.nonce_lifetime),
            bandwidth: Bandwidth::new(&options.limits, Arc::clone(&options.shared)),
            shared: options.shared,
            indication_ids,
            realm: options.realm,
            offers_password_algorithms: options.offers_password_algorithms,
            offers_username_anonymity: options.offers_username_anonymity,
            software: options.software,
            alternates: AlternateTurns::new(options.alternates),
            channel_number_max: options.channel_number_max,
            lifetimes: options.lifetimes,
            limits: options.limits,
        }
    }

    /// Judges one message from a client. ChannelData and Send indications are settled here; all else is
    /// [`FromClient::Control`]. Keeps no copy, allocates nothing.
    pub fn relay_from_client(&mut self, now: Now, from: &FiveTuple, bytes: &[u8]) -> FromClient {
        match self.judge_client_message(now.mono, from, bytes) {
            Ok(Some(forward)) => FromClient::Forward(forward),
            Ok(None) => FromClient::Control,
            Err(reason) => {
                self.stats.count_drop(reason);
                FromClient::Dropped(reason)
            }
        }
    }

    /// Judges one datagram that reached the relay socket of an allocation from outside.
    pub fn relay_from_peer(
        &mut self,
        now: Now,
        allocation: AllocationKey,
        peer: PeerAddr,
        payload_len: usize,
    ) -> FromPeer {
        let verdict = self.judge_wire_datagram(now.mono, allocation, peer, payload_len);
        self.count_from_peer(verdict, payload_len)
    }

    /// Judges one datagram that another allocation of ours, on any thread, sent to a relayed address of this server.
    /// Both addresses are in bound form.
    pub fn relay_from_own(&mut self, now: Now, to: RelayedAddr, from: RelayedAddr, payload_len: usize) -> FromPeer {
        let verdict = self.judge_own_datagram(now.mono, to, from, payload_len);
        self.count_from_peer(verdict, payload_len)
    }

    /// Takes one input; then drain [`poll_output`](Self::poll_output).
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        self.expire(now.mono);
        match input {
            Input::Client { from, bytes } => self.handle_message(now, from, bytes),
            Input::RelayedOpened { request, result } => self.handle_relayed_opened(now.mono, request, result),
            Input::KeyFound { request, result } => self.handle_key_found(now, request, result.map(|keys| (None, keys))),
            Input::UserFound { request, result } => {
                let result = result.map(|FoundUser { username, keys }| (Some(username), keys));
                self.handle_key_found(now, request, result);
            }
            Input::ConnectionClosed(five_tuple) => self.forget_client(&five_tuple),
            Input::HandedOver { request, result } => self.handle_handed_over(request, result),
            Input::Timeout => {}
        }
    }

    /// Whether this client has an allocation, or one is being opened for it.
    #[must_use]
    pub fn has_allocation(&self, five_tuple: &FiveTuple) -> bool {
        self.allocation_at(five_tuple).is_some()
    }

    /// The next thing to do, [`Output::Wait`] when there is nothing more.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.timers.next()))
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Puts another policy in force. Permissions and channels of peers that it denies end at once.
    pub fn replace_policy(&mut self, policy: PeerPolicy) {
        self.filter.replace_policy(policy);
        let filter = &self.filter;
        for allocation in self.allocations.values_mut() {
            allocation.permissions.retain(|permission| filter.admit(permission.peer).is_some());
            allocation.channels.retain(|channel| filter.admit(channel.peer.ip()).is_some());
            for permission in allocation.permissions.iter_mut() {
                permission.route = filter.admit(permission.peer).map_or(permission.route, |peer| peer.route);
            }
            for channel in allocation.channels.iter_mut() {
                channel.route = filter.admit(channel.peer.ip()).map_or(channel.route, |peer| peer.route);
            }
        }
    }

    /// Puts other external addresses in force, and a policy as [`replace_policy`](Self::replace_policy) does. Allocations
    /// stay; only those to come are announced under the new address.
    pub fn replace_relay_addresses(&mut self, addresses: Vec<RelayAddress>, policy: PeerPolicy) {
        self.filter.replace_relays(addresses);
        self.replace_policy(policy);
    }

    /// Puts other limits in force. What exceeds them already stays until it ends.
    pub fn replace_limits(&mut self, limits: Limits) {
        self.bandwidth.replace_limits(&limits);
        self.limits = limits;
    }

    /// Names other servers for clients that find no room here.
    pub fn replace_alternates(&mut self, alternates: Alternates) {
        self.alternates.replace(alternates);
    }

    fn expire(&mut self, now: Mono) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Allocation(socket) => self.end_relayed(socket, EndCause::Expired),
                Timer::Opening(key) => self.give_up_opening(key),
                Timer::Reservation(token) => self.end_reservation(token),
                Timer::Request(id) => {
                    self.pending.take(id);
                    self.stats.count_limited(Limited::RequestTime);
                }
            }
        }
    }

    /// Ends what belongs to a client that nothing can be sent to any more.
    fn forget_client(&mut self, five_tuple: &FiveTuple) {
        for (id, deadline) in self.pending.forget(five_tuple) {
            self.timers.cancel(deadline, Timer::Request(id));
        }
        if self.outlives_connection(five_tuple) {
            return;
        }
        let Some(&key) = self.by_five_tuple.get(&FiveTupleKey::from(five_tuple)) else { return };
        self.forget_opening(key);
        self.end(key, EndCause::ConnectionClosed);
    }

    /// Ends an allocation with all that belongs to it.
    fn end(&mut self, key: AllocationKey, cause: EndCause) {
        let Some(allocation) = self.allocations.release(key) else { return };
        self.by_five_tuple.remove(&FiveTupleKey::from(&allocation.five_tuple));
        if let Some(mobility) = allocation.mobility.as_deref() {
            self.end_paths(allocation.five_tuple, mobility);
        }
        self.users.remove(&allocation.username);
        self.stats.allocations_live -= 1;
        self.stats.live_over[allocation.five_tuple.transport as usize] -= 1;
        self.stats.count_end(cause);
        for relay in allocation.relays(key) {
            self.close_relay(key, &relay);
        }
        self.outputs.push_back(Output::Event(Event::Deleted {
            allocation: key,
            cause,
            five_tuple: allocation.five_tuple,
            username: allocation.username.into(),
            relayed: allocation.relayed,
            sent: allocation.sent,
            received: allocation.received,
        }));
    }
}

#[cfg(test)]
mod tests;
