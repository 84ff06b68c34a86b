use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use sangam_mesh_proto::PeerId;
use sangam_net::http::{Client, Scheme};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::words::given;
use crate::discovery::node_url;
use crate::http::answer::{Unanswered, fresh, refused};
use crate::http::body::Whole;
use crate::http::detail::{Shape, object};
use crate::http::shared::Shared;
use crate::node::{Command, NodeView};

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    peer_id: Option<Box<RawValue>>,
    #[serde(default)]
    peer_url: Option<Box<RawValue>>,
}

/// A node says hello and is told who we are and whom we know.
pub(in crate::http) async fn handshake(
    State(shared): State<Arc<Shared>>,
    client: Option<Extension<Client>>,
    headers: HeaderMap,
    body: Whole,
) -> Response {
    let members = match object::<Members>(&body.bytes, Shape::Dictionary) {
        Ok((members, _)) => members,
        Err(wrong) => return wrong.into_response(),
    };
    let peer = given(members.peer_id.as_deref()).and_then(|id| PeerId::new(&id).ok());
    let url = given(members.peer_url.as_deref()).and_then(|url| node_url(&url));
    let (Some(peer), Some(url)) = (peer, url) else {
        return refused(StatusCode::BAD_REQUEST, "peer_id e peer_url sono obbligatori");
    };
    let asked = asked_by(client.map(|it| it.0).as_ref(), &headers);
    answer(&shared, peer, url, asked).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(shared: &Shared, peer: PeerId, url: String, asked: Option<String>) -> Result<Response, Unanswered> {
    let known = shared.ask(|reply| Command::Handshake { peer, url, reply }).await?;
    let NodeView { id, url, channels } = shared.ask(Command::Us).await?;
    Ok(fresh(&json!({
        "node_id": id.as_str(),
        "node_url": url.or(asked),
        "channels": channels,
        "known_peers": known.get(..10).unwrap_or(&known),
    })))
}

/// Where the asker reached us: what a node without a URL of its own can say of itself.
fn asked_by(client: Option<&Client>, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty())?;
    let scheme = match client.map(|client| client.scheme) {
        Some(Scheme::Https) => "https",
        Some(Scheme::Http) | None => "http",
    };
    Some(format!("{scheme}://{host}"))
}
