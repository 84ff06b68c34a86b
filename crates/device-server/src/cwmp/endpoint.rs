use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use sangam_cwmp_proto::session::Post;
use sangam_cwmp_proto::{
    Body as Content, Departures, EventCode, Events, Message, SoapError, decode_noting, peek_events,
};
use sangam_device_proto::admission::{Admission, Class, Load};
use sangam_net::http::Client;
use sangam_storage::Admitted;

use super::authorization::{Shown, challenges};
use super::exchange::{Answer, Conversation};
use super::sessions::{Cookie, Slot};
use crate::committer::Condition;
use crate::files::{self, Site};
use crate::server::DeviceServer;
use crate::service::Service;
use crate::usp::{self, Hub};

/// Bytes in which the events of an Inform are looked for: they stand at its beginning.
const PEEK_BYTES: usize = 16 << 10;
/// A write that takes so long has everybody wait: nobody else is let in.
const WRITING_MAX: Duration = Duration::from_secs(5);
/// Bytes of an Inform: devices send a few thousand.
const INFORM_BYTES_MAX: usize = 256 << 10;
/// When somebody comes back whom nothing but our own haste keeps away, in seconds.
const RETRY_SOON_SECS: u32 = 5;

/// A POST at any path is a device's; at one path agents of USP open their WebSockets.
pub(crate) fn router(service: Arc<Service>, hub: Option<Arc<Hub>>) -> Router {
    let router = Router::new().fallback(any(post));
    let Some(hub) = hub else { return router.with_state(service) };
    let usp = move |state: State<Arc<Service>>, request: Request| async move {
        if usp::is_asked(&request) { usp::open(&hub, request).await } else { post(state, request).await }
    };
    router.route(DeviceServer::USP_PATH, any(usp)).with_state(service)
}

async fn post(State(service): State<Arc<Service>>, request: Request) -> Response {
    if *request.method() != Method::POST {
        return if files::is_asked(&request) { files::answer(&service, request).await } else { only_posts() };
    }
    let (parts, body) = request.into_parts();
    let Some(client) = parts.extensions.get::<Client>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let slot = service.sessions.of(&parts.headers);
    // Who has no session yet has an Inform to bring, and has proven nothing.
    let most = service.options.soap.body_bytes;
    let most = if slot.is_some() { most } else { most.min(INFORM_BYTES_MAX) };
    // What tells no length takes room as it comes: many devices tell none with an empty POST.
    let wanted = length(&parts.headers).unwrap_or(0);
    if wanted > most {
        return too_large(service, slot).await;
    }
    // Held until the answer is made: what is read and decided upon meanwhile is bounded by it.
    let Some(mut room) = service.reading.take(wanted) else {
        service.metrics.refused("overloaded");
        return later(retry_jittered(RETRY_SOON_SECS));
    };
    let bytes = match read(&service, body, most, &mut room).await {
        Ok(bytes) => bytes,
        Err(Unread::NoRoom) => return later(retry_jittered(RETRY_SOON_SECS)),
        Err(Unread::TooLarge) => return too_large(service, slot).await,
        Err(Unread::Broken) => return StatusCode::BAD_REQUEST.into_response(),
        Err(Unread::Late) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    finished(async move {
        let _held = room;
        match slot {
            Some(slot) => say(&service, &slot, post_of(&service, &bytes)).await,
            None => begin(&service, &parts, &client, &bytes).await,
        }
    })
    .await
}

/// What comes in a session that is open.
async fn say(service: &Arc<Service>, slot: &Arc<Slot>, post: Post) -> Response {
    // One request at a time: whoever hangs up and asks again begins anew.
    let Ok(mut conversation) = slot.conversation.try_lock() else {
        service.metrics.refused("overlap");
        return later(retry_jittered(RETRY_SOON_SECS));
    };
    let answer = conversation.go_on(service, slot, post).await;
    drop(conversation);
    response(answer, None)
}

/// What comes without a session: an Inform, or nothing that has a place.
async fn begin(service: &Arc<Service>, parts: &Parts, client: &Client, bytes: &[u8]) -> Response {
    if service.closing.load(Ordering::Acquire) {
        service.metrics.refused("closing");
        return later(retry_jittered(RETRY_SOON_SECS));
    }
    let began = Instant::now();
    let events = peek_events(bytes, PEEK_BYTES);
    let class = class_of(&events);
    if let Admission::Shed { retry_after_secs } = admission(service, class) {
        service.metrics.shed(class.name());
        return later(retry_after_secs);
    }
    let shown = Shown::of(service, parts, client);
    let (answer, slot) =
        Conversation::begin(service, post_of(service, bytes), &shown, Site::of(&parts.headers, client)).await;
    match answer {
        Answer::Challenge(refusal) => {
            service.metrics.refused(refusal.label());
            let mut response = (StatusCode::UNAUTHORIZED, challenges(service, refusal, client)).into_response();
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            response
        }
        answer => {
            if slot.is_some() {
                service.metrics.informed(class.name(), began.elapsed());
            }
            response(answer, slot.map(|slot| slot.cookie))
        }
    }
}

/// By the weightiest of its events; what is no Inform begins no session, and is found out at once.
fn class_of(events: &Events) -> Class {
    let numbered = (0..=13).filter_map(EventCode::from_number).filter(|code| events.has(code));
    let numbered = numbered.map(|code| Class::of_code(&code.to_string()));
    let method = events.has_method.then_some(Class::Result);
    let other = events.has_other.then_some(Class::Change);
    numbered.chain(method).chain(other).max().unwrap_or(Class::Routine)
}

fn admission(service: &Service, class: Class) -> Admission {
    let load = load(service, &service.committer.condition());
    service.options.admission.decide(&load, class, rand::random())
}

/// How much there is to do, when the writer is so.
pub(super) fn load(service: &Service, writer: &Condition) -> Load {
    Load {
        sessions: (service.sessions.len() as u64, service.options.sessions_max as u64),
        queue: (writer.percent as u64, 100),
        lag: (writer.writing_for, WRITING_MAX),
        up: service.began.elapsed(),
        fleet: service.population.all(),
    }
}

fn post_of(service: &Service, bytes: &[u8]) -> Post {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Post::Empty;
    }
    match decode_noting(bytes, &service.options.soap) {
        Ok((envelope, departures)) => {
            count(service, &departures);
            if let Content::Message(Message::Inform(inform)) = &envelope.body {
                tracing::debug!(device = %inform.device_id.serial_number, oui = %inform.device_id.oui, "an Inform came");
            }
            Post::Envelope(Box::new(envelope))
        }
        Err(error) => {
            service.metrics.refused(error.reason());
            tracing::debug!(%error, "a message of a device is not taken");
            if matches!(error, SoapError::Limit { .. }) { Post::TooLarge } else { Post::Unreadable }
        }
    }
}

fn count(service: &Service, departures: &Departures) {
    for (kind, count) in departures.counts() {
        service.metrics.departed(kind, u64::from(count));
    }
}

/// Why a body is not there.
enum Unread {
    TooLarge,
    Broken,
    Late,
    NoRoom,
}

/// The whole body, within its bounds; what it has beyond its room takes more of it.
async fn read(service: &Service, body: Body, most: usize, room: &mut Admitted) -> Result<Bytes, Unread> {
    let collecting = collect(service, Limited::new(body, most), room);
    let read = tokio::time::timeout(service.options.body_timeout, collecting).await.unwrap_or(Err(Unread::Late));
    read.inspect_err(|why| match why {
        // It is counted with its answer.
        Unread::TooLarge => {}
        Unread::Broken => service.metrics.refused("body_broken"),
        Unread::Late => service.metrics.refused("body_timeout"),
        Unread::NoRoom => service.metrics.refused("overloaded"),
    })
}

async fn collect(service: &Service, mut body: Limited<Body>, room: &mut Admitted) -> Result<Bytes, Unread> {
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
            true => Unread::TooLarge,
            false => Unread::Broken,
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let beyond = (first.len() + rest.len() + data.len()).saturating_sub(room.bytes());
        if beyond > 0 {
            room.absorb(service.reading.take(beyond).ok_or(Unread::NoRoom)?);
        }
        // Most come in one piece, which is not copied.
        if first.is_empty() { first = data } else { rest.extend_from_slice(&data) }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([&first[..], &rest[..]].concat().into())
}

/// More than is read: in a session it is an answer all the same, by which less is asked for.
async fn too_large(service: Arc<Service>, slot: Option<Arc<Slot>>) -> Response {
    service.metrics.refused("body_bytes");
    let Some(slot) = slot else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    finished(async move { say(&service, &slot, Post::TooLarge).await }).await
}

/// Ends what was begun also if the connection is lost meanwhile: nothing of a session is left half done.
async fn finished(exchange: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(exchange).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Every answer says its length: weak devices cannot read chunks.
fn response(answer: Answer, cookie: Option<Cookie>) -> Response {
    let mut response = match answer {
        Answer::Reply(503, _) => later(retry_jittered(RETRY_SOON_SECS)),
        Answer::Reply(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if body.is_empty() {
                status.into_response()
            } else {
                (status, [(header::CONTENT_TYPE, "text/xml; charset=\"utf-8\""), (SOAP_ACTION, "")], body)
                    .into_response()
            }
        }
        Answer::Forbidden(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
        Answer::Challenge(_) => StatusCode::UNAUTHORIZED.into_response(),
    };
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::try_from(cookie.header()).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

const SOAP_ACTION: header::HeaderName = header::HeaderName::from_static("soapaction");

/// Come back, each at another time.
fn later(retry_after_secs: u32) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, retry_after_secs.to_string())]).into_response()
}

fn retry_jittered(secs: u32) -> u32 {
    secs + rand::random::<u32>() % secs.max(1)
}

fn only_posts() -> Response {
    let said = "Devices that speak TR-069 (CWMP) post here; there is nothing to see.\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], said).into_response()
}
