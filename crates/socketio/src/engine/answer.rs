use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use sangam_engineio_proto::Refusal;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// An answer of long polling, with the headers that Node's engine.io sends.
fn answer(status: StatusCode, kind: Option<&'static str>, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

/// Packets for a poll.
pub(crate) fn payload(body: Vec<u8>) -> Response {
    answer(StatusCode::OK, Some("text/plain; charset=UTF-8"), body)
}

/// The packets of a POST were taken. `text/html` keeps old browsers from offering a download.
pub(crate) fn ok() -> Response {
    answer(StatusCode::OK, Some("text/html"), "ok")
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    answer(status, None, Body::empty())
}

/// A refused request; `message` stands in for the refusal's own.
pub(crate) fn refused(refusal: Refusal, message: Option<&str>) -> Response {
    let status = StatusCode::from_u16(refusal.status()).expect("a status of HTTP");
    coded(status, refusal, message.unwrap_or(refusal.message()))
}

/// A refused WebSocket: plainly 400, as Node's engine.io writes it on the socket.
pub(crate) fn upgrade_refused(refusal: Refusal, message: Option<&str>) -> Response {
    let text = message.unwrap_or(refusal.message()).to_owned();
    let mut response = answer(StatusCode::BAD_REQUEST, Some("text/html"), text);
    closes(&mut response);
    response
}

/// A WebSocket opens (RFC 6455 §4.2.2); within HTTP/2 without a key (RFC 8441 §5).
pub(crate) fn switching(key: Option<&HeaderValue>, protocol: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    if let Some(protocol) = protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(key) = key {
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("Base64 is ASCII");
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    }
    response
}

/// A page of a foreign origin asks for a WebSocket.
pub(crate) fn origin_refused() -> Response {
    let mut response = refused(Refusal::Forbidden, None);
    closes(&mut response);
    response
}

/// Not now: come back after `secs`.
pub(crate) fn not_now(status: StatusCode, message: &str, wait: Duration) -> Response {
    let mut response = coded(status, Refusal::Forbidden, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    closes(&mut response);
    response
}

/// The connection ends with this answer.
pub(crate) fn closes(response: &mut Response) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

fn coded(status: StatusCode, refusal: Refusal, message: &str) -> Response {
    let body = serde_json::json!({ "code": refusal.code(), "message": message }).to_string();
    answer(status, Some("application/json"), body)
}
