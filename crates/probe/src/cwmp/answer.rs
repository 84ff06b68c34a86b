use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, TRANSFER_ENCODING};
use sangam_cwmp_proto::{Envelope, Message, Namespace, SoapLimits, decode};

use crate::finding::Finding;
use crate::http::Answer;
use crate::run::Stop;

/// An answer with nothing wrong about it.
pub(super) enum Answered {
    Nothing,
    Envelope(Box<Envelope>),
}

/// What an answer is, or why it is none of an ACS.
pub(super) fn judged(subject: &'static str, answer: &Answer) -> Result<Answered, Stop> {
    match answer.status {
        200 | 202 | 204 => {}
        _ => return Err(status(subject, answer).into()),
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Answered::Nothing);
    }
    decode(&answer.body, &SoapLimits::default()).map(|it| Answered::Envelope(Box::new(it))).map_err(|error| {
        if is_html(answer) {
            return Finding::failed(subject, "HTML instead of SOAP")
                .because(
                    "a web server, a login page or a proxy answers at this address, and no ACS",
                    "check port and path: devices come to the ACS's own listener, 7547 as a rule",
                )
                .into();
        }
        Finding::failed(subject, format!("the answer is no SOAP of CWMP: {error}"))
            .because("what answers is no ACS, or one whose XML a device would not read", "check the URL; see its log")
            .into()
    })
}

fn is_html(answer: &Answer) -> bool {
    let kind = text(answer, &CONTENT_TYPE).to_ascii_lowercase();
    let start = String::from_utf8_lossy(answer.body.get(..256.min(answer.body.len())).unwrap_or_default());
    let start = start.trim_start().to_ascii_lowercase();
    kind.contains("html") || start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// A status that is not of a session that goes on.
fn status(subject: &'static str, answer: &Answer) -> Finding {
    let status = answer.status;
    let said = format!("HTTP {status}");
    match status {
        301..=303 | 307 | 308 => {
            let to = text(answer, &LOCATION);
            let to = if to.is_empty() { "nowhere".to_owned() } else { to };
            Finding::failed(subject, format!("HTTP {status}: a redirect to {to}")).because(
                "devices are to follow 302 and 307 alone, and many follow none",
                "give devices that URL; let the proxy pass the path on instead of redirecting it",
            )
        }
        403 => Finding::failed(subject, said).because(
            "the ACS does not take this device: it is blocked, its identity is not usable, or too many wait to be enrolled",
            "look at the device (`sangam devices show`); try another identity with `--oui` and `--serial`",
        ),
        404 | 405 | 501 => Finding::failed(subject, said)
            .because("nothing takes a POST at this path: it is another server, or another path", "check port and path"),
        400 | 411 | 415 | 422 => Finding::failed(subject, said).because(
            "the server does not take an Inform as the standard writes it",
            "if a proxy stands before the ACS, see whether it changes bodies or headers; see the log",
        ),
        429 | 503 => {
            let after = text(answer, &RETRY_AFTER);
            let (said, mend) = if after.is_empty() {
                (
                    format!("HTTP {status} without Retry-After"),
                    "devices come again as they think fit, all at once: have the ACS send Retry-After",
                )
            } else {
                (format!("HTTP {status}, Retry-After {after}"), "wait; if it lasts, see what is short: the log and /ready")
            };
            Finding::failed(subject, said).because("the ACS has too much to do, or its store does not answer", mend)
        }
        502 | 504 => Finding::failed(subject, said)
            .because("a proxy answers and cannot reach the ACS behind it", "start it; check the proxy's upstream"),
        _ => Finding::failed(subject, said).because("not what an ACS answers", "see the server's log"),
    }
}

pub(super) fn no_response() -> Finding {
    Finding::failed("inform", "no InformResponse: the answer is empty").because(
        "the ACS ends the session before it began, or takes the Inform for an empty POST",
        "the direct answer to an Inform is its response, whatever else there is to say (TR-069 3.7.2)",
    )
}

pub(super) fn asked_again() -> Finding {
    Finding::failed("session", "401 amid the session").because(
        "the ACS has not found the session by its cookie, and begins anew",
        "a proxy or a balancer may drop the cookie, or bring each request to another server",
    )
}

/// The direct answer to the Inform.
pub(super) fn inform_response(envelope: &Envelope, id: &str) -> Result<Finding, Stop> {
    let response = match envelope.message() {
        Some(Message::InformResponse(response)) => response,
        Some(Message::Fault(fault)) => {
            let code = fault.code().map_or(0, |code| code.number());
            let said = format!("fault {code}: {}", fault.detail.as_ref().map_or("", |it| it.text.as_str()));
            let (cause, mend) = match code {
                8003 => ("the ACS does not take the identity", "six hexadecimal digits of OUI, 64 characters at most"),
                8005 => ("the ACS could not store it and wants it again", "see its log: its store does not answer"),
                8006 => ("the ACS speaks no version of CWMP that this device does", "see what it offers"),
                _ => ("the ACS does not take the Inform", "see its log for this device"),
            };
            return Err(Finding::failed("inform", said).because(cause, mend).into());
        }
        _ => {
            return Err(Finding::failed("inform", "something else than an InformResponse")
                .because(
                    "the ACS asks before it answers: no device of the standard goes on from there",
                    "the direct answer to an Inform is its response (TR-069 3.7.2)",
                )
                .into());
        }
    };
    let mut odd = Vec::new();
    if envelope.header.id.as_deref() != Some(id) {
        odd.push("its ID is not that of the Inform");
    }
    if envelope.namespace != Namespace::V1_2 {
        odd.push("it stands in another namespace than the Inform");
    }
    if response.max_envelopes != 1 {
        odd.push("its MaxEnvelopes is not 1");
    }
    if odd.is_empty() {
        return Ok(Finding::fine("inform", "an InformResponse with the ID and in the namespace of the Inform"));
    }
    Ok(Finding::failed("inform", odd.join("; "))
        .because("devices take an answer for another one, or none", "have the ACS echo ID and namespace of the device"))
}

/// What weak devices trip over.
pub(super) fn wire(answer: &Answer, has_cookie: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !has_cookie {
        findings.push(Finding::warning("cookie", "none was given").because(
            "the ACS knows a session by its connection or its address: devices that connect anew, and those behind one NAT, lose theirs",
            "have it give a cookie",
        ));
    }
    if answer.headers.contains_key(TRANSFER_ENCODING) || !answer.headers.contains_key(CONTENT_LENGTH) {
        findings.push(
            Finding::warning("length", "the answer is chunked, or has no Content-Length")
                .because("some devices cannot read chunks", "have the ACS, or the proxy before it, say the length"),
        );
    }
    findings
}

/// The ACS had nothing more to ask.
pub(super) fn ended(answer: &Answer, asked: &[String]) -> Finding {
    let said = if asked.is_empty() {
        format!("ended with {} after the empty POST", answer.status)
    } else {
        format!("ended with {} after {}, which the probe refused", answer.status, asked.join(", "))
    };
    Finding::fine("session", said)
}

fn text(answer: &Answer, name: &http::HeaderName) -> String {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::finding::Mark;

    fn answer(status: u16, headers: &[(HeaderName, &'static str)], body: &str) -> Answer {
        let headers: HeaderMap =
            headers.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text))).collect();
        Answer { status, headers, body: Bytes::from(body.to_owned()), took: Duration::ZERO }
    }

    fn refused(answer: &Answer) -> Finding {
        match judged("inform", answer) {
            Ok(_) => panic!("it was taken"),
            Err(stop) => stop.into_finding().unwrap(),
        }
    }

    #[test]
    fn what_is_no_acs_is_told_with_its_cause_and_its_mend() {
        for (status, headers, body, part) in [
            (307, &[(LOCATION, "https://acs.example/")][..], "", "a redirect to https://acs.example/"),
            (302, &[], "", "a redirect to nowhere"),
            (503, &[(RETRY_AFTER, "17")], "", "Retry-After 17"),
            (503, &[], "", "without Retry-After"),
            (403, &[], "", "HTTP 403"),
            (404, &[], "", "HTTP 404"),
            (400, &[], "", "HTTP 400"),
            (502, &[], "", "HTTP 502"),
            (500, &[], "", "HTTP 500"),
            (200, &[(CONTENT_TYPE, "text/html")], "welcome", "HTML instead of SOAP"),
            (200, &[], "<!DOCTYPE html><html></html>", "HTML instead of SOAP"),
            (200, &[], "{\"ok\": true}", "no SOAP"),
        ] {
            let finding = refused(&answer(status, headers, body));
            assert!(finding.said.contains(part), "{part}: {finding:?}");
            assert!(finding.mark == Mark::Failed && finding.cause.is_some() && finding.mend.is_some());
        }
        assert!(matches!(judged("inform", &answer(204, &[], "")), Ok(Answered::Nothing)));
    }

    fn response(namespace: &str, id: &str, envelopes: u32) -> Result<Finding, Finding> {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:c=\"urn:dslforum-org:{namespace}\">\
             <s:Header><c:ID s:mustUnderstand=\"1\">{id}</c:ID></s:Header><s:Body><c:InformResponse>\
             <MaxEnvelopes>{envelopes}</MaxEnvelopes></c:InformResponse></s:Body></s:Envelope>"
        );
        let Ok(Answered::Envelope(envelope)) = judged("inform", &answer(200, &[], &body)) else { panic!("{body}") };
        inform_response(&envelope, "7").map_err(|stop| stop.into_finding().unwrap())
    }

    #[test]
    fn an_inform_response_is_looked_at_closely() {
        assert_eq!(response("cwmp-1-2", "7", 1).unwrap().mark, Mark::Fine);
        for (namespace, id, envelopes, part) in
            [("cwmp-1-0", "7", 1, "namespace"), ("cwmp-1-2", "1", 1, "ID"), ("cwmp-1-2", "7", 4, "MaxEnvelopes")]
        {
            let finding = response(namespace, id, envelopes).unwrap();
            assert!(finding.mark == Mark::Failed && finding.said.contains(part), "{finding:?}");
        }
        let findings = wire(&answer(200, &[], ""), false);
        assert_eq!(findings.iter().map(|it| it.subject.as_str()).collect::<Vec<_>>(), ["cookie", "length"]);
        assert!(wire(&answer(200, &[(CONTENT_LENGTH, "3")], "abc"), true).is_empty());
    }
}
