use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sangam_mesh_proto::{LinkState, PeerId};
use serde_json::{Value, json};

use super::words::channel_state;
use crate::http::answer::{Unanswered, fresh};
use crate::http::shared::Shared;
use crate::node::{Command, LinkView};

/// Links by peer.
pub(in crate::http) async fn connections(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let links = by_peer(shared.ask(Command::Links).await?);
    let connections: BTreeMap<&str, Value> =
        links.iter().map(|(peer, link)| (peer.as_str(), connection(link))).collect();
    Ok(fresh(&json!({
        "total_connections": links.len(),
        "active_data_channels": links.values().filter(|link| is_active(link)).count(),
        "connections": connections,
    })))
}

pub(in crate::http) async fn ice_metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    Ok(fresh(&shared.ask(Command::IceMetrics).await?))
}

/// One link for each peer: while a new one takes the place of another there are two, and the one that works counts.
pub(super) fn by_peer(links: Vec<LinkView>) -> BTreeMap<PeerId, LinkView> {
    let mut by_peer: BTreeMap<PeerId, LinkView> = BTreeMap::new();
    for link in links {
        let better = by_peer.get(&link.peer).is_none_or(|other| rank(&link) >= rank(other));
        if better {
            by_peer.insert(link.peer.clone(), link);
        }
    }
    by_peer
}

fn rank(link: &LinkView) -> u8 {
    match link.state {
        LinkState::Open => 3,
        LinkState::Interrupted => 2,
        LinkState::Connecting => 1,
        LinkState::Closed(_) => 0,
    }
}

pub(super) fn is_active(link: &LinkView) -> bool {
    link.channel_open && link.state == LinkState::Open
}

/// The original's keys, and what carries the link. No address: everybody may read this.
fn connection(link: &LinkView) -> Value {
    let pair = link.pair.as_ref().map(|pair| {
        json!({
            "local": pair.local_kind.as_str(),
            "remote": pair.remote_kind.as_str(),
            "relayed": pair.is_relayed(),
        })
    });
    json!({
        "connection_state": link.state.connection_state(),
        "ice_connection_state": link.ice.as_str(),
        "data_channel_state": channel_state(link.channel_open, link.state),
        "profile": link.profile.as_str(),
        "selected_pair": pair,
    })
}
