//! Devices against our own controller, with nothing between them but time.

mod faults;
mod rig;

use std::collections::BTreeMap;

use sangam_usp_proto::controller::ControllerEvent;
use sangam_usp_proto::message::{
    Add, AddOutcome, Delete, Get, Notification, ObjectSettings, Operate, OperateOutcome, OperationOutcome,
    ParamSetting, Request, Response, Set, SetOutcome,
};

use self::rig::{Rig, secs};
use crate::usp::quirks::{ALL, Quirk, Quirks};
use crate::usp::transfer::TransferFault;
use crate::usp::world::World;

fn operate(command: &str, key: &str, args: &[(&str, &str)]) -> Request {
    let input_args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request::Operate(Operate { command: command.to_owned(), command_key: key.to_owned(), send_resp: true, input_args })
}

fn boot_params(notification: &Notification) -> Option<&BTreeMap<String, String>> {
    match notification {
        Notification::Event(event) if event.event_name == "Boot!" => Some(&event.params),
        _ => None,
    }
}

/// What a command gave, or the code that it failed with.
type Outcome = Result<BTreeMap<String, String>, u32>;

/// Ends of commands that the controller heard of, with their keys.
fn ends(rig: &Rig) -> Vec<(String, Outcome)> {
    let told = rig.told.iter().filter_map(|it| match it {
        Notification::OperationComplete(it) => Some(it),
        _ => None,
    });
    told.map(|it| {
        let outcome = match it.outcome.clone().expect("an outcome") {
            OperationOutcome::Output(output) => Ok(output.output_args),
            OperationOutcome::Failure(failure) => Err(failure.err_code),
        };
        (it.command_key.clone(), outcome)
    })
    .collect()
}

#[test]
fn an_agent_asks_to_be_taken_on_and_is() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    assert!(matches!(&rig.told[0], Notification::OnBoardRequest(it) if it.product_class == "EG-USP"), "{:?}", rig.told);
    assert!(rig.events.contains(&ControllerEvent::Onboarded), "{:?}", rig.events);
    assert!(rig.device.is_quiet() && rig.device.first_heard() && !rig.device.first_heard());
    assert_eq!(rig.tally.delivered["OnBoardRequest"], 1);
    assert_eq!(rig.tally.served[&("GetSupportedDM", 0)], 1);
    assert_eq!((rig.tally.broken, rig.tally.boots), (0, 1));
}

#[test]
fn what_is_asked_is_read_and_written() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    let set = ObjectSettings {
        obj_path: "Device.WiFi.SSID.1.".into(),
        param_settings: vec![ParamSetting::required("SSID", "sangam")],
    };
    let Response::Set(done) = rig.ask(Request::Set(Set { allow_partial: false, update_objs: vec![set] })) else {
        panic!()
    };
    assert!(matches!(done.updated_obj_results[0].oper_status.as_ref().unwrap().outcome, Some(SetOutcome::Success(_))));
    let add = ObjectSettings { obj_path: "Device.NAT.PortMapping.".into(), param_settings: vec![] };
    let Response::Add(made) = rig.ask(Request::Add(Add { allow_partial: false, create_objs: vec![add] })) else {
        panic!()
    };
    let Some(AddOutcome::Success(made)) = made.created_obj_results[0].oper_status.clone().unwrap().outcome else {
        panic!()
    };
    assert_eq!(made.instantiated_path, "Device.NAT.PortMapping.2.");
    let paths = ["Device.WiFi.SSID.1.SSID", "Device.NAT.PortMapping.*.Alias", "Device.DeviceInfo.UpTime"];
    let get = Get { param_paths: paths.map(str::to_owned).to_vec(), max_depth: 0 };
    let Response::Get(read) = rig.ask(Request::Get(get)) else { panic!() };
    let value = |path: usize, at: usize, name: &str| {
        read.req_path_results[path].resolved_path_results[at].result_params[name].clone()
    };
    assert_eq!((value(0, 0, "SSID"), value(1, 1, "Alias")), ("sangam".to_owned(), "cpe-2".to_owned()));
    assert_eq!(value(2, 0, "UpTime"), "5");
    let gone = Delete { allow_partial: false, obj_paths: vec!["Device.NAT.PortMapping.1.".into()] };
    assert!(matches!(rig.ask(Request::Delete(gone)), Response::Delete(_)));
    assert_eq!(rig.tally.served[&("Delete", 0)], 1);
}

#[test]
fn a_reboot_is_answered_then_done_and_told_with_its_key() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    assert!(matches!(rig.ask(operate("Device.Reboot()", "task-7", &[])), Response::Operate(_)));
    rig.told.clear();
    rig.pass(secs(1));
    assert!(rig.device.off_until().is_some() && !rig.is_open());
    rig.pass(secs(6));
    let params = boot_params(&rig.told[0]).expect("Boot!");
    assert_eq!((params["Cause"].as_str(), params["CommandKey"].as_str()), ("RemoteReboot", "task-7"));
    assert_eq!(rig.told.len(), 1, "it is known, and does not ask to be taken on: {:?}", rig.told);
    assert_eq!(rig.tally.boots, 2);
}

#[test]
fn a_factory_reset_forgets_subscriptions_and_what_was_written() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    let set = ObjectSettings {
        obj_path: "Device.WiFi.SSID.1.".into(),
        param_settings: vec![ParamSetting::required("SSID", "sangam")],
    };
    rig.ask(Request::Set(Set { allow_partial: false, update_objs: vec![set] }));
    rig.ask(operate("Device.FactoryReset()", "k", &[]));
    rig.told.clear();
    rig.events.clear();
    rig.pass(secs(10));
    assert!(rig.told.iter().any(|it| matches!(it, Notification::OnBoardRequest(_))), "{:?}", rig.told);
    assert!(rig.events.iter().any(|it| matches!(it, ControllerEvent::Subscribing { added, .. } if *added > 0)));
    let get = Get { param_paths: vec!["Device.WiFi.SSID.1.SSID".into()], max_depth: 0 };
    let Response::Get(read) = rig.ask(Request::Get(get)) else { panic!() };
    assert!(read.req_path_results[0].resolved_path_results[0].result_params["SSID"].starts_with("home-"));
    assert_eq!(rig.tally.resets, 1);
}

#[test]
fn a_diagnosis_takes_a_while_and_gives_what_the_data_model_names() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    let args = [("Host", "198.18.0.9"), ("NumberOfRepetitions", "7")];
    let Response::Operate(begun) = rig.ask(operate("Device.IP.Diagnostics.IPPing()", "ping", &args)) else { panic!() };
    assert!(matches!(begun.operation_results[0].outcome, Some(OperateOutcome::RequestPath(_))));
    assert_eq!(rig.device.unfinished(), 1);
    rig.pass(secs(5));
    let [(key, Ok(output))] = &ends(&rig)[..] else { panic!("{:?}", rig.told) };
    assert_eq!((key.as_str(), output["Status"].as_str(), output["SuccessCount"].as_str()), ("ping", "Complete", "7"));
    assert_eq!(rig.tally.commands["IPPing()"].done, 1);
}

#[test]
fn a_timer_waits_as_long_as_it_was_told() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    rig.ask(operate("Device.ScheduleTimer()", "timer", &[("DelaySeconds", "60")]));
    rig.pass(secs(59));
    assert_eq!(ends(&rig), []);
    rig.pass(secs(2));
    assert_eq!(ends(&rig), [("timer".to_owned(), Ok(BTreeMap::new()))]);
}

#[test]
fn a_firmware_that_came_is_told_of_and_runs_after_a_reboot() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    let args = [("URL", "http://acs.example/firmware"), ("AutoActivate", "true"), ("FileSize", "3")];
    rig.ask(operate("Device.DeviceInfo.FirmwareImage.2.Download()", "fw", &args));
    assert_eq!(rig.transfers.len(), 1);
    assert_eq!((rig.transfers[0].url.as_str(), rig.transfers[0].size), ("http://acs.example/firmware", Some(3)));
    rig.finish_transfers(Ok(()));
    assert_eq!(ends(&rig), [("fw".to_owned(), Ok(BTreeMap::new()))]);
    rig.pass(secs(8));
    let boot = rig.told.iter().find_map(boot_params).expect("Boot!");
    assert_eq!((boot["FirmwareUpdated"].as_str(), boot["CommandKey"].as_str()), ("true", "fw"));
    let is_version = |it: &&Notification| matches!(it, Notification::ValueChange(it) if it.param_value == "1.1.0");
    assert_eq!(rig.told.iter().filter(is_version).count(), 1, "{:?}", rig.told);
}

#[test]
fn a_file_that_did_not_come_is_a_command_that_failed() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    rig.ask(operate("Device.DeviceInfo.VendorLogFile.1.Upload()", "log", &[("URL", "http://acs.example/up")]));
    assert!(!rig.transfers[0].is_download);
    rig.finish_transfers(Err(TransferFault::Login));
    assert_eq!(ends(&rig), [("log".to_owned(), Err(7022))]);
    assert_eq!(rig.tally.transfers_failed["login"], 1);
    rig.pass(secs(8));
    assert_eq!(rig.tally.boots, 1);
}

#[test]
fn what_a_reboot_interrupts_has_failed() {
    let mut rig = Rig::new(World::of_test(1));
    rig.pass(secs(5));
    rig.ask(operate("Device.ScheduleTimer()", "timer", &[("DelaySeconds", "60")]));
    rig.ask(operate("Device.Reboot()", "reboot", &[]));
    rig.pass(secs(10));
    assert_eq!(ends(&rig), [("timer".to_owned(), Err(7022))]);
    rig.pass(secs(90));
    assert_eq!(ends(&rig).len(), 1);
}

#[test]
fn what_changes_by_itself_is_told_and_life_signs_come_in_their_interval() {
    let mut rig = Rig::new(World { change_interval: Some(secs(60)), ..World::of_test(1) });
    rig.pass(secs(5));
    rig.subscribe("sangam-address", "ValueChange", "Device.IP.,Device.WiFi.,Device.Hosts.");
    rig.told.clear();
    rig.pass(secs(3_000));
    let count = |wanted: fn(&Notification) -> bool| rig.told.iter().filter(|it| wanted(it)).count();
    let changes = count(|it| matches!(it, Notification::ValueChange(_)));
    assert_eq!(changes as u64, rig.tally.changes);
    assert!((20..90).contains(&changes), "{changes}");
    let periodic = count(|it| matches!(it, Notification::Event(event) if event.event_name == "Periodic!"));
    assert!((9..=11).contains(&periodic), "{periodic}");
}

#[test]
fn every_quirk_and_sessions_in_segments_lead_to_the_same_end() {
    for (quirk, name) in ALL {
        check_life(name, Quirks::NONE.with(quirk), 0.0);
    }
    check_life("sessions", Quirks::NONE, 1.0);
    for (quirk, name) in ALL {
        check_life(&format!("sessions and {name}"), Quirks::NONE.with(quirk), 1.0);
    }
}

fn check_life(name: &str, quirks: Quirks, sessions: f64) {
    let mut rig = Rig::of(World { sessions, ..World::of_test(1) }, quirks);
    rig.pass(secs(5));
    assert!(rig.events.contains(&ControllerEvent::Onboarded), "{name}: {:?}", rig.events);
    rig.ask(operate("Device.IP.Diagnostics.IPPing()", "ping", &[("Host", "a")]));
    rig.pass(secs(5));
    rig.ask(operate("Device.Reboot()", "reboot", &[]));
    rig.pass(secs(20));
    assert_eq!(ends(&rig).len(), 1, "{name}");
    let boots: Vec<_> = rig.told.iter().filter_map(boot_params).map(|it| it["CommandKey"].clone()).collect();
    assert_eq!(boots, ["reboot"], "{name}");
    assert!(rig.device.is_quiet() && rig.tally.broken == 0, "{name}: {:?}", rig.tally.not_taken);
    assert_eq!(rig.used_session(), sessions > 0.0, "{name}");
}

#[test]
fn changes_that_are_polled_are_told_later_and_a_controller_that_may_not_is_refused() {
    let mut rig = Rig::of(World::of_test(1), Quirks::NONE.with(Quirk::PolledChanges).with(Quirk::NoWiFi));
    rig.pass(secs(5));
    rig.subscribe("sangam-name", "ValueChange", "Device.DeviceInfo.FriendlyName");
    let set = |path: &str, name: &str| {
        let settings = vec![ParamSetting::required(name, "x")];
        let object = ObjectSettings { obj_path: path.into(), param_settings: settings };
        Request::Set(Set { allow_partial: true, update_objs: vec![object] })
    };
    rig.told.clear();
    rig.ask(set("Device.DeviceInfo.", "FriendlyName"));
    assert_eq!(rig.told, [], "it has not looked yet");
    rig.pass(secs(5));
    assert!(matches!(&rig.told[..], [Notification::ValueChange(it)] if it.param_value == "x"), "{:?}", rig.told);
    let Response::Set(refused) = rig.ask(set("Device.WiFi.SSID.1.", "SSID")) else { panic!() };
    let Some(SetOutcome::Success(it)) = refused.updated_obj_results[0].oper_status.clone().unwrap().outcome else {
        panic!()
    };
    assert_eq!(it.updated_inst_results[0].param_errs[0].err_code, 7006);
}

#[test]
fn an_idle_device_is_small() {
    let rig = Rig::new(World::of_test(1));
    let held = size_of_val(&rig.device);
    assert!(held <= 2_048, "{held}");
}
