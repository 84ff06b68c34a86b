use std::net::IpAddr;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use sangam_control::{
    Ended, Kick, RelaySession, SessionCursor, SessionFilter, SessionId, SessionList, SessionPage, TopBy,
};
use serde::{Deserialize, Serialize};

use super::Relay;
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::fresh_json;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, Links, Listed, following, no_cursor, within};
use crate::routes::named::Named;

/// `?user=&label=&client=&limit=&after=`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PageQuery {
    user: Option<String>,
    label: Option<String>,
    client: Option<IpAddr>,
    limit: Option<usize>,
    after: Option<String>,
}

/// `?by=bytes|packets&count=`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TopQuery {
    by: TopBy,
    count: Option<usize>,
}

/// What is known of a list besides its members.
#[derive(Serialize)]
struct Meta {
    /// Members of this list.
    count: usize,
    /// Allocations alive in the whole relay.
    allocations: u64,
    /// Relay threads that did not answer within a second: their sessions are missing.
    silent_threads: Vec<usize>,
    /// Over how many seconds the rates are taken.
    interval_secs: f64,
}

const TOP_DEFAULT: usize = 10;
const TOP_MAX: usize = 100;

/// `GET /api/v1/relay/sessions`
pub(crate) async fn list(Relay(relay): Relay, Asked(query): Asked<PageQuery>, uri: Uri) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let from = query.after.as_deref().map_or(Some(SessionCursor::default()), cursor).ok_or_else(no_cursor)?;
    let filter = SessionFilter { user: query.user, label: query.label, client: query.client };
    let found = relay.list(SessionPage { filter, from, limit }).await;
    let next = found.next.map(|next| following(&uri, &format!("{}-{}", next.thread, next.place)));
    Ok(listed(found, &uri, next))
}

/// `GET /api/v1/relay/sessions/top`
pub(crate) async fn top(Relay(relay): Relay, Asked(query): Asked<TopQuery>, uri: Uri) -> Result<Response, Problem> {
    let count = within(query.count, TOP_DEFAULT, TOP_MAX, "count")?;
    Ok(listed(relay.top(query.by, count).await, &uri, None))
}

/// `GET /api/v1/relay/sessions/{id}`
pub(crate) async fn one(Relay(relay): Relay, Named(id): Named) -> Result<Response, Problem> {
    let mut found = relay.find(session_id(&id)?).await;
    let session = found.sessions.pop().ok_or_else(|| missing(&id, &found.silent_threads))?;
    Ok(fresh_json(StatusCode::OK, &session))
}

/// `DELETE /api/v1/relay/sessions/{id}`
pub(crate) async fn kick_one(writer: Writer, Relay(relay): Relay, Named(id): Named) -> Result<Response, Problem> {
    let outcome = relay.kick(Kick::One(session_id(&id)?)).await;
    tracing::info!(by = writer.subject, session = id, ended = outcome.ended, "kick");
    if outcome.ended == 0 {
        return Err(missing(&id, &outcome.silent_threads));
    }
    Ok(fresh_json(StatusCode::OK, &outcome))
}

/// `DELETE /api/v1/relay/sessions?user=&label=&client=`
pub(crate) async fn kick(
    writer: Writer,
    Relay(relay): Relay,
    Asked(filter): Asked<SessionFilter>,
) -> Result<Response, Problem> {
    if filter.is_empty() {
        let detail = "Name whose sessions are to end: `user`, `label` or `client`.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "selection_required", detail));
    }
    let whom = format!("{filter:?}");
    let outcome: Ended = relay.kick(Kick::Each(filter)).await;
    tracing::info!(by = writer.subject, whom, ended = outcome.ended, "kick");
    Ok(fresh_json(StatusCode::OK, &outcome))
}

fn listed(found: SessionList, uri: &Uri, next: Option<String>) -> Response {
    let meta = Meta {
        count: found.sessions.len(),
        allocations: found.allocations,
        silent_threads: found.silent_threads,
        interval_secs: found.interval.as_secs_f64(),
    };
    let links = Links { here: uri.to_string(), next };
    let list: Listed<RelaySession, Meta> = Listed { data: found.sessions, meta, links };
    fresh_json(StatusCode::OK, &list).into_response()
}

fn cursor(text: &str) -> Option<SessionCursor> {
    let (thread, place) = text.split_once('-')?;
    Some(SessionCursor { thread: thread.parse().ok()?, place: place.parse().ok()? })
}

fn session_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| missing(text, &[]))
}

/// Not found, or not heard of.
fn missing(id: &str, silent: &[usize]) -> Problem {
    if silent.is_empty() {
        return Problem::new(
            StatusCode::NOT_FOUND,
            "session_not_found",
            format!("There is no session {id}, or no longer."),
        );
    }
    let detail = format!("Relay thread {} did not answer within a second; ask again.", silent[0]);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "thread_silent", detail)
}
