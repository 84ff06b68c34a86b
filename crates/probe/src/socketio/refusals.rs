//! Requests that must be refused, each with its error code.

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::finding::Finding;
use crate::http::ask_with;
use crate::run::{Run, Stop};
use crate::socketio::fault_words::unreached;
use crate::socketio::target::Target;

/// What a bad request was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// What was wrong with it.
    pub request: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Engine.IO's error code, if the body has one.
    pub code: Option<u64>,
    /// The server's words.
    pub message: Option<String>,
}

/// What is wrong, how it is asked, which code the reference implementation answers.
const BAD_REQUESTS: [(&str, Method, &str, u64); 4] = [
    ("unknown transport", Method::GET, "EIO=4&transport=carrier-pigeon", 0),
    ("unknown session", Method::GET, "EIO=4&transport=polling&sid=probe-of-no-session", 1),
    ("handshake by POST", Method::POST, "EIO=4&transport=polling", 2),
    ("revision 3", Method::GET, "EIO=3&transport=polling", 5),
];

/// Asks all of them.
pub(super) async fn refusals(target: &Target, run: &mut Run<'_>) -> Result<Vec<Refused>, Stop> {
    (run.bounds.progress)("bad requests");
    let mut answers = Vec::new();
    for (request, method, query, _) in &BAD_REQUESTS {
        let asked =
            ask_with(method.clone(), &target.at(query)?, target.headers.clone(), Bytes::new(), run.bounds).await?;
        let answer = asked.map_err(|fault| unreached(request, &fault))?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        answers.push(Refused {
            request,
            status: answer.status,
            code: body["code"].as_u64(),
            message: body["message"].as_str().map(str::to_owned),
        });
    }
    run.findings.push(judge(&answers));
    Ok(answers)
}

fn judge(answers: &[Refused]) -> Finding {
    let mut odd = Vec::new();
    let mut serves_revision_3 = false;
    for (answer, (request, _, _, expected)) in answers.iter().zip(&BAD_REQUESTS) {
        match (answer.status, answer.code) {
            (400, Some(code)) if code == *expected => {}
            // The reference does so too if it is told to (`allowEIO3`).
            (200, None) if *request == "revision 3" => serves_revision_3 = true,
            (status, Some(code)) => odd.push(format!("{request}: {status}, code {code}")),
            (status, None) => odd.push(format!("{request}: {status}, no code")),
        }
    }
    if !odd.is_empty() {
        return Finding::warning("bad requests", odd.join("; ")).because(
            "the reference implementation answers 400 with codes 0, 1, 2 and 5 in turn",
            "clients show these codes to their users: see whether a proxy puts pages of its own in their place",
        );
    }
    let more = if serves_revision_3 { "; revision 3 (Socket.IO 2) is served too" } else { "" };
    Finding::fine("bad requests", format!("each is refused with its code{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    fn answers(codes: [(u16, Option<u64>); 4]) -> Vec<Refused> {
        let answer = |(status, code)| Refused { request: "", status, code, message: None };
        codes.into_iter().map(answer).collect()
    }

    #[test]
    fn codes_of_the_reference_are_fine() {
        let reference = [(400, Some(0)), (400, Some(1)), (400, Some(2)), (400, Some(5))];
        assert_eq!(judge(&answers(reference)).mark, Mark::Fine);
        let with_3 = [(400, Some(0)), (400, Some(1)), (400, Some(2)), (200, None)];
        assert!(judge(&answers(with_3)).said.contains("Socket.IO 2"));
        let odd = [(400, Some(0)), (404, None), (400, Some(2)), (400, Some(5))];
        let found = judge(&answers(odd));
        assert_eq!((found.mark, found.said.as_str()), (Mark::Warning, "unknown session: 404, no code"));
    }
}
