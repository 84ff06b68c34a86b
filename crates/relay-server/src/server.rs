use std::hash::RandomState;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sangam_control::Part;
use sangam_net::udp::{ListenGroup, ListenOptions, Socket, SocketBuffers};
use sangam_net::{TcpFront, Waker};
use sangam_telemetry::metrics::relay::{RelayMetrics, RelaySnapshot};
use sangam_turn_proto::{Options as CoreOptions, RelayAddress};

use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::directory::Directory;
use crate::figures;
use crate::handover::Outbox;
use crate::options::{Live, Options};
use crate::part::RelayPart;
use crate::policy::Premises;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::stream_listener::{Arrival, Doorway, StreamListener};
use crate::thread::ThreadSeed;

/// A running relay: its threads, and the listening sockets, which belong to it rather than to them.
#[derive(Debug)]
pub struct RelayServer {
    shared: Arc<Shared>,
    groups: Arc<Vec<ListenGroup>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    doorway: Arc<Doorway>,
    streams: Arc<Mutex<Vec<StreamListener>>>,
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
        let wakers = (0..options.threads).map(|_| Waker::new().map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let directory = Arc::new(Directory::new(relay_addresses.iter().map(|address| address.bound), &options.ports));
        let shared = Arc::new(Shared::new(directory, &wakers, options.live.clone()));
        let (queues, arrivals) = (0..options.threads).map(|_| sync_channel(options.arrivals_queue)).unzip();
        let doorway = Doorway { queues, shared: Arc::clone(&shared), hasher: RandomState::new() };
        let server = Self {
            shared: Arc::clone(&shared),
            groups: Arc::new(groups),
            threads: Mutex::new(Vec::new()),
            doorway: Arc::new(doorway),
            streams: Arc::default(),
        };
        server.start_threads(options, relay_addresses, &wakers, arrivals)?;
        metrics.publish(move || snapshot(&shared));
        Ok(server)
    }

    fn start_threads(
        &self,
        options: Options,
        relay_addresses: Vec<RelayAddress>,
        wakers: &[Arc<Waker>],
        arrivals: Vec<Receiver<Arrival>>,
    ) -> Result<(), StartError> {
        let premises = Premises::new(&options, &relay_addresses);
        let core = CoreOptions {
            relay_addresses,
            alternates: options.live.alternates.clone(),
            policy: premises.policy(&options.live),
            lifetimes: options.lifetimes,
            limits: premises.limits(&options.live),
            // A client that may choose chooses the better, which of a user's key by MD5 cannot be made.
            offers_password_algorithms: options.users.load().are_passwords_known(),
            ..CoreOptions::new(options.realm.clone(), options.nonce_secret)
        };
        let credentials = Credentials {
            users: Arc::clone(&options.users),
            secrets: Arc::clone(&options.secrets),
            realm: options.realm.clone(),
        };
        let ends = Outbox::connect(wakers, options.handover_queue);
        let options = Arc::new(options);
        let clock = Clock::start();
        // All are prepared before the first runs: what can fail, fails before a client is heard.
        let mut seeds = Vec::with_capacity(ends.len());
        for (index, ((outbox, inbox), arrivals)) in ends.into_iter().zip(arrivals).enumerate() {
            let listeners = self.groups.iter().map(|group| group.sockets()[index].try_clone());
            let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
            let poller = ThreadSeed::poller(&listeners, &self.shared.threads[index])?;
            seeds.push(ThreadSeed {
                index,
                listeners,
                poller,
                outbox,
                inbox,
                arrivals,
                // Nobody runs more threads than there are numbers; their tokens would be refused at worst.
                core: CoreOptions { server_index: index as u16, ..core.clone() },
                premises: premises.clone(),
                credentials: credentials.clone(),
                options: Arc::clone(&options),
                shared: Arc::clone(&self.shared),
                clock,
            });
        }
        for seed in seeds {
            let thread = spawn(seed)?;
            self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(())
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
    /// allocations beyond a lowered limit stay until they end.
    pub fn reload(&self, live: Live) {
        self.shared.reload(live);
    }

    /// Its figures now, all threads together.
    #[must_use]
    pub fn snapshot(&self) -> RelaySnapshot {
        snapshot(&self.shared)
    }

    /// What tells whether the relay works: each check sends a Binding request to every thread's listening sockets and
    /// waits for the answers. Its `check` is called from within a tokio runtime.
    #[must_use]
    pub fn part(&self) -> Arc<dyn Part> {
        Arc::new(RelayPart::new(Arc::clone(&self.shared), Arc::downgrade(&self.groups), Arc::clone(&self.streams)))
    }

    /// Refuses new allocations, waits until those there are have ended, but no longer than `drain`, and stops. Blocks
    /// until all threads have ended.
    pub fn stop(&self, drain: Duration) {
        self.close_listeners();
        if !drain.is_zero() {
            self.shared.drain();
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
        self.shared.stop();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Its panic, if that is how it ended, has been counted and logged.
            thread.join().ok();
        }
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
    if options.listen.is_empty() {
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

fn spawn(seed: ThreadSeed) -> Result<JoinHandle<()>, StartError> {
    let (index, shared) = (seed.index, Arc::clone(&seed.shared));
    let body = move || run_noticed(&shared, index, || seed.run());
    Ok(thread::Builder::new().name(format!("relay-{index}")).spawn(body)?)
}

/// Runs the body of a thread, and sees to it that an end before its time is counted, logged and reported.
fn run_noticed(shared: &Shared, index: usize, body: impl FnOnce() -> io::Result<()>) {
    let cause = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked".to_owned(),
    };
    shared.threads[index].has_failed.store(true, Ordering::Release);
    tracing::error!(thread = index, cause, "a relay thread has failed: its clients are cut off until the next start");
}

fn snapshot(shared: &Shared) -> RelaySnapshot {
    let failures = shared.failures();
    RelaySnapshot {
        threads_running: if shared.is_stopping() { 0 } else { (shared.threads.len() - failures) as u64 },
        thread_failures: failures as u64,
        ports: shared.directory.capacity() as u64,
        connections_turned_away: shared.turned_away(),
        ..figures::snapshot(shared.threads.iter().map(|thread| &thread.figures))
    }
}

#[cfg(test)]
mod tests;
