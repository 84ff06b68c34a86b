//! Our own endpoint for agents that speak STOMP: it knows no topics. Each connection is one agent's, has a destination of its own, and what
//! comes on it goes to the controller alone.

mod connection;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sangam_control::{BrokerAgent, BrokerReport};
use sangam_net::{Arrived, TcpFront};
use sangam_types::{Mono, Now};
use sangam_usp_proto::mtp::stomp::ServerOptions;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::{Carrier, Connection};
use crate::usp::broker::{Account, Clocks, Present};
use crate::usp::carriers::Deps;
use crate::usp::link::Hub;

/// Bounds of our own endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StompOptions {
    /// What is spoken, and its bounds.
    pub server: ServerOptions,
    /// Bytes of records that may wait for one agent; with more its way is full.
    pub queue_bytes_max: usize,
}

impl Default for StompOptions {
    fn default() -> Self {
        Self { server: ServerOptions::default(), queue_bytes_max: 2 << 20 }
    }
}

/// Our own endpoint for agents that speak STOMP.
pub(crate) struct StompEndpoint {
    options: StompOptions,
    hub: Arc<Hub>,
    account: Account,
    clocks: Clocks,
    carriers: Mutex<HashMap<usize, Arc<Carrier>>>,
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// From this long without a record on a connection is idle, in seconds.
const IDLE_AFTER_SECS: u64 = 300;

/// Agents that operators are shown.
const AGENTS_SHOWN: usize = 100;

impl StompEndpoint {
    /// Accepts agents there until it is ended.
    pub(crate) fn start(mut options: StompOptions, front: TcpFront, deps: Deps) -> Arc<Self> {
        let Deps { hub, clocks, metrics, tasks, ending } = deps;
        options.server.limits.body_bytes_max = hub.record_bytes_max() + (1 << 10);
        let addr = front.local_addr();
        let place = (addr.ip().to_string(), addr.port());
        let account = Account::new(("stomp_endpoint", "STOMP 1.2"), place, 0, clocks.clone(), metrics);
        account.connected(0);
        let carriers = Mutex::default();
        let endpoint =
            Arc::new(Self { options, hub, account, clocks, carriers, tasks: tasks.clone(), ending: ending.clone() });
        let accepting = Arc::clone(&endpoint).accept(front);
        tasks.spawn(ending.run_until_cancelled_owned(accepting));
        endpoint
    }

    async fn accept(self: Arc<Self>, front: TcpFront) {
        loop {
            let arrived = front.accept().await;
            self.tasks.spawn(Arc::clone(&self).converse(arrived));
        }
    }

    async fn converse(self: Arc<Self>, arrived: Arrived) {
        self.account.tried();
        // What went wrong before STOMP began is counted by the listener.
        let ending = self.ending.clone();
        let Some(Ok(accepted)) = ending.run_until_cancelled(arrived.establish()).await else { return };
        let is_private = accepted.tls.is_some() || accepted.peer.ip().is_loopback();
        Connection::new(self, accepted.stream, is_private).run(ending).await;
    }

    /// How it is and what it did.
    pub(crate) fn report(&self, history: Duration, at: Now) -> BrokerReport {
        let now = at.mono.since_start().as_secs();
        let carriers = self.carriers();
        let is_active = |carrier: &&Arc<Carrier>| {
            let spoke = carrier.spoke_secs.load(Ordering::Relaxed);
            spoke > 0 && now.saturating_sub(spoke) < IDLE_AFTER_SECS
        };
        let shown = |carrier: &Arc<Carrier>| BrokerAgent {
            endpoint: carrier.endpoint.to_string(),
            destination: carrier.destination.clone(),
        };
        let present = Present {
            agents: carriers.len() as u64,
            first_agents: carriers.values().take(AGENTS_SHOWN).map(shown).collect(),
            waiting: carriers.values().map(|carrier| carrier.waiting() as u64).sum(),
            unconfirmed: 0,
            active: Some(carriers.values().filter(is_active).count() as u64),
        };
        drop(carriers);
        self.account.report(present, history, at)
    }

    fn came(&self, carrier: &Arc<Carrier>) {
        let mut carriers = self.carriers();
        carriers.insert(Arc::as_ptr(carrier) as usize, Arc::clone(carrier));
        self.counted(carriers.len());
    }

    fn left(&self, carrier: &Arc<Carrier>) {
        let mut carriers = self.carriers();
        carriers.remove(&(Arc::as_ptr(carrier) as usize));
        self.counted(carriers.len());
    }

    fn counted(&self, connections: usize) {
        self.account.connected(connections as u64);
        self.account.met(connections);
    }

    async fn until(&self, deadline: Option<Mono>) {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline.saturating_since(self.account.mono())).await,
            None => std::future::pending().await,
        }
    }

    fn carriers(&self) -> MutexGuard<'_, HashMap<usize, Arc<Carrier>>> {
        self.carriers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StompEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StompEndpoint").field("options", &self.options).finish_non_exhaustive()
    }
}
