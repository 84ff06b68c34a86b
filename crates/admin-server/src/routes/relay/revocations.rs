use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use sangam_control::{Revocation, RevocationOrder, RevokedName};
use serde::{Deserialize, Serialize};

use super::Relay;
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, Links, Listed};
use crate::routes::revocation::{not_found, refused, time};
use crate::routes::{fresh_json, read_json};

/// Whose, and for how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    user: Option<String>,
    label: Option<String>,
    until: Option<String>,
}

/// `?user=` or `?label=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    user: Option<String>,
    label: Option<String>,
}

#[derive(Serialize)]
struct Meta {
    count: usize,
}

/// RFC 8489 §14.3: no USERNAME is longer, so no name in one.
const NAME_BYTES_MAX: usize = 509;

/// `GET /api/v1/relay/revocations`: all of them, whose number is bounded.
pub(crate) async fn list(Relay(relay): Relay, uri: Uri) -> Response {
    let data = relay.revocations();
    let meta = Meta { count: data.len() };
    let list: Listed<Revocation, Meta> = Listed { data, meta, links: Links { here: uri.to_string(), next: None } };
    fresh_json(StatusCode::OK, &list)
}

/// `POST /api/v1/relay/revocations`
pub(crate) async fn revoke(writer: Writer, Relay(relay): Relay, body: Bytes) -> Result<Response, Problem> {
    let Order { user, label, until } = read_json(&body)?;
    let name = name_of(user, label)?;
    let until = until.as_deref().map(time).transpose()?;
    let (by, whose) = (writer.subject, name.to_string());
    let outcome = relay.revoke(RevocationOrder { name, until }).await;
    tracing::info!(by, whose, ended = outcome.as_ref().map_or(0, |done| done.sessions.ended), "revocation");
    Ok(fresh_json(StatusCode::CREATED, &outcome.map_err(refused)?))
}

/// `DELETE /api/v1/relay/revocations?user=` or `?label=`
pub(crate) async fn restore(
    writer: Writer,
    Relay(relay): Relay,
    Asked(Whose { user, label }): Asked<Whose>,
) -> Result<Response, Problem> {
    let name = name_of(user, label)?;
    let (by, whose) = (writer.subject, name.to_string());
    let was_there = relay.restore(name).await.map_err(refused)?;
    tracing::info!(by, whose, was_there, "revocation taken back");
    if !was_there {
        return Err(not_found());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn name_of(user: Option<String>, label: Option<String>) -> Result<RevokedName, Problem> {
    let name = match (user, label) {
        (Some(user), None) => RevokedName::User(user),
        (None, Some(label)) => RevokedName::Label(label),
        (Some(_), Some(_)) | (None, None) => {
            let detail = "Name either a `user` or a `label`.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "selection_required", detail));
        }
    };
    let (RevokedName::User(text) | RevokedName::Label(text)) = &name;
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        let detail = format!("A name has 1 to {NAME_BYTES_MAX} bytes.");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "name_invalid", detail));
    }
    Ok(name)
}
