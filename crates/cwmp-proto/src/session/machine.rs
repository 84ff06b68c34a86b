use std::collections::VecDeque;
use std::time::Duration;

use sangam_types::Mono;

use super::version::{agree, has_hold_requests};
use super::{
    AcsRequest, CpeNotice, Deadline, EndReason, InformFacts, NotAsked, NotSent, Outcome, Output, Post, Reply,
    RequestHandle, SessionOptions, Stored, Timer,
};
use crate::message::{
    AutonomousDuStateChangeCompleteResponse, AutonomousTransferCompleteResponse, DuStateChangeCompleteResponse,
    GetRpcMethods, GetRpcMethodsResponse, Inform, InformResponse, KickedResponse, RequestDownloadResponse,
    TransferCompleteResponse,
};
use crate::{Body, DeviceId, EncodeError, Envelope, EventCode, Fault, FaultCode, Header, Message, Namespace, Version};

/// One session with a CPE. See [the module](super).
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    began: Mono,
    /// Since when the CPE is silent.
    silent_since: Mono,
    state: State,
    /// Whose it is. Once an Inform said it, no other may: the driver authenticated this one.
    device: Option<DeviceId>,
    agreed: Agreed,
    asked: Option<Asked>,
    /// The CPE was told to hold its requests, and not yet to send them.
    is_holding: bool,
    /// The CPE held requests and was not heard since: an empty reply of ours does not end the session.
    owes_turn: bool,
    /// The CPE said once that it is our turn.
    is_our_turn: bool,
    /// The last reply was the request that is under way.
    reply_asks: bool,
    ids: u64,
    cpe_requests: u32,
    acs_requests: u32,
    retries: u32,
    counts: Counts,
    outputs: VecDeque<Output>,
}

/// What was met that the standard does not have, and taken all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Envelopes with nothing in their body where an empty POST belongs.
    pub empty_envelopes: u32,
    /// Answers without an `ID`.
    pub missing_ids: u32,
    /// Requests of the CPE after its empty POST.
    pub late_requests: u32,
    /// Requests that were answered with fault 8000.
    pub unknown_methods: u32,
    /// Faults 8005 sent: the CPE was asked to repeat itself.
    pub retries_asked: u32,
    /// Requests that were repeated since the CPE asked for it.
    pub resends: u32,
}

#[derive(Debug)]
enum State {
    /// An Inform has to come.
    Fresh,
    /// The Inform is being made durable; this is its header.
    Informing(Header),
    /// The CPE has to send something.
    Listening,
    /// A notice is being made durable; this is its header, and the reply.
    Noting(Header, Box<Message>),
    /// The driver chooses the next request.
    Choosing,
    Ended,
}

impl State {
    /// Whether a POST waits for its reply.
    const fn is_open(&self) -> bool {
        matches!(self, Self::Informing(_) | Self::Noting(..) | Self::Choosing)
    }
}

#[derive(Clone, Debug)]
struct Agreed {
    namespace: Namespace,
    version: Version,
    /// Whether the CPE must be told of it.
    tells_version: bool,
    idle: Duration,
}

/// A request that is under way.
#[derive(Debug)]
struct Asked {
    /// `None`: the session's own, to end the holding of requests.
    handle: Option<RequestHandle>,
    id: String,
    message: Message,
    resends: u32,
}

/// What an ACS answers to (TR-069 Amendment 6 Annex A.3 and A.4). `Kicked` joins them where it is offered.
const METHODS: [&str; 7] = [
    "Inform",
    "GetRPCMethods",
    "TransferComplete",
    "AutonomousTransferComplete",
    "RequestDownload",
    "DUStateChangeComplete",
    "AutonomousDUStateChangeComplete",
];

impl Session {
    /// A session that begins with the next POST.
    #[must_use]
    pub fn new(options: SessionOptions, now: Mono) -> Self {
        let idle = options.idle;
        let agreed = Agreed { namespace: Namespace::default(), version: Version::v1(0), tells_version: false, idle };
        Self {
            options,
            began: now,
            silent_since: now,
            state: State::Fresh,
            device: None,
            agreed,
            asked: None,
            is_holding: false,
            owes_turn: false,
            is_our_turn: false,
            reply_asks: false,
            ids: 0,
            cpe_requests: 0,
            acs_requests: 0,
            retries: 0,
            counts: Counts::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do. Drain it to [`Output::Wait`] before the next input.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.deadline()))
    }

    /// Whose session it is, once an Inform said it.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// What was met that the standard does not have.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// A POST came. If the last is still open, its connection is taken for lost.
    pub fn handle_post(&mut self, now: Mono, post: Post) {
        self.silent_since = now;
        let is_inform = matches!(&post, Post::Envelope(it) if matches!(it.message(), Some(Message::Inform(_))));
        if self.is_ended() {
            return self.reply(Reply::BadRequest);
        }
        if self.state.is_open() && !is_inform {
            return self.refuse(EndReason::Overlap);
        }
        match post {
            Post::Unreadable => self.refuse(EndReason::Unreadable),
            Post::TooLarge => self.handle_too_large(),
            Post::Empty => self.handle_empty(),
            Post::Envelope(envelope) => self.handle_envelope(now, *envelope),
        }
    }

    /// What the last [`Output::Inform`] or [`Output::Notice`] asked for is done, or failed.
    ///
    /// # Errors
    ///
    /// Nothing is waited for.
    pub fn handle_durable(&mut self, now: Mono, stored: Stored) -> Result<(), NotAsked> {
        self.silent_since = now;
        match (std::mem::replace(&mut self.state, State::Listening), stored) {
            (State::Informing(header), Stored::Durable) => self.reply_to_inform(header),
            (State::Informing(header), Stored::Failed) => {
                self.state = State::Fresh;
                self.ask_to_retry(header);
            }
            (State::Noting(header, response), Stored::Durable) => self.reply_with(header, *response),
            (State::Noting(header, _), Stored::Failed) => self.ask_to_retry(header),
            (other @ (State::Fresh | State::Listening | State::Choosing | State::Ended), _) => {
                self.state = other;
                return Err(NotAsked);
            }
        }
        Ok(())
    }

    /// The answer to [`Output::Next`]: a request whose sending is durable, or none.
    ///
    /// # Errors
    ///
    /// Nothing was asked, or the session ended meanwhile: the request has not left.
    pub fn handle_work(&mut self, now: Mono, work: Option<AcsRequest>) -> Result<(), NotAsked> {
        if !matches!(self.state, State::Choosing) {
            return Err(NotAsked);
        }
        self.silent_since = now;
        match work {
            None => self.nothing_left(),
            Some(request) if !is_cpe_method(&request.message) => {
                let outcome = Outcome::NotSent(NotSent::NoRequest);
                self.outputs.push_back(Output::Answered { handle: request.handle, outcome });
                self.outputs.push_back(Output::Next);
            }
            Some(request) => {
                self.acs_requests += 1;
                self.ask(Some(request.handle), request.message, self.is_holding.then_some(true), 0);
            }
        }
        Ok(())
    }

    /// The reply that was given could not be written. A request in it has not left, and another may be chosen.
    pub fn handle_unwritable(&mut self, now: Mono, error: EncodeError) {
        self.silent_since = now;
        match self.asked.take() {
            Some(Asked { handle: Some(handle), .. }) if self.reply_asks => {
                let outcome = Outcome::NotSent(NotSent::Unwritable(error));
                self.outputs.push_back(Output::Answered { handle, outcome });
                self.choose();
            }
            other => {
                self.asked = other;
                self.refuse(EndReason::Abandoned);
            }
        }
    }

    /// The connection was lost. Between two exchanges that means nothing: a session is no connection.
    pub fn handle_disconnect(&mut self) {
        if self.state.is_open() {
            self.end(EndReason::Disconnected);
        }
    }

    /// The driver gives the session up: [`EndReason::Superseded`] when the device began another one,
    /// [`EndReason::Abandoned`] else. An open POST is answered with 503.
    pub fn abandon(&mut self, reason: EndReason) {
        self.end_with(Reply::Unavailable, reason);
    }

    /// Time has passed: call it at the deadline, or whenever.
    pub fn handle_timeout(&mut self, now: Mono) {
        let Some(deadline) = self.deadline().filter(|it| it.at <= now) else {
            return;
        };
        let reason = match deadline.timer {
            // It had its turn and had nothing to say.
            Timer::Idle if self.owes_turn && self.asked.is_none() => EndReason::Done,
            Timer::Idle => EndReason::Idle,
            Timer::Total => EndReason::Total,
        };
        self.end_with(Reply::Unavailable, reason);
    }

    fn deadline(&self) -> Option<Deadline> {
        if self.is_ended() {
            return None;
        }
        let total = Deadline { at: self.began + self.options.total, timer: Timer::Total };
        let idle = Deadline { at: self.silent_since + self.agreed.idle, timer: Timer::Idle };
        // While a POST is open the silence is ours.
        Some(if self.state.is_open() || total.at <= idle.at { total } else { idle })
    }
}

/// What comes in.
impl Session {
    fn handle_empty(&mut self) {
        if matches!(self.state, State::Fresh) {
            return self.refuse(EndReason::NoInform);
        }
        if self.asked.is_some() {
            return self.end_replying(Reply::Empty, EndReason::MissingAnswer);
        }
        self.is_our_turn = true;
        self.owes_turn = self.is_holding;
        self.choose();
    }

    /// What is too large to be read is taken for the answer that is due: only answers grow with what was asked.
    fn handle_too_large(&mut self) {
        let Some(asked) = self.asked.take() else {
            return self.refuse(EndReason::Unreadable);
        };
        if let Some(handle) = asked.handle {
            self.outputs.push_back(Output::Answered { handle, outcome: Outcome::TooLarge });
        }
        self.choose();
    }

    fn handle_envelope(&mut self, now: Mono, envelope: Envelope) {
        let Envelope { namespace, header, body } = envelope;
        match body {
            Body::Message(Message::Inform(inform)) => self.handle_inform(now, inform, header, namespace),
            _ if matches!(self.state, State::Fresh) => self.refuse(EndReason::NoInform),
            Body::Empty => {
                self.counts.empty_envelopes += 1;
                self.handle_empty();
            }
            Body::Unknown { method } if method.ends_with("Response") => self.handle_answer(&header, None),
            Body::Unknown { .. } => self.handle_request(header, None),
            Body::Message(message) if message.is_request() => self.handle_request(header, Some(message)),
            Body::Message(message) => self.handle_answer(&header, Some(message)),
        }
    }

    fn handle_inform(&mut self, now: Mono, inform: Inform, header: Header, namespace: Namespace) {
        if self.device.as_ref().is_some_and(|known| !is_same_device(known, &inform.device_id)) {
            return self.refuse(EndReason::IdentityChanged);
        }
        if !matches!(self.state, State::Fresh) {
            self.begin_anew(now);
        }
        self.agreed.namespace = namespace;
        if inform.device_id.check().is_err() {
            return self.end_with_fault(header, FaultCode::AcsInvalidArguments, EndReason::BadIdentity);
        }
        let Some((version, tells_version)) = agree(&header, namespace) else {
            return self.end_with_fault(header, FaultCode::AcsVersionIncompatible, EndReason::NoCommonVersion);
        };
        let wanted = header.session_timeout_secs.map_or(Duration::ZERO, |secs| Duration::from_secs(secs.into()));
        let idle = self.options.idle.max(wanted.min(self.options.total));
        self.agreed = Agreed { namespace, version, tells_version, idle };
        self.device = Some(inform.device_id.clone());
        let is_bootstrap = inform.events.iter().any(|event| event.code == EventCode::Bootstrap);
        let facts = InformFacts { inform, namespace, version, is_bootstrap, idle };
        self.state = State::Informing(header);
        self.outputs.push_back(Output::Inform(Box::new(facts)));
    }

    /// A request of the CPE; `None` is a method that nobody knows.
    fn handle_request(&mut self, header: Header, request: Option<Message>) {
        if self.cpe_requests >= self.options.cpe_requests_max {
            return self.refuse(EndReason::CpeRequestsMax);
        }
        self.cpe_requests += 1;
        self.counts.late_requests += u32::from(self.is_our_turn);
        match request {
            Some(Message::GetRpcMethods(_)) => {
                let response = GetRpcMethodsResponse { methods: self.methods() };
                self.reply_with(header, response);
            }
            Some(Message::Kicked(kicked)) if self.options.kicked_url.is_some() => {
                let next_url = self.options.kicked_url.clone().unwrap_or_default();
                self.note(header, CpeNotice::Kicked(kicked), KickedResponse { next_url });
            }
            Some(message) => match notice(message) {
                Some((notice, response)) => self.note(header, notice, response),
                None => self.reply_unknown(header),
            },
            None => self.reply_unknown(header),
        }
    }

    /// A response or fault; `None` is a response that nobody knows.
    fn handle_answer(&mut self, header: &Header, answer: Option<Message>) {
        let Some(asked) = self.asked.take() else {
            return self.refuse(EndReason::UnexpectedAnswer);
        };
        let has_right_id = match &header.id {
            Some(id) => id.trim() == asked.id,
            None => self.options.allow_missing_ids,
        };
        let outcome = answer.and_then(|message| outcome(&asked.message, message)).filter(|_| has_right_id);
        let Some(outcome) = outcome else {
            self.asked = Some(asked);
            return self.refuse(EndReason::WrongAnswer);
        };
        self.counts.missing_ids += u32::from(header.id.is_none());
        let wants_again = matches!(&outcome, Outcome::Fault(it) if it.code() == Some(FaultCode::AcsRetryRequest));
        if wants_again && asked.resends < self.options.resends_max {
            self.counts.resends += 1;
            let holds = (self.is_holding || asked.handle.is_none()).then_some(asked.handle.is_some());
            return self.ask(asked.handle, asked.message, holds, asked.resends + 1);
        }
        if let Some(handle) = asked.handle {
            self.outputs.push_back(Output::Answered { handle, outcome });
        }
        self.choose();
    }
}

/// What goes out.
impl Session {
    fn reply(&mut self, reply: Reply) {
        self.reply_asks = false;
        self.outputs.push_back(Output::Reply(reply));
    }

    fn reply_with(&mut self, header: Header, message: impl Into<Message>) {
        let mut answer = header.response();
        answer.hold_requests = self.is_holding.then_some(true);
        self.state = State::Listening;
        self.reply(Reply::Envelope(Box::new(Envelope::new(self.agreed.namespace, answer, message))));
    }

    fn reply_to_inform(&mut self, header: Header) {
        let mut answer = header.response();
        answer.use_version = self.agreed.tells_version.then_some(self.agreed.version);
        self.is_holding = self.options.hold_requests && has_hold_requests(self.agreed.version);
        answer.hold_requests = self.is_holding.then_some(true);
        self.state = State::Listening;
        let envelope = Envelope::new(self.agreed.namespace, answer, InformResponse::default());
        self.reply(Reply::Envelope(Box::new(envelope)));
    }

    fn reply_unknown(&mut self, header: Header) {
        self.counts.unknown_methods += 1;
        self.reply_with(header, Fault::new(FaultCode::AcsMethodNotSupported));
    }

    /// Fault 8005 in reply: the CPE sends the same again. It stays in the state that is set.
    fn ask_to_retry(&mut self, header: Header) {
        if self.retries >= self.options.retries_max {
            return self.end_replying(Reply::Unavailable, EndReason::NotStored);
        }
        self.retries += 1;
        self.counts.retries_asked += 1;
        let fault = Fault::new(FaultCode::AcsRetryRequest);
        self.reply(Reply::Envelope(Box::new(Envelope::new(self.agreed.namespace, header.response(), fault))));
    }

    fn note(&mut self, header: Header, notice: CpeNotice, response: impl Into<Message>) {
        self.state = State::Noting(header, Box::new(response.into()));
        self.outputs.push_back(Output::Notice(Box::new(notice)));
    }

    fn ask(&mut self, handle: Option<RequestHandle>, message: Message, hold_requests: Option<bool>, resends: u32) {
        self.ids += 1;
        let id = self.ids.to_string();
        let header = Header { hold_requests, ..Header::with_id(id.clone()) };
        let envelope = Envelope::new(self.agreed.namespace, header, message.clone());
        self.asked = Some(Asked { handle, id, message, resends });
        self.state = State::Listening;
        self.reply(Reply::Envelope(Box::new(envelope)));
        self.reply_asks = true;
    }

    fn choose(&mut self) {
        if self.acs_requests >= self.options.acs_requests_max {
            return self.end_replying(Reply::Empty, EndReason::AcsRequestsMax);
        }
        self.state = State::Choosing;
        self.outputs.push_back(Output::Next);
    }

    fn nothing_left(&mut self) {
        if self.is_holding {
            // Something has to carry the release; this changes nothing on any CPE.
            self.is_holding = false;
            return self.ask(None, GetRpcMethods.into(), Some(false), 0);
        }
        if self.owes_turn {
            self.state = State::Listening;
            return self.reply(Reply::Empty);
        }
        self.end_replying(Reply::Empty, EndReason::Done);
    }

    fn methods(&self) -> Vec<String> {
        let kicked = self.options.kicked_url.as_ref().map(|_| "Kicked");
        METHODS.into_iter().chain(kicked).map(str::to_owned).collect()
    }
}

/// How it ends.
impl Session {
    fn end(&mut self, reason: EndReason) {
        let unanswered = self.asked.take().and_then(|asked| asked.handle);
        self.state = State::Ended;
        self.outputs.push_back(Output::Ended { reason, unanswered });
    }

    fn end_replying(&mut self, reply: Reply, reason: EndReason) {
        self.reply(reply);
        self.end(reason);
    }

    /// Ends it, with a reply if a POST is open.
    fn end_with(&mut self, reply: Reply, reason: EndReason) {
        if self.is_ended() {
            return;
        }
        if self.state.is_open() {
            self.reply(reply);
        }
        self.end(reason);
    }

    fn end_with_fault(&mut self, header: Header, code: FaultCode, reason: EndReason) {
        self.reply_with(header, Fault::new(code));
        self.end(reason);
    }

    fn refuse(&mut self, reason: EndReason) {
        self.end_replying(Reply::BadRequest, reason);
    }

    /// Another Inform: what was is over, for the same device.
    fn begin_anew(&mut self, now: Mono) {
        self.end(EndReason::Superseded);
        let fresh = Self::new(self.options.clone(), now);
        let (device, counts, outputs) = (self.device.take(), self.counts, std::mem::take(&mut self.outputs));
        // Numbers go on, so that an answer from before is told from one to a request of now.
        *self = Self { device, counts, outputs, ids: self.ids, ..fresh };
    }
}

/// What a CPE tells, and the response to it. `None`: not a thing that a CPE tells an ACS.
fn notice(message: Message) -> Option<(CpeNotice, Message)> {
    Some(match message {
        Message::TransferComplete(it) => (CpeNotice::TransferComplete(it), TransferCompleteResponse.into()),
        Message::AutonomousTransferComplete(it) => {
            (CpeNotice::AutonomousTransferComplete(it), AutonomousTransferCompleteResponse.into())
        }
        Message::DuStateChangeComplete(it) => {
            (CpeNotice::DuStateChangeComplete(it), DuStateChangeCompleteResponse.into())
        }
        Message::AutonomousDuStateChangeComplete(it) => {
            (CpeNotice::AutonomousDuStateChangeComplete(it), AutonomousDuStateChangeCompleteResponse.into())
        }
        Message::RequestDownload(it) => (CpeNotice::RequestDownload(it), RequestDownloadResponse.into()),
        _ => return None,
    })
}

fn outcome(asked: &Message, answer: Message) -> Option<Outcome> {
    match answer {
        Message::Fault(fault) => Some(Outcome::Fault(Box::new(fault))),
        other if other.method().strip_suffix("Response") == Some(asked.method()) => {
            Some(Outcome::Response(Box::new(other)))
        }
        _ => None,
    }
}

/// Whether a CPE has that method. GetRPCMethods is everybody's.
fn is_cpe_method(message: &Message) -> bool {
    let is_acs_method = METHODS.contains(&message.method()) || matches!(message, Message::Kicked(_));
    message.is_request() && (matches!(message, Message::GetRpcMethods(_)) || !is_acs_method)
}

/// The manufacturer's name is no part of it.
fn is_same_device(left: &DeviceId, right: &DeviceId) -> bool {
    (&left.oui, &left.product_class, &left.serial_number) == (&right.oui, &right.product_class, &right.serial_number)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
