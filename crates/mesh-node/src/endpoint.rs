//! The sockets of a node, the addresses it is reached at, and its allocations on relays: gathered once, used by all links.
//!
//! ```text
//! wait ─► Packets ─► drain(each)        what peers sent, whichever way it came
//!      └► Candidate, Gone, …            what peers are to be told
//! send(base, to, bytes)                 by the socket or the relay that `base` names
//! queue(base, to, bytes), …, flush      the same for many, which leave together
//! ```
//!
//! One task owns an endpoint. What may wait (names, connections to relays) is done by tasks of the endpoint's own, which end
//! with it.

mod allocation;
mod candidate;
mod dial;
mod figures;
mod hosts;
mod ice_server;
mod interfaces;
mod loss;
mod options;
mod outbox;
mod packet;
mod reflexive;
mod relays;
mod retransmission;
mod server_url;
mod turn;

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use sangam_mesh_proto::PathProtocol;
use sangam_net::udp::{RecvBatch, SendQueue};
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tokio_util::task::AbortOnDropHandle;

use allocation::count;
use dial::{AllocationId, Arrival, Dialler, Notice};
use hosts::Hosts;
use loss::Loss;
use outbox::Outbox;
use reflexive::{Change, Reflexive};
use relays::{Relays, Wanted};

use crate::trust;

pub use candidate::LocalCandidate;
pub use figures::{Drop, EndpointFigures, RelayFigures, RelayState};
pub use ice_server::{IceServer, IceServerList, IceServersError};
pub use options::{EndpointOptions, StartError};
pub use packet::{Packet, Woken};
pub use server_url::{ServerUrl, Service, UrlError};

/// The sockets and relays of a node.
#[derive(Debug)]
pub struct Endpoint {
    options: EndpointOptions,
    hosts: Hosts,
    reflexive: Reflexive,
    relays: Relays,
    stun: Vec<StunServer>,
    outbox: Outbox,
    dialler: Dialler,
    notices: mpsc::Receiver<Notice>,
    arrivals: mpsc::Receiver<(AllocationId, Arrival)>,
    /// Arrived, and not drained yet.
    arrived: Option<(AllocationId, Arrival)>,
    batch: RecvBatch,
    /// What is to leave together, all by the socket of this base.
    queue: SendQueue,
    queue_base: Option<SocketAddr>,
    gather_until: Option<Instant>,
    interfaces_at: Option<Instant>,
    /// When a NAT last gave us another address.
    rebound_at: Option<Instant>,
    /// What is lost on purpose.
    loss: Loss,
    sleep: Pin<Box<Sleep>>,
}

/// A server that is asked what it sees us as. TURN servers over UDP answer that too.
#[derive(Debug)]
struct StunServer {
    url: ServerUrl,
    /// `None` until its name was resolved.
    addresses: Option<Vec<SocketAddr>>,
    task: Option<AbortOnDropHandle<()>>,
}

/// The longest datagram that is read. No WebRTC stack sends more than an Ethernet frame holds: SCTP over DTLS must fit any path
/// (RFC 8261 §5), and ICE and TURN are shorter. A read takes up to 64 datagrams of that size, which many nodes of one process
/// have to keep.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// Packets that leave together at most.
const QUEUE_MAX: usize = 256;
/// Words of tasks that wait to be heard at most; then the tasks wait.
const NOTICES_MAX: usize = 64;
/// Reads from relays' connections that wait at most; then the connections are not read.
const ARRIVALS_MAX: usize = 64;
/// A name of a STUN server that could not be resolved is looked up again by the next change of servers or network.
const ADDRESSES_PER_STUN_SERVER: usize = 4;

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Endpoint {
    /// Opens a socket on each usable address and begins to ask the servers. Must be called in a runtime.
    ///
    /// # Errors
    /// Nothing could be bound, or the file of authorities is of no use.
    pub async fn start(options: EndpointOptions) -> Result<Self, StartError> {
        let now = now();
        let (notice_sender, notices) = mpsc::channel(NOTICES_MAX);
        let (arrival_sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let ca_file = options.ca_file.clone();
        // The system's certificates are many files.
        let connector = tokio::task::spawn_blocking(move || {
            // RFC 7443: what the connection is for.
            let connector = trust::connector(ca_file.as_deref(), b"stun.turn");
            connector.ok_or_else(|| StartError::Authorities { path: ca_file.unwrap_or_default() })
        });
        let connector = connector.await.map_err(|error| StartError::NoAddress { reason: error.to_string() })??;
        let dialler = Dialler {
            notices: notice_sender,
            arrivals: arrival_sender,
            connector,
            connect_timeout: options.connect_timeout,
            queue_messages_max: options.stream_queue_messages_max.max(1),
        };
        let mut this = Self {
            hosts: Hosts::default(),
            reflexive: Reflexive::new(options.stun_interval),
            relays: Relays::new(&options),
            stun: Vec::new(),
            outbox: Outbox::default(),
            dialler,
            notices,
            arrivals,
            arrived: None,
            batch: RecvBatch::new(DATAGRAM_BYTES_MAX),
            queue: SendQueue::default(),
            queue_base: None,
            gather_until: Some(now + options.gather_timeout),
            interfaces_at: options.interfaces_interval.map(|interval| now + interval),
            rebound_at: None,
            loss: Loss::new(&options),
            sleep: Box::pin(tokio::time::sleep_until(now.into())),
            options,
        };
        this.open_first()?;
        let servers = std::mem::take(&mut this.options.servers);
        this.set_servers(servers);
        Ok(this)
    }

    fn open_first(&mut self) -> Result<(), StartError> {
        if self.options.relay_only {
            return Ok(());
        }
        let addresses = interfaces::usable(&self.options);
        let addresses = addresses.map_err(|error| StartError::NoAddress { reason: error.to_string() })?;
        let changed = self.hosts.follow(&addresses, &self.options);
        match changed.error {
            Some(error) if changed.opened.is_empty() => Err(error.into()),
            None if changed.opened.is_empty() && self.interfaces_at.is_none() => {
                Err(StartError::NoAddress { reason: "no interface is up, or none was chosen".to_owned() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits until there is something for the owner. Cancel safe: nothing is lost.
    pub async fn wait(&mut self) -> Woken {
        poll_fn(|context| self.poll_wait(context)).await
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<Woken> {
        loop {
            while let Poll::Ready(Some(notice)) = self.notices.poll_recv(context) {
                self.handle_notice(notice);
            }
            self.handle_timeout(now());
            if let Some(event) = self.outbox.events.pop_front() {
                return Poll::Ready(event);
            }
            if self.arrived.is_none()
                && let Poll::Ready(arrived) = self.arrivals.poll_recv(context)
            {
                self.arrived = arrived;
            }
            // Each is asked, so that each wakes us.
            let is_readable = self.hosts.poll_readable(context) | self.relays.poll_readable(context);
            if self.arrived.is_some() || is_readable {
                return Poll::Ready(Woken::Packets);
            }
            let Some(due) = self.next_timeout() else { return Poll::Pending };
            self.sleep.as_mut().reset(due.into());
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Hands up to about `packets_max` packets to `each`. What is left wakes the owner again.
    pub fn drain(&mut self, packets_max: usize, each: &mut dyn FnMut(Packet<'_>)) {
        let now = now();
        let Self { hosts, reflexive, relays, outbox, batch, arrivals, arrived, .. } = self;
        let mut changes = Vec::new();
        let is_ours = |base, from, bytes: &[u8]| reflexive.handle_datagram(now, base, from, bytes, &mut changes);
        let mut taken = hosts.drain(packets_max, batch, outbox, is_ours, each);
        taken += relays.drain(packets_max.saturating_sub(taken).max(1), batch, now, outbox, each);
        while let Some(one) = arrived.take() {
            relays.arrived(one, now, outbox, each);
            taken += 1;
            if taken >= packets_max {
                break;
            }
            *arrived = arrivals.try_recv().ok();
        }
        self.tell(changes, now);
    }

    /// Sends a packet from a base: a socket's address or a relayed address. Never waits. False if it was lost here, which
    /// the figures count; neither the socket nor the relay is the worse for it.
    pub fn send(&mut self, base: SocketAddr, to: SocketAddr, bytes: &[u8]) -> bool {
        if self.loss.is_next() {
            return count(&mut self.outbox.figures, Err(Drop::OnPurpose), bytes.len());
        }
        if let Some(socket) = self.hosts.socket(base) {
            let sent = socket.try_send(to, bytes).map_err(Drop::from);
            return count(&mut self.outbox.figures, sent, bytes.len());
        }
        let sent = self.relays.send(now(), (base, to), bytes, &mut self.outbox);
        sent.unwrap_or_else(|| count(&mut self.outbox.figures, Err(Drop::NoSuchBase), bytes.len()))
    }

    /// Sends a packet as [`send`](Self::send) does, at the latest by the next [`flush`](Self::flush): those of one base to one
    /// address leave together, which costs far less than one by one.
    pub fn queue(&mut self, base: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let is_direct = self.queue_base == Some(base) || self.hosts.socket(base).is_some();
        if !is_direct || self.options.loss_share > 0.0 {
            self.send(base, to, &bytes);
            return;
        }
        if self.queue_base != Some(base) || self.queue.len() >= QUEUE_MAX {
            self.flush();
            self.queue_base = Some(base);
        }
        self.queue.push(to, bytes);
    }

    /// Sends what is queued. Never waits.
    pub fn flush(&mut self) {
        let Some(base) = self.queue_base.take() else { return };
        let figures = &mut self.outbox.figures;
        let Some(socket) = self.hosts.socket(base) else {
            figures.dropped[Drop::NoSuchBase as usize] += self.queue.len() as u64;
            return self.queue.clear();
        };
        socket.try_send_all(&mut self.queue, |bytes, sent| {
            count(figures, sent.map_err(Drop::from), bytes);
        });
    }

    /// Lets a peer's address use the relays, those to come too. Each call is undone by one [`forget`](Self::forget). An
    /// address that no relay reaches is overlooked; one too many is counted.
    pub fn permit(&mut self, peer: SocketAddr) {
        if self.is_relayable(peer.ip()) && !self.relays.permit(peer.ip(), now(), &mut self.outbox) {
            self.outbox.figures.permits_refused += 1;
        }
    }

    /// The address is no longer a peer's.
    pub fn forget(&mut self, peer: SocketAddr) {
        if self.is_relayable(peer.ip()) {
            self.relays.forget(peer.ip());
        }
    }

    fn is_relayable(&self, ip: IpAddr) -> bool {
        let is_link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let is_loopback = ip.is_loopback() && !self.options.with_loopback;
        !(ip.is_unspecified() || ip.is_multicast() || is_link_local || is_loopback)
    }

    /// What peers are told now.
    #[must_use]
    pub fn candidates(&self) -> Vec<LocalCandidate> {
        let relayed = self.relays.candidates().cloned();
        if self.options.relay_only {
            return relayed.collect();
        }
        let hosts = self.hosts.bases().map(LocalCandidate::host);
        hosts.chain(self.reflexive.candidates()).chain(relayed).collect()
    }

    /// Whether [`Woken::Gathered`] has been told.
    #[must_use]
    pub fn gathered(&self) -> bool {
        self.gather_until.is_none()
    }

    /// Asks these servers and no others from now on. A relay whose credential is replaced gets a new allocation before the
    /// old credential ends; the old allocation goes on until nobody uses it.
    pub fn set_servers(&mut self, servers: Vec<IceServer>) {
        let now = now();
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut stun: Vec<ServerUrl> = Vec::new();
        for server in servers {
            let expires = server.expiry();
            for url in server.urls.into_iter().take(self.options.servers_max) {
                if url.protocol == PathProtocol::Udp && !stun.contains(&url) {
                    stun.push(url.clone());
                }
                let (Some(username), Some(password)) = (server.username.clone(), server.credential.clone()) else {
                    continue;
                };
                if url.service == Service::Turn && !wanted.iter().any(|one| one.url == url) {
                    wanted.push(Wanted { url, username, password, expires });
                }
            }
        }
        wanted.truncate(self.options.servers_max);
        stun.truncate(self.options.servers_max);
        self.relays.set_wanted(wanted, now);
        self.set_stun(stun, now);
    }

    fn set_stun(&mut self, urls: Vec<ServerUrl>, now: Instant) {
        if self.options.relay_only {
            return;
        }
        self.stun.retain(|server| urls.contains(&server.url));
        for url in urls {
            if !self.stun.iter().any(|server| server.url == url) {
                let task = Some(self.dialler.resolve(url.clone()));
                self.stun.push(StunServer { url, addresses: None, task });
            }
        }
        let known: Vec<SocketAddr> = self.stun.iter().filter_map(|server| server.addresses.clone()).flatten().collect();
        let mut changes = Vec::new();
        self.reflexive.remove(|_, server| !known.contains(&server), &mut changes);
        self.tell(changes, now);
    }

    /// A link fell silent: asks the STUN servers and relays now whether what peers were told still holds.
    pub fn check(&mut self) {
        let now = now();
        self.reflexive.ask_again(now);
        self.relays.network_changed(now);
    }

    /// Closes sockets and connections, and tells relays that their allocations are free, so that they need not be kept to their
    /// end.
    pub fn close(mut self) {
        self.relays.release(now());
    }

    /// What passed, and how the relays are.
    #[must_use]
    pub fn figures(&self) -> EndpointFigures {
        let (relays, sockets) = (self.relays.figures(), self.hosts.bases().count());
        EndpointFigures { relays, sockets, ..self.outbox.figures.clone() }
    }

    fn handle_notice(&mut self, notice: Notice) {
        let now = now();
        match notice {
            Notice::Stun { url, mut addresses } => {
                addresses.truncate(ADDRESSES_PER_STUN_SERVER);
                if let Some(server) = self.stun.iter_mut().find(|server| server.url == url) {
                    server.addresses = Some(addresses);
                    server.task = None;
                }
                self.ask_stun(now);
            }
            Notice::Dialled { id, way } => self.relays.dialled(id, way, now, &mut self.outbox),
        }
    }

    /// Asks every server about every socket.
    fn ask_stun(&mut self, now: Instant) {
        for base in self.hosts.bases() {
            for server in &self.stun {
                for address in server.addresses.iter().flatten() {
                    self.reflexive.add(base, *address, &server.url.to_string(), now);
                }
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.interfaces_at.is_some_and(|at| now >= at) {
            self.interfaces_at = self.options.interfaces_interval.map(|interval| now + interval);
            self.follow_interfaces(now);
        }
        let (mut outgoing, mut changes) = (Vec::new(), Vec::new());
        self.reflexive.handle_timeout(now, &mut outgoing, &mut changes);
        for request in outgoing {
            if let Some(socket) = self.hosts.socket(request.base) {
                // What is lost is sent again.
                socket.try_send(request.server, &request.bytes).ok();
            }
        }
        self.tell(changes, now);
        self.relays.handle_timeout(now, &self.dialler, &mut self.outbox);
        let is_settled = || {
            let is_resolved = self.stun.iter().all(|server| server.addresses.is_some());
            is_resolved && self.reflexive.is_settled() && self.relays.is_settled()
        };
        if self.gather_until.is_some_and(|until| now >= until || is_settled()) {
            self.gather_until = None;
            self.outbox.events.push_back(Woken::Gathered);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let relays = self.relays.next_timeout(now());
        [self.interfaces_at, self.gather_until, self.reflexive.next_timeout(), relays].into_iter().flatten().min()
    }

    fn follow_interfaces(&mut self, now: Instant) {
        // What cannot be told has not changed.
        let Ok(addresses) = interfaces::usable(&self.options) else { return };
        if self.options.relay_only {
            return;
        }
        let changed = self.hosts.follow(&addresses, &self.options);
        if changed.opened.is_empty() && changed.closed.is_empty() {
            return;
        }
        let host = |address: &SocketAddr| LocalCandidate::host(*address);
        self.outbox.events.extend(changed.closed.iter().map(host).map(Woken::Gone));
        self.outbox.events.extend(changed.opened.iter().map(host).map(Woken::Candidate));
        let mut changes = Vec::new();
        self.reflexive.remove(|base, _| changed.closed.contains(&base), &mut changes);
        self.tell(changes, now);
        self.ask_stun(now);
        self.reflexive.ask_again(now);
        self.network_changed(now);
    }

    fn network_changed(&mut self, now: Instant) {
        self.outbox.figures.network_changes += 1;
        self.outbox.events.push_back(Woken::NetworkChanged);
        self.relays.network_changed(now);
    }

    fn tell(&mut self, changes: Vec<Change>, now: Instant) {
        for change in changes {
            match change {
                Change::Found(candidate) => self.outbox.events.push_back(Woken::Candidate(candidate)),
                Change::Gone(candidate) => self.outbox.events.push_back(Woken::Gone(candidate)),
                // Every server tells of the same change, each at its time; and some NATs never keep an address.
                Change::Rebound if self.rebound_at.is_some_and(|at| now < at + self.options.stun_interval) => {}
                Change::Rebound => {
                    self.rebound_at = Some(now);
                    self.network_changed(now);
                }
            }
        }
    }
}
