use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::http::answer::{Unanswered, fresh};
use crate::http::shared::Shared;
use crate::node::Command;

pub(in crate::http) async fn whoami(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let us = shared.ask(Command::Us).await?;
    Ok(fresh(&json!({ "node_id": us.id.as_str() })))
}

pub(in crate::http) async fn channels(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    Ok(fresh(&shared.ask(Command::Us).await?.channels))
}

pub(in crate::http) async fn state(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    Ok(fresh(&shared.ask(Command::State).await?))
}
