use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::http::{Answer, Url, get};
use crate::report::{Measured, Report};
use crate::spread::milliseconds;

/// What `/health` and `/ready` answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HealthMeasured {
    /// Of `/health`.
    pub health: Option<Status>,
    /// Of `/ready`.
    pub ready: Option<Status>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The HTTP status.
    pub status: u16,
    /// From request to whole answer.
    pub took_ms: f64,
    /// The body, if it is JSON.
    pub body: Option<Value>,
}

/// Asks `/health` and `/ready` below `url`.
///
/// # Errors
/// It could not run: no such URL, the name does not resolve.
pub async fn health(url: &str, token: Option<&SecretString>, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let base = Url::parse(url, ["http", "https"], "HTTP", "https://rtc.example.org")?;
    let mut measured = HealthMeasured::default();
    let mut findings = Vec::new();
    (bounds.progress)("/health");
    let (finding, status) = judge("health", get(&base.at("/health"), token, bounds).await?);
    let answers = status.is_some();
    findings.push(finding);
    measured.health = status;
    // A server that does not answer at all would only be asked for a second timeout.
    if answers {
        (bounds.progress)("/ready");
        let (finding, status) = judge("ready", get(&base.at("/ready"), token, bounds).await?);
        findings.push(finding);
        measured.ready = status;
    }
    Ok(Report { probe: "health", target: url.to_owned(), findings, measured: Measured::Health(measured) })
}

fn judge(subject: &str, answer: Result<Answer, Fault>) -> (Finding, Option<Status>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) => {
            let (cause, mend) = fault.web_explanation();
            return (Finding::failed(subject, fault.to_string()).because(cause, mend), None);
        }
    };
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let status = Status { status: answer.status, took_ms: milliseconds(answer.took), body };
    (finding(subject, &status), Some(status))
}

fn finding(subject: &str, status: &Status) -> Finding {
    let said = format!("{} in {:.1} ms", status.status, status.took_ms);
    match status.status {
        200..=299 => Finding::fine(subject, said),
        401 | 403 => Finding::failed(subject, said).because(
            "something before the server asks for a login: it itself answers anybody",
            "let /health and /ready pass, or give a token with `--token-file`",
        ),
        404 => Finding::failed(subject, said)
            .because("another service answers at this address, or a proxy passes this path elsewhere", "check the URL"),
        502 | 504 => Finding::failed(subject, said).because(
            "a proxy answers and cannot reach the server behind it",
            "start the server; check the proxy's upstream",
        ),
        503 => {
            let parts = parts_not_ready(status.body.as_ref());
            let cause =
                if parts.is_empty() { "the server says that it is not ready".to_owned() } else { parts.join("; ") };
            Finding::failed(subject, said)
                .because(cause, "see the server's log; a token with scope admin:read shows each part")
        }
        _ => Finding::failed(subject, said).because("not what a healthy server answers", "see the server's log"),
    }
}

/// Parts of our own `/ready` that are not well, with what they say.
fn parts_not_ready(body: Option<&Value>) -> Vec<String> {
    let parts = body.and_then(|body| body.get("parts")).and_then(Value::as_object);
    let ill = |(name, part): (&String, &Value)| {
        let takes_work = matches!(part["state"].as_str(), Some("ready" | "degraded"));
        (!takes_work).then(|| format!("{name}: {}", part["detail"].as_str().unwrap_or("not ready")))
    };
    parts.into_iter().flatten().filter_map(ill).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Mark;

    fn of(status: u16, body: Option<Value>) -> Finding {
        finding("ready", &Status { status, took_ms: 1.0, body })
    }

    #[test]
    fn parts_that_do_not_work_are_the_cause() {
        let parts =
            json!({"relay": {"state": "failed", "detail": "no answer"}, "signal": {"state": "ready", "detail": "ok"}});
        assert_eq!(of(503, Some(json!({"ready": false, "parts": parts}))).cause.unwrap(), "relay: no answer");
        assert_eq!(of(503, None).cause.unwrap(), "the server says that it is not ready");
    }

    #[test]
    fn statuses_are_told_apart() {
        assert_eq!(of(200, None).mark, Mark::Fine);
        for status in [301, 401, 404, 500, 502, 503] {
            let found = of(status, None);
            assert_eq!(found.mark, Mark::Failed);
            assert!(found.cause.is_some() && found.mend.is_some(), "{status}");
        }
        assert!(of(502, None).cause.unwrap().contains("proxy"));
    }
}
