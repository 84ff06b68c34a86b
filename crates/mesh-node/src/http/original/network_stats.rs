use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use sangam_mesh_proto::{LinkState, PeerId};
use serde_json::{Value, json};

use super::timestamp;
use super::webrtc::{by_peer, is_active};
use super::words::channel_state;
use crate::http::answer::{Unanswered, fresh};
use crate::http::shared::Shared;
use crate::node::{Command, LinkView, TopicsView};

pub(in crate::http) async fn stats(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let state = shared.ask(Command::State).await?;
    Ok(fresh(&network_stats(&shared, &state).await?))
}

/// The document, with reputations as `state` has them.
pub(in crate::http) async fn network_stats(shared: &Shared, state: &Value) -> Result<Value, Unanswered> {
    let links = by_peer(shared.ask(Command::Links).await?);
    let peers = shared.ask(Command::Peers).await?;
    let topics = shared.ask(Command::Topics).await?;
    let reputations = Reputations::of(state);
    let known: BTreeSet<&PeerId> = peers.iter().map(|peer| &peer.peer).chain(links.keys()).collect();
    let direct = links.values().filter(|link| is_active(link)).count();
    let connecting = links.values().filter(|link| link.state == LinkState::Connecting).count();
    let shown: BTreeMap<&str, Value> = links.iter().map(|(id, link)| (id.as_str(), peer(link, &reputations))).collect();
    Ok(json!({
        "timestamp": timestamp(),
        "webrtc_connections": { "total_established": direct, "total_connecting": connecting, "peers": shown },
        "synapsesub_stats": synapsesub(&topics),
        "network_topology": {
            "total_nodes": known.len() + 1,
            "connected_direct": direct,
            "discovered_only": known.len() - direct,
        },
    }))
}

fn synapsesub(view: &TopicsView) -> Value {
    let topics: BTreeMap<&str, Value> = view
        .topics
        .iter()
        .map(|topic| (topic.topic.as_str(), json!({ "mesh_size": topic.peers, "messages_seen": topic.seen })))
        .collect();
    let seen: usize = view.topics.iter().map(|topic| topic.seen).sum();
    json!({ "total_subscriptions": topics.len(), "topics": topics, "total_messages_seen": seen })
}

fn peer(link: &LinkView, reputations: &Reputations<'_>) -> Value {
    let reputation = reputations.of_peer(&link.peer);
    let round_trip = link.pair.as_ref().and_then(|pair| pair.round_trip);
    let score = score(link, round_trip, reputations.share(reputation));
    let health = match score {
        score if score >= 0.7 => "excellent",
        score if score >= 0.4 => "good",
        _ => "poor",
    };
    json!({
        "state": link.state.connection_state(),
        "ice_state": link.ice.as_str(),
        "data_channel": channel_state(link.channel_open, link.state),
        "latency_ms": round_trip.map(|it| rounded(it.as_secs_f64() * 1e3, 1e2)),
        "stability": rounded(stability(link), 1e3),
        "reputation": reputation,
        "score": rounded(score, 1e3),
        "health_status": health,
    })
}

/// The weights of the original's configuration: reputation, stability, latency. What is not known does not count.
const WEIGHTS: [f64; 3] = [0.5, 0.3, 0.2];

/// 0 to 1; a link that carries nothing is worth nothing.
fn score(link: &LinkView, round_trip: Option<Duration>, reputation: Option<f64>) -> f64 {
    if !is_active(link) {
        return 0.0;
    }
    let parts = [reputation, Some(stability(link)), round_trip.map(quickness)];
    let known = parts.iter().zip(WEIGHTS).filter_map(|(part, weight)| part.map(|part| (part * weight, weight)));
    let (sum, weights) = known.fold((0.0, 0.0), |(sum, weights), (part, weight)| (sum + part, weights + weight));
    sum / weights
}

/// 1 for a link that was never interrupted, half for one interruption, a third for two.
fn stability(link: &LinkView) -> f64 {
    1.0 / (1.0 + f64::from(link.interruptions))
}

/// A round trip at which a conversation is no longer one.
const SLOW: Duration = Duration::from_millis(500);

/// 1 for no time at all, 0 for [`SLOW`] and more.
fn quickness(round_trip: Duration) -> f64 {
    (1.0 - round_trip.as_secs_f64() / SLOW.as_secs_f64()).clamp(0.0, 1.0)
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// What channels say of nodes.
struct Reputations<'a> {
    nodes: Option<&'a serde_json::Map<String, Value>>,
    best: f64,
}

impl<'a> Reputations<'a> {
    fn of(state: &'a Value) -> Self {
        let nodes = state["global"]["nodes"].as_object();
        let all = nodes.into_iter().flatten().map(|(_, node)| reputation(node));
        Self { nodes, best: all.fold(0.0, f64::max) }
    }

    fn of_peer(&self, peer: &PeerId) -> f64 {
        self.nodes.and_then(|nodes| nodes.get(peer.as_str())).map_or(0.0, reputation)
    }

    /// As a share of the best there is; none if nobody has any.
    fn share(&self, reputation: f64) -> Option<f64> {
        (self.best > 0.0).then(|| (reputation / self.best).clamp(0.0, 1.0))
    }
}

/// A number in old records, an object with a total in newer ones.
fn reputation(node: &Value) -> f64 {
    let reputation = &node["reputation"];
    let number = reputation.as_f64().or_else(|| reputation["_total"].as_f64());
    number.filter(|it| it.is_finite()).unwrap_or_default()
}
