use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use sangam_bus::{Journal, JournalError};
use sangam_control::{Part, Rooms as RoomsPort, TokenRevocationWatch};
use sangam_net::{Admission, OpeningRate};
use sangam_signal_proto::RoomId;
use sangam_socketio::Server;
use sangam_telemetry::metrics::signal::SignalMetrics;
use sangam_telemetry::metrics::socketio::ReadSocketio;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::dialect::rendezvous::Directory;
use crate::hub::{Command, Ground, Hub, Memory};
use crate::ice::Ice;
use crate::options::{Limits, Live, Options, RendezvousOptions};
use crate::part::SignalPart;
use crate::rooms::OperatedRooms;
use crate::routes;
use crate::socketio::{Rooms, Strict, Wire};

/// What the binary hands in.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where the counters are.
    pub metrics: Arc<SignalMetrics>,
    /// What outlasts the process: rooms, and who may come back. Without it a restart forgets them.
    pub journal: Option<Arc<dyn Journal>>,
    /// Tells when tokens were revoked: whose socket was opened with one is put out.
    pub revocations: Option<TokenRevocationWatch>,
}

/// The signaling server: one task that owns the rooms, one task for each socket.
///
/// Every request that reaches its routers must carry a [`sangam_net::http::Client`] in its extensions.
#[derive(Clone)]
pub struct SignalServer {
    shared: Arc<Shared>,
    wire: Wire,
    journal: Option<Arc<dyn Journal>>,
}

/// What all sockets and requests use.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) json_room: RoomId,
    pub(crate) rendezvous: RendezvousOptions,
    pub(crate) directory: Mutex<Directory>,
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) ice: Arc<Ice>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) openings: OpeningRate,
    pub(crate) hub: mpsc::Sender<Command>,
    /// Names sockets.
    pub(crate) sockets: Arc<AtomicU64>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<SignalMetrics>,
    /// The guide's own server in place of the rooms, for Socket.IO.
    pub(crate) strict: Option<Arc<Strict>>,
}

impl SignalServer {
    /// Reads back what the journal kept, and starts the task that owns the rooms. It ends when the server and its routers
    /// are dropped.
    ///
    /// # Errors
    /// If the journal cannot be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(options: Options, deps: Deps) -> Result<Self, JournalError> {
        let clock = Clock::start();
        let journal = deps.journal.clone();
        // The guide's own server forgets.
        let kept = journal.clone().filter(|_| !options.socketio.strict);
        let server = Server::with_clock(options.socketio.library.clone(), kept, move || clock.now());
        server.restore().await?;
        let memory = match &journal {
            Some(journal) => Memory::load(&**journal).await?,
            None => Memory::default(),
        };
        let socketio = options.socketio.clone();
        let shared = start_rooms(options, deps, &server, clock, memory);
        let wire = match &shared.strict {
            Some(strict) => Wire::strict(&socketio, server, Arc::clone(strict), clock.of_engine()),
            None => {
                let rooms = Rooms::new(Arc::clone(&shared), &socketio);
                Wire::with_rooms(&socketio, server, rooms, clock.of_engine())
            }
        };
        Ok(Self { shared, wire, journal })
    }

    /// Routes for the main listener: `/ws`, `/socket.io/`, `/ice-servers` and the rendezvous.
    pub fn router(&self) -> Router {
        routes::main(Arc::clone(&self.shared)).merge(self.wire.router())
    }

    /// Routes for the listeners of Socket.IO: that and the guide's `/health`.
    pub fn socketio_router(&self) -> Router {
        routes::health(Arc::clone(&self.shared)).merge(self.wire.router())
    }

    /// Routes for the signaling listener: a WebSocket at any path; a plain GET is answered 200.
    pub fn any_path_router(&self) -> Router {
        routes::any_path(Arc::clone(&self.shared))
    }

    /// Reads what Socket.IO counts.
    #[must_use]
    pub fn socketio_figures(&self) -> ReadSocketio {
        let wire = self.wire.clone();
        Arc::new(move || wire.figures())
    }

    /// The check for `/ready`: a round trip through the task that owns the rooms.
    #[must_use]
    pub fn part(&self) -> Arc<dyn Part> {
        Arc::new(SignalPart { shared: Arc::clone(&self.shared) })
    }

    /// The rooms, to see and to moderate. In strict mode those of Socket.IO are not among them.
    #[must_use]
    pub fn rooms(&self) -> Arc<dyn RoomsPort> {
        Arc::new(OperatedRooms { shared: Arc::clone(&self.shared) })
    }

    /// Replaces the live settings. Open sockets stay.
    pub fn reload(&self, live: Live) {
        self.shared.live.store(Arc::new(live));
    }

    /// Refuses new sockets, tells the open ones to come back, or to go elsewhere, and waits until they are gone or the limit
    /// has passed. What a server that starts again has to know is written then.
    pub async fn drain(&self) {
        let shared = &self.shared;
        shared.admission.begin_drain();
        let sockets = async {
            let closed = async {
                if shared.hub.send(Command::Drain).await.is_ok() {
                    shared.admission.emptied().await;
                }
            };
            if tokio::time::timeout(shared.limits.drain_limit, closed).await.is_err() {
                let limit = shared.limits.drain_limit;
                tracing::warn!("signaling sockets are still open after {limit:?}; they are cut off");
            }
        };
        tokio::join!(sockets, self.wire.drain(&shared.limits.drain_hint));
        if let Some(journal) = &self.journal
            && let Err(error) = journal.flush().await
        {
            tracing::warn!(%error, "rooms may be lost for the next start");
        }
    }
}

/// Starts the task that owns the rooms, with what it remembers.
fn start_rooms(options: Options, deps: Deps, server: &Server, clock: Clock, memory: Memory) -> Arc<Shared> {
    let Options { rooms, limits, json_room, rendezvous, socketio, live } = options;
    let Deps { metrics, journal, revocations } = deps;
    let live = Arc::new(ArcSwap::from_pointee(live));
    let ice = Arc::new(Ice::new(Arc::clone(&live), limits.tickets_max));
    let sockets = Arc::new(AtomicU64::new(0));
    let (sender, commands) = mpsc::channel(limits.queue_len_max.max(1));
    let ground = Ground {
        options: rooms,
        live: Arc::clone(&live),
        // What is said again has to fit into what may wait for a socket, behind the answer to its coming back.
        log_bytes_max: limits.outgoing_bytes_max / 2,
        guard: socketio.guard,
        recovery: socketio.library.recovery.map_or(Duration::ZERO, |it| it.window),
        server: server.clone(),
        journal,
        sockets: Arc::clone(&sockets),
        clock,
        ice: Arc::clone(&ice),
        metrics: Arc::clone(&metrics),
        drain_hint: limits.drain_hint.as_str().into(),
    };
    tokio::spawn(Hub::new(ground, memory).run(commands));
    if let Some(revocations) = revocations {
        tokio::spawn(pass_revocations(revocations, sender.downgrade()));
    }
    Arc::new(Shared {
        admission: Arc::new(Admission::new(limits.sockets_max, limits.sockets_per_address_max)),
        directory: Mutex::new(Directory::new(rendezvous.directory)),
        openings: OpeningRate::new(limits.openings_per_sec, limits.openings_burst),
        strict: socketio.strict.then(|| Arc::new(Strict::new(clock))),
        limits,
        json_room,
        rendezvous,
        live,
        ice,
        hub: sender,
        sockets,
        clock,
        metrics,
    })
}

/// Until the server is gone, or nothing more is revoked.
async fn pass_revocations(mut revocations: TokenRevocationWatch, hub: mpsc::WeakSender<Command>) {
    while revocations.changed().await {
        let Some(hub) = hub.upgrade() else { return };
        if hub.send(Command::Revoked).await.is_err() {
            return;
        }
    }
}

impl std::fmt::Debug for SignalServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalServer").finish_non_exhaustive()
    }
}
