use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sangam_net::http::Client;
use sangam_net::{NotAdmitted, retry_after};

use crate::ice::{self, Form, Via};
use crate::options::Dialect;
use crate::problem::Problem;
use crate::rendezvous;
use crate::server::Shared;
use crate::socket::Socket;
use crate::socketio;

/// Bytes that a socket's read buffer starts with. An idle socket costs this much; the library's default is 128 KiB.
const READ_BUFFER_BYTES: usize = 2_048;

/// The longest time that a client is told to stay away.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

pub(crate) fn main(shared: Arc<Shared>) -> Router {
    let ice_servers = get(ice_servers).post(ice_servers).options(ice_preflight);
    let turn_rest = get(turn_rest).post(turn_rest).options(ice_preflight);
    Router::new()
        .route("/ws", any(signaling))
        .route("/r/{room}/ws", any(signaling))
        .route("/ice-servers", ice_servers)
        .route("/turn", turn_rest)
        .with_state(Arc::clone(&shared))
        .merge(rendezvous::routes(shared))
}

/// What monitors of the guide's Socket.IO server ask for.
pub(crate) fn health(shared: Arc<Shared>) -> Router {
    Router::new().route("/health", get(socketio::health)).with_state(shared)
}

pub(crate) fn any_path(shared: Arc<Shared>) -> Router {
    Router::new().fallback(signaling).with_state(shared)
}

/// A WebSocket, or a friendly word to whoever looks whether somebody is there.
async fn signaling(State(shared): State<Arc<Shared>>, client: Extension<Client>, request: Request) -> Response {
    if !asks_for_websocket(&request) {
        return match *request.method() {
            Method::GET | Method::HEAD => {
                Json(serde_json::json!({ "status": "ok", "service": "signaling" })).into_response()
            }
            _ => {
                let detail = "this is a WebSocket; a plain request may only be GET";
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
            }
        };
    }
    upgrade(shared, &client, request).await.unwrap_or_else(IntoResponse::into_response)
}

/// HTTP/1.1 says so in `Upgrade` (RFC 6455 §4.1), HTTP/2 in its method (RFC 8441 §4).
fn asks_for_websocket(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE);
    *request.method() == Method::CONNECT || upgrade.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

async fn upgrade(shared: Arc<Shared>, client: &Client, request: Request) -> Result<Response, Problem> {
    let refused = |problem: Problem| {
        shared.metrics.upgrade_refused(problem.code());
        problem
    };
    let now = shared.clock.now();
    let access = shared.live.load_full();
    let visitor =
        access.access.admit(Dialect::Json, client, request.headers(), request.uri(), now.wall).map_err(refused)?;
    let room = visitor.room(request.uri(), &shared.json_room).map_err(refused)?;
    let via = via(client, &request);
    let (mut parts, _body) = request.into_parts();
    let mut upgrade =
        WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(malformed).map_err(refused)?;
    if let Some(protocol) = first_protocol(&parts.headers) {
        upgrade.set_selected_protocol(protocol);
    }
    let place = shared.admission.admit(client.addr.ip()).map_err(not_admitted).map_err(refused)?;
    if !shared.openings.take(now.mono) {
        let detail = "as many sockets open at once as may; try again later";
        return Err(refused(not_now(StatusCode::SERVICE_UNAVAILABLE, "too_many_openings", detail)));
    }
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(shared.limits.message_bytes_max)
        .max_frame_size(shared.limits.message_bytes_max);
    let socket = Socket::new(Arc::clone(&shared), visitor, room, via, place);
    Ok(upgrade.on_upgrade(|stream| socket.run(stream)))
}

/// The first protocol a client offers is as good as any: the original echoes it.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.as_bytes();
    let first = offered.split(|byte| *byte == b',').next()?.trim_ascii();
    HeaderValue::from_bytes(first).ok().filter(|value| !value.is_empty())
}

fn malformed(rejection: WebSocketUpgradeRejection) -> Problem {
    Problem::new(rejection.status(), "upgrade_malformed", rejection.body_text())
}

pub(crate) fn not_admitted(reason: NotAdmitted) -> Problem {
    let unavailable = |code, detail| not_now(StatusCode::SERVICE_UNAVAILABLE, code, detail);
    match reason {
        NotAdmitted::Full => unavailable("too_many_sockets", "as many sockets are open as may be; try again later"),
        NotAdmitted::Draining => unavailable("draining", "the server is stopping; try another, or this one later"),
        NotAdmitted::AddressFull => {
            let detail = "as many sockets are open from this address as may be; close one first";
            not_now(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets_from_address", detail)
        }
    }
}

/// With a time to come back at that differs from client to client.
fn not_now(status: StatusCode, code: &'static str, detail: &str) -> Problem {
    Problem::new(status, code, detail).retry_after(retry_after(RETRY_AFTER_MAX))
}

async fn ice_servers(State(shared): State<Arc<Shared>>, client: Extension<Client>, request: Request) -> Response {
    ice::answer(&shared, &client, request, Form::IceServers).await
}

async fn turn_rest(State(shared): State<Arc<Shared>>, client: Extension<Client>, request: Request) -> Response {
    ice::answer(&shared, &client, request, Form::TurnRest).await
}

async fn ice_preflight(client: Extension<Client>, headers: HeaderMap) -> Response {
    ice::preflight(&client, &headers)
}

/// How this request reached us. HTTP/2 has the host in its target (RFC 9113 §8.3.1).
pub(crate) fn via(client: &Client, request: &Request) -> Via {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(http::uri::Authority::as_str).or(header);
    Via { host: host.map(Into::into), local: client.local.ip() }
}
