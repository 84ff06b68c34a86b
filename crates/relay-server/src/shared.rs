use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use sangam_turn_proto::RelayAddress;

use crate::directory::Directory;
use crate::failures::Failures;
use crate::figures::Values;
use crate::options::Live;
use crate::probe_credentials::ProbeCredentials;
use crate::quotas::Quotas;
use crate::thread_face::{Condition, ThreadFace};

/// What the threads of one server and its owner have in common. Nothing here is written on the packet path.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) directory: Arc<Directory>,
    pub(crate) threads: Vec<ThreadFace>,
    pub(crate) live: ArcSwap<Live>,
    pub(crate) failures: Failures,
    pub(crate) quotas: Arc<Quotas>,
    /// What this server checks itself with.
    pub(crate) probe_credentials: Arc<ProbeCredentials>,
    pub(crate) relay_addresses: ArcSwap<Vec<RelayAddress>>,
    /// Goes up when something here has changed that threads must heed; they look when they are woken.
    version: AtomicU64,
    /// Connections that no thread took.
    turned_away: AtomicU64,
    draining: AtomicBool,
    stopping: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        directory: Arc<Directory>,
        threads: Vec<ThreadFace>,
        live: Live,
        relay_addresses: Vec<RelayAddress>,
    ) -> Self {
        Self {
            directory,
            threads,
            live: ArcSwap::from_pointee(live),
            failures: Failures::default(),
            quotas: Arc::default(),
            probe_credentials: Arc::new(ProbeCredentials::new()),
            relay_addresses: ArcSwap::from_pointee(relay_addresses),
            version: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Gives up whatever stands anywhere in the name of a thread that has ended or was superseded, and says what it
    /// had. The one place for that: it runs before the next life of the thread begins, on the supervisor.
    pub(crate) fn on_thread_lost(&self, index: usize, cause: String) -> Values {
        let Some((life, last)) = self.threads[index].end_life(cause) else { return Values::zero() };
        life.holds.give_back();
        self.directory.release_all(life.owner);
        self.failures.count_allocations_lost(last.allocations_live());
        last
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn reload(&self, live: Live) {
        self.live.store(Arc::new(live));
        self.threads.iter().for_each(|thread| thread.recheck_credentials.store(true, Ordering::Release));
        self.announce();
    }

    pub(crate) fn announce_as(&self, bound: IpAddr, external: IpAddr) {
        self.relay_addresses.rcu(|addresses| {
            let replace = |known: &RelayAddress| match known.bound == bound && external.is_ipv4() == bound.is_ipv4() {
                true => RelayAddress { bound, external },
                false => *known,
            };
            addresses.iter().map(replace).collect::<Vec<_>>()
        });
        self.announce();
    }

    pub(crate) fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Release);
        self.announce();
    }

    /// Makes these threads look which of their sessions' credentials are still good.
    pub(crate) fn recheck_credentials(&self, threads: &[usize]) {
        for thread in threads.iter().filter_map(|&thread| self.threads.get(thread)) {
            thread.recheck_credentials.store(true, Ordering::Release);
            thread.waker.wake();
        }
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.announce();
    }

    pub(crate) fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    fn announce(&self) {
        self.version.fetch_add(1, Ordering::Release);
        for thread in &self.threads {
            thread.waker.wake();
        }
    }

    pub(crate) fn allocations_live(&self) -> u64 {
        self.threads.iter().map(ThreadFace::allocations_live).sum()
    }

    /// Threads that run, as far as is known.
    pub(crate) fn threads_running(&self) -> usize {
        self.threads.iter().filter(|thread| thread.condition() == Condition::Runs).count()
    }
}
