use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use axum::Router;
use sangam_control::Part;
use sangam_telemetry::metrics::signal::SignalMetrics;
use tokio::sync::mpsc;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::hub::{Command, Hub};
use crate::ice::Ice;
use crate::options::{Limits, Live, Options};
use crate::part::SignalPart;
use crate::routes;

/// What the binary hands in.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where the counters are.
    pub metrics: Arc<SignalMetrics>,
}

/// The signaling server: one task that owns the rooms, one task for each socket.
///
/// Every request that reaches its routers must carry a [`sangam_net::http::Client`] in its extensions.
#[derive(Clone)]
pub struct SignalServer {
    shared: Arc<Shared>,
}

/// What all sockets and requests use.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) ice: Arc<Ice>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) hub: mpsc::Sender<Command>,
    pub(crate) sockets: AtomicU64,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<SignalMetrics>,
}

impl SignalServer {
    /// Starts the task that owns the rooms. It ends when the server and its routers are dropped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(options: Options, deps: Deps) -> Self {
        let Options { rooms, limits, live } = options;
        let live = Arc::new(ArcSwap::from_pointee(live));
        let ice = Arc::new(Ice::new(Arc::clone(&live), limits.tickets_max));
        let clock = Clock::start();
        let (sender, commands) = mpsc::channel(limits.queue_len_max.max(1));
        let hub = Hub::new(rooms, clock, Arc::clone(&ice), Arc::clone(&deps.metrics));
        tokio::spawn(hub.run(commands));
        let admission = Arc::new(Admission::new(limits.sockets_max, limits.sockets_per_address_max));
        let shared = Shared {
            limits,
            live,
            ice,
            admission,
            hub: sender,
            sockets: AtomicU64::new(0),
            clock,
            metrics: deps.metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Routes for the main listener: `/ws` and `/ice-servers`.
    pub fn router(&self) -> Router {
        routes::main(Arc::clone(&self.shared))
    }

    /// Routes for the signaling listener: a WebSocket at any path; a plain GET is answered 200.
    pub fn any_path_router(&self) -> Router {
        routes::any_path(Arc::clone(&self.shared))
    }

    /// The check for `/ready`: a round trip through the task that owns the rooms.
    #[must_use]
    pub fn part(&self) -> Arc<dyn Part> {
        Arc::new(SignalPart { shared: Arc::clone(&self.shared) })
    }

    /// Replaces the live settings. Open sockets stay.
    pub fn reload(&self, live: Live) {
        self.shared.live.store(Arc::new(live));
    }

    /// Refuses new sockets, closes the open ones with 1001 and waits until they are gone or the limit has passed.
    pub async fn drain(&self) {
        let shared = &self.shared;
        shared.admission.begin_drain();
        let closed = async {
            if shared.hub.send(Command::Drain).await.is_ok() {
                shared.admission.emptied().await;
            }
        };
        if tokio::time::timeout(shared.limits.drain_limit, closed).await.is_err() {
            tracing::warn!("signaling sockets are still open after {:?}; they are cut off", shared.limits.drain_limit);
        }
    }
}

impl std::fmt::Debug for SignalServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalServer").finish_non_exhaustive()
    }
}
