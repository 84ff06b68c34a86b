use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::Connect;
use sangam_usp_proto::agent::{Agent, AgentOptions, AgentOutput, DataModel, TreeModel};
use sangam_usp_proto::controller::{Controller, ControllerEvent, ControllerOptions, ControllerOutput, Known};
use sangam_usp_proto::message::{Get, Notification, Operate, Request};
use sangam_usp_proto::session::SessionOptions;

use crate::device::{AGENT, CONTROLLER, model};

/// A controller and an agent, with nothing between them. What is to be stored is.
struct Both {
    controller: Controller,
    agent: Agent<TreeModel>,
    now: Mono,
    events: Vec<ControllerEvent>,
    stored: Vec<Notification>,
    is_schema_known: bool,
}

impl Both {
    fn new(session: Option<SessionOptions>) -> Self {
        let [us, agent] = [CONTROLLER, AGENT].map(|id| id.parse().expect("an endpoint id"));
        let options = ControllerOptions { session: session.clone(), ..ControllerOptions::default() };
        let controller = Controller::new(options, us, agent, Known::default(), 40);
        let [us, peer] = [AGENT, CONTROLLER].map(|id| id.parse().expect("an endpoint id"));
        let agent = Agent::new(AgentOptions { session, ..AgentOptions::default() }, us, peer, model(), 9);
        Self { controller, agent, now: Mono::ZERO, events: vec![], stored: vec![], is_schema_known: false }
    }

    fn open(&mut self) {
        self.controller.handle_channel_open(self.now);
        self.agent.handle_channel_open(self.now, &Connect::WebSocket);
        self.run();
    }

    fn run(&mut self) {
        for _ in 0..1_000 {
            let mut is_quiet = true;
            while let Some(bytes) = self.next_of_agent() {
                self.controller.handle_record(self.now, &bytes);
                is_quiet = false;
            }
            while let Some(bytes) = self.next_of_controller() {
                self.agent.handle_record(self.now, &bytes);
                is_quiet = false;
            }
            if is_quiet {
                return;
            }
        }
        panic!("they never come to rest");
    }

    fn next_of_agent(&mut self) -> Option<Bytes> {
        loop {
            match self.agent.poll_output() {
                AgentOutput::Transmit(bytes) => return Some(bytes),
                AgentOutput::Event(_) => {}
                AgentOutput::Wait(_) => return None,
            }
        }
    }

    fn next_of_controller(&mut self) -> Option<Bytes> {
        loop {
            match self.controller.poll_output() {
                ControllerOutput::Transmit(bytes) => return Some(bytes),
                ControllerOutput::Store { token, notify } => {
                    self.stored.extend(notify.notification);
                    self.controller.handle_stored(self.now, token, true);
                }
                ControllerOutput::Event(event) => {
                    if matches!(event, ControllerEvent::Identified(_)) {
                        self.controller.continue_onboarding(self.now, self.is_schema_known);
                    }
                    self.events.push(event);
                }
                ControllerOutput::Wait(_) => return None,
            }
        }
    }
}

#[test]
fn an_agent_is_taken_on_and_what_happens_to_it_is_stored_and_answered() {
    for session in [None, Some(SessionOptions { segment_bytes: 100, ..SessionOptions::default() })] {
        let mut both = Both::new(session);
        both.open();
        let is = |wanted: fn(&ControllerEvent) -> bool| both.events.iter().filter(|event| wanted(event)).count();
        assert_eq!(is(|it| matches!(it, ControllerEvent::Onboarded)), 1, "{:?}", both.events);
        assert_eq!(
            is(
                |it| matches!(it, ControllerEvent::Schema(schema) if schema.req_obj_results[0].supported_objs.len() == 13)
            ),
            1
        );
        assert_eq!(is(|it| matches!(it, ControllerEvent::OnboardingFailed { .. } | ControllerEvent::Refused(_))), 0);
        let ids: Vec<_> = both.agent.model().instances("Device.LocalAgent.Subscription.");
        assert_eq!(ids.len(), 4);

        both.agent.boot(both.now, "LocalReboot", "", false);
        both.run();
        both.agent.set_value(both.now, "Device.DeviceInfo.SoftwareVersion", "2.0").unwrap();
        both.run();
        let operate = Operate {
            command: "Device.SelfTestDiagnostics()".into(),
            command_key: "task-1".into(),
            send_resp: true,
            ..Default::default()
        };
        both.controller.request(both.now, Request::Operate(operate)).unwrap();
        both.run();
        both.agent.complete(both.now, 1, Ok(Default::default()));
        both.run();
        let kinds: Vec<_> = both
            .stored
            .iter()
            .map(|it| match it {
                Notification::Event(it) => it.event_name.clone(),
                Notification::ValueChange(it) => it.param_value.clone(),
                Notification::OperationComplete(it) => it.command_key.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, ["Boot!", "2.0", "task-1"]);
        assert_eq!(both.agent.waiting(), 0, "each was answered");
    }
}

#[test]
fn an_agent_that_is_to_begins_a_session_with_what_it_tells_and_is_asked_in_it() {
    let session = SessionOptions { segment_bytes: 100, ..SessionOptions::default() };
    let mut both = Both::new(Some(session.clone()));
    let [us, peer] = [AGENT, CONTROLLER].map(|id| id.parse().expect("an endpoint id"));
    let options = AgentOptions { session: Some(session), begins_session: true, ..AgentOptions::default() };
    both.agent = Agent::new(options, us, peer, model(), 9);
    both.controller.handle_channel_open(both.now);
    both.agent.on_board(both.now);
    both.agent.handle_channel_open(both.now, &Connect::WebSocket);
    let kind = |bytes: Option<Bytes>| {
        let record = sangam_usp_proto::record::Record::decode_bounded(&bytes?, &sangam_usp_proto::UspLimits::default());
        record.ok()?.record_type
    };
    use sangam_usp_proto::record::RecordType;
    let connect = both.next_of_agent();
    assert!(matches!(kind(connect.clone()), Some(RecordType::WebSocketConnect(_))));
    let first = both.next_of_agent();
    assert!(matches!(kind(first.clone()), Some(RecordType::SessionContext(_))));
    for bytes in [connect, first].into_iter().flatten() {
        both.controller.handle_record(both.now, &bytes);
    }
    both.run();
    assert!(matches!(&both.stored[..], [Notification::OnBoardRequest(_)]), "{:?}", both.stored);
    assert_eq!(both.events.last(), Some(&ControllerEvent::Onboarded));
    let get = Get { param_paths: vec!["Device.DeviceInfo.SerialNumber".into()], max_depth: 0 };
    both.controller.request(both.now, Request::Get(get)).unwrap();
    assert!(matches!(kind(both.next_of_controller()), Some(RecordType::SessionContext(_))));
}

#[test]
fn coming_back_changes_nothing_that_is_as_it_should_be() {
    let mut both = Both::new(None);
    both.open();
    let before = both.agent.model().instances("Device.LocalAgent.Subscription.");
    both.events.clear();
    both.now = both.now + Duration::from_secs(60);
    both.open();
    assert_eq!(both.agent.model().instances("Device.LocalAgent.Subscription."), before);
    assert!(!both.events.iter().any(|it| matches!(it, ControllerEvent::Subscribing { .. })), "{:?}", both.events);
    assert_eq!(both.events.last(), Some(&ControllerEvent::Onboarded));
}

#[test]
fn an_agent_without_sessions_says_so_and_is_asked_without() {
    let mut both = Both::new(None);
    both.open();
    assert_eq!(both.events.last(), Some(&ControllerEvent::Onboarded));
    let record = sangam_usp_proto::record::RecordType::SessionContext(sangam_usp_proto::record::SessionContext {
        session_id: 9,
        sequence_id: 1,
        expected_id: 1,
        ..Default::default()
    });
    let bytes = sangam_usp_proto::record::Record::new(CONTROLLER, AGENT, record).to_bytes();
    both.agent.handle_record(both.now, &bytes);
    both.run();
    let code = both.events.iter().find_map(|event| match event {
        ControllerEvent::Disconnected { code, .. } => *code,
        _ => None,
    });
    assert_eq!(code, Some(sangam_usp_proto::ErrorCode::SessionContextNotAllowed), "R-E2E.6a");
}
