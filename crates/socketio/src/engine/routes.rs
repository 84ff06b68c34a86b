use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use sangam_engineio_proto::{Refusal, Session, TransportKind};
use sangam_net::http::Client;
use sangam_net::{NotAdmitted, Place, retry_after};
use tokio::sync::{Notify, oneshot};

use super::answer;
use super::body::{self, NoBody};
use super::cors::{Cors, CorsPolicy};
use super::polling::{Gate, Order, Polling, Reply};
use super::query::Query;
use super::session::{Parts, SessionTask};
use super::shared::Shared;
use super::sid::Sid;
use super::socket::{Socket, SocketOptions};
use super::stats::NotOpened;
use super::table::Entry;
use crate::upper::{Opening, SessionWaker, UpperFactory};

pub(crate) fn router<F: UpperFactory>(shared: Arc<Shared<F>>, path: &str) -> Router {
    let path = path.trim_end_matches('/');
    let mut router = Router::new().route(&format!("{path}/"), any(serve::<F>));
    if !path.is_empty() {
        router = router.route(path, any(serve::<F>));
    }
    router.with_state(shared)
}

async fn serve<F: UpperFactory>(State(shared): State<Arc<Shared<F>>>, request: Request) -> Response {
    // The HTTP front puts it there; who comes another way has no address to be counted by.
    let Some(client) = request.extensions().get::<Client>().cloned() else {
        return answer::refused(Refusal::Forbidden, None);
    };
    let cors = Cors::of(&shared.options.cors, &client, request.headers());
    if *request.method() == Method::OPTIONS
        && let Some(cors) = cors
    {
        return cors.preflight(request.headers());
    }
    let mut response = if asks_for_websocket(&request) {
        upgrade(&shared, client, request).await
    } else {
        exchange(&shared, client, request).await
    };
    if let Some(cors) = cors {
        cors.apply(&mut response);
    }
    if shared.is_draining() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer::closes(&mut response);
    }
    response
}

/// HTTP/1.1 says so in `Upgrade` (RFC 6455 §4.1), HTTP/2 in its method (RFC 8441 §4).
fn asks_for_websocket(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE);
    *request.method() == Method::CONNECT || upgrade.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The session that a request continues.
fn find<F: UpperFactory>(shared: &Shared<F>, sid: &str) -> Result<(Sid, Entry), Refusal> {
    let sid = Sid::parse(sid).ok_or(Refusal::SessionUnknown)?;
    shared.table.find(sid).map(|entry| (sid, entry)).ok_or(Refusal::SessionUnknown)
}

/// A request of long polling. The checks come in the order of Node's engine.io.
async fn exchange<F: UpperFactory>(shared: &Arc<Shared<F>>, client: Client, request: Request) -> Response {
    let refused = |refusal: Refusal| {
        shared.stats.refuse(refusal);
        answer::refused(refusal, None)
    };
    let query = Query::of(request.uri());
    let Some(transport) = query.transport else { return refused(Refusal::TransportUnknown) };
    match query.sid.map(|sid| find(shared, sid)) {
        Some(Err(refusal)) => refused(refusal),
        Some(Ok((_, Entry { gate: Some(gate), .. }))) if transport == TransportKind::Polling && query.is_v4 => {
            go_on(shared, &gate, request).await
        }
        Some(Ok(_)) => refused(Refusal::BadRequest),
        None if *request.method() != Method::GET => refused(Refusal::BadHandshakeMethod),
        None if transport == TransportKind::WebSocket => refused(Refusal::BadRequest),
        None if !query.is_v4 => refused(Refusal::UnsupportedVersion),
        None => begin_polling(shared, client, request).await,
    }
}

async fn begin_polling<F: UpperFactory>(shared: &Arc<Shared<F>>, client: Client, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    let (gate, orders) = Gate::new();
    let begun = match open(shared, client, parts, TransportKind::Polling) {
        Ok(begun) => begun,
        Err(NotBegun::NotNow(reason)) => return not_now(shared, reason),
        Err(NotBegun::Forbidden(message)) => return answer::refused(Refusal::Forbidden, Some(&message)),
    };
    let entry = Entry { wake: Arc::clone(&begun.wake), gate: Some(Arc::new(gate)) };
    shared.table.insert(begun.sid, entry);
    let task = SessionTask::new(Arc::clone(shared), begun);
    let (answer, reply) = oneshot::channel();
    tokio::spawn(task.on_polling(Polling::new(orders, answer)).run());
    respond(reply.await.ok())
}

/// A request of a session that polls.
async fn go_on<F: UpperFactory>(shared: &Shared<F>, gate: &Gate, request: Request) -> Response {
    match *request.method() {
        Method::GET => respond(gate.ask(Order::Poll).await),
        Method::POST => post(shared, gate, request).await,
        _ => answer::empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn post<F: UpperFactory>(shared: &Shared<F>, gate: &Gate, request: Request) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_binary = kind.is_some_and(|it| it.as_bytes() == b"application/octet-stream");
    let Some(_posting) = gate.begin_post().filter(|_| !is_binary) else {
        return respond(gate.ask(Order::PostBroken).await);
    };
    let (parts, body) = request.into_parts();
    let mut broken = Broken { gate, is_whole: false };
    let read = body::read(&parts.headers, body, shared.options.session.payload_bytes_max);
    match tokio::time::timeout(shared.options.body_timeout, read).await {
        Ok(Ok(body)) => {
            broken.is_whole = true;
            respond(gate.ask(|answer| Order::Post(body, answer)).await)
        }
        Ok(Err(NoBody::TooLarge)) => {
            // The session goes on: its client decides.
            broken.is_whole = true;
            shared.stats.bodies_too_large.add();
            let mut response = answer::empty(StatusCode::PAYLOAD_TOO_LARGE);
            answer::closes(&mut response);
            response
        }
        Ok(Err(NoBody::Broken)) => answer::empty(StatusCode::BAD_REQUEST),
        Err(_) => answer::empty(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Tells the session of a POST that was given up, also if its request is dropped while its body is awaited.
struct Broken<'a> {
    gate: &'a Gate,
    is_whole: bool,
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            let (answer, _reply) = oneshot::channel();
            // If there is no room, a client that breaks the rules has broken others before.
            drop(self.gate.orders.try_send(Order::PostBroken(answer)));
        }
    }
}

/// No reply: the session ended while the request was on its way.
fn respond(reply: Option<Reply>) -> Response {
    match reply {
        Some(Reply::Payload(body)) => answer::payload(body),
        Some(Reply::Ok) => answer::ok(),
        Some(Reply::Refused) | None => answer::empty(StatusCode::BAD_REQUEST),
    }
}

/// A WebSocket: a session that begins, or one that polls and wants to change.
async fn upgrade<F: UpperFactory>(shared: &Arc<Shared<F>>, client: Client, request: Request) -> Response {
    let refused = |refusal: Refusal| {
        shared.stats.refuse(refusal);
        answer::upgrade_refused(refusal, None)
    };
    if !client.origin_allowed && !matches!(shared.options.cors, CorsPolicy::Fixed(_)) {
        return not_now(shared, NotOpened::Origin);
    }
    let (mut parts, _body) = request.into_parts();
    let uri = parts.uri.clone();
    let query = Query::of(&uri);
    let Some(transport) = query.transport else { return refused(Refusal::TransportUnknown) };
    let existing = match query.sid.map(|sid| find(shared, sid)).transpose() {
        Ok(existing) => existing,
        Err(refusal) => return refused(refusal),
    };
    if transport != TransportKind::WebSocket || (existing.is_some() && !query.is_v4) {
        return refused(Refusal::BadRequest);
    }
    if !query.is_v4 {
        return refused(Refusal::UnsupportedVersion);
    }
    // The library checks the handshake; its frames are read and written without its buffers (`socket.rs`).
    let on_upgrade = parts.extensions.get::<OnUpgrade>().cloned();
    let checked =
        WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|rejection| rejection.body_text());
    let (Ok(_), Some(on_upgrade)) = (&checked, on_upgrade) else {
        shared.stats.refuse(Refusal::BadRequest);
        return answer::upgrade_refused(Refusal::BadRequest, checked.err().as_deref());
    };
    let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| parts.method == Method::GET);
    let response = answer::switching(key, first_protocol(&parts.headers));
    let options =
        SocketOptions { message_bytes_max: shared.options.session.payload_bytes_max, is_text_only: query.is_text_only };
    if let Some((_, entry)) = existing {
        tokio::spawn(take_over(entry, on_upgrade, options));
        return response;
    }
    let begun = match open(shared, client, parts, TransportKind::WebSocket) {
        Ok(begun) => begun,
        Err(NotBegun::NotNow(reason)) => return not_now(shared, reason),
        Err(NotBegun::Forbidden(message)) => return answer::upgrade_refused(Refusal::Forbidden, Some(&message)),
    };
    shared.table.insert(begun.sid, Entry { wake: Arc::clone(&begun.wake), gate: None });
    tokio::spawn(begin_on_socket(SessionTask::new(Arc::clone(shared), begun), on_upgrade, options));
    response
}

/// Dropped with its task, a session whose WebSocket never opens ends.
async fn begin_on_socket<F: UpperFactory>(task: Box<SessionTask<F>>, on_upgrade: OnUpgrade, options: SocketOptions) {
    if let Ok(upgraded) = on_upgrade.await {
        task.on_socket(Socket::new(upgraded, options)).run().await;
    }
}

/// A WebSocket for a session that a WebSocket carries already, or that is over, is closed.
async fn take_over(entry: Entry, on_upgrade: OnUpgrade, options: SocketOptions) {
    let Ok(upgraded) = on_upgrade.await else { return };
    let order = Order::Probe(Box::new(Socket::new(upgraded, options)));
    let unwanted = match entry.gate {
        Some(gate) => gate.orders.send(order).await.err().map(|unsent| unsent.0),
        None => Some(order),
    };
    if let Some(Order::Probe(socket)) = unwanted {
        socket.close(None).await;
    }
}

/// Node's `ws` takes the first protocol that a client offers.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.as_bytes();
    let first = offered.split(|byte| *byte == b',').next()?.trim_ascii();
    HeaderValue::from_bytes(first).ok().filter(|value| !value.is_empty())
}

/// Why no session begins.
enum NotBegun {
    NotNow(NotOpened),
    Forbidden(String),
}

fn open<F: UpperFactory>(
    shared: &Arc<Shared<F>>,
    client: Client,
    parts: http::request::Parts,
    transport: TransportKind,
) -> Result<Parts<F::Upper>, NotBegun> {
    let now = shared.clock.mono();
    let place = admit(shared, &client).map_err(NotBegun::NotNow)?;
    let sid = Sid::random();
    let wake = Arc::new(Notify::new());
    let opening = Opening {
        sid: sid.text(),
        client,
        headers: Arc::new(parts.headers),
        uri: parts.uri,
        waker: SessionWaker::new(Arc::clone(&wake)),
        now,
    };
    let upper = shared.factory.open(opening).map_err(|forbidden| {
        shared.stats.refuse(Refusal::Forbidden);
        NotBegun::Forbidden(forbidden.0.as_str().to_owned())
    })?;
    let core = Session::open(sid.text().as_str(), transport, shared.options.session, now);
    Ok(Parts { sid, core, upper, wake, place })
}

fn admit<F: UpperFactory>(shared: &Shared<F>, client: &Client) -> Result<Place, NotOpened> {
    let place = shared.admission.admit(client.addr.ip()).map_err(|reason| match reason {
        NotAdmitted::Full => NotOpened::Full,
        NotAdmitted::Draining => NotOpened::Draining,
        NotAdmitted::AddressFull => NotOpened::AddressFull,
    })?;
    if shared.openings.take(shared.clock.mono()) { Ok(place) } else { Err(NotOpened::TooFast) }
}

fn not_now<F: UpperFactory>(shared: &Shared<F>, reason: NotOpened) -> Response {
    shared.stats.not_opened(reason);
    let (status, message) = match reason {
        NotOpened::Full => (StatusCode::SERVICE_UNAVAILABLE, "Too many sessions"),
        NotOpened::TooFast => (StatusCode::SERVICE_UNAVAILABLE, "Too many sessions begin at once"),
        NotOpened::Draining => (StatusCode::SERVICE_UNAVAILABLE, "Server is stopping"),
        NotOpened::AddressFull => (StatusCode::TOO_MANY_REQUESTS, "Too many sessions from this address"),
        NotOpened::Origin => return answer::origin_refused(),
    };
    answer::not_now(status, message, retry_after(shared.options.retry_after_max))
}
