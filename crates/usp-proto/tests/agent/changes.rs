use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::agent::{AgentEvent, DataModel};
use sangam_usp_proto::message::{
    Add, AddOutcome, Content, Delete, DeleteOutcome, ObjectSettings, Operate, OperateOutcome, ParamSetting, Request,
    Response, Set, SetOutcome,
};

use crate::device::{Device, map, response};

fn settings(path: &str, settings: &[(&str, &str, bool)]) -> ObjectSettings {
    let setting = |(param, value, required): &(&str, &str, bool)| ParamSetting {
        param: (*param).to_owned(),
        value: (*value).to_owned(),
        required: *required,
    };
    ObjectSettings { obj_path: path.to_owned(), param_settings: settings.iter().map(setting).collect() }
}

fn set(device: &mut Device, allow_partial: bool, update_objs: Vec<ObjectSettings>) -> Content {
    device.ask(Request::Set(Set { allow_partial, update_objs }))
}

fn outcomes(content: Content) -> Vec<SetOutcome> {
    let Response::Set(it) = response(content) else { panic!("a SetResp") };
    it.updated_obj_results.iter().map(|it| it.outcome().cloned().expect("an outcome")).collect()
}

fn error(content: Content) -> (ErrorCode, Vec<(String, ErrorCode)>) {
    let Content::Error(error) = content else { panic!("{content:?}") };
    (error.code(), error.param_errs.iter().map(|it| (it.path.clone(), it.code())).collect())
}

fn value(device: &Device, path: &str) -> String {
    device.agent.model().value(path).unwrap_or_else(|| panic!("{path}"))
}

#[test]
fn a_value_is_written_and_answered_with_what_it_is() {
    let mut device = Device::connected();
    let outcome =
        outcomes(set(&mut device, false, vec![settings("Device.DeviceInfo.", &[("FriendlyName", "x", true)])]));
    let SetOutcome::Success(success) = &outcome[0] else { panic!("{outcome:?}") };
    assert_eq!(success.updated_inst_results[0].updated_params, map(&[("FriendlyName", "x")]));
    assert_eq!(value(&device, "Device.DeviceInfo.FriendlyName"), "x");
    assert_eq!(device.events, [AgentEvent::ValueSet("Device.DeviceInfo.FriendlyName".into())]);
}

#[test]
fn values_that_may_not_be_are_refused_each_with_its_reason() {
    let mut device = Device::connected();
    for (param, new, code) in [
        ("Enable", "yes", ErrorCode::InvalidType),
        ("MaxMTUSize", "-1", ErrorCode::InvalidType),
        ("Status", "Up", ErrorCode::NonWriteableParameter),
        ("Nothing", "1", ErrorCode::UnsupportedParameter),
        ("Name", "eth1", ErrorCode::DuplicateKey),
    ] {
        let content = set(&mut device, false, vec![settings("Device.IP.Interface.1.", &[(param, new, true)])]);
        let (whole, at) = error(content);
        assert_eq!(whole, ErrorCode::InvalidArguments, "as obuspa answers");
        assert_eq!(at, [(format!("Device.IP.Interface.1.{param}"), code)]);
    }
}

#[test]
fn what_is_required_and_what_may_be_partial_decides() {
    let bad = |required| settings("Device.IP.Interface.1.", &[("Enable", "yes", required), ("MaxMTUSize", "9", false)]);
    let good = || settings("Device.DeviceInfo.", &[("FriendlyName", "new", true)]);
    // All or nothing: nothing is written, not even what could be.
    let mut device = Device::connected();
    error(set(&mut device, false, vec![good(), bad(true)]));
    assert_eq!((value(&device, "Device.DeviceInfo.FriendlyName").as_str(), device.events.len()), ("", 0));
    // In part: the object fails, the other is written.
    let outcome = outcomes(set(&mut device, true, vec![good(), bad(true)]));
    assert!(matches!((&outcome[0], &outcome[1]), (SetOutcome::Success(_), SetOutcome::Failure(_))), "{outcome:?}");
    assert_eq!(value(&device, "Device.DeviceInfo.FriendlyName"), "new");
    assert_eq!(value(&device, "Device.IP.Interface.1.MaxMTUSize"), "0");
    // Not required: what can be is written, either way.
    for allow_partial in [false, true] {
        let outcome = outcomes(set(&mut device, allow_partial, vec![bad(false)]));
        let SetOutcome::Success(success) = &outcome[0] else { panic!("{outcome:?}") };
        assert_eq!(success.updated_inst_results[0].param_errs[0].code(), ErrorCode::InvalidType);
        assert_eq!(value(&device, "Device.IP.Interface.1.MaxMTUSize"), "9");
    }
}

#[test]
fn a_search_is_written_as_a_whole() {
    let mut device = Device::connected();
    // The same name for two is a conflict at neither before the first is written; the type fails at both.
    let update = settings("Device.IP.Interface.*.", &[("MaxMTUSize", "5", true), ("Enable", "yes", true)]);
    let outcome = outcomes(set(&mut device, false, vec![update]));
    let SetOutcome::Failure(failure) = &outcome[0] else { panic!("{outcome:?}") };
    assert_eq!(failure.updated_inst_failures.len(), 2);
    assert_eq!(value(&device, "Device.IP.Interface.1.MaxMTUSize"), "0");
    // What finds nothing has nothing to fail (R-MSG.4a); what is not there fails.
    let outcome = outcomes(set(
        &mut device,
        false,
        vec![settings("Device.IP.Interface.[Name==\"x\"].", &[("Enable", "1", true)])],
    ));
    assert!(matches!(&outcome[0], SetOutcome::Success(it) if it.updated_inst_results.is_empty()));
    let (_, at) = error(set(&mut device, false, vec![settings("Device.IP.Interface.2.", &[("Enable", "1", true)])]));
    assert_eq!(at[0].1, ErrorCode::ObjectDoesNotExist);
}

#[test]
fn an_instance_is_added_with_a_new_number_and_its_keys() {
    let mut device = Device::connected();
    let add = |table: &str, values: &[(&str, &str, bool)], allow_partial| {
        Request::Add(Add { allow_partial, create_objs: vec![settings(table, values)] })
    };
    let Response::Add(it) = response(device.ask(add("Device.IP.Interface.", &[("MaxMTUSize", "x", false)], false)))
    else {
        panic!("an AddResp")
    };
    let Some(AddOutcome::Success(success)) = it.created_obj_results[0].outcome() else { panic!("{it:?}") };
    assert_eq!(success.instantiated_path, "Device.IP.Interface.4.");
    assert_eq!(success.unique_keys, map(&[("Name", "cpe-4")]), "R-ADD.5");
    assert_eq!(success.param_errs[0].code(), ErrorCode::InvalidType);
    assert_eq!(device.events, [AgentEvent::Created("Device.IP.Interface.4.".into())]);
    // The key of another, the wrong kind of object, one that nobody may create.
    for (table, values, code) in [
        ("Device.IP.Interface.", &[("Name", "eth0", false)][..], ErrorCode::DuplicateKey),
        ("Device.DeviceInfo.", &[], ErrorCode::ObjectNotATable),
        ("Device.LocalAgent.Request.", &[], ErrorCode::NonCreatableObject),
    ] {
        assert_eq!(error(device.ask(add(table, values, false))).1[0].1, code, "{table}");
    }
    assert_eq!(device.agent.model().instances("Device.IP.Interface."), [1, 3, 4]);
}

#[test]
fn adding_all_or_nothing_takes_back_what_was_added() {
    let mut device = Device::connected();
    let create_objs = vec![settings("Device.IP.Interface.", &[]), settings("Device.DeviceInfo.", &[])];
    error(device.ask(Request::Add(Add { allow_partial: false, create_objs: create_objs.clone() })));
    assert_eq!(device.agent.model().instances("Device.IP.Interface."), [1, 3]);
    assert_eq!(device.events, []);
    let Response::Add(it) = response(device.ask(Request::Add(Add { allow_partial: true, create_objs }))) else {
        panic!("an AddResp")
    };
    assert!(matches!(it.created_obj_results[0].outcome(), Some(AddOutcome::Success(_))));
    assert!(matches!(it.created_obj_results[1].outcome(), Some(AddOutcome::Failure(_))));
}

#[test]
fn tables_are_bounded() {
    let mut device = Device::connected();
    let add = || Request::Add(Add { allow_partial: false, create_objs: vec![settings("Device.IP.Interface.", &[])] });
    let failed = (0..30).find_map(|_| match device.ask(add()) {
        Content::Error(error) => Some(error.param_errs[0].code()),
        _ => None,
    });
    assert_eq!(failed, Some(ErrorCode::ResourcesExceeded));
}

#[test]
fn instances_are_removed_with_all_within() {
    let mut device = Device::connected();
    let mut delete = |path: &str, allow_partial| {
        device.ask(Request::Delete(Delete { allow_partial, obj_paths: vec![path.to_owned()] }))
    };
    let affected = |content| {
        let Response::Delete(it) = response(content) else { panic!("a DeleteResp") };
        match it.deleted_obj_results[0].outcome() {
            Some(DeleteOutcome::Success(success)) => success.affected_paths.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(affected(delete("Device.IP.Interface.[Name==\"eth1\"].", false)), ["Device.IP.Interface.3."]);
    assert_eq!(affected(delete("Device.IP.Interface.3.", false)), [""; 0], "it is gone already (R-DEL.2a)");
    for path in ["Device.DeviceInfo.", "Device.LocalAgent.Controller.1.", "Device.Nothing."] {
        error(delete(path, false));
        let Response::Delete(it) = response(delete(path, true)) else { panic!("a DeleteResp") };
        assert!(matches!(it.deleted_obj_results[0].outcome(), Some(DeleteOutcome::Failure(_))), "{path}");
    }
    let model = device.agent.model();
    assert_eq!(model.instances("Device.IP.Interface."), [1]);
    assert_eq!(model.value("Device.IP.Interface.3.IPv4Address.5.IPAddress"), None);
}

#[test]
fn commands_answer_at_once_or_go_on_or_fail() {
    let mut device = Device::connected();
    let mut operate = |command: &str, args: &[(&str, &str)]| {
        device.ask(Request::Operate(Operate {
            command: command.to_owned(),
            command_key: "key".into(),
            send_resp: true,
            input_args: map(args),
        }))
    };
    let outcome = |content| {
        let Response::Operate(mut it) = response(content) else { panic!("an OperateResp") };
        it.operation_results.remove(0).outcome.expect("an outcome")
    };
    assert!(matches!(outcome(operate("Device.Reboot()", &[("unknown", "x")])), OperateOutcome::Output(_)));
    let path = "Device.LocalAgent.Request.1.".to_owned();
    assert_eq!(outcome(operate("Device.SelfTestDiagnostics()", &[])), OperateOutcome::RequestPath(path));
    let OperateOutcome::Failure(failure) = outcome(operate("Device.IP.Interface.1.Reset()", &[])) else { panic!() };
    assert_eq!(failure.code(), ErrorCode::InvalidCommandArguments, "R-OPR.5");
    let Response::Operate(it) = response(operate("Device.IP.Interface.*.Reset()", &[("Mode", "x")])) else { panic!() };
    assert_eq!(it.operation_results.len(), 2, "at each object that the path finds");
    assert_eq!(error(operate("Device.Nothing()", &[])).0, ErrorCode::InvalidPath);
    assert_eq!(error(operate("Device.IP.Interface.2.Reset()", &[])).0, ErrorCode::ObjectDoesNotExist);
    assert_eq!(device.agent.model().instances("Device.LocalAgent.Request."), [1]);
}

#[test]
fn commands_that_go_on_are_bounded() {
    let mut device = Device::connected();
    let operate = || {
        Request::Operate(Operate {
            command: "Device.SelfTestDiagnostics()".into(),
            send_resp: true,
            ..Default::default()
        })
    };
    let failed = (0..20).position(|_| {
        let Response::Operate(it) = response(device.ask(operate())) else { panic!() };
        matches!(it.operation_results[0].outcome, Some(OperateOutcome::Failure(_)))
    });
    assert_eq!(failed, Some(16));
}
