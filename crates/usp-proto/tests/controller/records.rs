use sangam_usp_proto::controller::{ControllerEvent, ControllerOptions};
use sangam_usp_proto::message::{Content, Get, Message, Notification, Notify, ObjectDeletion, Request, Response};
use sangam_usp_proto::record::{
    Disconnect, NoSessionContext, PayloadSecurity, Record, RecordType, SessionContext, StompConnect,
};
use sangam_usp_proto::{Connect, ErrorCode, Refusal};

use crate::conversation::{AGENT, ALL_KNOWN, CONTROLLER, Conversation};

fn refusals(it: &Conversation) -> Vec<&'static str> {
    let label = |event: &ControllerEvent| match event {
        ControllerEvent::Refused(refusal) => Some(refusal.label()),
        _ => None,
    };
    it.events.iter().filter_map(label).collect()
}

fn payload(message: &Message) -> RecordType {
    RecordType::NoSessionContext(NoSessionContext { payload: message.encode() })
}

fn deletion(id: &str) -> Message {
    let notification = Some(Notification::ObjectDeletion(ObjectDeletion { obj_path: "Device.X.1.".into() }));
    Message::request(id, Request::Notify(Notify { subscription_id: "s".into(), send_resp: true, notification }))
}

#[test]
fn a_record_for_somebody_else_is_ignored() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.bytes(Record::new(AGENT, "self::other", payload(&deletion("1"))).to_bytes());
    assert_eq!(refusals(&it), ["not_for_us"]);
    assert!(it.stores.is_empty() && it.sent.is_empty(), "nothing is stored or answered");
}

#[test]
fn a_record_from_another_id_than_the_transport_proved_is_ignored() {
    let mut it = Conversation::connected(ControllerOptions::default());
    for from in ["os::012345-A2", "os::012345-a1", CONTROLLER] {
        it.bytes(Record::new(from, CONTROLLER, payload(&deletion("1"))).to_bytes());
    }
    assert_eq!(refusals(&it), ["forged_from_id"; 3]);
    assert!(it.stores.is_empty() && it.sent.is_empty());
}

#[test]
fn what_is_no_record_is_counted_by_its_reason() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.bytes(b"GET / HTTP/1.1\r\n".as_slice().into());
    it.bytes(vec![0; (1 << 20) + 1].into());
    assert_eq!(refusals(&it), ["wrong_type", "record_too_large"]);
    assert!(it.sent.is_empty());
}

#[test]
fn a_request_that_cannot_be_read_is_answered_with_an_error_record() {
    let mut it = Conversation::connected(ControllerOptions::default());
    // Request 12, of a version to come; written by hand.
    let wire = b"\x0a\x05\x0a\x01m\x10\x01\x12\x04\x0a\x02\x62\x00";
    it.record(RecordType::NoSessionContext(NoSessionContext { payload: wire.as_slice().into() }));
    let Message { msg_id, content: Content::Error(error) } = it.heard() else { panic!("an error") };
    assert_eq!((msg_id.as_str(), error.code()), ("m", ErrorCode::MessageNotSupported));
    assert_eq!(refusals(&it), ["no_message_body"]);
    // A response that cannot be read is not (R-MTP.5).
    let wire = b"\x0a\x05\x0a\x01m\x10\x02\x12\x04\x12\x02\x62\x00";
    it.record(RecordType::NoSessionContext(NoSessionContext { payload: wire.as_slice().into() }));
    assert!(it.sent.is_empty());
}

#[test]
fn a_request_that_only_agents_serve_is_answered_7001() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.message(&Message::request("g", Request::Get(Get::default())));
    let Message { content: Content::Error(error), .. } = it.heard() else { panic!("an error") };
    assert_eq!(error.code(), ErrorCode::MessageNotSupported);
    assert_eq!(refusals(&it), ["not_served"]);
}

#[test]
fn nothing_of_our_data_model_is_lent_to_an_agent() {
    use sangam_usp_proto::message::{Deregister, Register, RegistrationPath};
    let mut it = Conversation::connected(ControllerOptions::default());
    let register = |allow_partial| {
        let reg_paths = vec![RegistrationPath { path: "Device.Time.".into() }];
        Message::request("r", Request::Register(Register { allow_partial, reg_paths }))
    };
    it.message(&register(true));
    let Content::Response(Response::Register(response)) = it.heard().content else { panic!("a response") };
    assert_eq!(response.registered_path_results.len(), 1);
    it.message(&register(false));
    let Content::Error(error) = it.heard().content else { panic!("an error (R-REG.1)") };
    assert_eq!(error.code(), ErrorCode::RegisterFailure);
    it.message(&Message::request("d", Request::Deregister(Deregister { paths: vec![String::new()] })));
    let Content::Response(Response::Deregister(_)) = it.heard().content else { panic!("a response (R-DEREG.4)") };
}

#[test]
fn a_secured_session_is_answered_7102_and_any_session_7106_where_none_is_allowed() {
    let disconnects = |it: &mut Conversation| -> Vec<u32> {
        let code = |record: Record| match record.record_type {
            Some(RecordType::Disconnect(Disconnect { reason_code, .. })) => reason_code,
            other => panic!("{other:?}"),
        };
        it.sent.drain(..).map(code).collect()
    };
    let context = || SessionContext {
        session_id: 7,
        sequence_id: 1,
        expected_id: 1,
        payload: vec![deletion("1").encode()],
        ..SessionContext::default()
    };
    for session in [ControllerOptions::default().session, None] {
        let mut it = Conversation::connected(ControllerOptions { session, ..ControllerOptions::default() });
        let mut record = Record::new(AGENT, CONTROLLER, RecordType::SessionContext(context()));
        record.set_payload_security(PayloadSecurity::Tls12);
        it.bytes(record.to_bytes());
        assert_eq!(disconnects(&mut it), [7102]);
        assert_eq!(refusals(&it), ["secured_payload"]);
    }
    let mut it = Conversation::connected(ControllerOptions { session: None, ..ControllerOptions::default() });
    it.record(RecordType::SessionContext(context()));
    assert_eq!(disconnects(&mut it), [7106]);
    assert_eq!(refusals(&it), ["session_not_allowed"]);
    assert!(it.stores.is_empty());
}

#[test]
fn an_answer_goes_the_way_its_request_came() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let context = SessionContext {
        session_id: 7,
        sequence_id: 1,
        expected_id: 1,
        payload: vec![deletion("1").encode()],
        ..SessionContext::default()
    };
    it.record(RecordType::SessionContext(context));
    let (token, _) = it.stores[0];
    it.controller.handle_stored(it.now, token, true);
    it.drain();
    let Some(RecordType::SessionContext(answer)) = it.sent.remove(0).record_type else { panic!("in the session") };
    assert_eq!((answer.session_id, answer.sequence_id, answer.expected_id), (7, 1, 2));
    // What we ask goes in the session from now on.
    it.controller.request(it.now, Request::Get(Get::default())).unwrap();
    it.drain();
    assert!(matches!(it.sent[0].record_type, Some(RecordType::SessionContext(_))));
}

#[test]
fn a_message_behind_a_broken_one_in_the_session_is_not_lost() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let context = |sequence_id, payload: bytes::Bytes| {
        RecordType::SessionContext(SessionContext {
            session_id: 7,
            sequence_id,
            expected_id: 1,
            payload: vec![payload],
            ..SessionContext::default()
        })
    };
    // The second comes first, so that both are taken at once. The first is answered, since its id can be told.
    it.record(context(2, deletion("1").encode()));
    it.record(context(1, b"\x0a\x05\x0a\x01m\x10\x01\x12\x04\x0a\x02\x62\x00".as_slice().into()));
    assert_eq!(refusals(&it), ["no_message_body"]);
    assert_eq!(it.stores.len(), 1);
}

#[test]
fn a_connect_record_says_where_the_agent_is_reached_and_is_not_answered() {
    let mut it = Conversation::new(ControllerOptions { subscriptions: vec![], ..Default::default() }, ALL_KNOWN);
    assert!(!it.controller.is_connected());
    it.record(RecordType::StompConnect(StompConnect { version: 0, subscribed_destination: "/queue/a".into() }));
    let connect = Connect::Stomp { destination: "/queue/a".into() };
    assert_eq!(it.events[0], ControllerEvent::Connected(Some(connect)));
    assert!(matches!(it.asked().1, Request::Get(_)), "what follows is a question of ours, no answer");
}

#[test]
fn records_before_a_connect_record_are_taken_unless_they_may_not_be() {
    let options = ControllerOptions { subscriptions: vec![], ..Default::default() };
    let mut it = Conversation::new(options.clone(), ALL_KNOWN);
    it.message(&deletion("1"));
    assert_eq!(it.events[0], ControllerEvent::Connected(None));
    assert_eq!(it.stores.len(), 1);
    let mut it = Conversation::new(ControllerOptions { connect_required: true, ..options }, ALL_KNOWN);
    it.message(&deletion("1"));
    assert_eq!(it.events, [ControllerEvent::Refused(Refusal::NotConnected)]);
    assert!(it.stores.is_empty());
}

#[test]
fn a_disconnect_record_ends_what_was_asked_and_the_session() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let id = it.controller.request(it.now, Request::Get(Get::default())).unwrap();
    it.record(RecordType::Disconnect(Disconnect { reason: "x".repeat(1_000), reason_code: 7105 }));
    let ControllerEvent::Failed { request, failure } = &it.events[0] else { panic!("{:?}", it.events) };
    assert_eq!(*request, id);
    assert!(failure.may_have_run());
    let ControllerEvent::Disconnected { code, reason } = &it.events[1] else { panic!("{:?}", it.events) };
    assert_eq!((*code, reason.len()), (Some(ErrorCode::SessionContextTerminated), 256));
    assert!(!it.controller.is_connected());
}
