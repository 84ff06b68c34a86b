use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sangam_types::Mono;

use super::super::Verdict;
use super::element::Element;
use super::framer::{Framer, Piece};
use super::{FrameOffence, Jid, condition, stanza};
use crate::Secret;
use crate::xml_char::is_xml_char;

/// How a component connects and what it holds.
#[derive(Clone, Debug)]
pub struct ComponentOptions {
    /// The name that the server gave us: `acs.example.net`.
    pub domain: String,
    /// What we share with the server.
    pub secret: Secret,
    /// How long the server has for the handshake.
    pub handshake_timeout: Duration,
    /// How long a CPE has to answer.
    pub answer_timeout: Duration,
    /// How many requests may wait for their answers.
    pub pending_max: usize,
    /// Bytes of a stanza that is read.
    pub stanza_bytes_max: usize,
    /// A blank is sent after this much silence of ours, so that a connection that is gone is found.
    pub keepalive: Duration,
}

impl ComponentOptions {
    /// Handshake 10 s, answers 15 s, 10,000 requests, stanzas of 64 KiB, a blank each minute.
    #[must_use]
    pub fn new(domain: impl Into<String>, secret: Secret) -> Self {
        Self {
            domain: domain.into(),
            secret,
            handshake_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(15),
            pending_max: 10_000,
            stanza_bytes_max: 64 * 1_024,
            keepalive: Duration::from_secs(60),
        }
    }
}

/// The driver's own number for a request, told back with its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XmppRequestHandle(pub u64);

/// A connection request.
#[derive(Clone, Debug)]
pub struct XmppRequest<'a> {
    /// Told back with the verdict.
    pub handle: XmppRequestHandle,
    /// The CPE's ConnReqJabberID.
    pub to: &'a Jid,
    /// Its ConnectionRequestUsername.
    pub username: &'a str,
    /// Its ConnectionRequestPassword.
    pub password: &'a Secret,
}

/// Why a request is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestOffence {
    /// The server has not let us in, or no more.
    #[error("not connected with the XMPP server")]
    NotReady,
    /// As many wait as may.
    #[error("too many requests wait for their answers")]
    Full,
    /// A JID without a resource is no connection.
    #[error("a request goes to a full JID")]
    NotFull,
    /// Name or password holds what XML cannot.
    #[error("name or password cannot be written")]
    Unwritable,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentOutput {
    /// Send these bytes.
    Send(Vec<u8>),
    /// The server let us in: requests may be made.
    Ready,
    /// What became of a request.
    Answered {
        /// Which.
        handle: XmppRequestHandle,
        /// What.
        verdict: Verdict,
    },
    /// It is over: close the connection.
    Closed(CloseReason),
    /// Nothing more until an input or this time.
    Wait(Option<Mono>),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The secret is wrong.
    #[error("the XMPP server refused our secret")]
    NotAuthorized,
    /// The server knows no component of our name.
    #[error("the XMPP server knows no component of our name")]
    HostUnknown,
    /// Another connection has our name.
    #[error("another connection has our name")]
    Conflict,
    /// The server goes away, or said another error.
    #[error("the XMPP server ended the stream")]
    ByServer,
    /// The connection was lost.
    #[error("the connection was lost")]
    Disconnected,
    /// The handshake took too long.
    #[error("the XMPP server did not answer the handshake")]
    Timeout,
    /// What came is no stream of XMPP.
    #[error("no stream of XMPP: {0}")]
    Frame(FrameOffence),
    /// A stanza is not well-formed, or has no place there.
    #[error("a stanza that cannot be read")]
    Stanza,
}

impl CloseReason {
    /// One of a fixed set of words: a label for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotAuthorized => "not_authorized",
            Self::HostUnknown => "host_unknown",
            Self::Conflict => "conflict",
            Self::ByServer => "by_server",
            Self::Disconnected => "disconnected",
            Self::Timeout => "timeout",
            Self::Frame(_) => "frame",
            Self::Stanza => "stanza",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Our stream is begun, theirs not.
    Opening {
        since: Mono,
    },
    /// The handshake is sent.
    Handshaking {
        since: Mono,
    },
    Open,
    Closed,
}

/// A request without an answer.
#[derive(Debug)]
struct Pending {
    handle: XmppRequestHandle,
    to: Jid,
    until: Mono,
}

/// Our connection with an XMPP server. Drain [`poll_output`](Self::poll_output) to [`ComponentOutput::Wait`] before each input.
#[derive(Debug)]
pub struct Component {
    options: ComponentOptions,
    framer: Framer,
    state: State,
    /// By the number in its id; all have the same time, so the first is the first to end.
    pending: BTreeMap<u64, Pending>,
    ids: u64,
    last_sent: Mono,
    outputs: VecDeque<ComponentOutput>,
    ignored: u64,
}

impl Component {
    /// A connection that was just made; begins the stream.
    #[must_use]
    pub fn new(options: ComponentOptions, now: Mono) -> Self {
        let header = ComponentOutput::Send(stanza::header(&options.domain));
        Self {
            framer: Framer::new(options.stanza_bytes_max),
            options,
            state: State::Opening { since: now },
            pending: BTreeMap::new(),
            ids: 0,
            last_sent: now,
            outputs: VecDeque::from([header]),
            ignored: 0,
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> ComponentOutput {
        self.outputs.pop_front().unwrap_or_else(|| ComponentOutput::Wait(self.deadline()))
    }

    /// Bytes came, as they were read: some 64 KiB at a time at most, since a piece is looked at only when it is in.
    pub fn handle_bytes(&mut self, now: Mono, bytes: &[u8]) {
        self.framer.push(bytes);
        while self.state != State::Closed {
            match self.framer.next_piece() {
                Ok(Some(piece)) => self.handle_piece(now, piece),
                Ok(None) => return,
                Err(offence) => self.close(CloseReason::Frame(offence)),
            }
        }
    }

    /// Asks a CPE for a session.
    ///
    /// # Errors
    ///
    /// It is not sent, and there will be no verdict.
    pub fn handle_request(&mut self, now: Mono, request: &XmppRequest<'_>) -> Result<(), RequestOffence> {
        if self.state != State::Open {
            return Err(RequestOffence::NotReady);
        }
        if !request.to.is_full() {
            return Err(RequestOffence::NotFull);
        }
        if self.pending.len() >= self.options.pending_max {
            return Err(RequestOffence::Full);
        }
        if !request.username.chars().chain(request.password.expose().chars()).all(is_xml_char) {
            return Err(RequestOffence::Unwritable);
        }
        self.ids += 1;
        let (from, id) = (&self.options.domain, id_text(self.ids));
        let bytes = stanza::connection_request(from, request.to, &id, request.username, request.password);
        let until = now + self.options.answer_timeout;
        self.pending.insert(self.ids, Pending { handle: request.handle, to: request.to.clone(), until });
        self.send(now, bytes);
        Ok(())
    }

    /// Time has passed: call it at the deadline, or whenever.
    pub fn handle_timeout(&mut self, now: Mono) {
        if let State::Opening { since } | State::Handshaking { since } = self.state
            && now >= since + self.options.handshake_timeout
        {
            return self.close(CloseReason::Timeout);
        }
        while let Some(first) = self.pending.first_entry().filter(|first| first.get().until <= now) {
            let handle = first.remove().handle;
            self.outputs.push_back(ComponentOutput::Answered { handle, verdict: Verdict::Unreachable });
        }
        if self.state == State::Open && now >= self.last_sent + self.options.keepalive {
            self.send(now, b" ".to_vec());
        }
    }

    /// The connection was lost.
    pub fn handle_disconnect(&mut self) {
        self.close(CloseReason::Disconnected);
    }

    /// Requests that wait for their answers.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many stanzas meant nothing to us: messages, presence, answers that nobody waits for or from somebody else.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    fn deadline(&self) -> Option<Mono> {
        match self.state {
            State::Opening { since } | State::Handshaking { since } => Some(since + self.options.handshake_timeout),
            State::Open => {
                let keepalive = self.last_sent + self.options.keepalive;
                let answer = self.pending.first_key_value().map(|(_, pending)| pending.until);
                Some(answer.map_or(keepalive, |answer| answer.min(keepalive)))
            }
            State::Closed => None,
        }
    }

    fn handle_piece(&mut self, now: Mono, piece: Piece) {
        match (self.state, piece) {
            (State::Opening { since }, Piece::Header(tag)) => {
                let header = Element::parse_header(&tag).filter(|it| it.local() == "stream");
                let Some(id) = header.as_ref().and_then(|it| it.attribute("id")) else {
                    return self.close(CloseReason::Stanza);
                };
                let handshake = stanza::handshake(id, &self.options.secret);
                self.state = State::Handshaking { since };
                self.send(now, handshake);
            }
            (State::Handshaking { .. } | State::Open, Piece::Stanza(text)) => match Element::parse(&text) {
                Some(element) => self.handle_element(now, &element),
                None => self.close(CloseReason::Stanza),
            },
            (_, Piece::End) => self.close(CloseReason::ByServer),
            (_, Piece::Header(_) | Piece::Stanza(_)) => self.close(CloseReason::Stanza),
        }
    }

    fn handle_element(&mut self, now: Mono, element: &Element) {
        match (self.state, element.name.as_str()) {
            (_, name) if name.ends_with(":error") => self.close(stream_error(element)),
            (State::Handshaking { .. }, "handshake") => {
                self.state = State::Open;
                self.outputs.push_back(ComponentOutput::Ready);
            }
            (State::Open, "iq") => self.handle_iq(now, element),
            (State::Open, _) => self.ignored += 1,
            _ => self.close(CloseReason::Stanza),
        }
    }

    fn handle_iq(&mut self, now: Mono, iq: &Element) {
        let verdict = match iq.attribute("type") {
            Some("result") => Verdict::Accepted,
            Some("error") => condition::verdict(iq),
            Some("get" | "set") => {
                self.ignored += 1;
                if let Some(bytes) = stanza::service_unavailable(iq) {
                    self.send(now, bytes);
                }
                return;
            }
            _ => {
                self.ignored += 1;
                return;
            }
        };
        let from = iq.attribute("from").and_then(|text| Jid::parse(text).ok());
        let number = iq.attribute("id").and_then(id_number);
        // Anybody may send us an iq: only the CPE that was asked speaks for itself.
        let is_awaited = |pending: &Pending| Some(&pending.to) == from.as_ref();
        match number.filter(|number| self.pending.get(number).is_some_and(is_awaited)) {
            Some(number) => {
                if let Some(Pending { handle, .. }) = self.pending.remove(&number) {
                    self.outputs.push_back(ComponentOutput::Answered { handle, verdict });
                }
            }
            None => self.ignored += 1,
        }
    }

    fn send(&mut self, now: Mono, bytes: Vec<u8>) {
        self.last_sent = now;
        self.outputs.push_back(ComponentOutput::Send(bytes));
    }

    fn close(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        for (_, Pending { handle, .. }) in std::mem::take(&mut self.pending) {
            self.outputs.push_back(ComponentOutput::Answered { handle, verdict: Verdict::Unreachable });
        }
        self.outputs.push_back(ComponentOutput::Closed(reason));
    }
}

/// RFC 6120 §4.9.3.
fn stream_error(error: &Element) -> CloseReason {
    match error.children.first().map(Element::local) {
        Some("not-authorized") => CloseReason::NotAuthorized,
        Some("host-unknown") => CloseReason::HostUnknown,
        Some("conflict") => CloseReason::Conflict,
        _ => CloseReason::ByServer,
    }
}

fn id_text(number: u64) -> String {
    format!("cr{number}")
}

fn id_number(text: &str) -> Option<u64> {
    text.strip_prefix("cr")?.parse().ok()
}

#[cfg(test)]
mod tests;
