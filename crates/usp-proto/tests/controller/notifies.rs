use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::controller::{ControllerEvent, ControllerOptions};
use sangam_usp_proto::message::{
    Content, Message, Notification, Notify, NotifyResp, OperationComplete, OperationOutcome, OutputArgs, Request,
    Response, ValueChange,
};

use crate::conversation::Conversation;

fn change(id: &str, value: &str, send_resp: bool) -> Message {
    let change = ValueChange { param_path: "Device.X".into(), param_value: value.into() };
    let notification = Some(Notification::ValueChange(change));
    Message::request(id, Request::Notify(Notify { subscription_id: "vc-1".into(), send_resp, notification }))
}

fn confirmation(it: &mut Conversation, id: &str) {
    let response = Response::Notify(NotifyResp { subscription_id: "vc-1".into() });
    assert_eq!(it.heard(), Message { msg_id: id.into(), content: Content::Response(response) });
}

#[test]
fn a_notification_is_answered_once_it_is_stored_and_not_before() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.message(&change("n1", "1", true));
    assert!(it.sent.is_empty());
    let (token, _) = it.stores[0].clone();
    it.controller.handle_stored(it.now, token, true);
    confirmation(&mut it, "n1");
    it.controller.handle_stored(it.now, token, true);
    it.drain();
    assert!(it.sent.is_empty(), "once");
}

#[test]
fn one_that_could_not_be_stored_is_not_answered_and_taken_again() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.message(&change("n1", "1", true));
    let (token, _) = it.stores.remove(0);
    it.controller.handle_stored(it.now, token, false);
    it.drain();
    assert!(it.sent.is_empty());
    it.message(&change("n1", "1", true));
    assert_eq!(it.stores.len(), 1, "the agent tells it again, and it is stored again");
}

#[test]
fn one_that_wants_no_answer_is_stored_and_not_answered() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.message(&change("n1", "1", false));
    let (token, _) = it.stores[0].clone();
    it.controller.handle_stored(it.now, token, true);
    it.drain();
    assert!(it.sent.is_empty());
}

#[test]
fn one_that_is_told_again_is_stored_once_and_answered_again() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.message(&change("n1", "1", true));
    it.message(&change("n1", "1", true));
    assert_eq!(it.stores.len(), 1, "while it is being stored (R-MSG.4)");
    let (token, _) = it.stores[0].clone();
    it.controller.handle_stored(it.now, token, true);
    confirmation(&mut it, "n1");
    it.message(&change("n1", "1", true));
    assert_eq!(it.stores.len(), 1);
    confirmation(&mut it, "n1");
}

#[test]
fn another_notification_with_the_same_id_is_not_taken_for_a_repetition() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.message(&change("1", "1", true));
    let (token, _) = it.stores[0].clone();
    it.controller.handle_stored(it.now, token, true);
    // The agent counts from one again: another value, or the same after a new connection.
    it.message(&change("1", "2", true));
    assert_eq!(it.stores.len(), 2);
    it.connect();
    it.message(&change("1", "1", true));
    assert_eq!(it.stores.len(), 3);
}

#[test]
fn notifications_that_wait_are_bounded() {
    let mut it = Conversation::connected(ControllerOptions { notifies_max: 2, ..ControllerOptions::default() });
    for id in ["a", "b", "c"] {
        it.message(&change(id, id, true));
    }
    assert_eq!(it.stores.len(), 2);
    assert!(matches!(it.events.last(), Some(ControllerEvent::Refused(it)) if it.label() == "too_many_notifies"));
    assert!(it.sent.is_empty(), "the agent tells the third again");
}

#[test]
fn a_notification_that_says_nothing_is_answered_7004() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let notify = Notify { subscription_id: "s".into(), send_resp: true, notification: None };
    it.message(&Message::request("n", Request::Notify(notify)));
    let Content::Error(error) = it.heard().content else { panic!("an error") };
    assert_eq!(error.code(), ErrorCode::InvalidArguments);
    assert!(it.stores.is_empty());
}

#[test]
fn a_command_that_is_done_comes_with_its_key() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let complete = OperationComplete {
        obj_path: "Device.".into(),
        command_name: "SelfTestDiagnostics()".into(),
        command_key: "task-7".into(),
        outcome: Some(OperationOutcome::Output(OutputArgs::default())),
    };
    let notify = Notify {
        subscription_id: "sangam-operations".into(),
        send_resp: true,
        notification: Some(Notification::OperationComplete(complete.clone())),
    };
    it.message(&Message::request("n", Request::Notify(notify)));
    assert_eq!(it.stores[0].1.notification, Some(Notification::OperationComplete(complete)));
}
