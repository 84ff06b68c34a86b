//! Why an agent does not get in, in words.

use std::time::Duration;

use sangam_usp_proto::EndpointId;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};

use crate::finding::Finding;

/// Why an upgrade did not come about.
pub(super) fn finding(error: &Error) -> Finding {
    match error {
        Error::Http(response) => {
            let status = response.status().as_u16();
            let body = response.body().as_deref().unwrap_or_default();
            let words: String =
                String::from_utf8_lossy(body).lines().next().unwrap_or_default().chars().take(200).collect();
            let words = if words.is_empty() { words } else { format!(": {words}") };
            let (cause, mend) = of_status(status);
            Finding::failed("open", format!("HTTP {status}{words}")).because(cause, mend)
        }
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => {
            let said = match error {
                SubProtocolError::NoSubProtocol => "the server does not confirm the subprotocol v1.usp",
                SubProtocolError::InvalidSubProtocol | SubProtocolError::ServerSentSubProtocolNoneRequested => {
                    "the server confirms another subprotocol than v1.usp"
                }
            };
            Finding::failed("open", said).because(
                "it takes WebSockets, but is no controller of USP, or a proxy removes Sec-WebSocket-Protocol: agents give up (R-WS.12)",
                "check the path of the URL; pass Sec-WebSocket-Protocol through the proxy, both ways",
            )
        }
        error => Finding::failed("open", format!("no WebSocket: {error}")).because(
            "what listens there speaks no WebSocket, or wants TLS, or the other way round",
            "check the port; try wss:// or ws://",
        ),
    }
}

fn of_status(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => (
            "the server does not take the handshake: an endpoint id that it cannot read, or a proxy that drops headers or the query",
            "see its words; pass the query and Sec-WebSocket-Protocol through the proxy",
        ),
        401 => (
            "agents must show a login, or this one is wrong",
            "give `--user` and `--password-file` (SANGAM_PROBE_PASSWORD); on a server of ours see `devices.enroll` and `devices.shared_credentials`",
        ),
        403 => (
            "the server does not serve this agent: it is blocked, too many new ones wait, or a password may not be shown without TLS",
            "see its words and the server's log; try wss://",
        ),
        404 | 405 | 200 | 426 => {
            ("this path takes no USP agents", "our server takes them at /usp on the listener of devices")
        }
        429 => ("this address has as many connections as the server allows", "close some"),
        502 | 504 => {
            ("a proxy answers and cannot reach the server behind it", "start the server; check the proxy's upstream")
        }
        503 => {
            ("the server is full, ending, or its store cannot be used", "see its log; agents come back by themselves")
        }
        _ => (
            "the server or a proxy before it passes no WebSocket upgrades",
            "pass Upgrade and Connection through the proxy",
        ),
    }
}

pub(super) fn silent(step: &str, limit: Duration) -> Finding {
    Finding::failed(step, format!("nothing came for {} s", limit.as_secs_f64())).because(
        "the server hangs, or something on the way holds data back",
        "see the server's log; try without the proxy",
    )
}

pub(super) fn ended(step: &str, said: &str) -> Finding {
    Finding::failed(step, format!("the server ended the connection: {said}"))
        .because("it is stopping, or does not speak USP", "see the server's log")
}

/// The Connect Record was sent, and the controller asks nothing.
pub(super) fn asks_nothing(controller: &EndpointId, limit: Duration) -> Finding {
    let said = format!("the Connect Record is not answered: nothing came for {} s", limit.as_secs_f64());
    Finding::failed("first record", said).because(
        format!("the controller is not {controller}, and drops what is for others (R-E2E.1), or it asks nothing of agents that it does not know"),
        "give the controller's endpoint id with `--controller`; see the server's log",
    )
}

/// The session was closed with this code.
pub(super) fn closed(code: Option<u16>) -> Finding {
    let said =
        code.map_or_else(|| "the session was closed".to_owned(), |code| format!("the session was closed with {code}"));
    let (cause, mend) = match code {
        Some(1003) => {
            ("the server does not take the Connect Record for a record", "it may speak an older USP; see its log")
        }
        Some(1008) => (
            "the server does not serve this agent, or another session of the same endpoint id took its place",
            "see the server's log for this endpoint id",
        ),
        Some(1001 | 1012 | 1013) => ("the server is ending, or full", "wait, and try again"),
        _ => ("it is stopping, or does not speak USP", "see the server's log"),
    };
    Finding::failed("first record", said).because(cause, mend)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[test]
    fn each_refusal_has_its_own_words() {
        let of = |status| {
            let response = Response::builder().status(status).body(Some(b"for a reason\nmore".to_vec())).unwrap();
            finding(&Error::Http(Box::new(response)))
        };
        assert_eq!(of(401).said, "HTTP 401: for a reason");
        assert!(of(401).mend.unwrap().contains("--password-file"));
        assert!(of(404).mend.unwrap().contains("/usp"));
        let none = Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol));
        assert!(finding(&none).said.contains("does not confirm the subprotocol v1.usp"));
        assert!(closed(Some(1003)).cause.unwrap().contains("Connect Record"));
        assert!(
            asks_nothing(&"self::a".parse().unwrap(), Duration::from_secs(5)).mend.unwrap().contains("--controller")
        );
    }
}
