//! HTTP long polling. Each request has a connection of its own, as behind a balancer a browser's may have.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::http::{Answer, ask_with};
use crate::run::Stop;
use crate::socketio::fault_words::{UNKNOWN_TRANSPORT, error_code, silent, status, unreached};
use crate::socketio::handshake::Handshake;
use crate::socketio::packet::{Said, connect};
use crate::socketio::socket::refused_namespace;
use crate::socketio::target::Target;

/// Between the packets of one body.
const SEPARATOR: char = '\u{1e}';

/// Asks for a session with these headers besides the target's.
pub(super) async fn first_poll(
    target: &Target,
    headers: HeaderMap,
    bounds: Bounds<'_>,
) -> Result<Result<Answer, Fault>, ProbeError> {
    let url = target.at("EIO=4&transport=polling")?;
    let mut all = target.headers.clone();
    all.extend(headers);
    ask_with(Method::GET, &url, all, Bytes::new(), bounds).await
}

/// Begins a session. The inner error: the server does not offer long polling.
pub(super) async fn handshake(target: &Target, bounds: Bounds<'_>) -> Result<Result<Handshake, Finding>, Stop> {
    let answer = first_poll(target, HeaderMap::new(), bounds).await?.map_err(|fault| unreached("polling", &fault))?;
    let refused = || status("polling", answer.status, &answer.body);
    match answer.status {
        200 => Ok(Ok(Handshake::of_body(&answer.body)?)),
        _ if error_code(&answer.body) == Some(UNKNOWN_TRANSPORT) => Ok(Err(refused())),
        _ => Err(refused().into()),
    }
}

/// Enters the namespace; gives what the server said of it.
pub(super) async fn enter(target: &Target, sid: &str, bounds: Bounds<'_>) -> Result<Value, Stop> {
    const SUBJECT: &str = "connect by polling";
    post(target, sid, connect(&target.namespace, target.auth.as_ref()), SUBJECT, bounds).await?;
    let end = Instant::now() + bounds.timeout;
    loop {
        let silence = || silent(SUBJECT, bounds.timeout, "the server does not answer the namespace", "see its log");
        let polled = timeout_at(end, request(target, Method::GET, sid, Bytes::new(), SUBJECT, bounds)).await;
        let body = polled.map_err(|_| silence())??;
        for packet in String::from_utf8_lossy(&body).split(SEPARATOR) {
            match Said::read(packet, &target.namespace) {
                Said::Connected(value) => return Ok(value),
                Said::Refused(error) => return Err(refused_namespace(&target.namespace, &error).into()),
                _ => {}
            }
        }
    }
}

/// Sends a packet.
pub(super) async fn post(
    target: &Target,
    sid: &str,
    packet: String,
    subject: &str,
    bounds: Bounds<'_>,
) -> Result<(), Stop> {
    request(target, Method::POST, sid, Bytes::from(packet), subject, bounds).await.map(drop)
}

async fn request(
    target: &Target,
    method: Method,
    sid: &str,
    body: Bytes,
    subject: &str,
    bounds: Bounds<'_>,
) -> Result<Bytes, Stop> {
    let url = target.at(&format!("EIO=4&transport=polling&sid={sid}"))?;
    let answer = ask_with(method, &url, target.headers.clone(), body, bounds).await?;
    let answer = answer.map_err(|fault| unreached(subject, &fault))?;
    match answer.status {
        200 => Ok(answer.body),
        code => Err(status(subject, code, &answer.body).into()),
    }
}
