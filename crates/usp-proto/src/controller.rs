//! A controller's side of one agent: what came, what is asked, what is known.
//!
//! The driver mutates ([`Controller::handle_record`], [`Controller::request`], [`Controller::handle_stored`],
//! [`Controller::handle_timeout`], …), drains ([`Controller::poll_output`]) to [`ControllerOutput::Wait`], mutates again.
//!
//! A notification is handed out as [`ControllerOutput::Store`] and answered only once the driver says that it is on the disk
//! ([`Controller::handle_stored`]): until then the agent keeps it and tells it again. What was asked and not answered
//! when the channel goes or time runs out may have been done or not; [`RequestFailure::may_have_run`] says which.

mod event;
mod notifies;
mod onboarding;
mod pending;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;

use crate::endpoint_id::EndpointId;
use crate::error_code::ErrorCode;
use crate::exchange::{Arrival, Connect, Exchange, Refusal, Via};
use crate::limits::UspLimits;
use crate::message::{
    Content, DeregisterOutcome, DeregisterResp, DeregisterStatus, DeregisteredPathResult, Error, Failure, Message,
    Notification, Notify, NotifyResp, RegisterOutcome, RegisterResp, RegisterStatus, RegisteredPathResult, Request,
    Response,
};
use crate::session::SessionOptions;
use crate::subscriptions::Wanted;
use notifies::{Notifies, Seen};
use onboarding::Onboarding;
use pending::{Pending, Purpose};

pub use event::{ControllerEvent, ControllerOutput, RequestFailure, RequestRefused};
pub use notifies::NotifyToken;
pub use onboarding::{Identity, Known, OnboardingStep};

/// Bounds, times and wishes of a [`Controller`].
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerOptions {
    /// Bounds of records and messages.
    pub limits: UspLimits,
    /// Session contexts; `None` answers them with 7106. Default: allowed.
    pub session: Option<SessionOptions>,
    /// After how long a request that is not answered has failed. Default 30 s.
    pub request_timeout: Duration,
    /// Requests that may be unanswered at a time. Default 32.
    pub requests_max: usize,
    /// Notifications that may wait to be stored at a time. Default 64; more are dropped, and told again by the agent.
    pub notifies_max: usize,
    /// Notifications that are remembered, so that one told again is answered and not stored twice. Default 64.
    pub notifies_remembered_max: usize,
    /// Whether records before a Connect Record are refused (R-MTP.8). Default no: agents before 1.2 send none.
    pub connect_required: bool,
    /// How ids of messages begin; a driver makes them differ from those before a restart of the process.
    pub msg_id_prefix: String,
    /// How the ids of subscriptions of ours begin. Default `sangam-`.
    pub subscription_prefix: String,
    /// The subscriptions that the agent is to have.
    pub subscriptions: Vec<Wanted>,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self {
            limits: UspLimits::default(),
            session: Some(SessionOptions::default()),
            request_timeout: Duration::from_secs(30),
            requests_max: 32,
            notifies_max: 64,
            notifies_remembered_max: 64,
            connect_required: false,
            msg_id_prefix: "c".to_owned(),
            subscription_prefix: "sangam-".to_owned(),
            subscriptions: crate::subscriptions::standard("sangam-"),
        }
    }
}

/// A controller's side of one agent.
#[derive(Debug)]
pub struct Controller {
    options: ControllerOptions,
    exchange: Exchange,
    /// Whether there is a channel to the agent.
    is_open: bool,
    /// Whether the agent has said on it that it is here.
    is_connected: bool,
    next_msg_id: u64,
    pending: Pending,
    notifies: Notifies,
    onboarding: Onboarding,
    outputs: VecDeque<ControllerOutput>,
}

impl Controller {
    /// For the agent that the transport proved to be `agent`. `known` is what the store knows of it; `first_session_id` is
    /// picked at random by the driver.
    #[must_use]
    pub fn new(
        options: ControllerOptions,
        us: EndpointId,
        agent: EndpointId,
        known: Known,
        first_session_id: u64,
    ) -> Self {
        let exchange = Exchange::new(us, agent, options.limits.clone(), options.session.clone(), first_session_id);
        Self {
            pending: Pending::new(options.requests_max),
            notifies: Notifies::new(options.notifies_max, options.notifies_remembered_max),
            onboarding: Onboarding::new(known),
            options,
            exchange,
            is_open: false,
            is_connected: false,
            next_msg_id: 1,
            outputs: VecDeque::new(),
        }
    }

    /// The agent.
    #[must_use]
    pub fn agent(&self) -> &EndpointId {
        self.exchange.peer()
    }

    /// Whether the agent can be asked.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// There is a new channel to the agent, in place of any before it. Its Connect Record is to come.
    pub fn handle_channel_open(&mut self, now: Mono) {
        self.fail_pending(RequestFailure::Disconnected);
        self.is_open = true;
        self.is_connected = false;
        self.exchange.handle_channel_open();
        self.settle(now);
    }

    /// The channel to the agent is gone.
    pub fn handle_channel_closed(&mut self, now: Mono) {
        self.is_open = false;
        self.disconnected(None, "the channel is closed");
        self.settle(now);
    }

    /// A record came on the channel.
    pub fn handle_record(&mut self, now: Mono, bytes: &Bytes) {
        self.is_open = true;
        self.exchange.handle_record(now, bytes);
        self.settle(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Mono) {
        if self.is_open {
            self.exchange.handle_timeout(now);
        }
        while let Some((msg_id, purpose)) = self.pending.take_due(now) {
            self.failed(now, msg_id, purpose, RequestFailure::Timeout);
        }
        self.settle(now);
    }

    /// Asks the agent. The answer comes as [`ControllerEvent::Answered`] or [`ControllerEvent::Failed`] with the id given
    /// here; an Operate that wants no answer has none.
    ///
    /// # Errors
    /// If the agent is not there, or too much is unanswered.
    pub fn request(&mut self, now: Mono, request: Request) -> Result<String, RequestRefused> {
        let id = self.ask(now, request, Purpose::Driver)?;
        self.settle(now);
        Ok(id)
    }

    /// Asks as [`Self::request`] does, under an id that the driver picks: of what is asked once for all, so that an agent that hears it
    /// again knows it (R-MSG.4). No other request of ours may have it, and no more than [`UspLimits::id_bytes_max`] bytes.
    ///
    /// # Errors
    /// If the agent is not there, or too much is unanswered.
    pub fn request_as(&mut self, now: Mono, msg_id: String, request: Request) -> Result<(), RequestRefused> {
        self.send(now, msg_id, request, Purpose::Driver)?;
        self.settle(now);
        Ok(())
    }

    /// Tells the agent that we go, or that it is to go: a Disconnect Record, after which the channel is to be closed. What was asked and
    /// is not answered has failed.
    pub fn disconnect(&mut self, now: Mono, code: Option<ErrorCode>, reason: &str) {
        if self.is_open {
            self.exchange.transmit_goodbye(code, reason);
        }
        self.handle_channel_closed(now);
    }

    /// Asks once more who the agent is and what it runs, as after its boot.
    pub fn identify_again(&mut self, now: Mono) {
        self.onboarding.identify();
        self.onboard(now);
        self.settle(now);
    }

    /// What [`ControllerOutput::Store`] asked for is done, or could not be. Only what is stored is answered.
    pub fn handle_stored(&mut self, now: Mono, token: NotifyToken, is_stored: bool) {
        if let Some(answer) = self.notifies.stored(token, is_stored)
            && answer.wanted
        {
            self.answer_notify(now, answer.msg_id, answer.subscription_id, answer.via);
        }
        self.settle(now);
    }

    /// Goes on after [`ControllerEvent::Identified`]: whether the supported data model of this model and version is known,
    /// or is to be asked for.
    pub fn continue_onboarding(&mut self, now: Mono, is_schema_known: bool) {
        self.onboarding.schema(is_schema_known);
        self.onboard(now);
        self.settle(now);
    }

    /// Compares the agent's subscriptions with the wanted ones again.
    pub fn reconcile_subscriptions(&mut self, now: Mono, wanted: Vec<Wanted>) {
        self.options.subscriptions = wanted;
        self.onboarding.reconcile();
        self.onboard(now);
        self.settle(now);
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> ControllerOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            let session = if self.is_open { self.exchange.deadline() } else { None };
            ControllerOutput::Wait(self.pending.deadline().into_iter().chain(session).min())
        })
    }

    /// Takes what came of records until there is nothing more.
    fn settle(&mut self, now: Mono) {
        while let Some(arrival) = self.exchange.poll() {
            match arrival {
                Arrival::Transmit(bytes) => self.outputs.push_back(ControllerOutput::Transmit(bytes)),
                Arrival::Message { message, via } => self.handle_message(now, message, via),
                Arrival::Connect(connect) => self.connected(now, Some(connect)),
                Arrival::Disconnect(it) => {
                    let code = (it.reason_code != 0).then(|| ErrorCode::from(it.reason_code));
                    self.disconnected(code, &it.reason);
                }
                Arrival::Refused(refusal) => self.event(ControllerEvent::Refused(refusal)),
                Arrival::Restarted { reason, undelivered } => {
                    self.event(ControllerEvent::SessionRestarted { reason, undelivered });
                }
            }
        }
    }

    fn connected(&mut self, now: Mono, connect: Option<Connect>) {
        // A second one on a channel that is there: the agent began anew, and what it was asked is gone.
        self.fail_pending(RequestFailure::Disconnected);
        self.is_connected = true;
        self.notifies.forget_answered();
        self.event(ControllerEvent::Connected(connect));
        self.onboarding.begin();
        self.onboard(now);
    }

    fn disconnected(&mut self, code: Option<ErrorCode>, reason: &str) {
        self.fail_pending(RequestFailure::Disconnected);
        if std::mem::replace(&mut self.is_connected, false) {
            let longest = reason.floor_char_boundary(self.options.limits.id_bytes_max.min(reason.len()));
            let reason = reason[..longest].to_owned();
            self.event(ControllerEvent::Disconnected { code, reason });
        }
    }

    fn handle_message(&mut self, now: Mono, message: Message, via: Via) {
        if !self.is_connected {
            if self.options.connect_required {
                return self.exchange.refuse(Refusal::NotConnected);
            }
            self.connected(now, None);
        }
        match message.content {
            Content::Request(request) => self.handle_request(now, message.msg_id, request, via),
            Content::Response(response) => match self.pending.take(&message.msg_id) {
                Some(asked) if response.answers(asked.msg_type) => {
                    self.answered(now, message.msg_id, asked.purpose, response);
                }
                Some(asked) => self.failed(now, message.msg_id, asked.purpose, RequestFailure::WrongAnswer),
                None => self.exchange.refuse(Refusal::Unrequested),
            },
            Content::Error(error) => match self.pending.take(&message.msg_id) {
                Some(asked) => self.failed(now, message.msg_id, asked.purpose, RequestFailure::Error(error)),
                None => self.exchange.refuse(Refusal::Unrequested),
            },
        }
    }

    fn handle_request(&mut self, now: Mono, msg_id: String, request: Request, via: Via) {
        match request {
            Request::Notify(notify) => self.handle_notify(now, msg_id, notify, via),
            // No part of our data model is lent to agents: each path fails, as the message asks to be told.
            Request::Register(register) if register.allow_partial => {
                let failed = |path: String| RegisteredPathResult {
                    requested_path: path,
                    oper_status: Some(RegisterStatus {
                        outcome: Some(RegisterOutcome::Failure(Failure::of(ErrorCode::RegisterFailure))),
                    }),
                };
                let results = register.reg_paths.into_iter().map(|it| failed(it.path)).collect();
                let response = Response::Register(RegisterResp { registered_path_results: results });
                self.exchange.answer(now, via, &Message::response(msg_id, response));
            }
            Request::Register(_) => self.deny(now, msg_id, via, ErrorCode::RegisterFailure),
            Request::Deregister(deregister) => {
                let failed = |path: String| DeregisteredPathResult {
                    requested_path: path,
                    oper_status: Some(DeregisterStatus {
                        outcome: Some(DeregisterOutcome::Failure(Failure::of(ErrorCode::DeregisterFailure))),
                    }),
                };
                let results = deregister.paths.into_iter().map(failed).collect();
                let response = Response::Deregister(DeregisterResp { deregistered_path_results: results });
                self.exchange.answer(now, via, &Message::response(msg_id, response));
            }
            Request::Get(_)
            | Request::GetSupportedDm(_)
            | Request::GetInstances(_)
            | Request::Set(_)
            | Request::Add(_)
            | Request::Delete(_)
            | Request::Operate(_)
            | Request::GetSupportedProtocol(_) => {
                self.exchange.refuse(Refusal::NotServed);
                self.deny(now, msg_id, via, ErrorCode::MessageNotSupported);
            }
        }
    }

    fn handle_notify(&mut self, now: Mono, msg_id: String, notify: Notify, via: Via) {
        let id_bytes_max = self.options.limits.id_bytes_max;
        let is_empty = notify.notification.is_none() || notify.subscription_id.len() > id_bytes_max;
        if is_empty {
            self.exchange.refuse(Refusal::EmptyNotify);
            if notify.send_resp {
                self.deny(now, msg_id, via, ErrorCode::InvalidArguments);
            }
            return;
        }
        match self.notifies.take(&msg_id, &notify, via) {
            Seen::New(token) => {
                if let Some(Notification::OnBoardRequest(request)) = &notify.notification {
                    self.onboarding.asked(request);
                }
                self.outputs.push_back(ControllerOutput::Store { token, notify });
                self.onboard(now);
            }
            Seen::Answered if notify.send_resp => self.answer_notify(now, msg_id, notify.subscription_id, via),
            // It is being stored; its answer comes then (R-MSG.4).
            Seen::Answered | Seen::Pending => {}
            Seen::TooMany => self.exchange.refuse(Refusal::TooManyNotifies),
        }
    }

    fn answer_notify(&mut self, now: Mono, msg_id: String, subscription_id: String, via: Via) {
        let response = Response::Notify(NotifyResp { subscription_id });
        self.exchange.answer(now, via, &Message::response(msg_id, response));
    }

    fn deny(&mut self, now: Mono, msg_id: String, via: Via, code: ErrorCode) {
        self.exchange.answer(now, via, &Message::error(msg_id, Error::of(code)));
    }

    fn ask(&mut self, now: Mono, request: Request, purpose: Purpose) -> Result<String, RequestRefused> {
        let msg_id = format!("{}{}", self.options.msg_id_prefix, self.next_msg_id);
        self.send(now, msg_id.clone(), request, purpose)?;
        self.next_msg_id += 1;
        Ok(msg_id)
    }

    fn send(&mut self, now: Mono, msg_id: String, request: Request, purpose: Purpose) -> Result<(), RequestRefused> {
        if !self.is_connected {
            return Err(RequestRefused::NotConnected);
        }
        if self.pending.is_full() {
            return Err(RequestRefused::TooMany);
        }
        let wants_answer = !matches!(&request, Request::Operate(operate) if !operate.send_resp);
        let msg_type = request.msg_type();
        let via = self.exchange.way();
        self.exchange.send(now, via, &Message::request(msg_id.clone(), request)).map_err(RequestRefused::NotSent)?;
        if wants_answer {
            self.pending.insert(msg_id, msg_type, now + self.options.request_timeout, purpose);
        }
        Ok(())
    }

    fn answered(&mut self, now: Mono, request: String, purpose: Purpose, response: Response) {
        match purpose {
            Purpose::Driver => self.event(ControllerEvent::Answered { request, response }),
            Purpose::Onboarding(step) => {
                let event = self.onboarding.answered(step, response, &self.options);
                self.outputs.extend(event.map(ControllerOutput::Event));
                self.onboard(now);
            }
        }
    }

    fn failed(&mut self, now: Mono, request: String, purpose: Purpose, failure: RequestFailure) {
        match purpose {
            Purpose::Driver => self.event(ControllerEvent::Failed { request, failure }),
            Purpose::Onboarding(step) => {
                self.event(ControllerEvent::OnboardingFailed { step, failure });
                self.onboarding.failed();
                self.onboard(now);
            }
        }
    }

    fn fail_pending(&mut self, failure: RequestFailure) {
        self.onboarding.stop();
        while let Some((request, purpose)) = self.pending.take_any() {
            if purpose == Purpose::Driver {
                self.event(ControllerEvent::Failed { request, failure: failure.clone() });
            }
        }
    }

    /// Asks what comes next of taking the agent on.
    fn onboard(&mut self, now: Mono) {
        if !self.is_connected {
            return;
        }
        while let Some((step, request)) = self.onboarding.next(self.exchange.us()) {
            if let Err(refused) = self.ask(now, request, Purpose::Onboarding(step)) {
                self.event(ControllerEvent::OnboardingFailed { step, failure: RequestFailure::NotSent(refused) });
                self.onboarding.failed();
                continue;
            }
            return;
        }
        if self.onboarding.take_finished() {
            self.event(ControllerEvent::Onboarded);
        }
    }

    fn event(&mut self, event: ControllerEvent) {
        self.outputs.push_back(ControllerOutput::Event(event));
    }
}
