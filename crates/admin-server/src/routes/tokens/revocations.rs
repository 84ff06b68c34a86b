use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use sangam_control::{Revocation, RevocationError, RevokedToken, TokenRevocation};
use serde::{Deserialize, Serialize};

use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, Links, Listed};
use crate::routes::revocation::{not_found, refused, time};
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

/// Which, and for how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    jti: Option<String>,
    sub: Option<String>,
    until: Option<String>,
}

/// `?jti=` or `?sub=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    jti: Option<String>,
    sub: Option<String>,
}

#[derive(Serialize)]
struct Meta {
    count: usize,
}

/// No token that is accepted has longer texts.
const NAME_BYTES_MAX: usize = 4_096;

/// `GET /api/v1/tokens/revocations`: all of them, whose number is bounded.
pub(crate) async fn list(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let data = shared.tokens.list(shared.now().wall);
    let meta = Meta { count: data.len() };
    let links = Links { here: uri.to_string(), next: None };
    fresh_json(StatusCode::OK, &Listed::<TokenRevocation, Meta> { data, meta, links })
}

/// `POST /api/v1/tokens/revocations`
pub(crate) async fn revoke(
    writer: Writer,
    State(shared): State<Arc<Shared>>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Order { jti, sub, until } = read_json(&body)?;
    let name = name_of(jti, sub)?;
    let until = until.as_deref().map(time).transpose()?;
    let revocation = Revocation { name, since: shared.now().wall, until };
    let (by, which) = (writer.subject, revocation.name.to_string());
    let saved = revocation.clone();
    blocking(move || shared.tokens.put(saved)).await?;
    tracing::info!(by, which, "token revocation");
    Ok(fresh_json(StatusCode::CREATED, &revocation))
}

/// `DELETE /api/v1/tokens/revocations?jti=` or `?sub=`
pub(crate) async fn restore(
    writer: Writer,
    State(shared): State<Arc<Shared>>,
    Asked(Which { jti, sub }): Asked<Which>,
) -> Result<Response, Problem> {
    let name = name_of(jti, sub)?;
    let (by, which) = (writer.subject, name.to_string());
    let was_there = blocking(move || shared.tokens.take_back(&name, shared.now().wall)).await?;
    tracing::info!(by, which, was_there, "token revocation taken back");
    if was_there { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(not_found()) }
}

/// Waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, RevocationError> + Send + 'static,
) -> Result<T, Problem> {
    let panicked = |error: tokio::task::JoinError| RevocationError::NotSaved { cause: error.to_string() };
    tokio::task::spawn_blocking(change).await.map_err(panicked).flatten().map_err(refused)
}

fn name_of(jti: Option<String>, sub: Option<String>) -> Result<RevokedToken, Problem> {
    let name = match (jti, sub) {
        (Some(jti), None) => RevokedToken::Jti(jti),
        (None, Some(sub)) => RevokedToken::Sub(sub),
        (Some(_), Some(_)) | (None, None) => {
            let detail = "Name either a `jti` or a `sub`.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "selection_required", detail));
        }
    };
    let (RevokedToken::Jti(text) | RevokedToken::Sub(text)) = &name;
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        let detail = format!("A name has 1 to {NAME_BYTES_MAX} bytes.");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "name_invalid", detail));
    }
    Ok(name)
}
