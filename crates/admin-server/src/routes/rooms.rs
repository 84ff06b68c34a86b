//! `/api/v1/signal/rooms`: seeing and moderating the rooms of signaling.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;
use http::{StatusCode, Uri};
use sangam_control::{Members, Room, RoomError, RoomMember, RoomWithMembers, Rooms};
use sangam_net::http::percent_encoded;
use serde::{Deserialize, Serialize};

use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_DEFAULT, LIMIT_MAX, Links, Listed, following, no_cursor, within};
use crate::routes::named::Named;
use crate::routes::{fresh_json, read_json};
use crate::state::Shared;

/// What people are told fits on their screens.
const REASON_BYTES_MAX: usize = 256;

/// The routes; none without signaling.
pub(crate) fn router(shared: &Shared) -> Router<Arc<Shared>> {
    if shared.rooms.is_none() {
        return Router::new();
    }
    Router::new()
        .route("/api/v1/signal/rooms", get(list))
        .route("/api/v1/signal/rooms/{room}", get(one))
        .route("/api/v1/signal/rooms/{room}/kick", post(kick))
        .route("/api/v1/signal/rooms/{room}/lock", post(lock))
        .route("/api/v1/signal/rooms/{room}/end", post(end))
}

/// The rooms of this server.
struct Signal(Arc<dyn Rooms>);

impl FromRequestParts<Arc<Shared>> for Signal {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no_signaling", "No signaling runs in this server.");
        shared.rooms.clone().map(Self).ok_or_else(none)
    }
}

/// `?limit=&after=`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PageQuery {
    limit: Option<usize>,
    after: Option<String>,
}

/// What is known of a list besides its members.
#[derive(Serialize)]
struct Meta {
    /// Rooms of this list.
    count: usize,
    /// Rooms in all.
    rooms: usize,
    /// Participants in all of them.
    participants: usize,
}

/// A room, who is in it, and where the list of those goes on.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    room: Room,
    members: Vec<RoomMember>,
    links: Links,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KickOrder {
    participant: String,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockOrder {
    locked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndOrder {
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Kicked<'a> {
    room: &'a str,
    kicked: &'a str,
}

#[derive(Serialize)]
struct Locked<'a> {
    room: &'a str,
    locked: bool,
}

#[derive(Serialize)]
struct Ended<'a> {
    room: &'a str,
    ended: usize,
}

/// `GET /api/v1/signal/rooms`
async fn list(Signal(rooms): Signal, Asked(query): Asked<PageQuery>, uri: Uri) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let found = rooms.list(query.after, limit).await.map_err(refused)?;
    let last = found.rooms.last().filter(|_| found.has_more);
    let next = last.map(|room| following(&uri, &percent_encoded(&room.room)));
    let meta = Meta { count: found.rooms.len(), rooms: found.total, participants: found.participants };
    let list = Listed { data: found.rooms, meta, links: Links { here: uri.to_string(), next } };
    Ok(fresh_json(StatusCode::OK, &list))
}

/// `GET /api/v1/signal/rooms/{room}`
async fn one(
    Signal(rooms): Signal,
    Named(room): Named,
    Asked(query): Asked<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let limit = within(query.limit, LIMIT_DEFAULT, LIMIT_MAX, "limit")?;
    let after = query.after.map_or(Ok(0), |after| after.parse()).map_err(|_| no_cursor())?;
    let RoomWithMembers { room, members, next } = rooms.find(room, Members { after, limit }).await.map_err(refused)?;
    let next = next.map(|next| following(&uri, &next.to_string()));
    let links = Links { here: uri.to_string(), next };
    Ok(fresh_json(StatusCode::OK, &Shown { room, members, links }))
}

/// `POST /api/v1/signal/rooms/{room}/kick`
async fn kick(writer: Writer, Signal(rooms): Signal, Named(room): Named, body: Bytes) -> Result<Response, Problem> {
    let KickOrder { participant, reason } = read_json(&body)?;
    let reason = told(reason)?;
    let outcome = rooms.kick(room.clone(), participant.clone(), reason.clone()).await;
    tracing::info!(by = writer.subject, room, participant, reason, done = outcome.is_ok(), "kick from a room");
    outcome.map_err(refused)?;
    Ok(fresh_json(StatusCode::OK, &Kicked { room: &room, kicked: &participant }))
}

/// `POST /api/v1/signal/rooms/{room}/lock`
async fn lock(writer: Writer, Signal(rooms): Signal, Named(room): Named, body: Bytes) -> Result<Response, Problem> {
    let LockOrder { locked } = read_json(&body)?;
    let outcome = rooms.lock(room.clone(), locked).await;
    tracing::info!(by = writer.subject, room, locked, done = outcome.is_ok(), "lock of a room");
    outcome.map_err(refused)?;
    Ok(fresh_json(StatusCode::OK, &Locked { room: &room, locked }))
}

/// `POST /api/v1/signal/rooms/{room}/end`
async fn end(writer: Writer, Signal(rooms): Signal, Named(room): Named, body: Bytes) -> Result<Response, Problem> {
    let EndOrder { reason } = read_json(&body)?;
    let reason = told(reason)?;
    let outcome = rooms.end(room.clone(), reason.clone()).await;
    tracing::info!(by = writer.subject, room, reason, done = outcome.is_ok(), "end of a session");
    let ended = outcome.map_err(refused)?.ended;
    Ok(fresh_json(StatusCode::OK, &Ended { room: &room, ended }))
}

/// A reason that clients may be told; nothing is none.
fn told(reason: Option<String>) -> Result<Option<String>, Problem> {
    let reason = reason.filter(|reason| !reason.is_empty());
    let is_fine = |reason: &String| reason.len() <= REASON_BYTES_MAX && !reason.chars().any(char::is_control);
    if reason.as_ref().is_none_or(is_fine) {
        return Ok(reason);
    }
    let detail = format!("`reason` has at most {REASON_BYTES_MAX} bytes and no control characters.");
    Err(Problem::new(StatusCode::BAD_REQUEST, "reason_invalid", detail))
}

fn refused(error: RoomError) -> Problem {
    let (status, code, detail) = match error {
        RoomError::NoRoom => (StatusCode::NOT_FOUND, "room_not_found", "There is no such room, or no longer."),
        RoomError::NoParticipant => {
            (StatusCode::NOT_FOUND, "participant_not_found", "Nobody of that id is in the room, or no longer.")
        }
        RoomError::Silent => {
            let detail = "The rooms did not answer within a second. An order may still be carried out: look before \
                          you repeat it.";
            (StatusCode::SERVICE_UNAVAILABLE, "rooms_silent", detail)
        }
    };
    Problem::new(status, code, detail)
}
