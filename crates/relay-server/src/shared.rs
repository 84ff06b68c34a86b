use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use sangam_net::Waker;

use crate::directory::Directory;
use crate::figures::Figures;
use crate::options::Live;

/// What the threads of one server and its owner have in common. Nothing here is written on the packet path.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) directory: Arc<Directory>,
    pub(crate) threads: Vec<ThreadFace>,
    pub(crate) live: ArcSwap<Live>,
    /// Goes up when something here has changed that threads must heed; they look when they are woken.
    version: AtomicU64,
    /// Connections that no thread took.
    turned_away: AtomicU64,
    draining: AtomicBool,
    stopping: AtomicBool,
}

/// One thread as the others see it.
#[derive(Debug)]
pub(crate) struct ThreadFace {
    pub(crate) figures: Figures,
    pub(crate) waker: Arc<Waker>,
    pub(crate) has_failed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(directory: Arc<Directory>, wakers: &[Arc<Waker>], live: Live) -> Self {
        let face = |waker: &Arc<Waker>| ThreadFace {
            figures: Figures::new(),
            waker: Arc::clone(waker),
            has_failed: AtomicBool::new(false),
        };
        Self {
            directory,
            threads: wakers.iter().map(face).collect(),
            live: ArcSwap::from_pointee(live),
            version: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
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
        self.announce();
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.announce();
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
        self.threads.iter().map(|thread| thread.figures.allocations_live()).sum()
    }

    /// Threads that have ended before their time.
    pub(crate) fn failures(&self) -> usize {
        self.threads.iter().filter(|thread| thread.has_failed.load(Ordering::Acquire)).count()
    }
}
