use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use sangam_mesh_proto::identity::key_of;
use sangam_mesh_proto::mesh::{Sighting, Source};
use sangam_mesh_proto::{PeerId, Profile, Signal, Via};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::contacts::Contacts;
use super::http_client::{Ask, HttpClient, HttpError};
use super::known::{Added, Known};
use super::place::node_url;
use super::reach::Reach;
use super::{Discovered, Figures, Options, Us, own_url};

/// What all tasks of a discovery share.
pub(super) struct Context {
    pub(super) options: Options,
    pub(super) us: watch::Sender<Us>,
    /// Our URL as it was configured.
    pub(super) given_url: Option<String>,
    pub(super) http: HttpClient,
    pub(super) stop: CancellationToken,
    /// Rung when there is a URL that nobody has visited.
    pub(super) fresh_url: Notify,
    pub(super) counters: Counters,
    into: mpsc::Sender<Discovered>,
    contacts: Mutex<Contacts>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) undeliverable: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) beyond_bounds: AtomicU64,
    pub(super) out_of_reach: AtomicU64,
}

impl Counters {
    pub(super) fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            sent: read(&self.sent),
            undeliverable: read(&self.undeliverable),
            dropped: read(&self.dropped),
            malformed: read(&self.malformed),
            beyond_bounds: read(&self.beyond_bounds),
            out_of_reach: read(&self.out_of_reach),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Context {
    pub(super) fn new(options: Options, us: Us, http: HttpClient, into: mpsc::Sender<Discovered>) -> Self {
        Self {
            contacts: Mutex::new(Contacts::new(options.peers_max)),
            known: Mutex::new(Known::new(options.urls_max)),
            given_url: us.url.clone(),
            us: watch::Sender::new(us),
            http,
            stop: CancellationToken::new(),
            fresh_url: Notify::new(),
            counters: Counters::default(),
            into,
            options,
        }
    }

    pub(super) fn our_id(&self) -> PeerId {
        self.us.borrow().id.clone()
    }

    /// Ids of ours: the node's and the agent's.
    pub(super) fn is_ours(&self, peer: &str) -> bool {
        let us = self.us.borrow();
        us.id.as_str() == peer || us.agent_id == peer
    }

    pub(super) async fn tell(&self, discovered: Discovered) {
        // Fails only when the node stops.
        let _sent = self.into.send(discovered).await;
    }

    /// From where nothing can wait. A full queue costs the message and a counter.
    pub(super) fn tell_now(&self, discovered: Discovered) {
        if self.into.try_send(discovered).is_err() {
            count(&self.counters.dropped);
        }
    }

    pub(super) async fn tell_source(&self, source: Source, up: bool, detail: &str) {
        self.tell(Discovered::Source { source, up, detail: detail.to_owned() }).await;
    }

    pub(super) async fn seen(&self, peer: PeerId, source: Source, url: Option<String>, profile: Profile) {
        if self.is_ours(peer.as_str()) {
            return;
        }
        self.contacts().seen(&peer, source, url.as_deref(), Instant::now());
        self.tell(Discovered::Seen(Sighting { peer, source, url, profile })).await;
    }

    pub(super) async fn left(&self, peer: PeerId, source: Source) {
        self.contacts().left(&peer, source);
        self.tell(Discovered::Left { peer, source }).await;
    }

    pub(super) async fn signal(&self, from: PeerId, via: Via, signal: Signal) {
        let source = match via {
            Via::Rendezvous(index) => Some(Source::Rendezvous(index)),
            Via::Signaling(index) => Some(Source::Signaling(index)),
            Via::Http | Via::Peer(_) | Via::Link => None,
        };
        if let Some(source) = source {
            self.contacts().seen(&from, source, None, Instant::now());
        }
        self.tell(Discovered::Signal { from, via, signal }).await;
    }

    /// `None`: the node stops.
    pub(super) async fn sleep(&self, pause: Duration) -> Option<()> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Some(()),
            () = self.stop.cancelled() => None,
        }
    }

    /// Asks a server of the configuration.
    pub(super) async fn get(
        &self,
        url: String,
        token: Option<&SecretString>,
        bytes_max: usize,
    ) -> Result<Value, HttpError> {
        let timeout = self.options.request_timeout;
        let reach = Reach::Configured;
        self.http.ask(Ask { method: Method::GET, url, reach, body: None, token, bytes_max, timeout }).await
    }

    /// Tells a server of the configuration.
    pub(super) async fn post(
        &self,
        url: String,
        token: Option<&SecretString>,
        body: &Value,
    ) -> Result<Value, HttpError> {
        let (timeout, bytes_max) = (self.options.request_timeout, self.options.answer_bytes_max);
        let reach = Reach::Configured;
        self.http.ask(Ask { method: Method::POST, url, reach, body: Some(body), token, bytes_max, timeout }).await
    }

    /// Asks a node at a URL that anybody may have told.
    pub(super) async fn get_of_node(&self, url: &str, path: &str, bytes_max: usize) -> Result<Value, HttpError> {
        self.ask_node(Method::GET, url, path, None, bytes_max).await
    }

    /// Tells a node at a URL that anybody may have told.
    pub(super) async fn post_to_node(&self, url: &str, path: &str, body: &Value) -> Result<Value, HttpError> {
        self.ask_node(Method::POST, url, path, Some(body), self.options.answer_bytes_max).await
    }

    async fn ask_node(
        &self,
        method: Method,
        url: &str,
        path: &str,
        body: Option<&Value>,
        bytes_max: usize,
    ) -> Result<Value, HttpError> {
        let base = node_url(url).ok_or_else(|| HttpError::Url(url.to_owned()))?;
        let is_named = self.options.bootstrap.iter().any(|named| named.trim_end_matches('/') == base);
        let reach = if is_named {
            Reach::Configured
        } else {
            Reach::of_told(self.us.borrow().url.as_deref(), self.options.loopback)
        };
        let (url, timeout) = (join(&base, path), self.options.request_timeout);
        let asked = self.http.ask(Ask { method, url, reach, body, token: None, bytes_max, timeout }).await;
        if let Err(HttpError::OutOfReach(_)) = &asked {
            count(&self.counters.out_of_reach);
        }
        asked
    }

    /// Sends a signed packet to a node's HTTP API, and tells its answer. One that cannot be sent is lost.
    pub(super) async fn gossip(&self, url: &str, packet: &Value) {
        match self.post_to_node(url, "/gossip", packet).await {
            // Synapse-NG's word for a channel that it has left meanwhile.
            Ok(reply) if reply.get("status").is_some() => {}
            Ok(reply) => self.tell(Discovered::GossipReply(reply)).await,
            Err(error) => tracing::debug!(%error, "a packet was not taken"),
        }
    }

    pub(super) fn contacts(&self) -> MutexGuard<'_, Contacts> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A URL was told by `source`. Ours, malformed ones and one too many are left out. Returns whose it is, if that is known.
    pub(super) fn add_url(&self, text: &str, source: Source, is_pinned: bool) -> Option<(PeerId, Profile)> {
        let Some(url) = node_url(text) else {
            count(&self.counters.malformed);
            return None;
        };
        if self.us.borrow().url.as_deref() == Some(url.as_str()) {
            return None;
        }
        match self.known().add(&url, source, is_pinned, Instant::now()) {
            Added::New => self.fresh_url.notify_one(),
            Added::Known(whose) => return whose,
            Added::Full => count(&self.counters.beyond_bounds),
        }
        None
    }

    /// Where we are reached by those who are where `server` is: as configured, or else by the address towards it.
    pub(super) async fn url_towards(&self, server: &str) -> Option<String> {
        if let Some(url) = &self.given_url {
            return Some(url.clone());
        }
        let port = self.us.borrow().port;
        let url = own_url::towards(server, port).await?;
        self.take_url(&url).await;
        Some(url)
    }

    /// A URL was found for us where none was configured. The first stays until its address is ours no longer: others know us by it.
    pub(super) async fn take_url(&self, url: &str) {
        let is_new = self.given_url.is_none()
            && self.us.send_if_modified(|us| {
                let is_new = !us.url.as_deref().is_some_and(own_url::is_on_this_host);
                if is_new {
                    us.url = Some(url.to_owned());
                }
                is_new
            });
        if is_new {
            self.tell(Discovered::OwnUrl(url.to_owned())).await;
        }
    }
}

/// `base` and a path, with one slash between.
pub(super) fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

/// Whether an id is a node's: base64url of 32 bytes, padded.
pub(super) fn is_node_id(text: &str) -> bool {
    PeerId::new(text).is_ok_and(|id| key_of(&id).is_ok())
}
