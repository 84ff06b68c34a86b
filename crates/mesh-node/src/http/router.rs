use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::options::{HttpDeps, HttpOptions};
use super::shared::Shared;
use super::{front, original, own, page, streams};
use crate::node::Node;

/// The routes of a node, complete but for a listener and a fallback. Each request should carry a
/// [`Client`](sangam_net::http::Client), as `net` puts it there; one without is from nowhere and privileged by nothing.
///
/// Must be called within a tokio runtime: what `/ws` tells is made by a task, that ends with the last clone of the router.
pub fn router(node: Node, options: HttpOptions, deps: HttpDeps) -> Router {
    let shared = Arc::new(Shared::new(node, options, deps));
    streams::full_update::start(&shared);
    Router::new()
        .merge(open())
        .merge(readable(&shared))
        .merge(writable(&shared))
        .method_not_allowed_fallback(front::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&shared), front::front))
        .with_state(shared)
}

/// What other nodes call, and what the original shows to everybody.
fn open() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(page::page))
        .route("/whoami", get(original::identity::whoami))
        .route("/channels", get(original::identity::channels))
        .route("/state", get(original::identity::state))
        .route("/gossip", post(original::gossip::gossip))
        .route("/bootstrap/handshake", post(original::handshake::handshake))
        .route("/p2p/signal/relay", post(original::signals::relay))
        .route("/p2p/signal/receive", post(original::signals::receive))
        .route("/webrtc/connections", get(original::webrtc::connections))
        .route("/webrtc/ice-metrics", get(original::webrtc::ice_metrics))
        .route("/pubsub/stats", get(original::pubsub::stats))
        .route("/network/stats", get(original::network_stats::stats))
        .route("/raft/request_vote", post(original::raft::no_validator))
        .route("/raft/append_entries", post(original::raft::no_validator))
}

fn readable(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/ws", get(streams::full_update::socket))
        .route("/api/v1/node", get(own::views::node))
        .route("/api/v1/links", get(own::views::links))
        .route("/api/v1/peers", get(own::views::peers))
        .route("/api/v1/topics", get(own::views::topics))
        .route("/api/v1/events", get(streams::events::events))
        .route("/api/v1/messages", get(streams::events::messages))
        .route_layer(from_fn_with_state(Arc::clone(shared), front::readers))
}

fn writable(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/publish", post(own::orders::publish))
        .route("/api/v1/send", post(own::orders::send))
        .route("/api/v1/dial", post(own::orders::dial))
        .route("/api/v1/hang", post(own::orders::hang))
        .route_layer(from_fn_with_state(Arc::clone(shared), front::writers))
}
