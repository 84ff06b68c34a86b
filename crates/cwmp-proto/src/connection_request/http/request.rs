use super::super::Verdict;
use super::ConnectionRequestUrl;

/// Answers the challenges of a CPE. Digest and its randomness are the driver's: a core names no other core.
pub trait Authorizer {
    /// The value of `Authorization` for a GET of `target`, given the values of all `WWW-Authenticate` headers. `None`: there
    /// is nothing that could be answered, or the last answer was refused for good.
    fn answer(&mut self, challenges: &[&str], method: &str, target: &str) -> Option<String>;
}

impl<F: FnMut(&[&str], &str, &str) -> Option<String>> Authorizer for F {
    fn answer(&mut self, challenges: &[&str], method: &str, target: &str) -> Option<String> {
        self(challenges, method, target)
    }
}

/// What the driver does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, and tell what came.
    Send(Exchange),
    /// It is over.
    Done(Verdict),
}

/// One GET, without a body.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The request target.
    pub target: String,
    /// The value of `Host`.
    pub host: String,
    /// The value of `Authorization`; none in the first.
    pub authorization: Option<String>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has = self.authorization.is_some();
        f.debug_struct("Exchange").field("host", &self.host).field("has_authorization", &has).finish_non_exhaustive()
    }
}

/// What came of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A response.
    Response {
        /// Its status.
        status: u16,
        /// The values of its `WWW-Authenticate` headers.
        challenges: &'a [&'a str],
        /// The value of its `Retry-After`.
        retry_after: Option<&'a str>,
    },
    /// None: no connection, none in time, or bytes that are no HTTP.
    Nothing,
}

/// One connection request over HTTP: at most [`Self::EXCHANGES_MAX`] exchanges, and no redirect followed.
#[derive(Debug)]
pub struct HttpRequest {
    url: ConnectionRequestUrl,
    exchanges: u32,
}

impl HttpRequest {
    /// One to be challenged, one answered, and two for nonces that a CPE calls stale.
    pub const EXCHANGES_MAX: u32 = 4;

    /// A request of that URL, and its first exchange.
    #[must_use]
    pub fn new(url: ConnectionRequestUrl) -> (Self, Exchange) {
        let exchange = Exchange { target: url.target.clone(), host: url.host_header(), authorization: None };
        (Self { url, exchanges: 1 }, exchange)
    }

    /// What follows from what came.
    pub fn handle_answer(&mut self, answer: &Answer<'_>, authorizer: &mut dyn Authorizer) -> Step {
        let Answer::Response { status, challenges, retry_after } = answer else {
            return Step::Done(Verdict::Unreachable);
        };
        Step::Done(match *status {
            200..=299 => Verdict::Accepted,
            300..=399 => Verdict::Redirected,
            401 => return self.challenged(challenges, authorizer),
            403 | 407 => Verdict::AuthenticationRefused,
            404 | 410 => Verdict::NotFound,
            429 | 503 => Verdict::Busy { retry_after_secs: retry_after.and_then(|text| text.trim().parse().ok()) },
            _ => Verdict::Refused,
        })
    }

    fn challenged(&mut self, challenges: &[&str], authorizer: &mut dyn Authorizer) -> Step {
        if self.exchanges >= Self::EXCHANGES_MAX {
            return Step::Done(Verdict::AuthenticationRefused);
        }
        let Some(authorization) = authorizer.answer(challenges, "GET", &self.url.target) else {
            return Step::Done(Verdict::AuthenticationRefused);
        };
        self.exchanges += 1;
        let (target, host) = (self.url.target.clone(), self.url.host_header());
        Step::Send(Exchange { target, host, authorization: Some(authorization) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> HttpRequest {
        let url = ConnectionRequestUrl::parse("http://192.0.2.7:7547/a1b2").unwrap();
        let (request, first) = HttpRequest::new(url);
        assert_eq!((first.target.as_str(), first.host.as_str()), ("/a1b2", "192.0.2.7:7547"));
        assert_eq!(first.authorization, None, "nothing is said of us before we are asked");
        request
    }

    fn no_answer(_: &[&str], _: &str, _: &str) -> Option<String> {
        None
    }

    fn response(status: u16) -> Answer<'static> {
        Answer::Response { status, challenges: &[], retry_after: None }
    }

    #[test]
    fn each_status_has_its_verdict_and_no_redirect_is_followed() {
        for (status, expected) in [
            (200, Verdict::Accepted),
            (204, Verdict::Accepted),
            (302, Verdict::Redirected),
            (401, Verdict::AuthenticationRefused),
            (403, Verdict::AuthenticationRefused),
            (404, Verdict::NotFound),
            (503, Verdict::Busy { retry_after_secs: None }),
            (500, Verdict::Refused),
        ] {
            assert_eq!(request().handle_answer(&response(status), &mut no_answer), Step::Done(expected), "{status}");
        }
        assert_eq!(request().handle_answer(&Answer::Nothing, &mut no_answer), Step::Done(Verdict::Unreachable));
    }

    #[test]
    fn a_busy_cpe_may_say_how_long_in_seconds() {
        for (text, expected) in [("30", Some(30)), ("Fri, 31 Dec 2027 23:59:59 GMT", None), ("-1", None)] {
            let answer = Answer::Response { status: 503, challenges: &[], retry_after: Some(text) };
            let busy = Verdict::Busy { retry_after_secs: expected };
            assert_eq!(request().handle_answer(&answer, &mut no_answer), Step::Done(busy));
        }
    }

    #[test]
    fn a_challenge_is_answered_for_the_target_that_is_asked() {
        let mut request = request();
        let challenges = [r#"Digest realm="cpe", nonce="n""#, "Basic realm=x"];
        let answer = Answer::Response { status: 401, challenges: &challenges, retry_after: None };
        let mut authorizer = |seen: &[&str], method: &str, target: &str| {
            assert_eq!((seen, method, target), (&challenges[..], "GET", "/a1b2"));
            Some("Digest x".to_owned())
        };
        let Step::Send(second) = request.handle_answer(&answer, &mut authorizer) else { panic!("not sent again") };
        assert_eq!(second.authorization.as_deref(), Some("Digest x"));
        assert!(!format!("{second:?}").contains("Digest x"));
        assert_eq!(request.handle_answer(&response(200), &mut authorizer), Step::Done(Verdict::Accepted));
    }

    #[test]
    fn a_cpe_that_challenges_for_ever_is_given_up() {
        let mut request = request();
        let mut always = |_: &[&str], _: &str, _: &str| Some("Digest x".to_owned());
        let mut sent = 1;
        while let Step::Send(_) = request.handle_answer(&response(401), &mut always) {
            sent += 1;
            assert!(sent < 100, "it ends");
        }
        assert_eq!(sent, HttpRequest::EXCHANGES_MAX);
    }
}
