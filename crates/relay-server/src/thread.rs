//! One relay thread: waits, takes batches, hands them to its core, sends what comes of it.

mod control;
mod events;
mod mobility;
mod orders;
mod outward;
mod packets;
mod probes;
mod quota;
mod reserved;
mod streams;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sangam_net::Poller;
use sangam_net::udp::{BATCH_MAX, RecvBatch, SendBatch, SendFailure, Socket};
use sangam_turn_proto::{AllocationKey, Deadline, Options as CoreOptions, TurnServer};
use sangam_types::Now;

use crate::client_networks::ClientNetworks;
use crate::clock::Clock;
use crate::connections::{CONNECTION_TOKENS, Closed, ConnectionId, Connections};
use crate::counters::{Counter, Counters};
use crate::credentials::Credentials;
use crate::event_log::EventLog;
#[cfg(test)]
use crate::fault::Place;
use crate::handover::{Handover, Outbox};
use crate::incarnation::Incarnation;
use crate::moved::Moved;
use crate::policy::Premises;
use crate::rates::Rates;
use crate::relay_sockets::RelaySockets;
use crate::shared::Shared;
use crate::thread_face::ThreadFace;

/// What a thread is given at its start; everything in it can move to that thread.
pub(crate) struct ThreadSeed {
    pub(crate) index: usize,
    pub(crate) incarnation: Arc<Incarnation>,
    pub(crate) listeners: Vec<Socket>,
    pub(crate) poller: Poller,
    pub(crate) core: CoreOptions,
    pub(crate) premises: Premises,
    pub(crate) credentials: Credentials,
    pub(crate) options: Arc<crate::Options>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
}

/// A relay thread. Nothing in it is shared but what [`Shared`] names.
pub(crate) struct RelayThread {
    index: usize,
    /// This life of the thread. Once superseded it touches nothing that others see, and ends.
    incarnation: Arc<Incarnation>,
    core: TurnServer,
    listeners: Vec<Rc<Socket>>,
    relays: RelaySockets,
    poller: Poller,
    batch: RecvBatch,
    sends: SendBatch<Rc<Socket>>,
    outbox: Outbox,
    /// Holds what a wake takes from the inbox.
    mail: Vec<Handover>,
    errand: Option<orders::Errand>,
    /// Whether somebody has woken this thread since it last looked for orders.
    is_called: bool,
    rates: Rates,
    /// Tells apart the sessions of this thread and of one that had its number before.
    start: u32,
    connections: Connections,
    moved: Moved,
    /// Holds what one read brings, for each connection in turn.
    stream_buffer: Vec<u8>,
    /// Connections for which something was queued in this wake.
    has_output: Vec<ConnectionId>,
    /// Connections to be closed at the end of this wake.
    doomed: Vec<(ConnectionId, Closed)>,
    options: Arc<crate::Options>,
    counters: Counters,
    log: EventLog,
    credentials: Credentials,
    /// Allocations of this server's own checks.
    probes: Vec<AllocationKey>,
    premises: Premises,
    clients: ClientNetworks,
    shared: Arc<Shared>,
    version: u64,
    clock: Clock,
    now: Now,
    deadline: Option<Deadline>,
}

/// Readiness tokens below 2^32 are the waker's, then one for each listening socket. Up to 2^63 they are allocations,
/// then connections.
const WAKER_TOKEN: u64 = 0;
const ALLOCATION_TOKENS: u64 = 1 << 32;

/// Sockets served in one wake; the kernel turns to the others first in the next.
const EVENTS_MAX: usize = 256;

/// Datagrams taken from one relay socket at a time: it is one client's, and others wait.
const RELAY_BATCH: usize = 16;

impl ThreadSeed {
    /// A readiness queue that knows the waker and the listening sockets of a thread.
    pub(crate) fn poller(listeners: &[Socket], face: &ThreadFace) -> io::Result<Poller> {
        let poller = Poller::new(EVENTS_MAX)?;
        poller.add(&*face.waker, WAKER_TOKEN)?;
        for (listener, token) in listeners.iter().zip(WAKER_TOKEN + 1..) {
            poller.add(listener, token)?;
        }
        Ok(poller)
    }

    /// Runs until the server stops, another takes its place, or the readiness queue is broken.
    pub(crate) fn run(self) -> io::Result<()> {
        RelayThread::new(self).run()
    }
}

impl RelayThread {
    fn new(seed: ThreadSeed) -> Self {
        let now = seed.clock.read();
        let relay_ips = seed.core.relay_addresses.iter().map(|address| address.bound).collect();
        let relays = RelaySockets::new(
            relay_ips,
            seed.options.ports.clone(),
            seed.options.relay_buffers,
            Arc::clone(&seed.shared.directory),
            Arc::clone(&seed.incarnation),
        );
        let outbox = Outbox::new(Arc::clone(&seed.incarnation), &seed.shared.threads);
        Self {
            index: seed.index,
            incarnation: seed.incarnation,
            core: TurnServer::new(seed.core, rand::make_rng(), now),
            listeners: seed.listeners.into_iter().map(Rc::new).collect(),
            relays,
            poller: seed.poller,
            batch: RecvBatch::new(seed.options.datagram_bytes_max),
            sends: SendBatch::new(),
            outbox,
            mail: Vec::new(),
            errand: None,
            is_called: false,
            rates: Rates::new(seed.options.rate_interval),
            start: rand::random(),
            connections: Connections::new(seed.options.connection_queue_bytes),
            moved: Moved::default(),
            stream_buffer: vec![0; seed.options.datagram_bytes_max + streams::READ_BYTES],
            has_output: Vec::new(),
            doomed: Vec::new(),
            counters: Counters::new(),
            log: EventLog::new(seed.options.log_lines_per_second),
            credentials: seed.credentials,
            probes: Vec::new(),
            premises: seed.premises,
            clients: ClientNetworks::new(seed.shared.live.load().allowed_clients.clone()),
            shared: seed.shared,
            version: 0,
            options: seed.options,
            clock: seed.clock,
            now,
            deadline: None,
        }
    }

    fn run(mut self) -> io::Result<()> {
        let mut ready = Vec::with_capacity(EVENTS_MAX);
        self.heed_rules();
        while !self.shared.is_stopping() {
            self.poller.wait(&mut ready, self.patience())?;
            #[cfg(test)]
            self.face().faults.strike(Place::Wake)?;
            if self.incarnation.is_superseded() {
                break;
            }
            self.now = self.clock.read();
            self.incarnation.figures.beat();
            for &token in &ready {
                self.serve(token);
            }
            self.expire();
            self.work_on_orders();
            self.flush();
            self.flush_streams();
            self.outbox.wake();
            self.publish();
        }
        Ok(())
    }

    fn serve(&mut self, token: u64) {
        if token >= CONNECTION_TOKENS {
            self.serve_connection(ConnectionId(token));
        } else if token >= ALLOCATION_TOKENS {
            self.serve_relay(AllocationKey(token));
        } else if token == WAKER_TOKEN {
            self.heed_waker();
        } else if let Ok(index) = usize::try_from(token - WAKER_TOKEN - 1) {
            self.serve_listener(index);
        }
    }

    /// For how long there is nothing to do but to wait.
    fn patience(&self) -> Option<Duration> {
        // The clock was read before this wake's work: the wait is longer by that much, which no lifetime notices.
        let core = self.deadline.map(|deadline| deadline.at);
        let next = core.into_iter().chain(self.connections.next_check()).chain(self.next_reading()).min();
        next.map(|at| at.saturating_since(self.now.mono))
    }

    fn expire(&mut self) {
        if self.deadline.is_some_and(|deadline| deadline.at <= self.now.mono) {
            self.time_out();
        }
        self.close_idle();
    }

    /// Makes room in the receive batch for `count` datagrams.
    fn make_room(&mut self, count: usize) {
        if self.batch.room() < count.min(BATCH_MAX) {
            self.flush();
        }
    }

    /// Sends all that waits, and forgets what was received.
    fn flush(&mut self) {
        if !self.sends.is_empty() {
            #[cfg(test)]
            self.face().faults.strike(Place::Flush).unwrap();
            if self.incarnation.is_superseded() {
                self.sends = SendBatch::new();
            }
            // Before the answer is on its way: whoever has heard of an allocation finds it counted.
            self.incarnation.figures.show_allocations(self.core.stats().allocations_live);
            let counters = &mut self.counters;
            let log = &mut self.log;
            let now = self.now.mono;
            self.sends.flush(&self.batch, |to, failure| {
                counters.count(counter_of(failure));
                if tracing::enabled!(tracing::Level::DEBUG) && log.may_write(now) {
                    log_loss(to, failure);
                }
            });
        }
        self.batch.clear();
    }

    fn publish(&mut self) {
        self.counters.set(Counter::PortsInUse, self.relays.len() as u64);
        self.counters.set(Counter::Connections, self.connections.len() as u64);
        self.counters.set(Counter::LogLinesSuppressed, self.log.suppressed());
        self.incarnation.figures.publish(&self.core.stats(), &self.counters);
    }

    fn face(&self) -> &ThreadFace {
        &self.shared.threads[self.index]
    }
}

fn counter_of(failure: SendFailure) -> Counter {
    match failure {
        SendFailure::QueueFull => Counter::DropSendQueueFull,
        SendFailure::Unroutable => Counter::DropUnroutable,
        SendFailure::TooLong => Counter::DropTooLong,
        SendFailure::System(_) => Counter::DropSendError,
    }
}

fn log_loss(to: SocketAddr, failure: SendFailure) {
    tracing::debug!(%to, ?failure, "a datagram could not be sent and is lost");
}
