//! An ACS as a device of TR-069 finds it: does it ask for a login, take an Inform, keep the session, and end it.

mod answer;
mod login;
mod soap;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sangam_cwmp_proto::{Body, Envelope, Message};
use secrecy::SecretString;
use serde::Serialize;

use self::answer::{Answered, judged};
use self::login::{Asks, asks};
use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::finding::Finding;
use crate::http::{Answer, Url, ask_with};
use crate::report::{Measured, Report};
use crate::run::{Run, Step, Stop};

/// As which device an ACS is asked.
#[derive(Clone, Debug)]
pub struct CwmpAsked {
    /// Six hexadecimal digits.
    pub oui: String,
    /// At most 64 characters.
    pub product_class: String,
    /// At most 64 characters.
    pub serial_number: String,
    /// What it logs in with, user name and password; `None`: a login is looked at and not tried.
    pub login: Option<(String, SecretString)>,
}

/// What was seen of an ACS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CwmpMeasured {
    /// In their order.
    pub steps: Vec<Step>,
    /// `digest`, `basic`, or `none` if nobody is asked to log in.
    pub login: Option<&'static str>,
    /// The name of the cookie that is the session.
    pub cookie: Option<String>,
    /// What the ACS asked of the device, all of which was refused.
    pub asked: Vec<String>,
}

const EXAMPLE: &str = "http://acs.example.org:7547/";
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
/// Requests of the ACS that are refused before the probe goes.
const ASKED_MAX: usize = 8;

/// Holds a session of `2 PERIODIC` with the ACS at `url` and does nothing that it asks.
///
/// # Errors
/// It could not run: no such URL, the name does not resolve, an identity that XML cannot carry.
pub async fn cwmp(url: &str, asked: &CwmpAsked, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let base = Url::parse(url, ["http", "https"], "HTTP", EXAMPLE)?;
    let mut probe = Probe { url: base, asked, run: Run::new(bounds), seen: CwmpMeasured::default(), cookie: None };
    if let Err(stop) = probe.go().await {
        probe.run.findings.push(stop.into_finding()?);
    }
    let measured = Measured::Cwmp(CwmpMeasured { steps: probe.run.steps, ..probe.seen });
    Ok(Report { probe: "cwmp", target: url.to_owned(), findings: probe.run.findings, measured })
}

struct Probe<'a> {
    url: Url,
    asked: &'a CwmpAsked,
    run: Run<'a>,
    seen: CwmpMeasured,
    cookie: Option<String>,
}

impl Probe<'_> {
    async fn go(&mut self) -> Result<(), Stop> {
        let id = format!("{:08x}", rand::random::<u32>());
        let inform = Bytes::from(soap::inform(&id, self.asked));
        let first = self.post("reach", "it answers", inform.clone(), None).await?;
        let taken = if first.status == 401 { self.log_in(&first, inform).await? } else { self.unasked(first) };
        let Some(taken) = taken else { return Ok(()) };
        self.take_cookie(&taken);
        let envelope = match judged("inform", &taken)? {
            Answered::Envelope(envelope) => envelope,
            Answered::Nothing => return Err(answer::no_response().into()),
        };
        self.run.findings.push(answer::inform_response(&envelope, &id)?);
        self.run.findings.extend(answer::wire(&taken, self.cookie.is_some()));
        self.listen().await
    }

    /// Nobody asked who it is: fine if a device must be enrolled by hand, and worth a look.
    fn unasked(&mut self, answer: Answer) -> Option<Answer> {
        if answer.status == 200 {
            self.seen.login = Some("none");
            self.run.findings.push(Finding::warning("login", "the first Inform is answered without one").because(
                "the ACS takes devices without a login, or this one is new to it and waits to be enrolled",
                "have devices log in (`devices.enroll`); look whether this device stands among the pending ones",
            ));
        }
        Some(answer)
    }

    /// Shows the login that the ACS asks for. `None`: there is none to show.
    async fn log_in(&mut self, challenged: &Answer, inform: Bytes) -> Result<Option<Answer>, Stop> {
        let target = self.url.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        let asks = asks(challenged, self.url.is_secure())?;
        self.seen.login = Some(asks.name());
        self.run.findings.push(asks.finding(self.url.is_secure()));
        let Some((user, password)) = &self.asked.login else {
            self.run.findings.push(Finding::warning("inform", "not tried: no login was given").because(
                "the ACS asks for a login before it takes an Inform",
                "give what devices log in with: `--user` and `--password-file`",
            ));
            return Ok(None);
        };
        let authorization = match &asks {
            Asks::Digest(challenges) => login::digest(challenges, user, password, &target)?,
            Asks::Basic => login::basic(user, password),
        };
        self.take_cookie(challenged);
        let answer = self.post("log in", "answered", inform, Some(authorization)).await?;
        if answer.status == 401 {
            return Err(login::refused().into());
        }
        Ok(Some(answer))
    }

    /// The empty POST that hands the word to the ACS, until that has nothing more to ask. Everything is refused.
    async fn listen(&mut self) -> Result<(), Stop> {
        let mut body = Bytes::new();
        while self.seen.asked.len() <= ASKED_MAX {
            let answer = self.post("empty POST", "answered", body, None).await?;
            if answer.status == 401 {
                return Err(answer::asked_again().into());
            }
            self.take_cookie(&answer);
            let envelope = match judged("session", &answer)? {
                Answered::Nothing => {
                    self.run.findings.push(answer::ended(&answer, &self.seen.asked));
                    return Ok(());
                }
                Answered::Envelope(envelope) => envelope,
            };
            self.seen.asked.push(method(&envelope)?);
            body = Bytes::from(soap::denied(&envelope));
        }
        let said = format!("{ASKED_MAX} requests were refused, and there is no end");
        Err(Finding::warning("session", said)
            .because("the ACS asks again what was refused", "see its log for this device")
            .into())
    }

    async fn post(
        &mut self,
        name: &'static str,
        said: &str,
        body: Bytes,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, Stop> {
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=\"utf-8\""));
        }
        headers.insert(SOAP_ACTION, HeaderValue::from_static(""));
        let cookie = self.cookie.as_deref().and_then(|it| HeaderValue::from_str(it).ok());
        headers.extend(cookie.map(|value| (COOKIE, value)));
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        let (url, bounds) = (self.url.clone(), self.run.bounds);
        let asking = async {
            let answer = ask_with(Method::POST, &url, headers, body, bounds).await?;
            answer.map_err(|fault| {
                let (cause, mend) = fault.web_explanation();
                Stop::from(Finding::failed(name, fault.to_string()).because(cause, mend))
            })
        };
        self.run.timed(name, said, asking).await
    }

    fn take_cookie(&mut self, answer: &Answer) {
        let lines = answer.headers.get_all(SET_COOKIE).iter().filter_map(|it| it.to_str().ok());
        let pairs: Vec<&str> = lines.filter_map(|line| line.split(';').next()).map(str::trim).collect();
        if let Some(first) = pairs.first() {
            self.seen.cookie = first.split('=').next().map(str::to_owned);
            self.cookie = Some(pairs.join("; "));
        }
    }
}

/// What the ACS asks.
fn method(envelope: &Envelope) -> Result<String, Stop> {
    match &envelope.body {
        Body::Message(message) if message.is_request() => Ok(message.method().to_owned()),
        Body::Unknown { .. } => Ok("unknown".to_owned()),
        Body::Message(Message::Fault(fault)) => {
            let code = fault.code().map_or(0, |code| code.number());
            let said = format!("a fault where a request or the end is due: {code}");
            Err(Finding::failed("session", said)
                .because("the ACS does not know that it has the word after the empty POST", "see its log")
                .into())
        }
        Body::Message(_) | Body::Empty => Err(Finding::failed("session", "an answer to nothing")
            .because("the ACS repeats a response in place of a request or of the end", "see its log")
            .into()),
    }
}
