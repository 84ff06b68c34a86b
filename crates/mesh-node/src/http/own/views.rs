use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use sangam_mesh_proto::mesh::{PeerView, Source};
use sangam_mesh_proto::{LinkState, SelectedPair};
use serde_json::{Value, json};

use crate::http::answer::{Unanswered, fresh};
use crate::http::shared::Shared;
use crate::node::{Command, LinkView};

pub(in crate::http) async fn node(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let us = shared.ask(Command::Us).await?;
    Ok(fresh(&json!({
        "id": us.id.as_str(),
        "url": us.url,
        "channels": us.channels,
        "version": shared.options.version,
        "uptime_secs": shared.now().saturating_since(sangam_types::Mono::ZERO).as_secs(),
    })))
}

pub(in crate::http) async fn links(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let links: Vec<Value> = shared.ask(Command::Links).await?.iter().map(link).collect();
    Ok(fresh(&json!({ "links": links })))
}

pub(in crate::http) async fn peers(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let peers: Vec<Value> = shared.ask(Command::Peers).await?.iter().map(peer).collect();
    Ok(fresh(&json!({ "peers": peers })))
}

pub(in crate::http) async fn topics(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let view = shared.ask(Command::Topics).await?;
    let topic =
        |it: &sangam_mesh_proto::gossip::TopicStats| json!({ "topic": it.topic, "peers": it.peers, "seen": it.seen });
    let stats = &view.stats;
    Ok(fresh(&json!({
        "topics": view.topics.iter().map(topic).collect::<Vec<_>>(),
        "published": stats.published,
        "delivered": stats.delivered,
        "duplicates": stats.duplicates,
        "forwarded": stats.forwarded,
        "recovered": stats.recovered,
        "held_back": stats.held_back,
        "cached_bytes": stats.cached_bytes,
    })))
}

fn link(link: &LinkView) -> Value {
    json!({
        "link": link.link.0,
        "peer": link.peer.as_str(),
        "profile": link.profile.as_str(),
        "state": link.state.as_str(),
        "reason": reason(link.state),
        "ice_state": link.ice.as_str(),
        "channel_open": link.channel_open,
        "selected_pair": link.pair.as_ref().map(pair),
        "open_ms": link.open_for.map(millis),
        "connect_ms": link.connect_time.map(millis),
        "bytes_sent": link.bytes.0,
        "bytes_received": link.bytes.1,
        "messages_sent": link.messages.0,
        "messages_received": link.messages.1,
        "interruptions": link.interruptions,
    })
}

fn pair(pair: &SelectedPair) -> Value {
    json!({
        "local": { "kind": pair.local_kind.as_str(), "address": pair.local },
        "remote": { "kind": pair.remote_kind.as_str(), "address": pair.remote },
        "protocol": pair.protocol.as_str(),
        "relayed": pair.is_relayed(),
        "round_trip_ms": pair.round_trip.map(|it| it.as_secs_f64() * 1e3),
    })
}

fn peer(peer: &PeerView) -> Value {
    let mut sources: Vec<String> = peer.contacts.iter().map(|contact| source(contact.source)).collect();
    sources.sort();
    json!({
        "id": peer.peer.as_str(),
        "profile": peer.profile.as_str(),
        "url": peer.url,
        "sources": sources,
        "link": peer.link.map(|(link, now)| json!({ "link": link.0, "state": now.as_str(), "reason": reason(now) })),
        "attempts": peer.attempts,
    })
}

/// With its place in the configuration, from 0, where there may be several.
fn source(source: Source) -> String {
    match source {
        Source::Mdns => "mdns".to_owned(),
        Source::Rendezvous(place) => format!("rendezvous:{place}"),
        Source::Bootstrap => "bootstrap".to_owned(),
        Source::Signaling(place) => format!("signaling:{place}"),
        Source::Gossip => "gossip".to_owned(),
        Source::Contact => "contact".to_owned(),
    }
}

fn reason(state: LinkState) -> Option<&'static str> {
    match state {
        LinkState::Closed(why) => Some(why.as_str()),
        LinkState::Connecting | LinkState::Open | LinkState::Interrupted => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
