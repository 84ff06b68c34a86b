use sangam_usp_proto::agent::{AgentOptions, DataModel};
use sangam_usp_proto::message::{
    Get, GetInstances, GetSupportedDm, GetSupportedProtocol, Request, RequestedPathResult, Response,
};
use sangam_usp_proto::path::PathLimits;
use sangam_usp_proto::{Connect, ErrorCode};

use crate::device::{Device, map, response};

fn get(device: &mut Device, path: &str, max_depth: u32) -> RequestedPathResult {
    let request = Request::Get(Get { param_paths: vec![path.to_owned()], max_depth });
    let Response::Get(mut it) = response(device.ask(request)) else { panic!("a GetResp") };
    it.req_path_results.remove(0)
}

fn objects(result: &RequestedPathResult) -> Vec<&str> {
    result.resolved_path_results.iter().map(|it| it.resolved_path.as_str()).collect()
}

#[test]
fn each_object_comes_by_itself_with_its_own_values() {
    let mut device = Device::connected();
    let result = get(&mut device, "Device.IP.Interface.1.", 0);
    let paths = ["Device.IP.Interface.1.", "Device.IP.Interface.1.IPv4Address.1.", "Device.IP.Interface.1.Stats."];
    assert_eq!(objects(&result), paths);
    assert_eq!(result.resolved_path_results[2].result_params, map(&[("ErrorsSent", "7")]));
}

#[test]
fn depth_limits_the_levels_below_what_was_asked_for() {
    let mut device = Device::connected();
    let depth = |device: &mut Device, depth| {
        objects(&get(device, "Device.DeviceInfo.", depth)).iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()
    };
    let all = ["Device.DeviceInfo.", "Device.DeviceInfo.Temperature.", "Device.DeviceInfo.Temperature.Sensor.1."];
    assert_eq!(depth(&mut device, 1), all[..1]);
    assert_eq!(depth(&mut device, 2), all[..2]);
    assert_eq!(depth(&mut device, 3), all);
    assert_eq!(depth(&mut device, 0), all);
}

#[test]
fn one_parameter_comes_with_its_object() {
    let mut device = Device::connected();
    let result = get(&mut device, "Device.IP.Interface.*.Status", 0);
    assert_eq!(objects(&result), ["Device.IP.Interface.1.", "Device.IP.Interface.3."]);
    assert_eq!(result.resolved_path_results[1].result_params, map(&[("Status", "Down")]));
}

#[test]
fn a_path_that_finds_nothing_is_an_error_unless_it_searches() {
    let mut device = Device::connected();
    for (path, code) in [
        ("Device.Nothing.", 7026),
        ("Device.DeviceInfo.Nothing", 7026),
        ("Device.IP.Interface.2.", 7026),
        ("Device.Reboot()", 7026),
        ("Device.IP.Interface.*.Nothing", 7026),
        ("Device.IP..", 7008),
        ("Device.IP.Interface.[Name==\"x\"].", 0),
        ("Device.IP.Interface.[Name==\"x\"].Status", 0),
    ] {
        assert_eq!(get(&mut device, path, 0).err_code, code, "{path}");
    }
}

#[test]
fn what_may_only_be_written_reads_as_nothing() {
    let mut device = Device::connected();
    assert_eq!(
        get(&mut device, "Device.Users.Password", 0).resolved_path_results[0].result_params,
        map(&[("Password", "")])
    );
    assert_eq!(device.agent.model().value("Device.Users.Password").as_deref(), Some("hunter2"));
}

#[test]
fn what_one_get_answers_is_bounded() {
    let paths = PathLimits { found_max: 4, ..PathLimits::default() };
    let mut device = Device::new(AgentOptions { paths, ..AgentOptions::default() });
    device.agent.handle_channel_open(device.now, &Connect::WebSocket);
    device.drain();
    assert_eq!(get(&mut device, "Device.", 0).err_code, ErrorCode::ResourcesExceeded.number());
    // Also by many paths that each find little.
    let request = Request::Get(Get { param_paths: vec!["Device.DeviceInfo.".to_owned(); 9], max_depth: 1 });
    let Response::Get(it) = response(device.ask(request)) else { panic!("a GetResp") };
    assert_eq!(it.req_path_results.iter().filter(|it| it.err_code == 0).count(), 4);
    let request = Request::GetSupportedDm(GetSupportedDm {
        obj_paths: vec!["Device.Users.".to_owned(); 9],
        ..Default::default()
    });
    let Response::GetSupportedDm(it) = response(device.ask(request)) else { panic!("a data model") };
    assert_eq!(it.req_obj_results.iter().filter(|it| it.err_code == 0).count(), 4);
}

#[test]
fn instances_come_with_their_keys_on_one_level_or_all() {
    let mut device = Device::connected();
    let mut instances = |path: &str, first_level_only| {
        let request = Request::GetInstances(GetInstances { obj_paths: vec![path.to_owned()], first_level_only });
        let Response::GetInstances(mut it) = response(device.ask(request)) else { panic!("instances") };
        it.req_path_results.remove(0)
    };
    let first = instances("Device.IP.Interface.", true);
    let paths: Vec<_> = first.curr_insts.iter().map(|it| it.instantiated_obj_path.as_str()).collect();
    assert_eq!(paths, ["Device.IP.Interface.1.", "Device.IP.Interface.3."]);
    assert_eq!(first.curr_insts[0].unique_keys, map(&[("Name", "eth0")]));
    assert_eq!(instances("Device.IP.Interface.", false).curr_insts.len(), 4);
    assert_eq!(instances("Device.IP.Interface.*.IPv4Address.", true).curr_insts.len(), 2);
    assert_eq!(instances("Device.DeviceInfo.", true).err_code, ErrorCode::ObjectNotATable.number());
}

#[test]
fn the_supported_data_model_is_told_as_it_is() {
    let mut device = Device::connected();
    let mut supported = |path: &str, first_level_only| {
        let request = Request::GetSupportedDm(GetSupportedDm {
            obj_paths: vec![path.to_owned()],
            first_level_only,
            return_commands: true,
            return_events: true,
            return_params: true,
            return_unique_key_sets: true,
        });
        let Response::GetSupportedDm(mut it) = response(device.ask(request)) else { panic!("a data model") };
        it.req_obj_results.remove(0)
    };
    assert_eq!(supported("Device.", false).supported_objs.len(), 13);
    for path in ["Device.IP.Interface.{i}.", "Device.IP.Interface.", "Device.IP.Interface.3."] {
        let result = supported(path, true);
        let paths: Vec<_> = result.supported_objs.iter().map(|it| it.supported_obj_path.as_str()).collect();
        let expected =
            ["Device.IP.Interface.{i}.", "Device.IP.Interface.{i}.IPv4Address.{i}.", "Device.IP.Interface.{i}.Stats."];
        assert_eq!(paths, expected, "{path}");
        let interface = &result.supported_objs[0];
        assert!(interface.is_multi_instance && interface.supported_params.len() == 4);
        assert_eq!(interface.unique_key_sets[0].key_names, ["Name"]);
        assert_eq!(interface.supported_commands[0].input_arg_names, ["Mode"]);
        assert!(result.supported_objs[2].supported_params.is_empty(), "no details of what is within");
    }
    assert_eq!(supported("Device.Nothing.", false).err_code, 7026);
}

#[test]
fn it_says_which_versions_it_speaks() {
    let mut device = Device::connected();
    let answer = response(device.ask(Request::GetSupportedProtocol(GetSupportedProtocol::default())));
    let Response::GetSupportedProtocol(it) = answer else { panic!("{answer:?}") };
    assert_eq!(it.agent_supported_protocol_versions, "1.0,1.1,1.2,1.3,1.4");
}

#[test]
fn what_was_served_is_counted_once_by_kind_and_error() {
    use sangam_usp_proto::message::MsgType;
    let mut device = Device::connected();
    let get = |path: &str| Request::Get(Get { param_paths: vec![path.to_owned()], max_depth: 0 });
    device.ask(get("Device.DeviceInfo.SerialNumber"));
    device.ask(get("Device.Nothing."));
    let operate = sangam_usp_proto::message::Operate { command: "no command".into(), ..Default::default() };
    device.ask(Request::Operate(operate));
    let served = device.agent.take_served();
    assert_eq!(served[&(MsgType::Get, None)], 2, "a path that is not there is no error of the whole");
    let errors: Vec<_> = served.keys().filter(|(kind, _)| *kind == MsgType::Operate).collect();
    assert!(matches!(errors[..], [(_, Some(_))]), "{served:?}");
    assert!(device.agent.take_served().is_empty());
}
