//! What pages of which origin the server lets a browser speak to it for.

use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use crate::finding::Finding;
use crate::http::Answer;
use crate::run::{Run, Stop};
use crate::socketio::fault_words::{status, unreached};
use crate::socketio::handshake::Handshake;
use crate::socketio::polling::{first_poll, post};
use crate::socketio::socket::Socket;
use crate::socketio::target::Target;

/// What a request with an `Origin` was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cors {
    /// The page's.
    pub origin: String,
    /// The HTTP status.
    pub status: u16,
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Credentials`.
    pub allow_credentials: bool,
}

/// RFC 2606 §2: nobody's.
const FOREIGN: &str = "https://foreign.example";

impl Cors {
    fn of(origin: &str, answer: &Answer) -> Self {
        let text = |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            origin: origin.to_owned(),
            status: answer.status,
            allow_origin: text(ACCESS_CONTROL_ALLOW_ORIGIN),
            allow_credentials: text(ACCESS_CONTROL_ALLOW_CREDENTIALS).as_deref() == Some("true"),
        }
    }

    /// Whether a browser gives a page of this origin the answer.
    fn is_open(&self) -> bool {
        self.status == 200
            && self.allow_origin.as_deref().is_some_and(|allowed| allowed == "*" || allowed == self.origin)
    }

    fn judge_foreign(&self) -> Finding {
        match &self.allow_origin {
            _ if self.status != 200 => {
                Finding::fine("foreign origin", format!("long polling is refused with {}", self.status))
            }
            None => Finding::fine("foreign origin", "long polling: no CORS headers, a browser keeps the answer back"),
            Some(allowed) if *allowed == self.origin && self.allow_credentials => {
                Finding::warning("foreign origin", "long polling: any page is allowed, with cookies").because(
                    "the server repeats whatever origin asks and allows credentials",
                    "list the origins of your own pages in its `cors.origin`",
                )
            }
            Some(_) if self.is_open() => Finding::fine("foreign origin", "long polling: any page may, without cookies"),
            Some(allowed) => {
                Finding::fine("foreign origin", format!("long polling: a browser lets only {allowed} have the answer"))
            }
        }
    }

    fn judge_own(&self) -> Finding {
        match self.status {
            200 => Finding::fine("own origin", format!("{} is served", self.origin)),
            code => Finding::failed("own origin", format!("{} is refused with {code}", self.origin)).because(
                "the server does not know the name it is reached by for its own, or a proxy hides it",
                "add this origin to those the server allows, or pass Host and X-Forwarded-Proto through the proxy",
            ),
        }
    }
}

/// Asks as a page of the server's own origin and as one of another.
pub(super) async fn origins(target: &Target, by_polling: bool, run: &mut Run<'_>) -> Result<Vec<Cors>, Stop> {
    let mut found = Vec::new();
    let own = target.own_origin();
    if by_polling {
        for origin in [own.as_str(), FOREIGN] {
            (run.bounds.progress)("origin");
            let cors = asked_as(target, origin, run).await?;
            run.findings.push(if origin == FOREIGN { cors.judge_foreign() } else { cors.judge_own() });
            found.push(cors);
        }
    }
    let is_open = found.last().is_some_and(Cors::is_open);
    websocket_of(target, &own, is_open, run).await?;
    Ok(found)
}

async fn asked_as(target: &Target, origin: &str, run: &Run<'_>) -> Result<Cors, Stop> {
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, HeaderValue::from_str(origin).map_err(|_| refused_here(origin))?);
    let answer = first_poll(target, headers, run.bounds).await?.map_err(|fault| unreached("origin", &fault))?;
    if matches!(answer.status, 429 | 500..) {
        return Err(status("origin", answer.status, &answer.body).into());
    }
    if let Ok(handshake) = Handshake::of_body(&answer.body) {
        // The session was for this answer alone; the server would keep it until it has pinged in vain.
        drop(post(target, &handshake.sid, "1".to_owned(), "origin", run.bounds).await);
    }
    Ok(Cors::of(origin, &answer))
}

/// No browser holds a page's WebSocket back: only the server can.
async fn websocket_of(target: &Target, own: &str, is_open: bool, run: &mut Run<'_>) -> Result<(), Stop> {
    const SUBJECT: &str = "foreign websocket";
    let is_own_fine = match Socket::open(target, None, Some(own), SUBJECT, run.bounds).await? {
        Ok(socket) => {
            socket.close(run.bounds).await;
            true
        }
        Err(_) => false,
    };
    if !is_own_fine {
        run.findings.push(Finding::failed("own websocket", format!("a page of {own} gets no WebSocket")).because(
            "the server does not know the name it is reached by for its own, or a proxy hides it",
            "add this origin to those the server allows, or pass Host and X-Forwarded-Proto through the proxy",
        ));
    }
    run.findings.push(match Socket::open(target, None, Some(FOREIGN), SUBJECT, run.bounds).await? {
        Err(refused) => Finding::fine(SUBJECT, format!("refused: {}", refused.said)),
        Ok(socket) => {
            socket.close(run.bounds).await;
            if is_open {
                Finding::fine(SUBJECT, "any page may, as by long polling")
            } else {
                Finding::warning(SUBJECT, "a page of any origin gets a WebSocket").because(
                    "browsers apply CORS to no WebSocket, and the server does not look at Origin",
                    "check Origin on the server (Node: allowRequest), or let no cookie say who a client is",
                )
            }
        }
    });
    Ok(())
}

fn refused_here(origin: &str) -> Finding {
    Finding::failed("origin", format!("{origin} cannot stand in a header")).because("the URL is odd", "check the URL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    fn cors(status: u16, allow_origin: Option<&str>, allow_credentials: bool) -> Cors {
        Cors { origin: FOREIGN.to_owned(), status, allow_origin: allow_origin.map(str::to_owned), allow_credentials }
    }

    #[test]
    fn only_a_repeated_origin_with_cookies_is_warned_of() {
        assert_eq!(cors(200, Some(FOREIGN), true).judge_foreign().mark, Mark::Warning);
        for (status, allowed, credentials) in [
            (200, Some(FOREIGN), false),
            (200, Some("*"), true),
            (200, Some("https://a.example"), true),
            (200, None, false),
            (403, None, false),
        ] {
            assert_eq!(cors(status, allowed, credentials).judge_foreign().mark, Mark::Fine, "{status} {allowed:?}");
        }
    }

    #[test]
    fn a_server_that_refuses_its_own_pages_is_no_good() {
        assert_eq!(cors(200, None, false).judge_own().mark, Mark::Fine);
        assert_eq!(cors(403, None, false).judge_own().mark, Mark::Failed);
    }
}
