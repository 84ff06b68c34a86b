//! The relays of an endpoint: which servers are wanted, and the allocation at each.

use std::net::{IpAddr, SocketAddr};
use std::task::Context;
use std::time::{Duration, Instant, SystemTime};

use hashbrown::HashMap;
use sangam_net::udp::{BATCH_MAX, RecvBatch, SocketBuffers};
use secrecy::{ExposeSecret, SecretString};

use super::allocation::{Allocation, Leg, count};
use super::dial::{AllocationId, Arrival, Dialler, Way};
use super::figures::{Drop, RelayFigures, RelayState};
use super::outbox::Outbox;
use super::turn::{Credential, Received, TurnClient, TurnEvent, TurnOptions};
use super::{EndpointOptions, LocalCandidate, Packet, ServerUrl, Woken};

/// A TURN server that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) url: ServerUrl,
    pub(super) username: String,
    pub(super) password: SecretString,
    pub(super) expires: Option<SystemTime>,
}

#[derive(Debug)]
pub(super) struct Relays {
    slots: Vec<Slot>,
    allocations: Vec<Allocation>,
    next_id: u64,
    /// How often each address was permitted and not forgotten.
    permits: HashMap<IpAddr, u32>,
    limits: Limits,
    /// The message that is being sent.
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    check_interval: Duration,
    retry_pause: Duration,
    retry_pause_max: Duration,
    permits_max: usize,
    channels_max: usize,
    buffers: SocketBuffers,
}

/// One server, and how it goes with it.
#[derive(Debug)]
struct Slot {
    wanted: Wanted,
    failures: u32,
    /// When an allocation is to be asked for: the first, another after a failure, or one with a newer credential.
    attempt_at: Option<Instant>,
    is_settled: bool,
    failure: Option<String>,
    allocated_in: Option<Duration>,
}

/// A credential is renewed when a fifth of its time is left, at most this.
const RENEWAL_MARGIN_MAX: Duration = Duration::from_secs(300);
/// A retired allocation ends when it carried nothing for so long.
const RETIRED_IDLE: Duration = Duration::from_secs(60);

impl Relays {
    pub(super) fn new(options: &EndpointOptions) -> Self {
        let buffers =
            SocketBuffers { receive_bytes: options.receive_buffer_bytes, send_bytes: options.send_buffer_bytes };
        let limits = Limits {
            check_interval: options.relay_check_interval,
            retry_pause: options.retry_pause,
            retry_pause_max: options.retry_pause_max,
            permits_max: options.permits_max,
            channels_max: options.channels_max,
            buffers,
        };
        let (slots, allocations) = (Vec::new(), Vec::new());
        Self { slots, allocations, next_id: 0, permits: HashMap::new(), limits, scratch: Vec::new() }
    }

    /// Wants these servers and no others from now on. An allocation whose server is wanted no longer, or whose credential
    /// was replaced, goes on until nobody uses it.
    pub(super) fn set_wanted(&mut self, wanted: Vec<Wanted>, now: Instant) {
        let is_wanted = |url: &ServerUrl| wanted.iter().any(|one| one.url == *url);
        for allocation in self.allocations.iter_mut().filter(|allocation| !is_wanted(&allocation.url)) {
            allocation.is_retired = true;
        }
        self.allocations.retain(|allocation| !allocation.is_retired || allocation.is_made());
        self.slots.retain(|slot| is_wanted(&slot.wanted.url));
        for one in wanted {
            self.want(one, now);
        }
    }

    fn want(&mut self, wanted: Wanted, now: Instant) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.wanted.url == wanted.url) else {
            let (failures, is_settled, failure, allocated_in) = (0, false, None, None);
            self.slots.push(Slot { wanted, failures, attempt_at: Some(now), is_settled, failure, allocated_in });
            return;
        };
        let is_same = slot.wanted.username == wanted.username
            && slot.wanted.password.expose_secret() == wanted.password.expose_secret();
        slot.wanted = wanted;
        if is_same {
            return;
        }
        let current =
            self.allocations.iter().find(|one| one.url == slot.wanted.url && one.is_made() && !one.is_retired);
        slot.attempt_at = match current {
            // Nothing works with the old one.
            None => Some(now),
            Some(current) => current.expires.map(|expires| renewal(expires, now)),
        };
        slot.failures = 0;
    }

    /// Gives every allocation back. Nobody waits for the answers.
    pub(super) fn release(&mut self, now: Instant) {
        for allocation in &mut self.allocations {
            allocation.client.release(now);
            allocation.flush();
        }
    }

    /// Asks all that failed again, and those that did not whether they still have our allocation.
    pub(super) fn network_changed(&mut self, now: Instant) {
        for allocation in &mut self.allocations {
            allocation.client.check(now);
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.failures > 0 && slot.attempt_at.is_some()) {
            slot.attempt_at = Some(now);
            slot.failures = 0;
        }
    }

    /// Every relayed address that new links may use.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &LocalCandidate> {
        self.allocations
            .iter()
            .filter(|allocation| !allocation.is_retired)
            .flat_map(|allocation| &allocation.candidates)
    }

    /// Whether every server has given an allocation, or failed to, once.
    pub(super) fn is_settled(&self) -> bool {
        self.slots.iter().all(|slot| slot.is_settled)
    }

    pub(super) fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let attempts = self.slots.iter().filter_map(|slot| slot.attempt_at);
        let clients = self.allocations.iter().filter(|allocation| !matches!(allocation.leg, Leg::None));
        let clients = clients.filter_map(|allocation| allocation.client.next_timeout(now));
        let retired = self.allocations.iter().filter(|one| one.is_retired).map(|one| one.used_at + RETIRED_IDLE);
        attempts.chain(clients).chain(retired).min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, dialler: &Dialler, outbox: &mut Outbox) {
        for index in 0..self.slots.len() {
            if self.slots[index].attempt_at.is_some_and(|at| now >= at) {
                self.attempt(index, now, dialler);
            }
        }
        let mut index = 0;
        while let Some(allocation) = self.allocations.get_mut(index) {
            if allocation.is_idle(now, RETIRED_IDLE) {
                allocation.client.release(now);
                allocation.flush();
                self.remove(index, outbox);
                continue;
            }
            if !matches!(allocation.leg, Leg::None) {
                allocation.client.handle_timeout(now);
            }
            index += usize::from(self.settle(index, now, outbox));
        }
    }

    fn attempt(&mut self, index: usize, now: Instant, dialler: &Dialler) {
        let Limits { check_interval, channels_max, .. } = self.limits;
        let slot = &mut self.slots[index];
        slot.attempt_at = None;
        let Wanted { url, username, password, expires } = slot.wanted.clone();
        let id = AllocationId(self.next_id);
        self.next_id += 1;
        let is_stream = url.protocol != sangam_mesh_proto::PathProtocol::Udp;
        let options = TurnOptions { is_stream, check_interval, channels_max };
        let client = TurnClient::new(options, Credential::new(username.clone(), password));
        // One that has not been made by now is no better than the new one.
        self.allocations.retain(|one| one.url != url || one.is_made());
        let task = dialler.dial(id, url.clone());
        let (candidates, is_retired) = (Vec::new(), false);
        let (leg, started, used_at) = (Leg::None, now, now);
        self.allocations.push(Allocation {
            id,
            url,
            username,
            expires,
            client,
            leg,
            started,
            candidates,
            is_retired,
            used_at,
            task,
        });
    }

    /// A task found a way to a relay, or none.
    pub(super) fn dialled(&mut self, id: AllocationId, way: Result<Way, String>, now: Instant, outbox: &mut Outbox) {
        let Some(index) = self.allocations.iter().position(|allocation| allocation.id == id) else { return };
        let failures = self.slot_of(index).map_or(0, |slot| slot.failures);
        let leg = way.and_then(|way| match way {
            Way::Stream(sender) => Ok(Leg::Stream { sender, splitter: super::turn::Splitter::default() }),
            Way::Datagrams(addresses) => {
                let server = addresses[failures as usize % addresses.len()];
                Leg::datagrams(server, self.limits.buffers).map_err(|error| error.to_string())
            }
        });
        match leg {
            Ok(leg) => {
                self.allocations[index].leg = leg;
                self.allocations[index].client.handle_timeout(now);
                self.settle(index, now, outbox);
            }
            Err(why) => self.over(index, why, now, outbox),
        }
    }

    /// Whether a relay's socket may have something.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> bool {
        let mut is_any = false;
        for allocation in &self.allocations {
            if let Leg::Datagrams { socket, .. } = &allocation.leg {
                is_any |= socket.poll_readable(context).is_ready();
            }
        }
        is_any
    }

    /// Takes up to `max` datagrams off the relays' sockets, and gives how many there were.
    pub(super) fn drain(
        &mut self,
        max: usize,
        batch: &mut RecvBatch,
        now: Instant,
        outbox: &mut Outbox,
        each: &mut dyn FnMut(Packet<'_>),
    ) -> usize {
        let (mut taken, mut index) = (0, 0);
        while let Some(allocation) = self.allocations.get_mut(index) {
            let Allocation { leg: Leg::Datagrams { socket, server }, .. } = allocation else {
                index += 1;
                continue;
            };
            let server = *server;
            batch.clear();
            let filled = socket.try_fill(batch, (max - taken).min(BATCH_MAX)).unwrap_or_default();
            outbox.figures.dropped[Drop::Oversized as usize] += filled.oversized;
            taken += filled.datagrams.len();
            for datagram in filled.datagrams.filter_map(|datagram| batch.datagram(datagram)) {
                if datagram.from == server {
                    receive(allocation, now, datagram.bytes, outbox, each);
                }
            }
            index += usize::from(self.settle(index, now, outbox));
        }
        taken
    }

    /// Takes what arrived over a relay's connection.
    pub(super) fn arrived(
        &mut self,
        (id, arrival): (AllocationId, Arrival),
        now: Instant,
        outbox: &mut Outbox,
        each: &mut dyn FnMut(Packet<'_>),
    ) {
        let Some(index) = self.allocations.iter().position(|allocation| allocation.id == id) else { return };
        let bytes = match arrival {
            Arrival::Bytes(bytes) => bytes,
            Arrival::Closed(why) => return self.over(index, why, now, outbox),
        };
        let allocation = &mut self.allocations[index];
        let Leg::Stream { splitter, .. } = &mut allocation.leg else { return };
        let mut splitter = std::mem::take(splitter);
        splitter.push(&bytes);
        let is_framed = loop {
            match splitter.next() {
                Ok(Some(message)) => receive(allocation, now, message, outbox, each),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if let Leg::Stream { splitter: place, .. } = &mut allocation.leg {
            *place = splitter;
        }
        if is_framed {
            self.settle(index, now, outbox);
        } else {
            self.over(index, "the server sent what is no TURN message".to_owned(), now, outbox);
        }
    }

    /// Sends through the allocation that has this relayed address; `None` if none has.
    pub(super) fn send(
        &mut self,
        now: Instant,
        (base, to): (SocketAddr, SocketAddr),
        bytes: &[u8],
        outbox: &mut Outbox,
    ) -> Option<bool> {
        let allocation = self.allocations.iter_mut().find(|allocation| allocation.client.relayed().contains(&base))?;
        let sent = allocation.send(now, to, bytes, &mut self.scratch);
        outbox.figures.relayed_packets += u64::from(sent.is_ok());
        Some(count(&mut outbox.figures, sent, bytes.len()))
    }

    /// Lets `ip` use every allocation, now and later. False if too many may already.
    pub(super) fn permit(&mut self, ip: IpAddr, now: Instant, outbox: &mut Outbox) -> bool {
        if let Some(count) = self.permits.get_mut(&ip) {
            *count = count.saturating_add(1);
            return true;
        }
        if self.permits.len() >= self.limits.permits_max {
            return false;
        }
        self.permits.insert(ip, 1);
        let mut index = 0;
        while let Some(allocation) = self.allocations.get_mut(index) {
            allocation.client.permit(ip, now);
            if allocation.is_made() {
                // At once, so that the request is ahead of the packets for this peer.
                allocation.client.handle_timeout(now);
            }
            index += usize::from(self.settle(index, now, outbox));
        }
        true
    }

    /// Undoes one [`permit`](Self::permit).
    pub(super) fn forget(&mut self, ip: IpAddr) {
        let Some(count) = self.permits.get_mut(&ip) else { return };
        *count -= 1;
        if *count == 0 {
            self.permits.remove(&ip);
            self.allocations.iter_mut().for_each(|allocation| allocation.client.forget(ip));
        }
    }

    /// How each is.
    pub(super) fn figures(&self) -> Vec<RelayFigures> {
        let of = |slot: &Slot| {
            let mut of_slot = self.allocations.iter().filter(|one| one.url == slot.wanted.url && !one.is_retired);
            let state = match (of_slot.clone().any(Allocation::is_made), of_slot.next()) {
                (true, _) => RelayState::Allocated,
                (false, Some(_)) => RelayState::Allocating,
                (false, None) => RelayState::Waiting,
            };
            let (server, protocol) = (slot.wanted.url.to_string(), slot.wanted.url.protocol);
            RelayFigures { server, protocol, state, allocated_in: slot.allocated_in, failure: slot.failure.clone() }
        };
        self.slots.iter().map(of).collect()
    }

    /// Sends what an allocation has to say and hears what became of it. False if it is over and gone.
    fn settle(&mut self, index: usize, now: Instant, outbox: &mut Outbox) -> bool {
        self.allocations[index].flush();
        while let Some(event) = self.allocations[index].client.poll_event() {
            match event {
                TurnEvent::Allocated(relayed) => self.made(index, &relayed, now, outbox),
                TurnEvent::PermissionRefused(..) => outbox.figures.permissions_refused += 1,
                TurnEvent::Over(failure) => {
                    self.over(index, failure.to_string(), now, outbox);
                    return false;
                }
            }
        }
        true
    }

    fn made(&mut self, index: usize, relayed: &[SocketAddr], now: Instant, outbox: &mut Outbox) {
        let allocation = &mut self.allocations[index];
        let (id, protocol, server) = (allocation.id, allocation.protocol(), allocation.url.to_string());
        let candidate = |address: &SocketAddr| LocalCandidate::relayed(*address, protocol, server.clone());
        allocation.candidates = relayed.iter().map(candidate).collect();
        allocation.used_at = now;
        let took = now.saturating_duration_since(allocation.started);
        tracing::debug!(server, ?relayed, ?took, "a relay gave an allocation");
        outbox.events.extend(allocation.candidates.iter().cloned().map(Woken::Candidate));
        outbox.figures.allocations_made += 1;
        self.permits.keys().for_each(|ip| allocation.client.permit(*ip, now));
        allocation.client.handle_timeout(now);
        allocation.flush();
        let (url, username, expires) = (allocation.url.clone(), allocation.username.clone(), allocation.expires);
        for other in self.allocations.iter_mut().filter(|other| other.url == url && other.id != id) {
            other.is_retired = true;
        }
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.wanted.url == url) {
            slot.failures = 0;
            slot.failure = None;
            slot.is_settled = true;
            slot.allocated_in = Some(took);
            // The credential was replaced while this one was being made.
            if slot.wanted.username != username {
                slot.attempt_at = expires.map(|expires| renewal(expires, now));
            }
        }
    }

    /// It failed, or was lost.
    fn over(&mut self, index: usize, why: String, now: Instant, outbox: &mut Outbox) {
        let was_made = self.allocations[index].is_made();
        let is_retired = self.allocations[index].is_retired;
        let url = self.allocations[index].url.clone();
        self.remove(index, outbox);
        if is_retired {
            return;
        }
        let figure =
            if was_made { &mut outbox.figures.allocations_lost } else { &mut outbox.figures.allocations_failed };
        *figure += 1;
        let limits = self.limits;
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.wanted.url == url) else { return };
        // One that was made is missed: it is asked for again soon. Jitter keeps the nodes of a server apart.
        let pause = if was_made { limits.retry_pause / 4 } else { backoff(limits, slot.failures) };
        slot.failures = if was_made { 0 } else { slot.failures.saturating_add(1) };
        slot.attempt_at = Some(now + pause.mul_f64(rand::random_range(1.0..1.5)));
        slot.is_settled = true;
        tracing::debug!(server = %url, why, ?pause, "a relay failed");
        if slot.failure.as_ref() != Some(&why) {
            slot.failure = Some(why.clone());
            outbox.events.push_back(Woken::RelayFailed { server: url.to_string(), why });
        }
    }

    fn remove(&mut self, index: usize, outbox: &mut Outbox) {
        let allocation = self.allocations.remove(index);
        outbox.events.extend(allocation.candidates.into_iter().map(Woken::Gone));
    }

    fn slot_of(&self, index: usize) -> Option<&Slot> {
        let url = &self.allocations[index].url;
        self.slots.iter().find(|slot| slot.wanted.url == *url)
    }
}

fn receive(
    allocation: &mut Allocation,
    now: Instant,
    bytes: &[u8],
    outbox: &mut Outbox,
    each: &mut dyn FnMut(Packet<'_>),
) {
    match allocation.client.handle(now, bytes) {
        Received::Control => {}
        Received::Malformed => outbox.figures.drop_one(Drop::Malformed),
        Received::Data(from, payload) => {
            let Some(local) = allocation.client.relayed_for(from) else { return };
            allocation.used_at = now;
            let bytes = &bytes[payload];
            outbox.figures.arrived(bytes.len());
            outbox.figures.relayed_packets += 1;
            each(Packet { local, from, protocol: allocation.protocol(), bytes });
        }
    }
}

fn backoff(limits: Limits, failures: u32) -> Duration {
    limits.retry_pause.saturating_mul(1 << failures.min(16)).min(limits.retry_pause_max)
}

/// When to ask for an allocation with the next credential.
fn renewal(expires: SystemTime, now: Instant) -> Instant {
    let left = expires.duration_since(SystemTime::now()).unwrap_or_default();
    now + left - (left / 5).min(RENEWAL_MARGIN_MAX)
}
