use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::UspLimits;
use sangam_usp_proto::controller::{
    Controller, ControllerEvent, ControllerOptions, ControllerOutput, Known, NotifyToken,
};
use sangam_usp_proto::message::{Content, Message, Notify, Request, Response};
use sangam_usp_proto::record::{Empty, NoSessionContext, Record, RecordType};

pub(crate) const CONTROLLER: &str = "self::ctl";
pub(crate) const AGENT: &str = "os::012345-A1";

/// All of it is known, so that nothing but subscriptions is asked.
pub(crate) const ALL_KNOWN: Known = Known { protocol: true, identity: true, schema: true };

/// A controller, and what its agent says and hears.
pub(crate) struct Conversation {
    pub(crate) controller: Controller,
    pub(crate) now: Mono,
    pub(crate) events: Vec<ControllerEvent>,
    pub(crate) stores: Vec<(NotifyToken, Notify)>,
    pub(crate) sent: Vec<Record>,
    pub(crate) deadline: Option<Mono>,
}

impl Conversation {
    /// Without anything said yet, and with no subscriptions wanted.
    pub(crate) fn new(options: ControllerOptions, known: Known) -> Self {
        let [us, agent] = [CONTROLLER, AGENT].map(|id| id.parse().expect("an endpoint id"));
        let mut conversation = Self {
            controller: Controller::new(options, us, agent, known, 900),
            now: Mono::ZERO,
            events: Vec::new(),
            stores: Vec::new(),
            sent: Vec::new(),
            deadline: None,
        };
        conversation.controller.handle_channel_open(Mono::ZERO);
        conversation
    }

    /// Connected, and taken on.
    pub(crate) fn connected(options: ControllerOptions) -> Self {
        let mut it = Self::new(ControllerOptions { subscriptions: Vec::new(), ..options }, ALL_KNOWN);
        it.connect();
        let (id, _) = it.asked();
        let nothing = sangam_usp_proto::message::GetResp::default();
        it.respond(&id, Response::Get(nothing));
        assert!(matches!(it.events.last(), Some(ControllerEvent::Onboarded)), "{:?}", it.events);
        it.events.clear();
        it
    }

    pub(crate) fn connect(&mut self) {
        self.record(RecordType::WebSocketConnect(Empty {}));
    }

    /// The agent sends a record.
    pub(crate) fn record(&mut self, record_type: RecordType) {
        self.bytes(Record::new(AGENT, CONTROLLER, record_type).to_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: Bytes) {
        self.controller.handle_record(self.now, &bytes);
        self.drain();
    }

    /// The agent sends a message.
    pub(crate) fn message(&mut self, message: &Message) {
        self.record(RecordType::NoSessionContext(NoSessionContext { payload: message.encode() }));
    }

    pub(crate) fn respond(&mut self, id: &str, response: Response) {
        self.message(&Message::response(id, response));
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.controller.handle_timeout(self.now);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        loop {
            match self.controller.poll_output() {
                ControllerOutput::Transmit(bytes) => {
                    let record = Record::decode_bounded(&bytes, &UspLimits::default()).expect("we send records");
                    assert_eq!((record.to_id.as_str(), record.from_id.as_str()), (AGENT, CONTROLLER));
                    self.sent.push(record);
                }
                ControllerOutput::Store { token, notify } => self.stores.push((token, notify)),
                ControllerOutput::Event(event) => self.events.push(event),
                ControllerOutput::Wait(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
    }

    /// The only message that was sent since this was last asked.
    pub(crate) fn heard(&mut self) -> Message {
        self.drain();
        let record = self.sent.pop().expect("something was sent");
        assert!(self.sent.is_empty(), "one thing: {:?}", self.sent);
        let Some(RecordType::NoSessionContext(it)) = record.record_type else { panic!("{record:?}") };
        Message::decode(&it.payload, &UspLimits::default()).expect("we send messages").message
    }

    /// The only request that was sent since.
    pub(crate) fn asked(&mut self) -> (String, Request) {
        match self.heard() {
            Message { msg_id, content: Content::Request(request) } => (msg_id, request),
            other => panic!("{other:?}"),
        }
    }
}
