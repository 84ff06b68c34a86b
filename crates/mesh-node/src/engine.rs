//! The task that owns a node: one turn takes one input, gives it to whom it concerns, and carries out what comes of it.

mod actions;
mod agents;
mod answers;
mod book;
mod channels;
mod clock;
mod describing;
mod figures;
mod found;
mod incoming;
mod proofs;
mod settle;
mod telling;
mod topics;

pub(crate) use clock::Clock;
pub(crate) use proofs::proofs_of;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use sangam_mesh_proto::gossip::{self, Gossip};
use sangam_mesh_proto::identity::Identity;
use sangam_mesh_proto::if_message::{Guard, GuardOptions, Required, Sender};
use sangam_mesh_proto::mesh::{self, Mesh};
use sangam_mesh_proto::state::State;
use sangam_mesh_proto::tally::Tally;
use sangam_mesh_proto::{LinkId, PeerId, TraceId};
use sangam_telemetry::metrics::mesh::MeshMetrics;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::sleep_until;

use self::book::Book;
use self::describing::Describing;
use self::incoming::Resolved;
use self::topics::{Subscribers, Untold};
use crate::discovery::{Discovered, Discovery};
use crate::endpoint::{Endpoint, IceServer, Woken};
use crate::names::Names;
use crate::node::{AgentEvent, Command};
use crate::options::{Deps, NodeOptions};
use crate::webrtc::Links;

/// Everything a node is.
pub(crate) struct Engine {
    clock: Clock,
    options: NodeOptions,
    metrics: MeshMetrics,
    identity: Identity,
    us: PeerId,
    agent_id: Option<PeerId>,
    url: Option<String>,
    mesh: Mesh,
    gossip: Gossip,
    state: State,
    tally: Tally,
    guard: Guard,
    sender: Sender,
    trace: TraceId,
    rng: StdRng,
    links: Links,
    endpoint: Endpoint,
    discovery: Discovery,
    names: Names,
    describing: Describing,
    book: Book,
    /// Attempts under way, and whether we offered.
    attempts: HashMap<LinkId, bool>,
    /// STUN and TURN servers by who handed them out.
    handed_out: BTreeMap<mesh::Source, Vec<IceServer>>,
    subscribers: Subscribers,
    commands: mpsc::Receiver<Command>,
    discovered: mpsc::Receiver<Discovered>,
    resolved: (mpsc::Sender<Resolved>, mpsc::Receiver<Resolved>),
    events: broadcast::Sender<AgentEvent>,
    /// When each machine wants to be called again.
    wanted: Wanted,
    /// When relays and servers were last asked whether they still know us.
    checked: Option<Instant>,
    stopping: Option<Stopping>,
    /// The node is to end without a goodbye.
    vanished: bool,
    /// What those linked with us have not been told of our channels.
    untold: Untold,
}

/// What an engine is put together of.
pub(crate) struct Parts {
    pub(crate) mesh: Mesh,
    pub(crate) gossip: Gossip,
    pub(crate) state: State,
    pub(crate) tally: Tally,
    pub(crate) rng: StdRng,
    pub(crate) links: Links,
    pub(crate) endpoint: Endpoint,
    pub(crate) discovery: Discovery,
    pub(crate) names: Names,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) discovered: mpsc::Receiver<Discovered>,
    pub(crate) events: broadcast::Sender<AgentEvent>,
}

/// The node is to stop.
#[derive(Debug)]
struct Stopping {
    until: Instant,
    told: Vec<oneshot::Sender<()>>,
}

/// The next deadlines.
#[derive(Debug, Default)]
struct Wanted {
    mesh: Option<Instant>,
    gossip: Option<Instant>,
    links: Option<Instant>,
    describing: Option<Instant>,
    state: Option<Instant>,
    figures: Option<Instant>,
    stop: Option<Instant>,
    /// Something is left to be carried out.
    rest: Option<Instant>,
}

impl Wanted {
    fn first(&self) -> Option<Instant> {
        let machines = [self.mesh, self.gossip, self.links, self.describing];
        machines.into_iter().chain([self.state, self.figures, self.stop, self.rest]).flatten().min()
    }
}

/// What woke the task.
enum Turn {
    Woken(Woken),
    Discovered(Discovered),
    Resolved(Resolved),
    Command(Command),
    Timer,
}

/// Packets taken in one turn, so that commands and timers are not held up by a flood.
const PACKETS_PER_TURN: usize = 256;
/// A timer that fires so much later than it was to tells of a node that has more to do than it can.
const LATE: Duration = Duration::from_millis(10);
/// How long links may take to say goodbye when the node stops.
const GOODBYE: Duration = Duration::from_secs(1);

/// Addresses of names that wait to be taken; then whoever looked one up waits.
const RESOLVED_MAX: usize = 64;

impl Engine {
    pub(crate) fn new(options: NodeOptions, deps: Deps, clock: Clock, parts: Parts) -> Self {
        let Parts { mesh, gossip, state, tally, rng, links, endpoint, discovery, names, commands, discovered, events } =
            parts;
        let mut rng = rng;
        let agent = options.agent_id.clone().unwrap_or_else(|| options.identity.id().clone());
        let trace = TraceId::generate(&mut rng);
        let required = if options.require_signature { Required::Signature } else { Required::Nothing };
        let mut engine = Self {
            guard: Guard::new(agent.clone(), GuardOptions { required, ..GuardOptions::default() }),
            sender: Sender::new(options.identity.clone(), agent, trace),
            trace,
            metrics: deps.metrics,
            identity: options.identity.clone(),
            us: options.identity.id().clone(),
            agent_id: options.agent_id.clone(),
            url: options.url.clone(),
            mesh,
            gossip,
            state,
            tally,
            rng,
            links,
            endpoint,
            discovery,
            names,
            describing: Describing::default(),
            book: Book::default(),
            attempts: HashMap::new(),
            handed_out: BTreeMap::new(),
            subscribers: Subscribers::default(),
            commands,
            discovered,
            resolved: mpsc::channel(RESOLVED_MAX),
            events,
            wanted: Wanted::default(),
            checked: None,
            stopping: None,
            vanished: false,
            untold: Untold::default(),
            clock,
            options,
        };
        engine.hear_of_channels();
        engine.note_figures(Instant::now());
        engine
    }

    /// Turns until the node is told to stop.
    pub(crate) async fn run(mut self) {
        loop {
            if self.vanished {
                return;
            }
            self.settle();
            if self.is_over() {
                break;
            }
            let turn = self.next_turn().await;
            self.take(turn);
        }
        let Self { discovery, stopping, endpoint, discovered, .. } = self;
        endpoint.close();
        // Whoever waits to tell us something need not wait any longer.
        drop(discovered);
        discovery.stop().await;
        for stopped in stopping.into_iter().flat_map(|stopping| stopping.told) {
            let _asked: Result<(), ()> = stopped.send(());
        }
    }

    async fn next_turn(&mut self) -> Turn {
        let deadline = self.wanted.first();
        let timer = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            woken = self.endpoint.wait() => Turn::Woken(woken),
            Some(discovered) = self.discovered.recv() => Turn::Discovered(discovered),
            Some(resolved) = self.resolved.1.recv() => Turn::Resolved(resolved),
            Some(command) = self.commands.recv() => Turn::Command(command),
            () = timer => Turn::Timer,
        }
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Woken(woken) => self.on_woken(woken),
            Turn::Discovered(discovered) => self.on_discovered(discovered),
            Turn::Resolved(resolved) => self.on_resolved(&resolved),
            Turn::Command(command) => self.on_command(command),
            Turn::Timer => self.on_timer(),
        }
    }

    fn on_woken(&mut self, woken: Woken) {
        let (instant, _) = self.clock.now();
        match woken {
            Woken::Packets => self.hear_packets(instant),
            Woken::Candidate(candidate) => self.on_candidate_found(&candidate),
            Woken::Gone(candidate) => self.links.remove_local(&candidate, instant),
            Woken::Gathered => self.on_gathered(),
            Woken::NetworkChanged => {
                self.discovery.check();
                self.tell_mesh(mesh::Input::NetworkChanged);
            }
            Woken::RelayFailed { server, why } => tracing::warn!(%server, %why, "no relay by this server for now"),
        }
    }

    fn hear_packets(&mut self, instant: Instant) {
        let links = &mut self.links;
        self.endpoint.drain(PACKETS_PER_TURN, &mut |packet| {
            links.handle_packet(packet.local, packet.from, packet.protocol, packet.bytes, instant);
        });
    }

    fn on_timer(&mut self) {
        let (instant, now) = self.clock.now();
        if self.wanted.links.is_some_and(|at| at + LATE <= instant) {
            // What links are to say again may have been answered long ago.
            self.hear_packets(instant);
        }
        self.links.handle_timeout(instant);
        self.tell_mesh(mesh::Input::Timeout);
        self.gossip.handle_input(now, gossip::Input::Timeout);
        self.describe_due();
        if self.wanted.state.is_some_and(|at| at <= instant) {
            self.drop_subscribers();
            self.tell_state();
        }
        if self.wanted.figures.is_some_and(|at| at <= instant) {
            self.note_figures(instant);
        }
    }

    /// The node was told to stop, and its links have said goodbye or had the time to.
    fn is_over(&mut self) -> bool {
        let Some(stopping) = &self.stopping else { return false };
        self.book.is_empty() && self.links.totals().links == 0 || Instant::now() >= stopping.until
    }

    fn tell_mesh(&mut self, input: mesh::Input) {
        let (_, now) = self.clock.now();
        self.mesh.handle_input(now, input);
    }
}
