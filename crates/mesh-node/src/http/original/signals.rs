use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sangam_mesh_proto::{PeerId, Signal};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::words::given;
use crate::discovery::read_signal;
use crate::http::answer::{fresh, refused};
use crate::http::body::Whole;
use crate::http::detail::{Shape, Unprocessable, object};
use crate::http::shared::Shared;
use crate::node::{Command, RelayOutcome, SignalOutcome};

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    from_peer: Option<Box<RawValue>>,
    #[serde(default)]
    to_peer: Option<Box<RawValue>>,
    #[serde(default)]
    r#type: Option<Box<RawValue>>,
    #[serde(default)]
    payload: Option<Box<RawValue>>,
}

/// A signal as it was posted.
struct Posted {
    from: PeerId,
    to: Option<PeerId>,
    /// None for a type that nobody knows.
    signal: Option<Signal>,
}

/// Passes a signal on to somebody else.
pub(in crate::http) async fn relay(State(shared): State<Arc<Shared>>, body: Whole) -> Response {
    let (from, to, signal) = match read(&body.bytes) {
        Ok(Some(Posted { from, to: Some(to), signal: Some(signal) })) => (from, to, signal),
        Ok(_) => return incomplete(),
        Err(wrong) => return wrong.into_response(),
    };
    match shared.ask(|reply| Command::Relay { from, to, signal, reply }).await {
        Ok(RelayOutcome::ByLink) => fresh(&json!({ "status": "relayed" })),
        Ok(RelayOutcome::ByHttp) => fresh(&json!({ "status": "relayed_http" })),
        Ok(RelayOutcome::Unreachable) => refused(StatusCode::NOT_FOUND, "Destinatario non raggiungibile"),
        Err(unanswered) => unanswered.into_response(),
    }
}

/// Takes a signal for us. An answer to an offer has left when this is answered.
pub(in crate::http) async fn receive(State(shared): State<Arc<Shared>>, body: Whole) -> Response {
    let processed = || fresh(&json!({ "status": "processed" }));
    let (from, signal) = match read(&body.bytes) {
        Ok(Some(Posted { from, signal: Some(signal), .. })) => (from, signal),
        // The original says so of what it does not know, too.
        Ok(Some(Posted { signal: None, .. })) => return processed(),
        Ok(None) => return incomplete(),
        Err(wrong) => return wrong.into_response(),
    };
    match shared.ask(|reply| Command::Signal { from, signal, reply }).await {
        Ok(SignalOutcome::Processed) => processed(),
        Ok(SignalOutcome::Dropped) => fresh(&json!({ "status": "dropped" })),
        Err(unanswered) => unanswered.into_response(),
    }
}

fn incomplete() -> Response {
    refused(StatusCode::BAD_REQUEST, "Parametri incompleti")
}

/// `None` if something is missing or cannot be what it should.
fn read(body: &[u8]) -> Result<Option<Posted>, Unprocessable> {
    let (members, _) = object::<Members>(body, Shape::Dictionary)?;
    let id = |value: Option<Box<RawValue>>| given(value.as_deref()).and_then(|id| PeerId::new(&id).ok());
    let payload = members.payload.and_then(|it| serde_json::from_str::<Value>(it.get()).ok()).filter(Value::is_object);
    let (Some(from), Some(kind), Some(payload)) = (id(members.from_peer), given(members.r#type.as_deref()), payload)
    else {
        return Ok(None);
    };
    let signal = match kind.as_str() {
        word @ ("offer" | "answer" | "ice-candidate" | "ice_candidate" | "candidate") => {
            read_signal(word, &payload).map(Some)
        }
        _ => Some(None),
    };
    Ok(signal.map(|signal| Posted { from, to: id(members.to_peer), signal }))
}

#[cfg(test)]
mod tests {
    use sangam_mesh_proto::{Candidate, Description, DescriptionKind};

    use super::*;

    fn signal(kind: &str, payload: &str) -> Option<Option<Signal>> {
        let body = format!(r#"{{"from_peer":"A=","type":"{kind}","payload":{payload}}}"#);
        read(body.as_bytes()).unwrap().map(|posted| posted.signal)
    }

    #[test]
    fn descriptions_are_read_and_empty_ones_are_none() {
        let expected = Description { kind: DescriptionKind::Offer, sdp: "v=0\r\n".into() };
        let read = signal("offer", r#"{"sdp":"v=0\r\n","type":"offer"}"#);
        assert_eq!(read, Some(Some(Signal::Description(expected))));
        assert_eq!(signal("answer", r#"{"sdp":"","type":"answer"}"#), None);
        assert_eq!(signal("answer", r#"{"sdp":5}"#), None);
        assert_eq!(signal("offer", r#""v=0""#), None);
    }

    #[test]
    fn candidates_are_read_as_browsers_and_agents_write_them() {
        let line = "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host";
        let expected = Candidate { line: line.into(), mid: Some("0".into()), line_index: Some(0), ufrag: None };
        for text in [line.to_owned(), format!("a={line}")] {
            let payload = format!(r#"{{"candidate":"{text}","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}}"#);
            assert_eq!(signal("ice-candidate", &payload), Some(Some(Signal::Candidate(expected.clone()))));
        }
        let end = signal("candidate", r#"{"candidate":"","usernameFragment":"u"}"#);
        assert_eq!(end, Some(Some(Signal::EndOfCandidates { ufrag: Some("u".into()) })));
        let null = signal("ice-candidate", r#"{"candidate":null}"#);
        assert_eq!(null, Some(Some(Signal::EndOfCandidates { ufrag: None })));
        let two_lines = format!(r#"{{"candidate":"{line}\r\na=fingerprint:sha-256 00"}}"#);
        assert_eq!(signal("ice-candidate", &two_lines), None);
    }

    #[test]
    fn a_type_that_nobody_knows_is_no_fault() {
        assert_eq!(signal("hello", "{}"), Some(None));
    }
}
