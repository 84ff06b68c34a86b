//! Asking nodes what they know: their id, their state, their channels.

use std::sync::Arc;
use std::time::Instant;

use rand::RngExt as _;
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::state::profile_by;
use sangam_mesh_proto::{PeerId, Profile};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::context::{Context, count, is_node_id};
use super::http_client::HttpError;
use super::{Discovered, Document};

/// Visits new URLs at once, and one known URL each round, until the node stops.
pub(super) async fn run(context: Arc<Context>) {
    let slots = Arc::new(Semaphore::new(context.options.visits_max.max(1)));
    let mut next_round = tokio::time::Instant::now() + round(&context);
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = context.fresh_url.notified() => {}
            () = tokio::time::sleep_until(next_round) => {
                next_round = tokio::time::Instant::now() + round(&context);
                let any = context.known().any();
                if let Some((url, source)) = any {
                    start(&context, &slots, url, source).await;
                }
            }
        }
        loop {
            let fresh = context.known().take_fresh();
            let Some((url, source)) = fresh else { break };
            start(&context, &slots, url, source).await;
        }
    }
}

/// How long a round takes this time.
pub(super) fn round(context: &Context) -> std::time::Duration {
    let (least, most) = context.options.round;
    rand::rng().random_range(least..=most.max(least))
}

/// Waits for a free place, so that one slow node does not hold up the others, and many make neither many tasks nor many documents
/// that nobody has read yet.
async fn start(context: &Arc<Context>, slots: &Arc<Semaphore>, url: String, source: Source) {
    let slot = tokio::select! {
        slot = Arc::clone(slots).acquire_owned() => slot,
        () = context.stop.cancelled() => return,
    };
    let Ok(slot) = slot else { return };
    let context = Arc::clone(context);
    tokio::spawn(async move {
        tokio::select! {
            () = context.stop.cancelled() => {}
            () = visit(&context, &url, source, Arc::new(slot)) => {}
        }
    });
}

async fn visit(context: &Context, url: &str, source: Source, slot: Arc<OwnedSemaphorePermit>) {
    let options = &context.options;
    let state = match context.get_of_node(url, "/state", options.state_bytes_max).await {
        Ok(state) => state,
        Err(error) => return failed(context, url, &error),
    };
    let peer = match node_at(&state, url) {
        Some(node) => Some(node),
        None => whoami(context, url, &state).await,
    };
    if let Some((peer, _)) = &peer
        && context.is_ours(peer.as_str())
    {
        return context.known().is_ours(url);
    }
    if let Some((peer, profile)) = peer {
        context.known().is_of(url, &peer, profile);
        context.seen(peer, source, Some(url.to_owned()), profile).await;
    }
    let document = Document { value: state, _visit: Arc::clone(&slot) };
    context.tell(Discovered::StateOf(url.to_owned(), document)).await;
    if let Ok(channels) = context.get_of_node(url, "/channels", options.answer_bytes_max).await {
        let common = common(context, &channels);
        context.tell(Discovered::Channels { url: url.to_owned(), common }).await;
    }
    drop(slot);
}

/// Whoever cannot be reached is forgotten until it is told again; whoever answers nonsense is kept.
fn failed(context: &Context, url: &str, error: &HttpError) {
    tracing::debug!(url, %error, "a node could not be asked for its state");
    match error {
        HttpError::Unreached(_) | HttpError::OutOfReach(_) | HttpError::Timeout(_) | HttpError::Url(_) => {
            context.known().failed(url, Instant::now());
        }
        HttpError::TooLarge(_) => count(&context.counters.beyond_bounds),
        HttpError::Status(_) | HttpError::Json => count(&context.counters.malformed),
    }
}

/// The node whose record has exactly this URL: the rule by which Synapse-NG nodes know each other.
fn node_at(state: &Value, url: &str) -> Option<(PeerId, Profile)> {
    let nodes = state.get("global")?.get("nodes")?.as_object()?;
    let is_at = |node: &Value| {
        let told = node.get("url").and_then(Value::as_str);
        told.is_some_and(|told| told.trim_end_matches('/') == url)
    };
    let (id, node) = nodes.iter().find(|(id, node)| is_node_id(id) && is_at(node))?;
    Some((PeerId::new(id).ok()?, profile_of(node)))
}

fn profile_of(node: &Value) -> Profile {
    profile_by(node.get("software").and_then(Value::as_str))
}

/// A node that is reached at another URL than it believes.
async fn whoami(context: &Context, url: &str, state: &Value) -> Option<(PeerId, Profile)> {
    let answer = context.get_of_node(url, "/whoami", context.options.answer_bytes_max).await.ok()?;
    let id = answer.get("node_id")?.as_str().filter(|id| is_node_id(id))?;
    let node = state.get("global").and_then(|global| global.get("nodes")?.get(id));
    Some((PeerId::new(id).ok()?, node.map_or(Profile::Unknown, profile_of)))
}

fn common(context: &Context, channels: &Value) -> Vec<String> {
    let ours = context.us.borrow().channels.clone();
    let theirs = channels.as_array().map_or(&[][..], Vec::as_slice);
    ours.into_iter().filter(|name| theirs.iter().any(|told| told.as_str() == Some(name))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn a_node_is_known_by_the_record_that_has_exactly_its_url() {
        let other = ID.replace("AAEC", "BBEC");
        let state = |node: Value| json!({"global": {"nodes": {other.as_str(): {"url": "http://other:1"}, ID: node}}});
        let plain = state(json!({"url": "http://n:8000"}));
        let id = PeerId::new(ID).unwrap();
        assert_eq!(node_at(&plain, "http://n:8000"), Some((id.clone(), Profile::Synapse)));
        assert_eq!(node_at(&plain, "http://n:80"), None);
        let sangam = state(json!({"url": "http://n:8000/", "software": "sangam/0.1.0"}));
        assert_eq!(node_at(&sangam, "http://n:8000"), Some((id, Profile::Sangam)));
    }

    #[test]
    fn a_record_under_something_that_is_no_key_is_nobody() {
        for state in [json!(null), json!({"global": {"nodes": {"mallory": {"url": "http://n"}}}}), json!({"global": 7})]
        {
            assert_eq!(node_at(&state, "http://n"), None);
        }
    }
}
