//! Nodes named in the configuration: greeted until they answer, and again from time to time.

use std::sync::Arc;
use std::time::Duration;

use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{PeerId, Profile};
use serde_json::{Value, json};

use super::backoff::Backoff;
use super::context::{Context, is_node_id};
use super::http_client::HttpError;
use super::place;

/// A node that was greeted is greeted again after this long: it may have been started anew, and remembers nobody.
const AGAIN: Duration = Duration::from_secs(60);
/// URLs of one answer that are taken; originals tell ten.
const PEERS_MAX: usize = 64;

/// Greets `url` until the node stops.
pub(super) async fn run(context: Arc<Context>, url: String) {
    let Some(url) = place::node_url(&url) else {
        return context.tell_source(Source::Bootstrap, false, &format!("`{url}` is no URL of a node")).await;
    };
    let mut backoff = Backoff::new(context.options.retry_first, context.options.retry_max);
    let mut was_up = None;
    loop {
        let done = tokio::select! {
            done = greet(&context, &url) => done,
            () = context.stop.cancelled() => return,
        };
        if was_up != Some(done.is_ok()) {
            was_up = Some(done.is_ok());
            let detail = match &done {
                Ok(()) => url.clone(),
                Err(error) => format!("{url}: {error}"),
            };
            context.tell_source(Source::Bootstrap, done.is_ok(), &detail).await;
        }
        let pause = match done {
            Ok(()) => {
                backoff.reset();
                AGAIN
            }
            Err(_) => backoff.fail(),
        };
        if context.sleep(pause).await.is_none() {
            return;
        }
    }
}

async fn greet(context: &Context, url: &str) -> Result<(), HttpError> {
    let ours = context.url_towards(url).await;
    // Without a URL of our own we cannot greet, but visit.
    context.add_url(url, Source::Bootstrap, true);
    let Some(ours) = ours else { return Ok(()) };
    let body = json!({"peer_id": context.our_id().as_str(), "peer_url": ours});
    let answer = context.post_to_node(url, "/bootstrap/handshake", &body).await?;
    let id = answer.get("node_id").and_then(Value::as_str).filter(|id| is_node_id(id));
    if let Some(peer) = id.and_then(|id| PeerId::new(id).ok()) {
        context.seen(peer, Source::Bootstrap, Some(url.to_owned()), Profile::Unknown).await;
    }
    let told = answer.get("known_peers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for peer in told.iter().take(PEERS_MAX).filter_map(Value::as_str) {
        context.add_url(peer, Source::Gossip, false);
    }
    Ok(())
}
