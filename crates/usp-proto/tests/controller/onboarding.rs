use std::collections::BTreeMap;

use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::controller::{ControllerEvent, ControllerOptions, Identity, Known, OnboardingStep};
use sangam_usp_proto::message::{
    AddResp, Error, GetResp, GetSupportedDmResp, GetSupportedProtocolResp, Message, Notification, Notify,
    OnBoardRequest, Request, RequestedPathResult, ResolvedPathResult, Response,
};

use crate::conversation::{ALL_KNOWN, Conversation};

fn values(path: &str, values: &[(&str, &str)]) -> GetResp {
    let result_params: BTreeMap<_, _> =
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let result = ResolvedPathResult { resolved_path: path.to_owned(), result_params };
    let path = RequestedPathResult { resolved_path_results: vec![result], ..Default::default() };
    GetResp { req_path_results: vec![path] }
}

fn protocol(it: &mut Conversation) {
    let (id, request) = it.asked();
    let Request::GetSupportedProtocol(request) = request else { panic!("{request:?}") };
    assert_eq!(request.controller_supported_protocol_versions, "1.0,1.1,1.2,1.3,1.4");
    let versions = GetSupportedProtocolResp { agent_supported_protocol_versions: "1.0,1.3".into() };
    it.respond(&id, Response::GetSupportedProtocol(versions));
    assert_eq!(it.events.last(), Some(&ControllerEvent::Protocol("1.0,1.3".into())));
}

fn identity(it: &mut Conversation) {
    let (id, request) = it.asked();
    assert!(
        matches!(&request, Request::Get(get) if get.param_paths[0].starts_with("Device.DeviceInfo.")),
        "{request:?}"
    );
    it.respond(&id, Response::Get(values("Device.DeviceInfo.", &[("SerialNumber", "A1"), ("SoftwareVersion", "2")])));
    let expected = Identity { serial_number: "A1".into(), software_version: "2".into(), ..Identity::default() };
    assert_eq!(it.events.last(), Some(&ControllerEvent::Identified(expected)));
    assert!(it.sent.is_empty(), "it waits for the driver");
}

fn subscriptions(it: &mut Conversation) {
    let (id, request) = it.asked();
    let Request::Get(get) = request else { panic!("{request:?}") };
    assert_eq!(get.param_paths[0], "Device.LocalAgent.Subscription.");
    it.respond(&id, Response::Get(GetResp::default()));
    assert_eq!(it.events.last(), Some(&ControllerEvent::Subscribing { added: 4, changed: 0, removed: 0 }));
    let (id, request) = it.asked();
    assert!(matches!(&request, Request::Add(add) if add.create_objs.len() == 4), "{request:?}");
    it.respond(&id, Response::Add(AddResp::default()));
    assert_eq!(it.events.last(), Some(&ControllerEvent::Onboarded));
}

#[test]
fn an_agent_that_nobody_knows_is_asked_for_everything_in_turn() {
    let mut it = Conversation::new(ControllerOptions::default(), Known::default());
    it.connect();
    protocol(&mut it);
    identity(&mut it);
    it.controller.continue_onboarding(it.now, false);
    let (id, request) = it.asked();
    assert!(matches!(&request, Request::GetSupportedDm(get) if get.return_unique_key_sets), "{request:?}");
    it.respond(&id, Response::GetSupportedDm(GetSupportedDmResp::default()));
    assert!(matches!(it.events.last(), Some(ControllerEvent::Schema(_))));
    subscriptions(&mut it);
    assert!(it.sent.is_empty() && it.deadline.is_none());
}

#[test]
fn a_model_that_is_known_is_not_asked_for_again() {
    let mut it = Conversation::new(ControllerOptions::default(), Known { protocol: true, ..Known::default() });
    it.connect();
    identity(&mut it);
    it.controller.continue_onboarding(it.now, true);
    subscriptions(&mut it);
}

#[test]
fn an_agent_that_comes_back_is_asked_for_its_subscriptions_alone() {
    let mut it = Conversation::new(ControllerOptions::default(), ALL_KNOWN);
    it.connect();
    subscriptions(&mut it);
}

#[test]
fn a_step_that_fails_does_not_hinder_the_others() {
    let mut it = Conversation::new(ControllerOptions::default(), Known::default());
    it.connect();
    for step in [OnboardingStep::Protocol, OnboardingStep::Identity] {
        let (id, _) = it.asked();
        it.message(&Message::error(id, Error::of(ErrorCode::PermissionDenied)));
        let failed = |event: &ControllerEvent| matches!(event, ControllerEvent::OnboardingFailed { step: failed, .. } if *failed == step);
        assert!(it.events.iter().any(failed), "{:?}", it.events);
    }
    subscriptions(&mut it);
}

#[test]
fn an_agent_that_asks_to_be_taken_on_is() {
    let mut it = Conversation::connected(ControllerOptions::default());
    let request = OnBoardRequest {
        oui: "012345".into(),
        product_class: "P".into(),
        serial_number: "A1".into(),
        agent_supported_protocol_versions: "1.3".into(),
    };
    let notification = Some(Notification::OnBoardRequest(request));
    let notify = Notify { subscription_id: String::new(), send_resp: true, notification };
    it.message(&Message::request("n", Request::Notify(notify)));
    assert_eq!(it.stores.len(), 1);
    identity(&mut it);
}

#[test]
fn subscriptions_can_be_looked_at_again_at_any_time() {
    let mut it = Conversation::connected(ControllerOptions::default());
    it.controller.reconcile_subscriptions(it.now, sangam_usp_proto::subscriptions::standard("sangam-"));
    subscriptions(&mut it);
}
