use std::time::Duration;

use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::controller::{ControllerEvent, ControllerOptions, RequestFailure, RequestRefused};
use sangam_usp_proto::message::{Error, Get, GetResp, Message, Operate, Request, Response, SetResp};
use sangam_usp_proto::record::{Empty, RecordType};

use crate::conversation::Conversation;

fn get() -> Request {
    Request::Get(Get { param_paths: vec!["Device.".into()], max_depth: 1 })
}

fn failure(event: Option<&ControllerEvent>) -> &RequestFailure {
    match event {
        Some(ControllerEvent::Failed { failure, .. }) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let one = it.controller.request(it.now, get()).unwrap();
    let other = it.controller.request(it.now, get()).unwrap();
    assert_ne!(one, other);
    it.respond(&other, Response::Get(GetResp::default()));
    it.message(&Message::error(&one, Error::of(ErrorCode::PermissionDenied)));
    let answered = ControllerEvent::Answered { request: other, response: Response::Get(GetResp::default()) };
    assert_eq!(it.events[0], answered);
    assert_eq!(*failure(it.events.get(1)), RequestFailure::Error(Error::of(ErrorCode::PermissionDenied)));
    assert!(!failure(it.events.get(1)).may_have_run());
}

#[test]
fn an_answer_to_nothing_and_a_second_answer_are_ignored() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let id = it.controller.request(it.now, get()).unwrap();
    it.respond("never asked", Response::Get(GetResp::default()));
    it.respond(&id, Response::Get(GetResp::default()));
    it.respond(&id, Response::Get(GetResp::default()));
    let answers = it.events.iter().filter(|event| matches!(event, ControllerEvent::Answered { .. })).count();
    let ignored = it.events.iter().filter(|event| matches!(event, ControllerEvent::Refused(_))).count();
    assert_eq!((answers, ignored), (1, 2));
}

#[test]
fn an_answer_of_another_kind_fails_the_request_as_unknown() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let id = it.controller.request(it.now, get()).unwrap();
    it.respond(&id, Response::Set(SetResp::default()));
    assert_eq!(*failure(it.events.first()), RequestFailure::WrongAnswer);
    assert!(failure(it.events.first()).may_have_run());
}

#[test]
fn a_request_that_is_not_answered_in_time_may_have_run() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.controller.request(it.now, get()).unwrap();
    it.drain();
    assert_eq!(it.deadline, Some(it.now + Duration::from_secs(30)));
    it.pass(Duration::from_secs(29));
    assert_eq!(it.events, []);
    it.pass(Duration::from_secs(1));
    assert_eq!(*failure(it.events.first()), RequestFailure::Timeout);
    assert!(failure(it.events.first()).may_have_run());
    assert_eq!(it.deadline, None);
}

#[test]
fn unanswered_requests_are_bounded() {
    let mut it = Conversation::connected(ControllerOptions { requests_max: 2, ..ControllerOptions::default() });
    it.controller.request(it.now, get()).unwrap();
    let second = it.controller.request(it.now, get()).unwrap();
    assert_eq!(it.controller.request(it.now, get()), Err(RequestRefused::TooMany));
    it.respond(&second, Response::Get(GetResp::default()));
    assert!(it.controller.request(it.now, get()).is_ok());
}

#[test]
fn nothing_is_asked_of_an_agent_that_is_not_there() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.controller.handle_channel_closed(it.now);
    assert_eq!(it.controller.request(it.now, get()), Err(RequestRefused::NotConnected));
}

#[test]
fn a_new_channel_and_a_new_connect_record_end_what_was_asked_before() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.controller.request(it.now, get()).unwrap();
    it.record(RecordType::WebSocketConnect(Empty {}));
    assert_eq!(*failure(it.events.first()), RequestFailure::Disconnected);
    it.events.clear();
    it.controller.request(it.now, get()).unwrap();
    it.controller.handle_channel_open(it.now);
    it.drain();
    assert_eq!(*failure(it.events.first()), RequestFailure::Disconnected);
    assert!(!it.controller.is_connected());
}

#[test]
fn an_operate_that_wants_no_answer_waits_for_none() {
    let mut it = Conversation::connected(ControllerOptions { requests_max: 1, ..ControllerOptions::default() });
    let operate =
        |send_resp| Request::Operate(Operate { command: "Device.Reboot()".into(), send_resp, ..Default::default() });
    it.controller.request(it.now, operate(false)).unwrap();
    it.drain();
    assert_eq!(it.deadline, None);
    it.controller.request(it.now, operate(true)).unwrap();
    assert_eq!(it.controller.request(it.now, operate(false)), Err(RequestRefused::TooMany));
}

#[test]
fn a_request_goes_under_the_id_that_the_driver_picked_and_is_answered_under_it() {
    let mut it = Conversation::connected(ControllerOptions { requests_max: 1, ..ControllerOptions::default() });
    it.controller.request_as(it.now, "task-7".to_owned(), get()).unwrap();
    assert_eq!(it.asked().0, "task-7");
    assert_eq!(it.controller.request_as(it.now, "task-8".to_owned(), get()), Err(RequestRefused::TooMany));
    it.respond("task-7", Response::Get(GetResp::default()));
    let answered =
        ControllerEvent::Answered { request: "task-7".to_owned(), response: Response::Get(GetResp::default()) };
    assert_eq!(it.events, [answered]);
}

#[test]
fn an_agent_that_is_told_to_go_hears_why_and_what_it_was_asked_has_failed() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.controller.request(it.now, get()).unwrap();
    it.drain();
    it.sent.clear();
    it.controller.disconnect(it.now, Some(ErrorCode::PermissionDenied), "go");
    it.drain();
    let Some(RecordType::Disconnect(told)) = it.sent.pop().and_then(|record| record.record_type) else { panic!() };
    assert_eq!((told.reason.as_str(), told.reason_code), ("go", 7_006));
    assert_eq!(*failure(it.events.first()), RequestFailure::Disconnected);
    assert!(!it.controller.is_connected());
    it.controller.disconnect(it.now, None, "again");
    it.drain();
    assert!(it.sent.is_empty(), "there is no channel to say it on");
}

#[test]
fn who_an_agent_is_can_be_asked_once_more() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.controller.identify_again(it.now);
    let (id, asked) = it.asked();
    assert!(
        matches!(&asked, Request::Get(get) if get.param_paths[0] == "Device.DeviceInfo.ManufacturerOUI"),
        "{asked:?}"
    );
    it.respond(&id, Response::Get(GetResp::default()));
    assert!(matches!(it.events.first(), Some(ControllerEvent::Identified(_))), "{:?}", it.events);
    it.controller.continue_onboarding(it.now, true);
    it.drain();
    assert!(matches!(it.events.last(), Some(ControllerEvent::Onboarded)), "{:?}", it.events);
}
