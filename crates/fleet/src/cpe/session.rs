//! A session as a CPE holds it (TR-069 Amendment 6 §3.7): Inform, own requests, an empty POST, then answers until the ACS has
//! nothing more to ask.

mod answers;
mod end;
mod failure;
mod files;
mod inform;
mod names;
mod own;
mod values;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_cwmp_proto::{Body, Envelope, EventStruct, FaultCode, Header, Message, SoapLimits, Version, decode, encode};
use sangam_types::Mono;
use secrecy::ExposeSecret as _;

pub(super) use self::failure::Failure;
use super::device::{Context, Device};
use super::quirks::{Quirk, Quirks, Speaks};

/// What is kept while a session is open.
pub(super) struct Session {
    began: Mono,
    stage: Stage,
    /// What the Inform told.
    told: Vec<EventStruct>,
    /// Requests of our own that wait.
    own: VecDeque<Message>,
    /// The ACS asked us to keep our requests back.
    is_held: bool,
    cookie: Option<String>,
    /// The last body: sent again when the ACS challenges or says so.
    last: Bytes,
    /// The `ID` of our request that waits for its answer.
    id: Option<String>,
    posts: u32,
    /// Challenges in a row.
    challenges: u32,
    /// The nonce is of this session.
    has_fresh_nonce: bool,
    again: u32,
    /// The Inform was sent again although it was answered.
    has_repeated: bool,
    informed: Option<Duration>,
    sent: Mono,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Inform,
    /// One of our own requests waits for its answer.
    Own,
    /// The ACS asks.
    Answering,
}

/// What is posted next.
pub(super) struct Post {
    pub(super) body: Bytes,
    pub(super) authorization: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) quirks: Quirks,
    /// In pieces, with pauses.
    pub(super) is_slow: bool,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// `WWW-Authenticate`.
    pub(super) challenges: Vec<String>,
    /// `Set-Cookie`.
    pub(super) cookies: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) is_chunked: bool,
    pub(super) body: Bytes,
}

/// What is next.
pub(super) enum Step {
    Post(Post),
    End(Ended),
}

/// How a session ended, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) failure: Option<Failure>,
    pub(super) took: Duration,
    /// From the Inform that was taken to its answer.
    pub(super) informed: Option<Duration>,
}

/// Posts of one session, and how often one is sent again as the ACS wishes.
const POSTS_MAX: u32 = 1_000;
const AGAIN_MAX: u32 = 3;
const CHALLENGES_MAX: u32 = 3;

impl Device {
    /// Begins a session with all events that wait.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) -> Post {
        let inform = self.inform(cx);
        let told = inform.events.clone();
        self.session = Some(Box::new(Session {
            began: cx.now.mono,
            stage: Stage::Inform,
            told,
            own: VecDeque::new(),
            is_held: false,
            cookie: None,
            last: Bytes::new(),
            id: None,
            posts: 0,
            challenges: 0,
            has_fresh_nonce: false,
            again: 0,
            has_repeated: false,
            informed: None,
            sent: cx.now.mono,
        }));
        self.ask(cx, inform.into())
    }

    /// Goes on with what the ACS said.
    pub(super) fn reply(&mut self, cx: &mut Context<'_>, reply: &Reply) -> Step {
        let went_on = match self.session.as_mut() {
            None => Err(Failure::Closed),
            Some(session) => {
                session.take_cookies(&reply.cookies);
                self.go_on(cx, reply)
            }
        };
        match went_on {
            Ok(Some(post)) => Step::Post(post),
            Ok(None) => Step::End(self.end(cx, None, None)),
            Err(failure) => Step::End(self.end(cx, Some(failure), reply.retry_after)),
        }
    }

    /// The session broke off.
    pub(super) fn broken(&mut self, cx: &mut Context<'_>, failure: Failure) -> Ended {
        self.end(cx, Some(failure), None)
    }

    fn go_on(&mut self, cx: &mut Context<'_>, reply: &Reply) -> Result<Option<Post>, Failure> {
        match reply.status {
            401 => return self.challenged(cx, reply).map(Some),
            503 => {
                cx.tally.busy += 1;
                return Err(Failure::Busy);
            }
            200 | 202 | 204 => {}
            status => return Err(Failure::Status(status)),
        }
        if reply.is_chunked && self.quirks.has(Quirk::NoChunks) {
            return Err(Failure::Chunked);
        }
        if let Some(digest) = &mut self.digest {
            digest.accepted();
        }
        let Some(session) = self.session.as_mut() else { return Err(Failure::Closed) };
        session.challenges = 0;
        if reply.body.iter().all(u8::is_ascii_whitespace) {
            return match session.stage {
                Stage::Answering => Ok(None),
                Stage::Inform => Err(Failure::NoInformResponse),
                Stage::Own => Err(Failure::NoAnswer),
            };
        }
        let envelope = decode(&reply.body, &SoapLimits::default()).map_err(|error| Failure::Soap(error.reason()))?;
        session.is_held = envelope.header.hold_requests.unwrap_or(session.is_held);
        match session.stage {
            Stage::Inform => self.informed(cx, &envelope).map(Some),
            Stage::Own => self.answered(cx, &envelope).map(Some),
            Stage::Answering => self.asked(cx, &envelope).map(Some),
        }
    }

    fn challenged(&mut self, cx: &mut Context<'_>, reply: &Reply) -> Result<Post, Failure> {
        cx.tally.unauthorized += 1;
        let Some(session) = self.session.as_mut() else { return Err(Failure::Closed) };
        session.challenges += 1;
        if session.challenges > CHALLENGES_MAX {
            return Err(Failure::LoginRefused);
        }
        let challenges = Challenges::parse(reply.challenges.iter().map(String::as_str));
        // A nonce of an earlier session may be forgotten without being called stale.
        let is_forgotten = !std::mem::replace(&mut session.has_fresh_nonce, true);
        let body = session.last.clone();
        if is_forgotten || self.digest.is_none() {
            self.digest =
                self.login(cx).map(|(user, password)| Box::new(DigestClient::new(user, password.expose_secret())));
        }
        let Some(digest) = &mut self.digest else { return Err(Failure::NoLogin) };
        digest.challenged(&challenges).map_err(|_| Failure::LoginRefused)?;
        if self.session.as_ref().is_some_and(|session| session.stage == Stage::Inform) {
            cx.tally.informs_sent += 1;
        }
        Ok(self.post(cx, body))
    }

    fn informed(&mut self, cx: &mut Context<'_>, envelope: &Envelope) -> Result<Post, Failure> {
        let Some(session) = self.session.as_mut() else { return Err(Failure::Closed) };
        match envelope.message() {
            Some(Message::InformResponse(_)) => {}
            Some(Message::Fault(fault)) => return self.refused(cx, fault.code()),
            Some(_) | None => return Err(Failure::NoInformResponse),
        }
        session.check_id(envelope)?;
        if self.quirks.has(Quirk::RepeatsInform) && !std::mem::replace(&mut session.has_repeated, true) {
            let body = session.last.clone();
            // It is the same Inform: what counts as its answer is the last one.
            cx.tally.informs_sent += 1;
            return Ok(self.post(cx, body));
        }
        if self.quirks.speaks == Speaks::V1_4 && envelope.header.use_version.is_none() {
            return Err(Failure::NoVersion);
        }
        session.informed = Some(cx.now.mono.saturating_since(session.sent));
        let told = std::mem::take(&mut session.told);
        cx.tally.informs_acknowledged += 1;
        for event in &told {
            cx.tally.event(&event.code).acknowledged += 1;
        }
        self.events.retain(|event| !told.contains(event));
        self.events.shrink_to_fit();
        self.was_heard = true;
        self.note_told(cx);
        let own = self.own_requests(cx, &told);
        if let Some(session) = self.session.as_mut() {
            session.own = own;
        }
        Ok(self.ask_or_listen(cx))
    }

    /// The ACS answered a request of our own.
    fn answered(&mut self, cx: &mut Context<'_>, envelope: &Envelope) -> Result<Post, Failure> {
        let Some(session) = self.session.as_mut() else { return Err(Failure::Closed) };
        let Some(asked) = session.own.front() else { return Err(Failure::WrongAnswer) };
        let method = asked.method();
        match envelope.message() {
            Some(Message::Fault(fault)) if fault.code() == Some(FaultCode::AcsRetryRequest) => {
                return self.refused(cx, fault.code());
            }
            Some(Message::Fault(fault)) => {
                *cx.tally.faults.entry(fault.code().map_or(0, FaultCode::number)).or_default() += 1;
                // What the ACS does not want is not said again.
                self.notice.take_if(|notice| session.own.front() == Some(&**notice));
                session.own.pop_front();
                return Ok(self.ask_or_listen(cx));
            }
            Some(answer) if answer.method().strip_suffix("Response") == Some(method) => {}
            Some(_) | None => return Err(Failure::WrongAnswer),
        }
        session.check_id(envelope)?;
        *cx.tally.asked.entry(method).or_default() += 1;
        if let Some(message) = session.own.pop_front() {
            self.note_answered(cx, &message);
        }
        Ok(self.ask_or_listen(cx))
    }

    /// The ACS did not take our request.
    fn refused(&mut self, cx: &mut Context<'_>, code: Option<FaultCode>) -> Result<Post, Failure> {
        let Some(session) = self.session.as_mut() else { return Err(Failure::Closed) };
        session.again += 1;
        if code != Some(FaultCode::AcsRetryRequest) || session.again > AGAIN_MAX {
            return Err(Failure::Fault(code.map_or(0, FaultCode::number)));
        }
        if session.stage == Stage::Inform {
            cx.tally.informs_sent += 1;
        }
        let body = session.last.clone();
        Ok(self.post(cx, body))
    }

    /// The ACS asks.
    fn asked(&mut self, cx: &mut Context<'_>, envelope: &Envelope) -> Result<Post, Failure> {
        let answer = match &envelope.body {
            Body::Message(message) if message.is_request() => self.answer(cx, message),
            Body::Unknown { .. } => answers::fault(FaultCode::MethodNotSupported),
            Body::Message(_) | Body::Empty => return Err(Failure::WrongAnswer),
        };
        let method = envelope.message().map_or("unknown", Message::method);
        *cx.tally.served.entry(method).or_default() += 1;
        if let Message::Fault(fault) = &answer {
            *cx.tally.faults.entry(fault.code().map_or(0, FaultCode::number)).or_default() += 1;
        }
        let header = if self.quirks.has(Quirk::NoId) { Header::default() } else { envelope.header.response() };
        let body = self.spelled(&Envelope::new(self.quirks.namespace, header, answer));
        Ok(self.post(cx, body))
    }

    /// The next request of our own, or the empty POST that hands the word to the ACS.
    fn ask_or_listen(&mut self, cx: &mut Context<'_>) -> Post {
        let next = self.session.as_mut().filter(|session| !session.is_held).and_then(|it| it.own.front().cloned());
        match next {
            Some(message) => self.ask(cx, message),
            None => {
                if let Some(session) = self.session.as_mut() {
                    session.stage = Stage::Answering;
                }
                self.post(cx, Bytes::from_static(self.quirks.empty_post()))
            }
        }
    }

    fn ask(&mut self, cx: &mut Context<'_>, message: Message) -> Post {
        let is_inform = matches!(message, Message::Inform(_));
        let id = (!self.quirks.has(Quirk::NoId)).then(|| format!("{:x}", self.dice.throw() >> 32));
        let mut header = Header { id: id.clone(), ..Header::default() };
        if is_inform {
            self.say_version(&mut header);
        }
        let body = self.spelled(&Envelope::new(self.quirks.namespace, header, message));
        if let Some(session) = self.session.as_mut() {
            session.stage = if is_inform { Stage::Inform } else { Stage::Own };
            session.id = id;
        }
        if is_inform {
            cx.tally.informs_sent += 1;
        }
        self.post(cx, body)
    }

    /// What CWMP 1.3 and 1.4 say in the header of an Inform.
    fn say_version(&self, header: &mut Header) {
        match self.quirks.speaks {
            Speaks::Plain => {}
            Speaks::V1_3 => header.session_timeout_secs = Some(60),
            Speaks::V1_4 => header.supported_versions = (0..=4).map(Version::v1).collect(),
        }
    }

    fn spelled(&self, envelope: &Envelope) -> Bytes {
        let mut body = Vec::with_capacity(2_048);
        // Only a value that XML cannot carry fails, and such a value is not taken.
        if encode(envelope, &mut body).is_err() {
            let fault = answers::fault(FaultCode::InternalError);
            let plain = Envelope::new(envelope.namespace, envelope.header.clone(), fault);
            encode(&plain, &mut body).ok();
        }
        self.quirks.spell(body).into()
    }

    fn post(&mut self, cx: &Context<'_>, body: Bytes) -> Post {
        let cnonce = self.dice.bytes();
        let is_whole = self.quirks.has(Quirk::WholeDigestUri);
        let target = if is_whole { &cx.world.acs_url } else { &cx.world.target };
        let line = RequestLine { method: "POST", target };
        let authorization = self.digest.as_mut().and_then(|digest| digest.authorize(line, cnonce));
        let cookie = self.session.as_mut().and_then(|session| {
            session.last = body.clone();
            session.posts += 1;
            session.sent = cx.now.mono;
            session.cookie.clone()
        });
        let cookie = cookie.map(|cookie| self.quirks.cookie(cookie));
        Post { body, authorization, cookie, quirks: self.quirks, is_slow: false }
    }
}

impl Session {
    fn take_cookies(&mut self, lines: &[String]) {
        for line in lines {
            let Some(pair) = line.split(';').next().map(str::trim).filter(|pair| pair.contains('=')) else { continue };
            let name = pair.split('=').next().unwrap_or_default();
            let held = self.cookie.take().unwrap_or_default();
            let others = held.split("; ").filter(|it| !it.is_empty() && it.split('=').next() != Some(name));
            let all: Vec<&str> = others.chain([pair]).collect();
            self.cookie = Some(all.join("; "));
        }
    }

    /// An answer echoes the `ID` of its request.
    fn check_id(&self, envelope: &Envelope) -> Result<(), Failure> {
        if self.posts > POSTS_MAX {
            return Err(Failure::Endless);
        }
        let is_echoed = match (&self.id, &envelope.header.id) {
            (Some(asked), Some(answered)) => asked == answered,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if is_echoed { Ok(()) } else { Err(Failure::WrongId) }
    }
}
