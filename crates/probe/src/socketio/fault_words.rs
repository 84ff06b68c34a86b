//! Why a request or an upgrade was refused, in an operator's words.

use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Error;

use crate::fault::Fault;
use crate::finding::Finding;

/// Engine.IO's code for a transport that the server does not offer.
pub(super) const UNKNOWN_TRANSPORT: u64 = 0;

/// Engine.IO's code in the body of a refusal.
pub(super) fn error_code(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(body).ok()?["code"].as_u64()
}

/// Of an HTTP answer that is not 200.
pub(super) fn status(subject: &str, status: u16, body: &[u8]) -> Finding {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = error_code(body);
    let said = match (code, error["message"].as_str()) {
        (Some(code), Some(message)) => format!("{status}: error {code}, {message}"),
        _ => format!("it answered {status}"),
    };
    let (cause, mend) = match (code, status) {
        (Some(UNKNOWN_TRANSPORT), _) => {
            ("the server does not offer this transport", "offer it in the server's `transports`")
        }
        (Some(1), _) => (
            "the session is unknown where this request came: a balancer sends the requests of one session to several instances, or the server ended it",
            "make sessions sticky at the balancer, or connect clients by WebSocket alone",
        ),
        (Some(4), _) | (None, 401 | 403) => (
            "the server or a proxy before it refuses this client",
            "give a token with `--token-file`; see the server's allowRequest and the proxy",
        ),
        (Some(5), _) => ("the server does not speak revision 4 of Engine.IO", "upgrade it to Socket.IO 3 or later"),
        (None, 404) => {
            ("nothing answers at this path", "give the URL with the server's path, if that is not /socket.io/")
        }
        (None, 429 | 503) => ("the server is full or stopping", "see its log and limits"),
        (None, 502 | 504) => {
            ("a proxy answers and cannot reach the server behind it", "start the server; check the proxy's upstream")
        }
        _ => ("the server or a proxy before it refuses the request", "see the logs of both"),
    };
    Finding::failed(subject, said).because(cause, mend)
}

/// Of an upgrade that did not come about.
pub(super) fn no_websocket(subject: &str, error: &Error) -> Finding {
    match error {
        Error::Http(response) if response.status().as_u16() != 200 => {
            let body = response.body().as_deref().unwrap_or_default();
            status(subject, response.status().as_u16(), body)
        }
        error => Finding::failed(subject, format!("no WebSocket: {error}")).because(
            "a proxy before the server passes no upgrades, or what listens there speaks no WebSocket",
            "pass Upgrade and Connection through the proxy",
        ),
    }
}

/// Of a server that cannot be reached, or hangs.
pub(super) fn unreached(subject: &str, fault: &Fault) -> Finding {
    let (cause, mend) = fault.web_explanation();
    Finding::failed(subject, fault.to_string()).because(cause, mend)
}

/// Nothing of what was waited for.
pub(super) fn silent(subject: &str, limit: Duration, cause: &str, mend: &str) -> Finding {
    Finding::failed(subject, format!("nothing came for {} s", limit.as_secs_f64())).because(cause, mend)
}

/// The connection ended meanwhile.
pub(super) fn ended(subject: &str, said: &str) -> Finding {
    Finding::failed(subject, format!("the server ended the connection: {said}"))
        .because("it is stopping, or did not like what it was sent", "see the server's log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_unknown_points_at_the_balancer() {
        let found = status("upgrade", 400, br#"{"code":1,"message":"Session ID unknown"}"#);
        assert_eq!(found.said, "400: error 1, Session ID unknown");
        assert!(found.mend.unwrap().contains("sticky"));
    }

    #[test]
    fn a_wrong_path_is_told_from_a_proxy_without_a_server() {
        assert!(status("polling", 404, b"").cause.unwrap().contains("path"));
        assert!(status("polling", 502, b"").cause.unwrap().contains("proxy"));
    }
}
