use sangam_sync_proto::message::{Bounds, ErrorResponse, Message as _};

use crate::finding::Finding;
use crate::http::Answer;

/// The finding that an answer other than 200 makes.
pub(super) fn refused(subject: &str, answer: &Answer) -> Finding {
    let reason = reason(answer);
    let said = match &reason {
        Some(reason) => format!("{}: {reason}", answer.status),
        None => answer.status.to_string(),
    };
    let (cause, mend) = explanation(answer.status);
    Finding::failed(subject, said).because(cause, mend)
}

/// The server's words, in CBOR or in JSON.
fn reason(answer: &Answer) -> Option<String> {
    if let Ok(read) = ErrorResponse::decode(&answer.body, &Bounds::default()) {
        return Some(read.message);
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    body["error"].as_str().map(str::to_owned)
}

fn explanation(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "the token is missing, expired, or signed with another secret",
            "give a token with `--token-file`: `sangam token mint --use sync --db NAME` makes one",
        ),
        403 => {
            ("the token is for another database or device", "give the token's own with `--db` and `--device`, or none")
        }
        404 => (
            "the server has no sync, or another service answers at this address",
            "check the URL; on a sangam, look for the role `sync` in `server.roles`",
        ),
        429 => ("the server limits how often this caller may ask", "wait, or raise `sync.rate.requests_per_sec` there"),
        502 | 504 => {
            ("a proxy answers and cannot reach the server behind it", "start the server; check the proxy's upstream")
        }
        503 => ("the server cannot write: its disk is full or fails, or it is stopping", "see the server's log"),
        _ => ("not what a sync server answers to this", "see the server's log"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_servers_words_are_passed_on() {
        for (body, expected) in [
            (&b"\xa2\x64code\x02\x67message\x64late"[..], "401: late"),
            (br#"{"error":"late","code":2}"#, "401: late"),
            (b"<html>", "401"),
        ] {
            let body = bytes::Bytes::from_static(body);
            let answer = Answer { status: 401, headers: HeaderMap::new(), body, took: Duration::ZERO };
            let finding = refused("handshake", &answer);
            assert_eq!(finding.said, expected);
            assert!(finding.mend.unwrap().contains("--token-file"));
        }
    }
}
