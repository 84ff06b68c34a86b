//! An agent over an abstract data model: what a fleet of simulated devices speaks, and the other end of a controller in
//! tests.
//!
//! It serves one controller. The driver mutates ([`Agent::handle_record`], [`Agent::boot`], [`Agent::set_value`], …), drains
//! ([`Agent::poll_output`]) to [`AgentOutput::Wait`], mutates again.

mod model;
mod notify_queue;
mod operate;
mod read;
mod tree;
mod watch;
mod write;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;

use crate::endpoint_id::EndpointId;
use crate::error_code::ErrorCode;
use crate::exchange::{Arrival, Connect, Exchange, Refusal, Via};
use crate::limits::UspLimits;
use crate::message::{
    Content, Error, Event, Failure, GetSupportedProtocolResp, Message, MsgType, Notification, Notify, ObjectCreation,
    ObjectDeletion, OnBoardRequest, Request, Response, ValueChange,
};
use crate::path::PathLimits;
use crate::record::SUPPORTED_VERSIONS;
use crate::retry::{Jitter, Retry};
use crate::session::SessionOptions;
use notify_queue::{NotifyQueue, Told};
use operate::Running;
use watch::Subscription;
use write::Change;

pub use model::{CommandSchema, DataModel, EventSchema, ObjectSchema, Operated, ParamSchema, SupportedModel};
pub use tree::TreeModel;

/// Bounds and times of an [`Agent`].
#[derive(Clone, Debug, PartialEq)]
pub struct AgentOptions {
    /// Bounds of records and messages.
    pub limits: UspLimits,
    /// Bounds of paths.
    pub paths: PathLimits,
    /// Session contexts; `None` answers them with 7106 (R-E2E.6a). Default: not allowed.
    pub session: Option<SessionOptions>,
    /// Whether it begins a session with the first notification that it tells; where sessions are not allowed it cannot.
    /// Default no: it waits for the controller to begin one.
    pub begins_session: bool,
    /// How long it waits before it tells a notification again that was not answered. Default 5 s, doubling.
    pub retry: Retry,
    /// Notifications that may wait for their answer. Default 64; then the oldest is dropped.
    pub notifies_max: usize,
    /// Commands that may go on at a time. Default 16.
    pub commands_max: usize,
    /// The controller's instance in the data model.
    pub controller_path: String,
    /// The versions of USP that it says it speaks, with commas between. Default: those that it does.
    pub supported_versions: String,
    /// What [`OnBoardRequest`] says of it.
    pub on_board: OnBoardRequest,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            limits: UspLimits::default(),
            paths: PathLimits::default(),
            session: None,
            begins_session: false,
            retry: Retry::default(),
            notifies_max: 64,
            commands_max: 16,
            controller_path: "Device.LocalAgent.Controller.1.".to_owned(),
            supported_versions: SUPPORTED_VERSIONS.to_owned(),
            on_board: OnBoardRequest::default(),
        }
    }
}

/// What an agent has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentOutput {
    /// Send this record to the controller.
    Transmit(Bytes),
    /// Something happened.
    Event(AgentEvent),
    /// Nothing more; call [`Agent::handle_timeout`] then.
    Wait(Option<Mono>),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentEvent {
    /// A command goes on: call [`Agent::complete`] with its number when it is done.
    Operate {
        /// Number of its instance of `Device.LocalAgent.Request.`.
        request: u32,
        /// Path of the command.
        command: String,
        /// By which the controller knows it again.
        command_key: String,
        /// What it was given.
        args: BTreeMap<String, String>,
    },
    /// The controller wrote a value.
    ValueSet(String),
    /// The controller created an instance.
    Created(String),
    /// The controller removed an instance.
    Removed(String),
    /// The controller took a notification.
    Delivered {
        /// Of which subscription.
        subscription_id: String,
    },
    /// A notification was not taken in time, or there were too many.
    Dropped {
        /// Of which subscription.
        subscription_id: String,
    },
    /// The controller ended the session or went.
    Disconnected(ErrorCode),
    /// Something that came was not taken.
    Refused(Refusal),
}

/// An agent that serves one controller.
#[derive(Debug)]
pub struct Agent<M> {
    options: AgentOptions,
    exchange: Exchange,
    model: M,
    is_connected: bool,
    next_msg_id: u64,
    subscriptions: Vec<Subscription>,
    queue: NotifyQueue,
    running: BTreeMap<u32, Running>,
    periodic_due: Option<Mono>,
    served: Served,
    outputs: VecDeque<AgentOutput>,
}

/// How many requests were served since it was asked last, by kind and by the error that the whole was answered with.
pub type Served = BTreeMap<(MsgType, Option<ErrorCode>), u32>;

impl<M: DataModel> Agent<M> {
    /// An agent without a channel. `seed` spreads its waits and its session ids.
    #[must_use]
    pub fn new(options: AgentOptions, us: EndpointId, controller: EndpointId, model: M, seed: u64) -> Self {
        let mut jitter = Jitter::new(seed);
        let first_session_id = jitter.next_u64() >> 32;
        let (limits, session) = (options.limits.clone(), options.session.clone());
        let mut agent = Self {
            exchange: Exchange::new(us, controller, limits, session, first_session_id),
            model,
            is_connected: false,
            next_msg_id: 1,
            subscriptions: Vec::new(),
            queue: NotifyQueue::new(options.retry, options.notifies_max, jitter),
            running: BTreeMap::new(),
            periodic_due: None,
            served: Served::new(),
            outputs: VecDeque::new(),
            options,
        };
        agent.subscriptions = watch::load(&agent.model);
        agent
    }

    /// The data model.
    #[must_use]
    pub const fn model(&self) -> &M {
        &self.model
    }

    /// The same, for the device: what it changes here nobody is told of ([`Agent::set_value`] tells).
    pub const fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// What was served since this was called last.
    pub fn take_served(&mut self) -> Served {
        std::mem::take(&mut self.served)
    }

    /// Notifications that wait for their answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// There is a channel to the controller: says that the agent is here, and tells what was not taken before.
    pub fn handle_channel_open(&mut self, now: Mono, connect: &Connect) {
        self.is_connected = true;
        self.exchange.handle_channel_open();
        self.exchange.transmit(connect.to_record_type());
        self.queue.reopen(now);
        self.tell_due(now);
        self.settle(now);
    }

    /// The channel to the controller is gone.
    pub fn handle_channel_closed(&mut self) {
        self.is_connected = false;
    }

    /// Says goodbye (R-MTP.7).
    pub fn disconnect(&mut self, now: Mono, code: ErrorCode) {
        self.exchange.transmit_disconnect(code);
        self.is_connected = false;
        self.settle(now);
    }

    /// A record came.
    pub fn handle_record(&mut self, now: Mono, bytes: &Bytes) {
        self.exchange.handle_record(now, bytes);
        self.settle(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Mono) {
        if self.is_connected {
            self.exchange.handle_timeout(now);
        }
        if self.periodic_due.is_some_and(|due| due <= now) {
            self.schedule_periodic(now);
            self.event(now, "Device.LocalAgent.", "Periodic!", BTreeMap::new());
        }
        self.tell_due(now);
        self.settle(now);
    }

    /// The device has booted: subscriptions that do not outlast it are gone, and `Boot!` is told.
    pub fn boot(&mut self, now: Mono, cause: &str, command_key: &str, is_firmware_new: bool) {
        for path in watch::transient(&self.model) {
            // One that stays although it should not is no harm.
            let _: Result<(), ErrorCode> = self.model.remove(&path);
        }
        self.subscriptions = watch::load(&self.model);
        self.running.clear();
        self.schedule_periodic(now);
        let params = [
            ("Cause", cause),
            ("CommandKey", command_key),
            ("ParameterMap", "{}"),
            ("FirmwareUpdated", if is_firmware_new { "true" } else { "false" }),
        ];
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.event(now, "Device.", "Boot!", params);
    }

    /// When the next `Periodic!` is told; by itself it is told each
    /// `Device.LocalAgent.Controller.{i}.PeriodicNotifInterval`.
    pub fn set_periodic(&mut self, due: Mono) {
        self.periodic_due = Some(due);
    }

    /// An event of the data model happened.
    pub fn event(&mut self, now: Mono, object: &str, name: &str, params: BTreeMap<String, String>) {
        let path = format!("{object}{name}");
        let event = Event { obj_path: object.to_owned(), event_name: name.to_owned(), params };
        self.tell(now, watch::Kind::Event, &path, &Notification::Event(event));
        self.settle(now);
    }

    /// The device changed a value of its own.
    ///
    /// # Errors
    /// If the data model does not take it.
    pub fn set_value(&mut self, now: Mono, path: &str, value: &str) -> Result<(), ErrorCode> {
        let before = self.model.value(path);
        self.model.set_value(path, value)?;
        if before.as_deref() != Some(value) {
            self.changed(now, vec![Change::Value { path: path.to_owned(), value: value.to_owned() }]);
        }
        self.settle(now);
        Ok(())
    }

    /// The device created or removed an instance of its own, which the data model has or has not by now.
    pub fn instance_changed(&mut self, now: Mono, path: &str) {
        let change = if self.model.exists(path) {
            Change::Created { path: path.to_owned(), unique_keys: read::unique_keys(&self.model, path) }
        } else {
            Change::Removed { path: path.to_owned() }
        };
        self.changed(now, vec![change]);
        self.settle(now);
    }

    /// A command that went on is done.
    pub fn complete(&mut self, now: Mono, request: u32, result: Result<BTreeMap<String, String>, Failure>) {
        self.complete_running(now, request, result);
        self.settle(now);
    }

    /// Asks the controller to take the agent on; it is repeated until it is answered (R-NOT.6a).
    pub fn on_board(&mut self, now: Mono) {
        let notification = Notification::OnBoardRequest(self.options.on_board.clone());
        let notify = Notify { subscription_id: String::new(), send_resp: true, notification: Some(notification) };
        self.enqueue(now, notify, 0);
        self.settle(now);
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> AgentOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            let connected =
                if self.is_connected { [self.exchange.deadline(), self.queue.deadline()] } else { [None, None] };
            AgentOutput::Wait(connected.into_iter().chain([self.periodic_due]).flatten().min())
        })
    }

    fn settle(&mut self, now: Mono) {
        while let Some(arrival) = self.exchange.poll() {
            match arrival {
                Arrival::Transmit(bytes) => self.outputs.push_back(AgentOutput::Transmit(bytes)),
                Arrival::Message { message, via } => self.handle_message(now, message, via),
                Arrival::Disconnect(it) => self.report(AgentEvent::Disconnected(it.reason_code.into())),
                Arrival::Refused(refusal) => self.report(AgentEvent::Refused(refusal)),
                // A controller does not say that it is here; what the session lost is told again or asked again.
                Arrival::Connect(_) | Arrival::Restarted { .. } => {}
            }
        }
    }

    fn handle_message(&mut self, now: Mono, message: Message, via: Via) {
        match message.content {
            Content::Request(request) => {
                let wants_answer = !matches!(&request, Request::Operate(operate) if !operate.send_resp);
                let kind = request.msg_type();
                let served = self.serve(now, request);
                *self.served.entry((kind, served.as_ref().err().map(Error::code))).or_default() += 1;
                let answer = match served {
                    Ok(response) => Message::response(message.msg_id, response),
                    Err(error) => Message::error(message.msg_id, error),
                };
                if wants_answer || matches!(answer.content, Content::Error(_)) {
                    self.exchange.answer(now, via, &answer);
                }
            }
            Content::Response(Response::Notify(_)) => match self.queue.take(&message.msg_id) {
                Some(subscription_id) => self.report(AgentEvent::Delivered { subscription_id }),
                None => self.exchange.refuse(Refusal::Unrequested),
            },
            // An error to a notification is no answer: it is told again.
            Content::Response(_) | Content::Error(_) => self.exchange.refuse(Refusal::Unrequested),
        }
    }

    fn serve(&mut self, now: Mono, request: Request) -> Result<Response, Error> {
        let limits = &self.options.paths;
        let mut changes = Vec::new();
        let response = match request {
            Request::Get(it) => Response::Get(read::get(&self.model, &it, limits)),
            Request::GetInstances(it) => Response::GetInstances(read::get_instances(&self.model, &it, limits)),
            Request::GetSupportedDm(it) => Response::GetSupportedDm(read::get_supported(&self.model, &it, limits)),
            Request::GetSupportedProtocol(_) => Response::GetSupportedProtocol(GetSupportedProtocolResp {
                agent_supported_protocol_versions: self.options.supported_versions.clone(),
            }),
            Request::Set(it) => Response::Set(write::set(&mut self.model, &it, limits, &mut changes)?),
            Request::Add(it) => Response::Add(write::add(&mut self.model, &it, limits, &mut changes)?),
            Request::Delete(it) => Response::Delete(write::delete(&mut self.model, &it, limits, &mut changes)?),
            Request::Operate(it) => return self.operate(now, it).map(Response::Operate),
            Request::Notify(_) | Request::Register(_) | Request::Deregister(_) => {
                self.exchange.refuse(Refusal::NotServed);
                return Err(Error::of(ErrorCode::MessageNotSupported));
            }
        };
        self.written(now, changes);
        Ok(response)
    }

    /// What the controller wrote, for the driver and for whoever subscribed.
    fn written(&mut self, now: Mono, changes: Vec<Change>) {
        let mut are_subscriptions_new = false;
        for change in &changes {
            let path = match change {
                Change::Value { path, .. } | Change::Created { path, .. } | Change::Removed { path } => path,
            };
            are_subscriptions_new |= path.starts_with(crate::subscriptions::TABLE);
            if let Change::Created { path, .. } = change
                && path.starts_with(crate::subscriptions::TABLE)
            {
                // Whose it is is not the controller's to say; a model without the parameter does not tell it.
                let recipient = self.options.controller_path.trim_end_matches('.').to_owned();
                let _: Result<(), ErrorCode> = self.model.set_value(&format!("{path}Recipient"), &recipient);
            }
            self.outputs.push_back(AgentOutput::Event(match change {
                Change::Value { path, .. } => AgentEvent::ValueSet(path.clone()),
                Change::Created { path, .. } => AgentEvent::Created(path.clone()),
                Change::Removed { path } => AgentEvent::Removed(path.clone()),
            }));
        }
        if are_subscriptions_new {
            self.subscriptions = watch::load(&self.model);
        }
        if changes.iter().any(|it| matches!(it, Change::Value { path, .. } if path.ends_with(".PeriodicNotifInterval")))
        {
            self.schedule_periodic(now);
        }
        self.changed(now, changes);
    }

    fn changed(&mut self, now: Mono, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Value { path, value } => {
                    let notification =
                        Notification::ValueChange(ValueChange { param_path: path.clone(), param_value: value });
                    self.tell(now, watch::Kind::ValueChange, &path, &notification);
                }
                Change::Created { path, unique_keys } => {
                    let creation = ObjectCreation { obj_path: path.clone(), unique_keys };
                    self.tell(now, watch::Kind::ObjectCreation, &path, &Notification::ObjectCreation(creation));
                }
                Change::Removed { path } => {
                    let deletion = Notification::ObjectDeletion(ObjectDeletion { obj_path: path.clone() });
                    self.tell(now, watch::Kind::ObjectDeletion, &path, &deletion);
                }
            }
        }
    }

    /// Tells whoever subscribed to what happened at a path.
    fn tell(&mut self, now: Mono, kind: watch::Kind, path: &str, notification: &Notification) {
        let found: Vec<_> = self
            .subscriptions
            .iter()
            .filter(|subscription| subscription.is_to(kind, path))
            .map(|it| (it.id.clone(), it.retry, it.expiration_secs))
            .collect();
        for (subscription_id, send_resp, expiration_secs) in found {
            let notify = Notify { subscription_id, send_resp, notification: Some(notification.clone()) };
            self.enqueue(now, notify, expiration_secs);
        }
    }

    fn enqueue(&mut self, now: Mono, notify: Notify, expiration_secs: u32) {
        let msg_id = format!("n{}", self.next_msg_id);
        self.next_msg_id += 1;
        if !notify.send_resp {
            if self.is_connected {
                self.transmit(now, Message::request(msg_id, Request::Notify(notify)));
            }
            return;
        }
        let expires = (expiration_secs > 0).then(|| now + Duration::from_secs(expiration_secs.into()));
        let dropped = self.queue.push(now, msg_id, notify, expires);
        self.outputs.extend(dropped.map(|subscription_id| AgentOutput::Event(AgentEvent::Dropped { subscription_id })));
        self.tell_due(now);
    }

    /// Tells what is due, for the first time or again.
    fn tell_due(&mut self, now: Mono) {
        while let Some(told) = self.queue.next_due(now, self.is_connected) {
            match told {
                Told::Message(message) => self.transmit(now, message),
                Told::Expired(subscription_id) => self.report(AgentEvent::Dropped { subscription_id }),
            }
        }
    }

    fn transmit(&mut self, now: Mono, message: Message) {
        let begins = self.options.begins_session && self.options.session.is_some();
        let via = if begins { Via::Session } else { self.exchange.way() };
        self.exchange.answer(now, via, &message);
    }

    fn schedule_periodic(&mut self, now: Mono) {
        let path = format!("{}PeriodicNotifInterval", self.options.controller_path);
        let secs = self.model.value(&path).and_then(|value| value.parse::<u32>().ok()).filter(|secs| *secs > 0);
        self.periodic_due = secs.map(|secs| now + Duration::from_secs(secs.into()));
    }

    fn report(&mut self, event: AgentEvent) {
        self.outputs.push_back(AgentOutput::Event(event));
    }
}
