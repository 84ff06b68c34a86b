use std::hash::RandomState;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sangam_control::{Part, RelayEvents, RelaySessions, StunSocket};
use sangam_net::udp::{ListenGroup, ListenOptions, Socket, SocketBuffers};
use sangam_net::{TcpFront, Waker};
use sangam_telemetry::metrics::relay::{RelayMetrics, RelaySnapshot};
use sangam_turn_proto::RelayAddress;

use crate::blueprint::Blueprint;
use crate::directory::Directory;
use crate::figures;
use crate::options::{Live, Options};
use crate::orders::OrderDesk;
use crate::part::RelayPart;
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::stream_listener::{Doorway, StreamListener};
use crate::stun_sender::StunSender;
use crate::supervisor::{Supervised, Supervisor};
use crate::thread_face::ThreadFace;

/// A running relay: its threads, and the listening sockets, which belong to it rather than to them.
#[derive(Debug)]
pub struct RelayServer {
    shared: Arc<Shared>,
    groups: Arc<Vec<ListenGroup>>,
    supervised: Mutex<Supervised>,
    doorway: Arc<Doorway>,
    streams: Arc<Mutex<Vec<StreamListener>>>,
    sessions: Arc<Sessions>,
    stun_sender: Arc<StunSender>,
}

impl RelayServer {
    /// Binds everything, starts the threads and lets `metrics` show their figures.
    ///
    /// # Errors
    ///
    /// An address cannot be bound, or options contradict each other. Then nothing is left running or bound.
    pub fn start(options: Options, metrics: &RelayMetrics) -> Result<Self, StartError> {
        let relay_addresses = options.effective_relay_addresses();
        check(&options, &relay_addresses)?;
        let groups = bind_listeners(&options)?;
        for address in &relay_addresses {
            // Bound once to see whether it can be: each allocation binds it again.
            Socket::bind(SocketAddr::new(address.bound, 0), SocketBuffers::default())
                .map_err(|source| StartError::RelayAddress { address: address.bound, source })?;
        }
        let face = |_| {
            let waker = Arc::new(Waker::new()?);
            Ok(ThreadFace::new(waker, options.handover_queue, options.arrivals_queue, options.orders_queue))
        };
        let faces = (0..options.threads).map(face).collect::<Result<Vec<_>, io::Error>>()?;
        let directory = Arc::new(Directory::new(relay_addresses.iter().map(|address| address.bound), &options.ports));
        let shared = Arc::new(Shared::new(directory, faces, options.live.clone(), relay_addresses.clone()));
        let groups = Arc::new(groups);
        let blueprint = Blueprint::new(options, relay_addresses, Arc::clone(&groups), Arc::clone(&shared));
        let sessions = Arc::new(Sessions::of(&blueprint, OrderDesk::new(&shared)));
        let supervised = Mutex::new(Supervisor::start(blueprint, &shared)?);
        let doorway = Arc::new(Doorway { shared: Arc::clone(&shared), hasher: RandomState::new() });
        metrics.publish({
            let (shared, events) = (Arc::clone(&shared), Arc::clone(&sessions.events));
            move || snapshot(&shared, &events)
        });
        let stun_sender = Arc::new(StunSender::new(&shared, &groups));
        Ok(Self { shared, groups, supervised, doorway, streams: Arc::default(), sessions, stun_sender })
    }

    /// The addresses it listens on, with their real ports, in the order they were given.
    #[must_use]
    pub fn listen_addrs(&self) -> Vec<SocketAddr> {
        self.groups.iter().map(ListenGroup::local).collect()
    }

    /// Serves clients over TCP, or TLS, from a listener that is open. Its address is one of
    /// [`Options::stream_listen`]. Called from within a tokio runtime, which accepts and shakes hands.
    pub fn serve_streams(&self, front: TcpFront) {
        let listener = StreamListener::start(front, Arc::clone(&self.doorway));
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Puts another peer policy and other limits in force. Permissions and channels of peers that are now denied end;
    /// allocations beyond a lowered limit stay until they end. Those whose user or secret was replaced before end.
    pub fn reload(&self, live: Live) {
        self.shared.reload(live);
    }

    /// What has relayed addresses that are bound to the first address announced under the second from now on. A client
    /// that has an allocation keeps the address it was told.
    pub fn external_address_setter(&self) -> impl Fn(IpAddr, IpAddr) + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move |bound, external| shared.announce_as(bound, external)
    }

    /// Its figures now, all threads together.
    #[must_use]
    pub fn snapshot(&self) -> RelaySnapshot {
        snapshot(&self.shared, &self.sessions.events)
    }

    /// What tells whether the relay works: each check makes an allocation through every thread's listening sockets, sends
    /// itself data through it and frees it, as a client would. Its `check` is called from within a tokio runtime.
    #[must_use]
    pub fn part(&self) -> Arc<dyn Part> {
        Arc::new(self.part_now())
    }

    pub(crate) fn part_now(&self) -> RelayPart {
        RelayPart::new(Arc::clone(&self.shared), Arc::downgrade(&self.groups), Arc::clone(&self.streams))
    }

    /// What operators see of its sessions, and end them with. Its answers are waited for within a tokio runtime.
    #[must_use]
    pub fn sessions(&self) -> Arc<dyn RelaySessions> {
        Arc::clone(&self.sessions) as Arc<dyn RelaySessions>
    }

    /// Sends datagrams of other parts from its listening sockets.
    #[must_use]
    pub fn stun_socket(&self) -> Arc<dyn StunSocket> {
        Arc::clone(&self.stun_sender) as Arc<dyn StunSocket>
    }

    /// Refuses new allocations, waits until those there are have ended, but no longer than `drain`, and stops. Blocks
    /// until all threads have ended.
    pub fn stop(&self, drain: Duration) {
        self.close_listeners();
        // Whoever follows them keeps a connection open that somebody waits for.
        self.sessions.events.close();
        if !drain.is_zero() {
            self.shared.set_draining(true);
            let end = Instant::now() + drain;
            while self.shared.allocations_live() > 0 && Instant::now() < end {
                thread::sleep(DRAIN_STEP.min(end.saturating_duration_since(Instant::now())));
            }
        }
        self.end_threads();
    }

    fn close_listeners(&self) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(StreamListener::stop);
    }

    fn end_threads(&self) {
        self.close_listeners();
        self.sessions.events.close();
        self.shared.stop();
        self.supervised.lock().unwrap_or_else(PoisonError::into_inner).await_end();
    }
}

impl Drop for RelayServer {
    fn drop(&mut self) {
        self.end_threads();
    }
}

/// How often a drain looks whether it is done.
const DRAIN_STEP: Duration = Duration::from_millis(50);

fn check(options: &Options, relay_addresses: &[RelayAddress]) -> Result<(), StartError> {
    let (first, last) = (*options.ports.start(), *options.ports.end());
    if options.listen.is_empty() && options.stream_listen.is_empty() {
        return Err(StartError::NoListenAddress);
    }
    if options.threads == 0 {
        return Err(StartError::NoThread);
    }
    if first == 0 || first > last {
        return Err(StartError::PortRange { first, last });
    }
    if relay_addresses.is_empty() {
        return Err(StartError::NoRelayAddress);
    }
    for (index, &RelayAddress { bound, external }) in relay_addresses.iter().enumerate() {
        let unspecified: Option<IpAddr> = [bound, external].into_iter().find(IpAddr::is_unspecified);
        if let Some(address) = unspecified {
            return Err(StartError::UnspecifiedRelayAddress { address });
        }
        if bound.is_ipv4() != external.is_ipv4() {
            return Err(StartError::MixedFamilies { bound, external });
        }
        if relay_addresses[..index].iter().any(|earlier| earlier.bound == bound) {
            return Err(StartError::RepeatedRelayAddress { address: bound });
        }
    }
    Ok(())
}

fn bind_listeners(options: &Options) -> Result<Vec<ListenGroup>, StartError> {
    let mut groups: Vec<ListenGroup> = Vec::new();
    for (index, &addr) in options.listen.iter().enumerate() {
        if addr.port() != 0 && options.listen[..index].contains(&addr) {
            continue;
        }
        let group = ListenOptions { sockets: options.threads, buffers: options.listen_buffers, seed: rand::random() };
        groups.push(ListenGroup::bind(addr, group)?);
    }
    Ok(groups)
}

fn snapshot(shared: &Shared, events: &RelayEvents) -> RelaySnapshot {
    RelaySnapshot {
        threads_running: if shared.is_stopping() { 0 } else { shared.threads_running() as u64 },
        threads_hung: shared.failures.hung(),
        thread_failures: shared.failures.by_cause(),
        thread_replacements: shared.failures.replacements(),
        allocations_lost: shared.failures.allocations_lost(),
        ports: shared.directory.capacity() as u64,
        connections_turned_away: shared.turned_away(),
        events_missed: events.missed(),
        ..figures::snapshot(shared.threads.iter().map(ThreadFace::values))
    }
}

#[cfg(test)]
mod tests;
