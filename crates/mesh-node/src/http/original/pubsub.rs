use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::answer::{Unanswered, fresh};
use crate::http::shared::Shared;
use crate::node::Command;

pub(in crate::http) async fn stats(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let view = shared.ask(Command::Topics).await?;
    let topics: BTreeMap<&str, Value> = view
        .topics
        .iter()
        .map(|topic| (topic.topic.as_str(), json!({ "peers": topic.peers, "seen_messages": topic.seen })))
        .collect();
    Ok(fresh(&json!({ "subscribed_topics": topics.len(), "topics": topics })))
}
