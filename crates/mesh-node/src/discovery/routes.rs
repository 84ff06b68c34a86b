//! Signals on their way: one queue per peer, so that a candidate never overtakes its description.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sangam_mesh_proto::{PeerId, Signal, Via};
use serde_json::{Value, json};

use super::Discovered;
use super::context::{Context, count, is_node_id};
use super::payload;
use super::rendezvous::Rendezvous;
use super::report::Report;
use super::signaling::Signaling;

/// All ways signals can go.
pub(super) struct Routes {
    pub(super) context: Arc<Context>,
    pub(super) rendezvous: Vec<Arc<Rendezvous>>,
    pub(super) signaling: Vec<Arc<Signaling>>,
    /// URLs of nodes that we have a link with, and that pass signals on.
    relays: Mutex<Vec<String>>,
    queues: Mutex<HashMap<PeerId, VecDeque<Posted>>>,
}

/// A signal that is to be sent.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) via: Option<Via>,
    pub(super) url: Option<String>,
    pub(super) signal: Signal,
    pub(super) whole: bool,
    /// A signed packet with our record, for a node that may not know us.
    pub(super) introduction: Option<Value>,
}

/// Nodes that are asked to pass a signal on.
const RELAYS_MAX: usize = 16;

impl Routes {
    pub(super) fn new(context: Arc<Context>, rendezvous: Vec<Arc<Rendezvous>>, signaling: Vec<Arc<Signaling>>) -> Self {
        Self { context, rendezvous, signaling, relays: Mutex::default(), queues: Mutex::default() }
    }

    pub(super) fn check(&self) {
        for way in &self.signaling {
            way.check();
        }
    }

    pub(super) fn set_relays(&self, mut urls: Vec<String>) {
        urls.truncate(RELAYS_MAX);
        *self.relays.lock().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    /// To the first server that takes reports, those that have the peer before the others.
    pub(super) fn report(&self, peer: &PeerId, report: Report) {
        let ways = self.context.contacts().ways(peer, None);
        let theirs = ways.iter().filter_map(|way| match way {
            Via::Signaling(index) => self.signaling.get(usize::from(*index)),
            Via::Rendezvous(_) | Via::Http | Via::Peer(_) | Via::Link => None,
        });
        let taker = theirs.chain(&self.signaling).find(|server| server.takes_reports());
        if taker.is_some_and(|server| !server.report(report)) {
            count(&self.context.counters.beyond_bounds);
        }
    }

    /// Puts a signal into its peer's queue. A queue that is full, or one queue too many, costs the signal and is told.
    pub(super) fn post(self: &Arc<Self>, to: &PeerId, posted: Posted) {
        let options = &self.context.options;
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !queues.contains_key(to);
        let is_full = if is_new {
            queues.len() >= options.peers_max
        } else {
            queues.get(to).is_some_and(|queue| queue.len() >= options.queue_max)
        };
        if is_full {
            drop(queues);
            count(&self.context.counters.beyond_bounds);
            return self.context.tell_now(Discovered::Undeliverable { to: to.clone(), signal: Some(posted.signal) });
        }
        queues.entry(to.clone()).or_default().push_back(posted);
        if is_new {
            tokio::spawn(Arc::clone(self).deliver(to.clone()));
        }
    }

    /// Sends what is queued for one peer, in order; the queue goes when it is empty.
    async fn deliver(self: Arc<Self>, to: PeerId) {
        while let Some(posted) = self.next(&to) {
            let sent = tokio::select! {
                sent = self.send(&to, &posted) => sent,
                () = self.context.stop.cancelled() => return,
            };
            if sent {
                count(&self.context.counters.sent);
            } else {
                count(&self.context.counters.undeliverable);
                let signal = Some(posted.signal);
                self.context.tell(Discovered::Undeliverable { to: to.clone(), signal }).await;
            }
        }
    }

    fn next(&self, to: &PeerId) -> Option<Posted> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let next = queues.get_mut(to)?.pop_front();
        if next.is_none() {
            queues.remove(to);
        }
        next
    }

    /// Every way in turn, until one takes it.
    async fn send(&self, to: &PeerId, posted: &Posted) -> bool {
        let ways = self.context.contacts().ways(to, posted.via.clone());
        let known_url = self.context.contacts().url(to).map(str::to_owned);
        let url = posted.url.clone().or(known_url);
        for way in ways {
            if self.send_by(&way, to, url.as_deref(), posted).await {
                return true;
            }
        }
        self.send_by_relays(to, posted).await || self.send_by_any_rendezvous(to, posted).await
    }

    /// A rendezvous takes mail for anybody: the peer may read it there although it was never seen there, as behind a NAT nobody
    /// can visit it.
    async fn send_by_any_rendezvous(&self, to: &PeerId, posted: &Posted) -> bool {
        if is_superfluous(posted) {
            return true;
        }
        let mut is_sent = false;
        for rendezvous in &self.rendezvous {
            is_sent |= rendezvous.send(to, &posted.signal).await.is_ok();
        }
        is_sent
    }

    async fn send_by(&self, way: &Via, to: &PeerId, url: Option<&str>, posted: &Posted) -> bool {
        let signal = &posted.signal;
        match way {
            Via::Signaling(index) => {
                let Some(server) = self.signaling.get(usize::from(*index)) else { return false };
                // An agent's library may stumble over a candidate that is none.
                let is_end = matches!(signal, Signal::EndOfCandidates { .. });
                is_end && !is_node_id(to.as_str()) || server.send(to, signal)
            }
            Via::Rendezvous(_) | Via::Http if is_superfluous(posted) => true,
            Via::Rendezvous(index) => {
                let Some(rendezvous) = self.rendezvous.get(usize::from(*index)) else { return false };
                rendezvous.send(to, signal).await.is_ok()
            }
            Via::Http => match url {
                Some(url) => self.send_by_http(url, posted).await,
                None => false,
            },
            Via::Peer(relay) => {
                let url = self.context.contacts().url(relay).map(str::to_owned);
                match url {
                    Some(url) => !is_superfluous(posted) && self.relayed(&url, to, signal).await,
                    None => false,
                }
            }
            Via::Link => false,
        }
    }

    async fn send_by_http(&self, url: &str, posted: &Posted) -> bool {
        if let Some(packet) = &posted.introduction {
            self.context.gossip(url, packet).await;
        }
        self.post_to(url, &self.context.our_id(), &posted.signal).await
    }

    /// Posts a signal to a node's HTTP API.
    pub(super) async fn post_to(&self, url: &str, from: &PeerId, signal: &Signal) -> bool {
        let body = json!({
            "from_peer": from.as_str(),
            "type": payload::word(signal),
            "payload": payload::write(signal),
        });
        self.context.post_to_node(url, "/p2p/signal/receive", &body).await.is_ok()
    }

    async fn send_by_relays(&self, to: &PeerId, posted: &Posted) -> bool {
        if is_superfluous(posted) {
            return true;
        }
        let relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for url in relays {
            if self.relayed(&url, to, &posted.signal).await {
                return true;
            }
        }
        false
    }

    async fn relayed(&self, url: &str, to: &PeerId, signal: &Signal) -> bool {
        let body = json!({
            "from_peer": self.context.our_id().as_str(),
            "to_peer": to.as_str(),
            "type": payload::word(signal),
            "payload": payload::write(signal),
        });
        self.context.post_to_node(url, "/p2p/signal/relay", &body).await.is_ok()
    }
}

/// A candidate by itself, for a peer that has them all in the description and loses its mail over it.
fn is_superfluous(posted: &Posted) -> bool {
    posted.whole && !matches!(posted.signal, Signal::Description(_))
}
