use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sangam_control::{BrokerAgent, BrokerMinute, BrokerReport, BrokerState};
use sangam_telemetry::metrics::devices::BrokerMetrics;
use sangam_types::{Mono, Now, Wall};

use super::ledger::Ledger;

/// Both clocks of this process.
#[derive(Clone)]
pub(crate) struct Clocks {
    pub(crate) began: Instant,
    pub(crate) wall: Arc<dyn Fn() -> Wall + Send + Sync>,
}

impl Clocks {
    pub(crate) fn mono(&self) -> Mono {
        Mono::from_start(self.began.elapsed())
    }

    pub(crate) fn now(&self) -> Now {
        Now { mono: self.mono(), wall: (self.wall)() }
    }
}

impl fmt::Debug for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clocks").field("began", &self.began).finish_non_exhaustive()
    }
}

/// From this long without a message on a connection is idle.
const IDLE_AFTER: Duration = Duration::from_secs(300);

/// What is told and counted of one broker.
#[derive(Debug)]
pub(crate) struct Account {
    id: &'static str,
    protocol: &'static str,
    host: String,
    port: u16,
    /// Connections that are wanted: one with a broker; with our own endpoint as many as come.
    wanted: u64,
    clocks: Clocks,
    metrics: BrokerMetrics,
    ledger: Mutex<Ledger>,
    standing: Mutex<Standing>,
    attempts: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug)]
struct Standing {
    state: BrokerState,
    trouble: Option<String>,
    subscriptions: u64,
}

/// What changes from one moment to the next and is asked where it is.
#[derive(Debug, Default)]
pub(crate) struct Present {
    pub(crate) agents: u64,
    pub(crate) first_agents: Vec<BrokerAgent>,
    pub(crate) waiting: u64,
    pub(crate) unconfirmed: u64,
    /// Connections that carried a message lately; `None`: there is one at most, and the account knows.
    pub(crate) active: Option<u64>,
}

impl Account {
    pub(crate) fn new(
        (id, protocol): (&'static str, &'static str),
        (host, port): (String, u16),
        wanted: u64,
        clocks: Clocks,
        metrics: BrokerMetrics,
    ) -> Self {
        let ledger = Mutex::new(Ledger::new(clocks.mono()));
        let standing = Mutex::new(Standing { state: BrokerState::Connecting, trouble: None, subscriptions: 0 });
        let (attempts, failures) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { id, protocol, host, port, wanted, clocks, metrics, ledger, standing, attempts, failures }
    }

    pub(crate) fn mono(&self) -> Mono {
        self.clocks.mono()
    }

    /// A connection is tried, or accepted.
    pub(crate) fn tried(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.metrics.tried(self.id);
    }

    /// So many connections are there, and as many subscriptions in force.
    pub(crate) fn connected(&self, connections: u64) {
        self.ledger().connected(self.mono(), connections);
        self.metrics.connected(self.id, connections);
        let mut standing = self.standing();
        standing.subscriptions = connections;
        if connections > 0 || self.wanted == 0 {
            standing.state = BrokerState::Healthy;
        }
    }

    /// A connection did not come about, or ended though nobody wanted that.
    pub(crate) fn lost(&self, reason: &'static str, words: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.failed(reason);
        let mut standing = self.standing();
        standing.trouble = Some(words);
        if self.wanted > 0 {
            (standing.state, standing.subscriptions) = (BrokerState::Unhealthy, 0);
        }
    }

    /// Something went wrong that leaves the connection as it is.
    pub(crate) fn failed(&self, reason: &'static str) {
        self.ledger().failed(self.mono(), reason);
        self.metrics.failed(self.id, reason);
    }

    pub(crate) fn received(&self) {
        self.ledger().received(self.mono());
        self.metrics.received(self.id);
    }

    pub(crate) fn published(&self, took: Duration) {
        self.ledger().published(self.mono(), took);
        self.metrics.published(self.id, took);
    }

    pub(crate) fn acked(&self, took: Duration) {
        self.ledger().acked(self.mono(), took);
        self.metrics.acked(self.id, took);
    }

    pub(crate) fn nacked(&self) {
        self.ledger().nacked(self.mono());
        self.metrics.nacked(self.id);
    }

    pub(crate) fn met(&self, agents: usize) {
        self.metrics.met(self.id, agents);
    }

    pub(crate) fn report(&self, present: Present, history: Duration, at: Now) -> BrokerReport {
        let Now { mono: now, wall } = at;
        let mut ledger = self.ledger();
        let connections = ledger.connections();
        let spoke = ledger.last_message().is_some_and(|last| now.saturating_since(last) < IDLE_AFTER);
        let active = present.active.unwrap_or(if spoke { connections } else { 0 }).min(connections);
        let minutes = usize::try_from(history.as_secs().div_ceil(60)).unwrap_or(usize::MAX);
        let at = |begins: Mono| {
            let ago = u64::try_from(now.saturating_since(begins).as_millis()).unwrap_or(u64::MAX);
            Wall::from_unix_millis(wall.unix_millis().saturating_sub(ago))
        };
        let minute = |(begins, slot): (Mono, super::ledger::Slot)| BrokerMinute {
            at: at(begins),
            connections: slot.connections,
            tally: slot.tally,
        };
        let standing = self.standing();
        BrokerReport {
            id: self.id,
            protocol: self.protocol,
            host: self.host.clone(),
            port: self.port,
            state: standing.state,
            trouble: standing.trouble.clone(),
            checked_at: wall,
            active,
            idle: connections - active,
            failed: self.wanted.saturating_sub(connections),
            attempts: self.attempts.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            subscriptions: standing.subscriptions,
            agents: present.agents,
            first_agents: present.first_agents,
            waiting: present.waiting,
            unconfirmed: present.unconfirmed,
            total: ledger.total(now),
            minute: ledger.last_minute(now),
            windows: [5, 60, 24 * 60].map(|minutes| ledger.window(now, minutes)),
            errors: ledger.errors(),
            history: ledger.history(now, minutes).into_iter().map(minute).collect(),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
