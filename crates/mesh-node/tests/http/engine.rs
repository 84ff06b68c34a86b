//! A node whose task answers as it is told to, behind the real routes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sangam_mesh_node::http::{HttpDeps, HttpOptions, router};
use sangam_mesh_node::node::{
    AgentEvent, Command, GossipOutcome, IceState, LinkView, Node, NodeView, RelayOutcome, SignalOutcome, TopicsView,
};
use sangam_mesh_proto::gossip::{Delivery, MessageId, PublishError, Stats, TopicStats};
use sangam_mesh_proto::mesh::{Contact, PeerView, Source};
use sangam_mesh_proto::{
    CandidateKind, Failure, LinkId, LinkState, PathProtocol, PeerId, Profile, SelectedPair, Signal,
};
use sangam_net::http::{Client, Scheme};
use sangam_telemetry::metrics::mesh::MeshMetrics;
use sangam_types::Mono;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tower::ServiceExt as _;

pub(crate) const US: &str = "USusUSusUSusUSusUSusUSusUSusUSusUSusUSusUSU=";
pub(crate) const FRIEND: &str = "Friend-riend_riendFriendriendFriendriendFr0=";

/// What the node's task says.
pub(crate) struct Truth {
    pub(crate) url: Option<String>,
    pub(crate) links: Vec<LinkView>,
    pub(crate) peers: Vec<PeerView>,
    pub(crate) state: Value,
    pub(crate) topics: Vec<TopicStats>,
    pub(crate) gossip: GossipOutcome,
    pub(crate) signal: SignalOutcome,
    pub(crate) relay: RelayOutcome,
    pub(crate) known: Vec<String>,
    pub(crate) sent: usize,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            url: Some("http://us:8000".to_owned()),
            links: Vec::new(),
            peers: Vec::new(),
            state: json!({ "global": { "nodes": { US: { "id": US, "url": "http://us:8000" } } } }),
            topics: Vec::new(),
            gossip: GossipOutcome::Unsubscribed,
            signal: SignalOutcome::Processed,
            relay: RelayOutcome::Unreachable,
            known: Vec::new(),
            sent: 0,
        }
    }
}

/// What the node's task was asked to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Gossip(Value),
    Handshake(String, String),
    Signal(String, Signal),
    Relay(String, String, Signal),
    Publish(String, String),
    Send(String, Value),
    Dial(String),
    Hang(String),
}

/// A topic, and who hears of it.
type Subscriber = (String, mpsc::Sender<Delivery>);

/// A node behind its routes.
pub(crate) struct Lab {
    pub(crate) router: Router,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) events: broadcast::Sender<AgentEvent>,
    pub(crate) deps: HttpDeps,
    pub(crate) subscribers: Arc<Mutex<Vec<Subscriber>>>,
    registry: Registry,
}

impl Lab {
    pub(crate) fn new(truth: Truth) -> Self {
        Self::with(truth, HttpOptions::default())
    }

    pub(crate) fn with(truth: Truth, options: HttpOptions) -> Self {
        let mut registry = Registry::default();
        let deps = HttpDeps { metrics: MeshMetrics::register(&mut registry), ..HttpDeps::default() };
        let (commands, inbox) = mpsc::channel(16);
        let events = broadcast::Sender::new(16);
        let (asked, subscribers) = (Arc::default(), Arc::default());
        let engine = Engine { truth, asked: Arc::clone(&asked), subscribers: Arc::clone(&subscribers) };
        tokio::spawn(engine.run(inbox));
        let node = Node::new(commands, events.clone());
        let router = router(node, options, deps.clone());
        Self { router, asked, events, deps, subscribers, registry }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Whether `/metrics` would show that line.
    pub(crate) fn counted(&self, line: &str) -> bool {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text.lines().any(|found| found == line)
    }

    /// As a program of another machine.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(stranger(Request::get(path)).body(Body::empty()).unwrap()).await
    }

    /// As a program of another machine.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(stranger(Request::post(path)).body(body.into()).unwrap()).await
    }

    /// As a program of this machine.
    pub(crate) async fn get_here(&self, path: &str) -> Answer {
        self.send(neighbour(Request::get(path)).body(Body::empty()).unwrap()).await
    }

    /// As a program of this machine.
    pub(crate) async fn post_here(&self, path: &str, body: Value) -> Answer {
        self.send(neighbour(Request::post(path)).body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }
}

pub(crate) fn stranger(request: http::request::Builder) -> http::request::Builder {
    request.header("host", "us:8000").extension(client("192.0.2.7:50000", false))
}

pub(crate) fn neighbour(request: http::request::Builder) -> http::request::Builder {
    request.header("host", "localhost:8000").extension(client("127.0.0.1:50000", true))
}

pub(crate) fn client(addr: &str, trusted_loopback: bool) -> Client {
    let (addr, local): (SocketAddr, SocketAddr) = (addr.parse().unwrap(), "192.0.2.1:8000".parse().unwrap());
    Client { addr, local, scheme: Scheme::Http, trusted_loopback, origin_allowed: true }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status and body at once.
    pub(crate) fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status.as_u16(), &self.json()), (status, body));
    }
}

struct Engine {
    truth: Truth,
    asked: Arc<Mutex<Vec<Asked>>>,
    subscribers: Arc<Mutex<Vec<Subscriber>>>,
}

impl Engine {
    async fn run(self, mut inbox: mpsc::Receiver<Command>) {
        while let Some(command) = inbox.recv().await {
            self.answer(command);
        }
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }

    /// Whoever asked may have gone meanwhile.
    fn answer(&self, command: Command) {
        let truth = &self.truth;
        let text = |peer: PeerId| peer.as_str().to_owned();
        match command {
            Command::Us(reply) => drop(reply.send(us(truth)).ok()),
            Command::Links(reply) => drop(reply.send(truth.links.clone()).ok()),
            Command::Peers(reply) => drop(reply.send(truth.peers.clone()).ok()),
            Command::IceMetrics(reply) => drop(reply.send(json!({ "summary": { "total_attempted": 1 } })).ok()),
            Command::Topics(reply) => {
                drop(reply.send(TopicsView {
                    topics: truth.topics.clone(),
                    stats: Stats { published: 7, ..Stats::default() },
                }));
            }
            Command::State(reply) => drop(reply.send(truth.state.clone()).ok()),
            Command::Gossip { packet, reply } => {
                self.note(Asked::Gossip(json!(packet)));
                reply.send(truth.gossip.clone()).ok();
            }
            Command::Handshake { peer, url, reply } => {
                self.note(Asked::Handshake(text(peer), url));
                reply.send(truth.known.clone()).ok();
            }
            Command::Signal { from, signal, reply } => {
                self.note(Asked::Signal(text(from), signal));
                reply.send(truth.signal).ok();
            }
            Command::Relay { from, to, signal, reply } => {
                self.note(Asked::Relay(text(from), text(to), signal));
                reply.send(truth.relay).ok();
            }
            Command::Publish { topic, payload, reply } => {
                self.note(Asked::Publish(topic.clone(), String::from_utf8(payload.to_vec()).unwrap()));
                let outcome = match topic.as_str() {
                    "" => Err(PublishError::Topic),
                    "large" => Err(PublishError::TooLarge { max: 5 }),
                    _ => Ok(MessageId([0xab; 16])),
                };
                reply.send(outcome).ok();
            }
            Command::Subscribe { topic, to, reply } => {
                self.subscribers.lock().unwrap().push((topic, to));
                reply.send(()).ok();
            }
            Command::SendIf { to, message, reply } => {
                self.note(Asked::Send(to, message));
                reply.send(truth.sent).ok();
            }
            Command::Dial(peer) => self.note(Asked::Dial(text(peer))),
            Command::Hang(peer) => self.note(Asked::Hang(text(peer))),
            Command::Stop(reply) => drop(reply.send(()).ok()),
            Command::Vanish => {}
        }
    }
}

fn us(truth: &Truth) -> NodeView {
    let channels = vec!["global".to_owned(), "sviluppo_ui".to_owned()];
    NodeView { id: peer(US), url: truth.url.clone(), channels }
}

pub(crate) fn peer(id: &str) -> PeerId {
    PeerId::new(id).unwrap()
}

/// A link that is open and fine.
pub(crate) fn open_link(id: &str) -> LinkView {
    LinkView {
        link: LinkId(7),
        peer: peer(id),
        profile: Profile::Synapse,
        state: LinkState::Open,
        ice: IceState::Completed,
        channel_open: true,
        pair: Some(SelectedPair {
            local_kind: CandidateKind::Relayed,
            local: "198.51.100.1:49200".parse().unwrap(),
            remote_kind: CandidateKind::Host,
            remote: "192.0.2.9:50001".parse().unwrap(),
            protocol: PathProtocol::Tls,
            round_trip: Some(Duration::from_millis(25)),
        }),
        open_for: Some(Duration::from_secs(60)),
        connect_time: Some(Duration::from_millis(310)),
        bytes: (100, 200),
        messages: (1, 2),
        interruptions: 0,
    }
}

pub(crate) fn link_in(id: &str, state: LinkState, ice: IceState) -> LinkView {
    let pair = None;
    LinkView {
        link: LinkId(8),
        state,
        ice,
        channel_open: false,
        pair,
        open_for: None,
        connect_time: None,
        ..open_link(id)
    }
}

pub(crate) fn failed_link(id: &str) -> LinkView {
    link_in(id, LinkState::Closed(Failure::NoPath), IceState::Closed)
}

pub(crate) fn peer_view(id: &str) -> PeerView {
    PeerView {
        peer: peer(id),
        profile: Profile::Unknown,
        url: Some("http://friend:8000".to_owned()),
        contacts: vec![Contact { source: Source::Rendezvous(1), at: Mono::ZERO }],
        link: Some((LinkId(7), LinkState::Closed(Failure::NoAnswer))),
        attempts: 3,
    }
}

pub(crate) const OPTIONS: Method = Method::OPTIONS;
