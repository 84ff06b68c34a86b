use std::time::Duration;

use sangam_usp_proto::agent::{AgentEvent, AgentOptions, DataModel};
use sangam_usp_proto::message::{
    Add, Content, Delete, Failure, Message, Notification, Notify, NotifyResp, ObjectSettings, Operate,
    OperationOutcome, ParamSetting, Request, Response,
};
use sangam_usp_proto::record::{Record, RecordType};
use sangam_usp_proto::{Connect, ErrorCode, UspLimits};

use crate::device::{Device, map, response};

fn subscribe(device: &mut Device, id: &str, notif_type: &str, references: &str, retry: bool) {
    let setting = |name: &str, value: &str| ParamSetting::required(name, value);
    let settings = vec![
        setting("Enable", "true"),
        setting("ID", id),
        setting("NotifType", notif_type),
        setting("ReferenceList", references),
        setting("NotifRetry", if retry { "true" } else { "false" }),
        setting("Persistent", if retry { "true" } else { "false" }),
    ];
    let object = ObjectSettings { obj_path: "Device.LocalAgent.Subscription.".into(), param_settings: settings };
    response(device.ask(Request::Add(Add { allow_partial: false, create_objs: vec![object] })));
    device.events.clear();
}

/// What was told since, by subscription.
fn told(device: &mut Device) -> Vec<(String, Notification)> {
    let notify = |message: Message| match message.content {
        Content::Request(Request::Notify(Notify { subscription_id, notification: Some(it), .. })) => {
            Some((subscription_id, it))
        }
        _ => None,
    };
    device.sent.drain(..).filter_map(notify).collect()
}

#[test]
fn only_what_somebody_subscribed_to_is_told() {
    let mut device = Device::connected();
    device.agent.boot(device.now, "LocalReboot", "", false);
    device.drain();
    assert_eq!(told(&mut device), []);
    subscribe(&mut device, "boot", "Event", "Device.Boot!", true);
    device.agent.boot(device.now, "LocalReboot", "key", true);
    device.drain();
    let told = told(&mut device);
    let (id, Notification::Event(event)) = &told[0] else { panic!("{told:?}") };
    assert_eq!((id.as_str(), event.event_name.as_str()), ("boot", "Boot!"));
    let params =
        map(&[("Cause", "LocalReboot"), ("CommandKey", "key"), ("ParameterMap", "{}"), ("FirmwareUpdated", "true")]);
    assert_eq!(event.params, params);
}

#[test]
fn changes_are_told_whoever_makes_them() {
    let mut device = Device::connected();
    subscribe(&mut device, "vc", "ValueChange", "Device.DeviceInfo.,Device.IP.Interface.*.Status", false);
    device.agent.set_value(device.now, "Device.IP.Interface.3.Status", "Up").unwrap();
    device.agent.set_value(device.now, "Device.IP.Interface.3.Status", "Up").unwrap();
    device.drain();
    let changes = told(&mut device);
    assert_eq!(changes.len(), 1, "the second time it is no change");
    let Notification::ValueChange(change) = &changes[0].1 else { panic!("{changes:?}") };
    assert_eq!((change.param_path.as_str(), change.param_value.as_str()), ("Device.IP.Interface.3.Status", "Up"));
    let update = ObjectSettings {
        obj_path: "Device.DeviceInfo.".into(),
        param_settings: vec![ParamSetting::required("FriendlyName", "x")],
    };
    device.ask(Request::Set(sangam_usp_proto::message::Set { allow_partial: false, update_objs: vec![update] }));
    assert_eq!(told(&mut device).len(), 1, "also the controller's own (TR-369 §7)");
}

#[test]
fn instances_that_come_and_go_are_told() {
    let mut device = Device::connected();
    subscribe(&mut device, "new", "ObjectCreation", "Device.IP.Interface.", true);
    subscribe(&mut device, "gone", "ObjectDeletion", "Device.IP.Interface.", true);
    let object = ObjectSettings { obj_path: "Device.IP.Interface.".into(), param_settings: vec![] };
    device.ask(Request::Add(Add { allow_partial: false, create_objs: vec![object] }));
    let created = told(&mut device);
    let (id, Notification::ObjectCreation(creation)) = &created[0] else { panic!("{created:?}") };
    assert_eq!((id.as_str(), creation.obj_path.as_str()), ("new", "Device.IP.Interface.4."));
    assert_eq!(creation.unique_keys, map(&[("Name", "cpe-4")]));
    device.ask(Request::Delete(Delete { allow_partial: false, obj_paths: vec!["Device.IP.Interface.4.".into()] }));
    assert_eq!(told(&mut device)[0].0, "gone");
}

#[test]
fn a_notification_that_is_not_answered_is_told_again_later_and_later() {
    let mut device = Device::connected();
    subscribe(&mut device, "boot", "Event", "Device.Boot!", true);
    device.agent.boot(device.now, "LocalReboot", "", false);
    device.drain();
    let first = device.sent.pop().expect("told at once");
    let mut waits = Vec::new();
    for _ in 0..3 {
        let before = device.now;
        // The periodic event is later than these.
        let due = device.deadline.expect("a retry");
        waits.push(due.saturating_since(before));
        device.pass(due.saturating_since(before));
        assert_eq!(device.sent.pop().as_ref(), Some(&first), "the same message, with the same id");
    }
    for (wait, (least, most)) in waits.iter().zip([(5, 10), (10, 20), (20, 40)]) {
        assert!((Duration::from_secs(least)..=Duration::from_secs(most)).contains(wait), "{waits:?}");
    }
    let response = Response::Notify(NotifyResp { subscription_id: "boot".into() });
    device.say(&Message::response(&first.msg_id, response));
    assert!(device.events.contains(&AgentEvent::Delivered { subscription_id: "boot".into() }));
    assert_eq!(device.agent.waiting(), 0);
}

#[test]
fn what_was_not_answered_is_told_again_on_a_new_channel_after_the_connect_record() {
    let mut device = Device::connected();
    subscribe(&mut device, "boot", "Event", "Device.Boot!", true);
    device.agent.handle_channel_closed();
    device.agent.boot(device.now, "LocalReboot", "", false);
    device.drain();
    assert!(device.sent.is_empty());
    device.agent.handle_channel_open(device.now, &Connect::Stomp { destination: "/queue/a".into() });
    let mut kinds = Vec::new();
    while let sangam_usp_proto::agent::AgentOutput::Transmit(bytes) = device.agent.poll_output() {
        let record = Record::decode_bounded(&bytes, &UspLimits::default()).unwrap();
        kinds.push(matches!(record.record_type, Some(RecordType::StompConnect(_))));
    }
    assert_eq!(kinds, [true, false]);
}

#[test]
fn notifications_that_wait_are_bounded_and_may_expire() {
    let mut device = Device::new(AgentOptions { notifies_max: 2, ..AgentOptions::default() });
    device.agent.handle_channel_open(device.now, &Connect::WebSocket);
    device.drain();
    subscribe(&mut device, "vc", "ValueChange", "Device.DeviceInfo.FriendlyName", true);
    for value in ["1", "2", "3"] {
        device.agent.set_value(device.now, "Device.DeviceInfo.FriendlyName", value).unwrap();
    }
    device.drain();
    assert_eq!(device.agent.waiting(), 2);
    let dropped = AgentEvent::Dropped { subscription_id: "vc".into() };
    assert_eq!(device.events, std::slice::from_ref(&dropped));
    // One that expires is given up.
    let path = "Device.LocalAgent.Subscription.1.";
    let update =
        ObjectSettings { obj_path: path.into(), param_settings: vec![ParamSetting::required("NotifExpiration", "3")] };
    device.ask(Request::Set(sangam_usp_proto::message::Set { allow_partial: false, update_objs: vec![update] }));
    device.agent.set_value(device.now, "Device.DeviceInfo.FriendlyName", "4").unwrap();
    device.events.clear();
    device.pass(Duration::from_secs(3));
    assert_eq!(device.events.iter().filter(|it| **it == dropped).count(), 1 + 1, "the oldest made room, one expired");
}

#[test]
fn a_sign_of_life_is_told_in_each_interval() {
    let mut device = Device::connected();
    subscribe(&mut device, "periodic", "Event", "Device.LocalAgent.Periodic!", false);
    device.agent.boot(device.now, "LocalReboot", "", false);
    // Booting ends what does not persist.
    subscribe(&mut device, "periodic", "Event", "Device.LocalAgent.Periodic!", false);
    device.pass(Duration::from_secs(299));
    assert_eq!(told(&mut device), []);
    device.pass(Duration::from_secs(1));
    device.pass(Duration::from_secs(300));
    assert_eq!(told(&mut device).len(), 2);
    assert_eq!(device.agent.model().instances("Device.LocalAgent.Subscription.").len(), 1);
}

#[test]
fn a_command_that_went_on_is_told_with_its_key_when_it_is_done_or_cancelled() {
    let mut device = Device::connected();
    subscribe(&mut device, "ops", "OperationComplete", "Device.", true);
    let operate = |command: &str, key: &str| {
        Request::Operate(Operate {
            command: command.into(),
            command_key: key.into(),
            send_resp: true,
            ..Default::default()
        })
    };
    device.ask(operate("Device.SelfTestDiagnostics()", "one"));
    device.ask(operate("Device.SelfTestDiagnostics()", "other"));
    let [AgentEvent::Operate { request: one, .. }, AgentEvent::Operate { request: other, .. }] = device.events[..]
    else {
        panic!("{:?}", device.events)
    };
    device.agent.complete(device.now, one, Ok(map(&[("Status", "Complete")])));
    device.ask(operate(&format!("Device.LocalAgent.Request.{other}.Cancel()"), ""));
    let outcomes: Vec<_> = told(&mut device)
        .into_iter()
        .map(|(_, notification)| match notification {
            Notification::OperationComplete(it) => (it.command_key, it.outcome.expect("an outcome")),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(outcomes[0].0, "one");
    assert_eq!(outcomes[1], ("other".into(), OperationOutcome::Failure(Failure::of(ErrorCode::CommandCanceled))));
    assert_eq!(device.agent.model().instances("Device.LocalAgent.Request."), [0; 0], "R-OPR.0");
}

#[test]
fn asking_to_be_taken_on_has_no_subscription_and_wants_an_answer() {
    let mut device = Device::connected();
    let operate = Operate {
        command: "Device.LocalAgent.Controller.[EndpointID==\"self::ctl\"].SendOnBoardRequest()".into(),
        send_resp: true,
        ..Default::default()
    };
    device.ask(Request::Operate(operate));
    let Some(Content::Request(Request::Notify(notify))) = device.sent.pop().map(|it| it.content) else { panic!() };
    assert!(notify.subscription_id.is_empty() && notify.send_resp);
    assert_eq!(device.agent.waiting(), 1);
}
