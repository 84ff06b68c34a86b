//! How peers are found and how signals reach them: the LAN, rendezvous, named nodes, signaling servers.
//!
//! Each source is a task of its own, so that one that is slow or away holds up no other. What they hear goes into one queue, to the
//! engine; what is to be sent goes out by [`Discovery::send`], which never waits.

mod backoff;
mod bootstrap;
mod contacts;
mod context;
mod http_client;
mod known;
mod mdns;
mod options;
mod own_url;
mod payload;
mod place;
mod reach;
mod rendezvous;
mod report;
mod routes;
mod signaling;
mod visits;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sangam_mesh_proto::mesh::{Sighting, Source};
use sangam_mesh_proto::{PeerId, Signal, Via};
use secrecy::SecretString;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;

pub use self::options::{MdnsOptions, Options, Server};
pub use self::payload::{read as read_signal, word as signal_word, write as write_signal};
pub use self::report::Report;

pub(crate) use self::place::node_url;

use self::context::Context;
use self::http_client::HttpClient;
use self::mdns::Mdns;
use self::rendezvous::Rendezvous;
use self::routes::{Posted, Routes};
use self::signaling::Signaling;
use crate::names::Names;
use crate::trust::connector;

/// Who we are, as others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Us {
    /// The node's id, on every route but signaling servers.
    pub id: PeerId,
    /// What is registered at signaling servers: the id, unless something else is wished for.
    pub agent_id: String,
    /// Where our HTTP API is reached. `None`: it is put together of the address towards a server, or on the LAN, and [`Self::port`], and told
    /// by [`Discovered::OwnUrl`].
    pub url: Option<String>,
    /// Channels we take part in.
    pub channels: Vec<String>,
    /// The port our HTTP API listens on; 0 if it does not.
    pub port: u16,
}

/// A STUN or TURN server that a signaling server handed out (W3C's `RTCIceServer`).
#[derive(Clone, Debug)]
pub struct IceServer {
    /// `stun:`, `turn:`, `turns:`.
    pub urls: Vec<String>,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN.
    pub credential: Option<SecretString>,
}

/// What was found out.
#[derive(Debug)]
pub enum Discovered {
    /// A peer was seen, for the first time or again.
    Seen(Sighting),
    /// A source has a peer no longer.
    Left {
        /// Who.
        peer: PeerId,
        /// Where it was.
        source: Source,
    },
    /// A signal came. That the sender is who it says has not been checked.
    Signal {
        /// From whom, as the route says.
        from: PeerId,
        /// How.
        via: Via,
        /// It.
        signal: Signal,
    },
    /// STUN and TURN servers to use instead of those that came from the same source before.
    IceServers {
        /// They.
        servers: Vec<IceServer>,
        /// When their credentials end; new ones come in time.
        expires_at: Option<SystemTime>,
        /// Who handed them out.
        from: Source,
    },
    /// A source works, or does no longer. Told when it changes.
    Source {
        /// Which.
        source: Source,
        /// Whether it works.
        up: bool,
        /// Why not, or which.
        detail: String,
    },
    /// No route took a signal to this peer. A link with somebody who is linked with it may still carry it.
    Undeliverable {
        /// Who.
        to: PeerId,
        /// The signal, unless a server said later that it knows nobody of that name.
        signal: Option<Signal>,
    },
    /// A node's answer to a packet of [`Discovery::gossip`]: a signed packet, unchecked.
    GossipReply(Value),
    /// The state document of the node at this URL, unchecked.
    StateOf(String, Document),
    /// The node at this URL takes part in these channels of ours: it may be sent a packet of each ([`Discovery::gossip`]).
    Channels {
        /// Where.
        url: String,
        /// Which, as we name them.
        common: Vec<String>,
    },
    /// Where our HTTP API is reached, as far as we can tell. Others are told from now on.
    OwnUrl(String),
}

/// A node's state document. The visit it came of is not over before it is dropped, so that no more of them wait to be read
/// than there may be visits.
#[derive(Debug)]
pub struct Document {
    /// It.
    pub value: Value,
    _visit: Arc<OwnedSemaphorePermit>,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Signals that a route took.
    pub sent: u64,
    /// Signals that no route took.
    pub undeliverable: u64,
    /// Events that the engine had no room for.
    pub dropped: u64,
    /// Messages, URLs, services that made no sense.
    pub malformed: u64,
    /// Signals, URLs, agents, services beyond a bound.
    pub beyond_bounds: u64,
    /// Requests that were not made, as a URL that others told led to this host, its link or its cloud.
    pub out_of_reach: u64,
}

/// Why discovery could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Authorities to believe could not be read.
    #[error("no certificate to trust could be read from {}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// More servers of a kind than have numbers.
    #[error("at most 256 rendezvous and 256 signaling servers")]
    TooManyServers,
}

/// The running tasks. Dropped without [`Self::stop`], they end without a goodbye.
pub struct Discovery {
    context: Arc<Context>,
    routes: Arc<Routes>,
    names: Names,
    tasks: JoinSet<()>,
}

/// How long [`Discovery::stop`] waits for goodbyes.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

impl Discovery {
    /// Starts to look for peers. Events go `into` the queue; tasks wait while it is full.
    ///
    /// # Errors
    /// The authorities cannot be read, or there are too many servers. A server that is away is no error.
    #[expect(clippy::unused_async, reason = "it belongs into a runtime: tasks are spawned")]
    pub async fn start(options: Options, us: Us, into: mpsc::Sender<Discovered>) -> Result<Self, StartError> {
        if options.rendezvous.len() > 256 || options.signaling.len() > 256 {
            return Err(StartError::TooManyServers);
        }
        let tls = connector(options.ca_file.as_deref(), b"http/1.1")
            .ok_or_else(|| StartError::Authorities { path: options.ca_file.clone().unwrap_or_default() })?;
        let context = Arc::new(Context::new(options, us, HttpClient::new(tls.clone()), into));
        let mut tasks = JoinSet::new();
        let mdns = Mdns::start(&context);
        let names = Names::new(mdns.as_ref().map(Mdns::daemon), &context.options.mdns);
        if let Some(mdns) = mdns {
            tasks.spawn(mdns.run());
        }
        tasks.spawn(own_url::find(Arc::clone(&context)));
        tasks.spawn(visits::run(Arc::clone(&context)));
        for url in context.options.bootstrap.clone() {
            tasks.spawn(bootstrap::run(Arc::clone(&context), url));
        }
        let rendezvous = start_rendezvous(&context, &mut tasks);
        let signaling = (0..).zip(context.options.signaling.clone());
        let signaling =
            signaling.map(|(index, server)| Signaling::start(&context, index, server, tls.clone(), &mut tasks));
        let routes = Routes::new(Arc::clone(&context), rendezvous, signaling.collect());
        Ok(Self { context, routes: Arc::new(routes), names, tasks })
    }

    /// Sends a signal: on the way that is named, then on every way on which the peer was seen, then to its HTTP API (at `url`, or where it
    /// was seen), then over linked nodes' ([`Self::set_relays`]), then into its mailbox at every rendezvous. Signals to one peer keep
    /// their order. If nobody takes it, [`Discovered::Undeliverable`] follows.
    ///
    /// `whole`: the peer does not take candidates by themselves; where it would lose other signals over one, none is sent.
    pub fn send(&self, to: &PeerId, via: Option<Via>, url: Option<&str>, signal: &Signal, whole: bool) {
        let posted = Posted { via, url: url.map(str::to_owned), signal: signal.clone(), whole, introduction: None };
        self.routes.post(to, posted);
    }

    /// As [`Self::send`], whole, to a node that may not know us: before it is sent to the node's HTTP API, this signed packet of the channel
    /// `global` is, which holds our record. A Synapse-NG node sends its answer to the URL of that record, and loses it if it has none.
    pub fn send_introduced(
        &self,
        to: &PeerId,
        via: Option<Via>,
        url: Option<&str>,
        signal: &Signal,
        introduction: Value,
    ) {
        let (url, signal) = (url.map(str::to_owned), signal.clone());
        self.routes.post(to, Posted { via, url, signal, whole: true, introduction: Some(introduction) });
    }

    /// Posts a signal of somebody else to a node's HTTP API. Whether that took it.
    pub fn pass_on(&self, url: &str, from: &PeerId, signal: &Signal) -> impl Future<Output = bool> + Send + 'static {
        let (routes, url, from, signal) = (Arc::clone(&self.routes), url.to_owned(), from.clone(), signal.clone());
        async move { routes.post_to(&url, &from, &signal).await }
    }

    /// The HTTP APIs of nodes we are linked with: they pass signals on (`POST /p2p/signal/relay`). At most 16 are asked.
    pub fn set_relays(&self, urls: Vec<String>) {
        self.routes.set_relays(urls);
    }

    /// The network may have changed: signaling servers are asked whether they still hear us, and those that were lost are
    /// tried at once.
    pub fn check(&self) {
        self.routes.check();
    }

    /// We take part in other channels from now on.
    pub fn channels_changed(&self, channels: Vec<String>) {
        self.context.us.send_modify(|us| us.channels = channels);
    }

    /// A node was told of by another, or by the application: it will be visited.
    pub fn add_url(&self, url: &str) {
        let _whose = self.context.add_url(url, Source::Gossip, false);
    }

    /// Sends a signed packet to a node's HTTP API; its answer comes as [`Discovered::GossipReply`]. One that cannot be sent is lost:
    /// the next round has another.
    pub fn gossip(&self, url: &str, packet: Value) {
        let (context, url) = (Arc::clone(&self.context), url.to_owned());
        tokio::spawn(async move {
            tokio::select! {
                () = context.gossip(&url, &packet) => {}
                () = context.stop.cancelled() => {}
            }
        });
    }

    /// Tells one signaling server what became of an attempt to link with a peer: one that has the peer, else the first. Only servers
    /// like ours take reports, others are not bothered. A server that is away is told nothing, and more than may wait for one are
    /// dropped and counted.
    pub fn report(&self, peer: &PeerId, report: Report) {
        self.routes.report(peer, report);
    }

    /// Resolves the names of candidates, on the same socket as everything else on the LAN.
    #[must_use]
    pub fn names(&self) -> Names {
        self.names.clone()
    }

    /// Who we are now: the URL may have been found out.
    #[must_use]
    pub fn us(&self) -> Us {
        self.context.us.borrow().clone()
    }

    /// Counts since the start.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.context.counters.figures()
    }

    /// Says goodbye on the LAN and at signaling servers, and ends every task. Takes two seconds at most.
    pub async fn stop(mut self) {
        self.context.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _in_time = tokio::time::timeout(STOP_TIMEOUT, ended).await;
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery").field("us", &self.us()).field("figures", &self.figures()).finish_non_exhaustive()
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.context.stop.cancel();
    }
}

fn start_rendezvous(context: &Arc<Context>, tasks: &mut JoinSet<()>) -> Vec<Arc<Rendezvous>> {
    let servers = (0..).zip(context.options.rendezvous.clone());
    let of_server = |(index, server)| {
        let rendezvous = Rendezvous { context: Arc::clone(context), index, server, sent: tokio::sync::Notify::new() };
        let rendezvous = Arc::new(rendezvous);
        tasks.spawn(Arc::clone(&rendezvous).register());
        tasks.spawn(Arc::clone(&rendezvous).poll());
        rendezvous
    };
    servers.map(of_server).collect()
}
