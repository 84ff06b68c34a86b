use std::collections::BTreeMap;

use sangam_usp_proto::message::*;
use sangam_usp_proto::{ErrorCode, UspLimits};

use crate::notation::bytes;

/// A message whose header names `msg_type` (two hexadecimal digits) and whose body is `body`.
fn wire(msg_type: &str, body: &str) -> Vec<u8> {
    bytes(&format!("0a( 0a 02 'm1' 10 {msg_type} ) 12( {body} )"))
}

fn both_ways(wire: &[u8], content: Content) {
    let message = Message { msg_id: "m1".into(), content };
    let decoded = Message::decode(wire, &UspLimits::default());
    assert_eq!(decoded, Ok(Decoded { message: message.clone(), header_agrees: true }));
    assert_eq!(message.encode(), wire, "{message:?}");
}

/// A request: field 1 of the body.
fn request(msg_type: &str, inner: &str, request: Request) {
    both_ways(&wire(msg_type, &format!("0a( {inner} )")), Content::Request(request));
}

/// A response: field 2 of the body.
fn response(msg_type: &str, inner: &str, response: Response) {
    both_ways(&wire(msg_type, &format!("12( {inner} )")), Content::Response(response));
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_get_is_these_bytes() {
    // Every length counted by hand.
    let wire = bytes(
        "0a 06 0a 02 'm1' 10 01
         12 1d 0a 1b 0a 19 0a 12 'Device.DeviceInfo.' 15 01000000",
    );
    let get = Get { param_paths: vec![text("Device.DeviceInfo.")], max_depth: 1 };
    both_ways(&wire, Content::Request(Request::Get(get)));
}

#[test]
fn an_error_is_field_3_of_the_body() {
    // 7004 is 0x1b5c, 7011 is 0x1b63.
    let wire = bytes("0a( 0a 02 'm1' ) 12( 1a( 0d 5c1b0000 12 01 'e' 1a( 0a 01 'p' 15 631b0000 1a 01 'x' ) ) )");
    let path_error = PathError { path: text("p"), err_code: 7011, err_msg: text("x") };
    let error = Error { err_code: 7004, err_msg: text("e"), param_errs: vec![path_error] };
    assert_eq!(error.code(), ErrorCode::InvalidArguments);
    both_ways(&wire, Content::Error(error));
}

#[test]
fn values_come_as_a_map_in_field_2_of_each_object() {
    let object = ResolvedPathResult { resolved_path: text("D."), result_params: map(&[("A", "1"), ("B", "")]) };
    let found =
        RequestedPathResult { requested_path: text("D."), resolved_path_results: vec![object], ..Default::default() };
    let failed = RequestedPathResult {
        requested_path: text("X."),
        err_code: 7026,
        err_msg: text("no"),
        resolved_path_results: vec![],
    };
    response(
        "02",
        "0a( 0a( 0a 02 'D.' 22( 0a 02 'D.' 12( 0a 01 'A' 12 01 '1' ) 12( 0a 01 'B' ) ) )
             0a( 0a 02 'X.' 15 721b0000 1a 02 'no' ) )",
        Response::Get(GetResp { req_path_results: vec![found, failed] }),
    );
}

#[test]
fn instances_come_with_their_unique_keys() {
    request(
        "0e",
        "1a( 0a 02 'D.' 10 01 )",
        Request::GetInstances(GetInstances { obj_paths: vec![text("D.")], first_level_only: true }),
    );
    let instance = CurrInstance { instantiated_obj_path: text("D.1."), unique_keys: map(&[("K", "v")]) };
    let path = InstancesPathResult { requested_path: text("D."), curr_insts: vec![instance], ..Default::default() };
    response(
        "0f",
        "1a( 0a( 0a 02 'D.' 22( 0a 04 'D.1.' 12( 0a 01 'K' 12 01 'v' ) ) ) )",
        Response::GetInstances(GetInstancesResp { req_path_results: vec![path] }),
    );
}

#[test]
fn the_supported_data_model_has_every_field_of_1_4() {
    let get = GetSupportedDm {
        obj_paths: vec![text("D.")],
        first_level_only: true,
        return_commands: true,
        return_events: true,
        return_params: true,
        return_unique_key_sets: true,
    };
    request("0c", "12( 0a 02 'D.' 10 01 18 01 20 01 28 01 30 01 )", Request::GetSupportedDm(get));
    let command = SupportedCommandResult {
        command_name: text("C()"),
        input_arg_names: vec![text("i")],
        output_arg_names: vec![text("o")],
        command_type: CmdType::Async.into(),
    };
    let param = SupportedParamResult {
        param_name: text("P"),
        access: ParamAccessType::ReadWrite.into(),
        value_type: ParamValueType::UnsignedLong.into(),
        value_change: ValueChangeType::WillIgnore.into(),
    };
    let object = SupportedObjectResult {
        supported_obj_path: text("D.{i}."),
        access: ObjAccessType::DeleteOnly.into(),
        is_multi_instance: true,
        supported_commands: vec![command],
        supported_events: vec![SupportedEventResult { event_name: text("E!"), arg_names: vec![text("a")] }],
        supported_params: vec![param],
        divergent_paths: vec![text("D.1.")],
        unique_key_sets: vec![SupportedUniqueKeySet { key_names: vec![text("K"), text("L")] }],
    };
    let path = RequestedObjectResult {
        req_obj_path: text("D."),
        data_model_inst_uri: text("u"),
        supported_objs: vec![object],
        ..Default::default()
    };
    response(
        "0d",
        "12( 0a( 0a 02 'D.' 22 01 'u' 2a( 0a 06 'D.{i}.' 10 03 18 01
            22( 0a 03 'C()' 12 01 'i' 1a 01 'o' 20 02 )
            2a( 0a 02 'E!' 12 01 'a' )
            32( 0a 01 'P' 10 01 18 0a 20 02 )
            3a 04 'D.1.'
            42( 0a 01 'K' 0a 01 'L' ) ) ) )",
        Response::GetSupportedDm(GetSupportedDmResp { req_obj_results: vec![path] }),
    );
}

#[test]
fn protocol_versions_are_field_9() {
    let get = GetSupportedProtocol { controller_supported_protocol_versions: text("1.3,1.4") };
    request("11", "4a( 0a 07 '1.3,1.4' )", Request::GetSupportedProtocol(get));
    let got = GetSupportedProtocolResp { agent_supported_protocol_versions: text("1.3") };
    response("12", "4a( 0a 03 '1.3' )", Response::GetSupportedProtocol(got));
}

#[test]
fn a_set_says_what_must_be_written() {
    let object = ObjectSettings {
        obj_path: text("D."),
        param_settings: vec![ParamSetting::required("P", "1"), ParamSetting::optional("Q", "")],
    };
    request(
        "04",
        "22( 08 01 12( 0a 02 'D.' 12( 0a 01 'P' 12 01 '1' 18 01 ) 12( 0a 01 'Q' ) ) )",
        Request::Set(Set { allow_partial: true, update_objs: vec![object] }),
    );
    let written = UpdatedInstanceResult {
        affected_path: text("D."),
        param_errs: vec![PathError { path: text("Q"), err_code: 7012, err_msg: String::new() }],
        updated_params: map(&[("P", "1")]),
    };
    let not = UpdatedInstanceFailure {
        affected_path: text("X."),
        param_errs: vec![PathError { path: text("P"), err_code: 7013, err_msg: String::new() }],
    };
    let failure = SetFailure { err_code: 7021, err_msg: text("r"), updated_inst_failures: vec![not] };
    let results = vec![
        UpdatedObjectResult::new("D.", SetOutcome::Success(SetSuccess { updated_inst_results: vec![written] })),
        UpdatedObjectResult::new("X.", SetOutcome::Failure(failure)),
    ];
    response(
        "05",
        "22( 0a( 0a 02 'D.' 12( 12( 0a( 0a 02 'D.' 12( 0a 01 'Q' 15 641b0000 ) 1a( 0a 01 'P' 12 01 '1' ) ) ) ) )
             0a( 0a 02 'X.' 12( 0a( 0d 6d1b0000 12 01 'r' 1a( 0a 02 'X.' 12( 0a 01 'P' 15 651b0000 ) ) ) ) ) )",
        Response::Set(SetResp { updated_obj_results: results }),
    );
}

#[test]
fn an_add_gives_the_instance_and_its_keys() {
    let object = ObjectSettings { obj_path: text("D."), param_settings: vec![] };
    request("08", "2a( 12( 0a 02 'D.' ) )", Request::Add(Add { allow_partial: false, create_objs: vec![object] }));
    let success = AddSuccess {
        instantiated_path: text("D.7."),
        param_errs: vec![PathError { path: text("P"), err_code: 7011, err_msg: text("t") }],
        unique_keys: map(&[("K", "v")]),
    };
    let results = vec![
        CreatedObjectResult::new("D.", AddOutcome::Success(success)),
        CreatedObjectResult::new("E.", AddOutcome::Failure(Failure { err_code: 7019, err_msg: text("n") })),
    ];
    response(
        "09",
        "2a( 0a( 0a 02 'D.' 12( 12( 0a 04 'D.7.' 12( 0a 01 'P' 15 631b0000 1a 01 't' ) 1a( 0a 01 'K' 12 01 'v' ) ) ) )
             0a( 0a 02 'E.' 12( 0a( 0d 6b1b0000 12 01 'n' ) ) ) )",
        Response::Add(AddResp { created_obj_results: results }),
    );
}

#[test]
fn a_delete_says_what_went_and_what_stays() {
    let delete = Delete { allow_partial: true, obj_paths: vec![text("D.1.")] };
    request("0a", "32( 08 01 12 04 'D.1.' )", Request::Delete(delete));
    let success = DeleteSuccess {
        affected_paths: vec![text("D.1.")],
        unaffected_path_errs: vec![PathError { path: text("D.2."), err_code: 7024, err_msg: String::new() }],
    };
    let results = vec![
        DeletedObjectResult::new("D.*.", DeleteOutcome::Success(success)),
        DeletedObjectResult::new("E.", DeleteOutcome::Failure(Failure { err_code: 7006, err_msg: String::new() })),
    ];
    response(
        "0b",
        "32( 0a( 0a 04 'D.*.' 12( 12( 0a 04 'D.1.' 12( 0a 04 'D.2.' 15 701b0000 ) ) ) )
             0a( 0a 02 'E.' 12( 0a( 0d 5e1b0000 ) ) ) )",
        Response::Delete(DeleteResp { deleted_obj_results: results }),
    );
}

#[test]
fn an_operate_is_answered_in_three_ways_or_with_nothing() {
    let operate = Operate {
        command: text("D.Reboot()"),
        command_key: text("k"),
        send_resp: true,
        input_args: map(&[("a", "b")]),
    };
    request("06", "3a( 0a 0a 'D.Reboot()' 12 01 'k' 18 01 22( 0a 01 'a' 12 01 'b' ) )", Request::Operate(operate));
    let result = |outcome| OperationResult { executed_command: text("C()"), outcome };
    let results = vec![
        result(Some(OperateOutcome::RequestPath(text("R.1.")))),
        result(Some(OperateOutcome::Output(OutputArgs { output_args: map(&[("o", "1")]) }))),
        result(Some(OperateOutcome::Failure(Failure { err_code: 7022, err_msg: text("f") }))),
        result(None),
    ];
    response(
        "07",
        "3a( 0a( 0a 03 'C()' 12 04 'R.1.' )
             0a( 0a 03 'C()' 1a( 0a( 0a 01 'o' 12 01 '1' ) ) )
             0a( 0a 03 'C()' 22( 0d 6e1b0000 12 01 'f' ) )
             0a( 0a 03 'C()' ) )",
        Response::Operate(OperateResp { operation_results: results }),
    );
}

#[test]
fn a_notify_of_every_kind_is_read() {
    let notify = |wire: &str, notification| {
        let notify = Notify { subscription_id: text("s"), send_resp: true, notification: Some(notification) };
        request("03", &format!("42( 0a 01 's' 10 01 {wire} )"), Request::Notify(notify));
    };
    let event = Event { obj_path: text("Device."), event_name: text("Boot!"), params: map(&[("Cause", "x")]) };
    notify("1a( 0a 07 'Device.' 12 05 'Boot!' 1a( 0a 05 'Cause' 12 01 'x' ) )", Notification::Event(event));
    let change = ValueChange { param_path: text("D.P"), param_value: text("2") };
    notify("22( 0a 03 'D.P' 12 01 '2' )", Notification::ValueChange(change));
    let creation = ObjectCreation { obj_path: text("D.1."), unique_keys: map(&[("K", "v")]) };
    notify("2a( 0a 04 'D.1.' 12( 0a 01 'K' 12 01 'v' ) )", Notification::ObjectCreation(creation));
    notify("32( 0a 04 'D.1.' )", Notification::ObjectDeletion(ObjectDeletion { obj_path: text("D.1.") }));
    let complete = |outcome| {
        Notification::OperationComplete(OperationComplete {
            obj_path: text("D."),
            command_name: text("C()"),
            command_key: text("k"),
            outcome: Some(outcome),
        })
    };
    let output = OperationOutcome::Output(OutputArgs { output_args: map(&[("o", "1")]) });
    notify("3a( 0a 02 'D.' 12 03 'C()' 1a 01 'k' 22( 0a( 0a 01 'o' 12 01 '1' ) ) )", complete(output));
    let failure = OperationOutcome::Failure(Failure { err_code: 7023, err_msg: text("c") });
    notify("3a( 0a 02 'D.' 12 03 'C()' 1a 01 'k' 2a( 0d 6f1b0000 12 01 'c' ) )", complete(failure));
    let on_board = OnBoardRequest {
        oui: text("012345"),
        product_class: text("P"),
        serial_number: text("S"),
        agent_supported_protocol_versions: text("1.3"),
    };
    notify("42( 0a 06 '012345' 12 01 'P' 1a 01 'S' 22 03 '1.3' )", Notification::OnBoardRequest(on_board));
    response("10", "42( 0a 01 's' )", Response::Notify(NotifyResp { subscription_id: text("s") }));
}

#[test]
fn register_and_deregister_are_fields_10_and_11() {
    let paths = vec![RegistrationPath { path: text("D.") }];
    request(
        "13",
        "52( 08 01 12( 0a 02 'D.' ) )",
        Request::Register(Register { allow_partial: true, reg_paths: paths }),
    );
    request("15", "5a( 0a 02 'D.' )", Request::Deregister(Deregister { paths: vec![text("D.")] }));
    let taken = RegisterOutcome::Success(RegisteredPath { registered_path: text("D.") });
    let result =
        RegisteredPathResult { requested_path: text("D."), oper_status: Some(RegisterStatus { outcome: Some(taken) }) };
    response(
        "14",
        "52( 0a( 0a 02 'D.' 12( 12( 0a 02 'D.' ) ) ) )",
        Response::Register(RegisterResp { registered_path_results: vec![result] }),
    );
    let not = DeregisterOutcome::Failure(Failure { err_code: 7030, err_msg: text("n") });
    let result = DeregisteredPathResult {
        requested_path: text("D."),
        oper_status: Some(DeregisterStatus { outcome: Some(not) }),
    };
    response(
        "16",
        "5a( 0a( 0a 02 'D.' 12( 0a( 0d 761b0000 12 01 'n' ) ) ) )",
        Response::Deregister(DeregisterResp { deregistered_path_results: vec![result] }),
    );
}

#[test]
fn values_are_not_shown() {
    let shown = format!(
        "{:?} {:?} {:?}",
        ParamSetting::required("Password", "hunter2"),
        ResolvedPathResult { resolved_path: text("D."), result_params: map(&[("Password", "hunter2")]) },
        Operate { input_args: map(&[("Password", "hunter2")]), ..Default::default() },
    );
    assert!(shown.contains("Password") && !shown.contains("hunter2"), "{shown}");
}
