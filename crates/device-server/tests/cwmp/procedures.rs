//! Methods of a device beside those that read and set (TR-069 Amendment 6 Annex A), each asked and answered as the annex writes it.

use http::StatusCode;
use sangam_control::{DeviceAdminError, DeviceEvent};
use sangam_device_server::Policy;
use serde_json::{Value, json};

use crate::rig::{Device, Rig, envelope, text_of};
use crate::served::{NAME, VERSION, asked_at, enrolled, order, reply, request_of, task};

async fn ordered(rig: &Rig, kind: &str, payload: Value) -> u64 {
    rig.server.admin().order(NAME.to_owned(), order(kind, payload)).await.unwrap().id
}

async fn last_event(rig: &Rig, kind: &str) -> DeviceEvent {
    let events = rig.server.admin().events(NAME.to_owned(), None, 10).await.unwrap().items;
    events.into_iter().find(|event| event.kind == kind).unwrap()
}

#[tokio::test]
async fn attributes_are_set_as_annex_a_3_2_4_writes_them_and_read_back() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let attributes = json!({"attributes": [
        {"path": "Device.DeviceInfo.", "notification": "active"},
        {"path": "Device.WiFi.SSID.1.SSID", "notification": "off", "access_list": ["Subscriber"]},
        {"path": "Device.WiFi.SSID.2.SSID", "access_list": []},
    ]});
    let set = ordered(&rig, "set_attributes", attributes).await;
    let read = ordered(&rig, "get_attributes", json!({"paths": ["Device.DeviceInfo."]})).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    let of = |path: &str, change: u8, notification: u8, access_change: u8, access: &str| {
        let items = access.matches("<string>").count();
        format!(
            "<SetParameterAttributesStruct><Name>{path}</Name><NotificationChange>{change}</NotificationChange>\
             <Notification>{notification}</Notification><AccessListChange>{access_change}</AccessListChange>\
             <AccessList soap-enc:arrayType=\"xsd:string[{items}]\">{access}</AccessList></SetParameterAttributesStruct>"
        )
    };
    let list = [
        of("Device.DeviceInfo.", 1, 2, 0, ""),
        of("Device.WiFi.SSID.1.SSID", 1, 0, 1, "<string>Subscriber</string>"),
        of("Device.WiFi.SSID.2.SSID", 0, 0, 1, ""),
    ];
    let expected = format!(
        "<ParameterList soap-enc:arrayType=\"cwmp:SetParameterAttributesStruct[3]\">{}</ParameterList>",
        list.concat()
    );
    assert_eq!(request_of(&asked, "SetParameterAttributes"), expected);
    let asked = reply(&mut device, &asked, "<cwmp:SetParameterAttributesResponse/>").await;
    assert_eq!(task(&rig, set).await.state, "done");
    assert!(asked.body.contains("<cwmp:GetParameterAttributes>"), "{asked:?}");
    let told = "<cwmp:GetParameterAttributesResponse><ParameterList><ParameterAttributeStruct>\
        <Name>Device.DeviceInfo.UpTime</Name><Notification>2</Notification><AccessList><string>Subscriber</string>\
        </AccessList></ParameterAttributeStruct></ParameterList></cwmp:GetParameterAttributesResponse>";
    reply(&mut device, &asked, told).await;
    let expected =
        json!([{"path": "Device.DeviceInfo.UpTime", "notification": "active", "access_list": ["Subscriber"]}]);
    assert_eq!(task(&rig, read).await.result["attributes"], expected);
}

/// TR-069 Amendment 6 A.4.1.8.
#[tokio::test]
async fn a_scheduled_download_is_waited_for_until_its_last_window_is_over() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let file = json!({
        "file_type": "1 Firmware Upgrade Image", "url": "http://192.0.2.1/fw", "username": "u", "password": "p",
        "file_size": 7, "target_file_name": "fw.bin", "windows": [
            {"start_secs": 3_600, "end_secs": 7_200, "mode": "3 When Idle", "retries_max": 2},
            {"start_secs": 86_400, "end_secs": 90_000, "mode": "4 Confirmation Needed", "message": "Now?"},
        ],
    });
    let id = ordered(&rig, "schedule_download", file).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    let window = |start, end, mode, message, retries| {
        format!(
            "<TimeWindowStruct><WindowStart>{start}</WindowStart><WindowEnd>{end}</WindowEnd><WindowMode>{mode}</WindowMode>\
             <UserMessage>{message}</UserMessage><MaxRetries>{retries}</MaxRetries></TimeWindowStruct>"
        )
    };
    let windows =
        [window(3_600, 7_200, "3 When Idle", "", 2), window(86_400, 90_000, "4 Confirmation Needed", "Now?", 0)];
    let expected = format!(
        "<CommandKey>task-{id}</CommandKey><FileType>1 Firmware Upgrade Image</FileType><URL>http://192.0.2.1/fw</URL>\
         <Username>u</Username><Password>p</Password><FileSize>7</FileSize><TargetFileName>fw.bin</TargetFileName>\
         <TimeWindowList soap-enc:arrayType=\"cwmp:TimeWindowStruct[2]\">{}</TimeWindowList>",
        windows.concat()
    );
    assert_eq!(request_of(&asked, "ScheduleDownload"), expected);
    reply(&mut device, &asked, "<cwmp:ScheduleDownloadResponse/>").await;
    // What is asked for in the queue of the device is no end of it.
    rig.pass(90_000_000);
    let queue = ordered(&rig, "get_transfers", json!({"all": true})).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    assert_eq!(task(&rig, id).await.state, "awaiting_transfer", "its last window has ended just now");
    assert!(asked.body.contains("<cwmp:GetAllQueuedTransfers"), "{asked:?}");
    let queued = format!(
        "<cwmp:GetAllQueuedTransfersResponse><TransferList><AllQueuedTransferStruct><CommandKey>task-{id}</CommandKey>\
         <State>2</State><IsDownload>true</IsDownload><FileType>1 Firmware Upgrade Image</FileType><FileSize>7</FileSize>\
         <TargetFileName>fw.bin</TargetFileName></AllQueuedTransferStruct></TransferList>\
         </cwmp:GetAllQueuedTransfersResponse>"
    );
    reply(&mut device, &asked, &queued).await;
    let expected = json!([{
        "command_key": format!("task-{id}"), "state": "in_progress", "is_download": true,
        "file_type": "1 Firmware Upgrade Image", "file_size": 7, "target_file_name": "fw.bin",
    }]);
    assert_eq!(task(&rig, queue).await.result["transfers"], expected);
    device.inform(&["7 TRANSFER COMPLETE", "M ScheduleDownload"], &[VERSION]).await;
    let complete = format!(
        "<cwmp:TransferComplete><CommandKey>task-{id}</CommandKey><FaultStruct><FaultCode>0</FaultCode><FaultString/>\
         </FaultStruct><StartTime>2026-01-02T00:00:00Z</StartTime><CompleteTime>2026-01-02T00:01:00Z</CompleteTime>\
         </cwmp:TransferComplete>"
    );
    device.post(&envelope("5", &complete)).await;
    assert_eq!(task(&rig, id).await.state, "done");
}

#[tokio::test]
async fn a_scheduled_download_that_never_ends_is_unknown_an_hour_after_its_last_window() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let windows = json!([{"start_secs": 0, "end_secs": 7_200}]);
    let file = json!({"file_type": "2 Web Content", "url": "http://192.0.2.1/a", "windows": windows});
    let id = ordered(&rig, "schedule_download", file).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    reply(&mut device, &asked, "<cwmp:ScheduleDownloadResponse/>").await;
    rig.pass(10_800_000);
    rig.until(async || task(&rig, id).await.state == "unknown").await;
}

#[tokio::test]
async fn transfers_of_ours_that_wait_are_told_by_their_keys() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let id = ordered(&rig, "get_transfers", Value::Null).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    assert!(asked.body.contains("<cwmp:GetQueuedTransfers"), "{asked:?}");
    let queued = "<cwmp:GetQueuedTransfersResponse><TransferList><QueuedTransferStruct><CommandKey>task-3</CommandKey>\
        <State>1</State></QueuedTransferStruct></TransferList></cwmp:GetQueuedTransfersResponse>";
    reply(&mut device, &asked, queued).await;
    let expected = json!([{"command_key": "task-3", "state": "not_started"}]);
    assert_eq!(task(&rig, id).await.result["transfers"], expected);
}

fn operations() -> Value {
    json!({"operations": [
        {"operation": "install", "url": "http://192.0.2.1/du", "uuid": "u-1", "username": "u", "password": "p",
         "environment": "Device.SoftwareModules.ExecEnv.1."},
        {"operation": "update", "uuid": "u-2", "version": "1.0", "url": "http://192.0.2.1/du2"},
        {"operation": "uninstall", "uuid": "u-3"},
    ]})
}

/// TR-069 Amendment 6 A.4.2.3.
fn state_changed(key: &str, fault: u16) -> String {
    let result = |uuid: &str, state: &str, code: u16| {
        format!(
            "<Results><UUID>{uuid}</UUID><DeploymentUnitRef>Device.SoftwareModules.DeploymentUnit.1.\
             </DeploymentUnitRef><Version>1.0</Version><CurrentState>{state}</CurrentState><Resolved>1</Resolved>\
             <ExecutionUnitRefList/><StartTime>2026-01-01T00:00:00Z</StartTime>\
             <CompleteTime>2026-01-01T00:00:09Z</CompleteTime><Fault><FaultCode>{code}</FaultCode>\
             <FaultString>why</FaultString></Fault></Results>"
        )
    };
    let results = [result("u-1", "Installed", 0), result("u-3", "Failed", fault)].concat();
    envelope(
        "9",
        &format!(
            "<cwmp:DUStateChangeComplete>{results}<CommandKey>{key}</CommandKey>\
             </cwmp:DUStateChangeComplete>"
        ),
    )
}

#[tokio::test]
async fn software_modules_are_changed_and_what_became_of_each_is_kept_also_after_a_restart() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let id = ordered(&rig, "change_du_state", operations()).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    let expected = format!(
        "<Operations xsi:type=\"cwmp:InstallOpStruct\"><URL>http://192.0.2.1/du</URL><UUID>u-1</UUID>\
         <Username>u</Username><Password>p</Password><ExecutionEnvRef>Device.SoftwareModules.ExecEnv.1.\
         </ExecutionEnvRef></Operations><Operations xsi:type=\"cwmp:UpdateOpStruct\"><UUID>u-2</UUID>\
         <Version>1.0</Version><URL>http://192.0.2.1/du2</URL></Operations>\
         <Operations xsi:type=\"cwmp:UninstallOpStruct\"><UUID>u-3</UUID></Operations><CommandKey>task-{id}</CommandKey>"
    );
    assert_eq!(request_of(&asked, "ChangeDUState"), expected);
    reply(&mut device, &asked, "<cwmp:ChangeDUStateResponse/>").await;
    assert_eq!(task(&rig, id).await.state, "awaiting_operation");
    let login = device.into_login();
    let rig = rig.restarted(Policy::SharedCredential).await;
    let mut device = Device::new(&rig, "A1").logged_in(login);
    for _ in 0..2 {
        device.inform(&["11 DU STATE CHANGE COMPLETE", "M ChangeDUState"], &[VERSION]).await;
        let answer = device.post(&state_changed(&format!("task-{id}"), 0)).await;
        assert!(answer.body.contains("<cwmp:DUStateChangeCompleteResponse"), "{answer:?}");
    }
    let done = task(&rig, id).await;
    assert_eq!(done.state, "done", "{done:?}");
    let module = json!({
        "uuid": "u-1", "deployment_unit": "Device.SoftwareModules.DeploymentUnit.1.", "version": "1.0", "state": "Installed",
        "resolved": true, "execution_units": "", "fault": null,
    });
    assert_eq!(done.result["results"][0], module);
    let event = last_event(&rig, "DUStateChangeComplete").await;
    assert_eq!((event.command_key, &event.detail["results"][0]), (format!("task-{id}"), &module));
}

#[tokio::test]
async fn a_change_of_modules_of_which_one_failed_has_failed_and_says_what_became_of_each() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let id = ordered(&rig, "change_du_state", operations()).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    reply(&mut device, &asked, "<cwmp:ChangeDUStateResponse/>").await;
    device.inform(&["11 DU STATE CHANGE COMPLETE", "M ChangeDUState"], &[VERSION]).await;
    device.post(&state_changed(&format!("task-{id}"), 9029)).await;
    let failed = task(&rig, id).await;
    assert_eq!((failed.state, failed.code, failed.text.as_str()), ("failed", 9029, "why"), "{failed:?}");
    assert_eq!(failed.result["results"][1]["fault"], json!({"code": 9029, "text": "why"}));
}

#[tokio::test]
async fn a_change_of_modules_of_which_nothing_is_said_is_not_taken_for_done() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let id = ordered(&rig, "change_du_state", operations()).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    reply(&mut device, &asked, "<cwmp:ChangeDUStateResponse/>").await;
    device.inform(&["11 DU STATE CHANGE COMPLETE", "M ChangeDUState"], &[VERSION]).await;
    // An array as other methods have it, which this one has not: what stands in it is not read.
    let results =
        "<Results><OpResultStruct><UUID>u-1</UUID><CurrentState>Failed</CurrentState></OpResultStruct></Results>";
    let complete =
        format!("<cwmp:DUStateChangeComplete>{results}<CommandKey>task-{id}</CommandKey></cwmp:DUStateChangeComplete>");
    device.post(&envelope("9", &complete)).await;
    let failed = task(&rig, id).await;
    assert_eq!(failed.state, "failed", "{failed:?}");
    assert!(failed.text.contains("does not say"), "{failed:?}");
}

#[tokio::test]
async fn what_a_device_changes_or_wants_by_itself_is_an_event_with_what_it_says() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let autonomous = "<cwmp:AutonomousDUStateChangeComplete><Results><UUID>u-1</UUID>\
        <DeploymentUnitRef/><Version>2</Version><CurrentState>Installed</CurrentState><Resolved>0</Resolved>\
        <ExecutionUnitRefList/><StartTime>2026-01-01T00:00:00Z</StartTime><CompleteTime>2026-01-01T00:00:09Z</CompleteTime>\
        <OperationPerformed>Update</OperationPerformed></Results>\
        </cwmp:AutonomousDUStateChangeComplete>";
    let wanted = "<cwmp:RequestDownload><FileType>1 Firmware Upgrade Image</FileType><FileTypeArg><ArgStruct>\
        <Name>Version</Name><Value>1.2</Value></ArgStruct></FileTypeArg></cwmp:RequestDownload>";
    let transferred = "<cwmp:AutonomousTransferComplete><AnnounceURL/><TransferURL>http://u:hunter2@h/f</TransferURL>\
        <IsDownload>1</IsDownload><FileType>1 Firmware Upgrade Image</FileType><FileSize>7</FileSize><TargetFileName>f\
        </TargetFileName><FaultStruct><FaultCode>9010</FaultCode><FaultString>no</FaultString></FaultStruct>\
        <StartTime>2026-01-01T00:00:00Z</StartTime><CompleteTime>2026-01-01T00:00:09Z</CompleteTime>\
        </cwmp:AutonomousTransferComplete>";
    device.inform(&["12 AUTONOMOUS DU STATE CHANGE COMPLETE", "9 REQUEST DOWNLOAD"], &[VERSION]).await;
    for (said, answer) in [
        (autonomous, "AutonomousDUStateChangeCompleteResponse"),
        (wanted, "RequestDownloadResponse"),
        (transferred, "AutonomousTransferCompleteResponse"),
    ] {
        let answered = device.post(&envelope("5", said)).await;
        assert!(answered.body.contains(&format!("<cwmp:{answer}")), "{answered:?}");
    }
    let changed = last_event(&rig, "AutonomousDUStateChangeComplete").await.detail;
    let (operation, state) = (&changed["results"][0]["operation"], &changed["results"][0]["state"]);
    assert_eq!((operation, state), (&json!("Update"), &json!("Installed")));
    let expected = json!({"file_type": "1 Firmware Upgrade Image", "arguments": {"Version": "1.2"}});
    assert_eq!(last_event(&rig, "RequestDownload").await.detail, expected);
    let moved = last_event(&rig, "AutonomousTransferComplete").await.detail;
    assert_eq!((&moved["fault"], &moved["target_file_name"]), (&json!(9010), &json!("f")));
    assert!(!moved.to_string().contains("hunter2"), "{moved}");
}

#[tokio::test]
async fn what_can_be_set_is_learnt_from_the_names_of_a_device() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    ordered(&rig, "refresh", json!({"path": "Device.DeviceInfo."})).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    assert_eq!(text_of(&asked.body, "ParameterPath"), Some("Device.DeviceInfo."));
    let names = "<cwmp:GetParameterNamesResponse><ParameterList><ParameterInfoStruct><Name>Device.DeviceInfo.SoftwareVersion\
        </Name><Writable>0</Writable></ParameterInfoStruct><ParameterInfoStruct><Name>Device.DeviceInfo.ProvisioningCode</Name>\
        <Writable>1</Writable></ParameterInfoStruct></ParameterList></cwmp:GetParameterNamesResponse>";
    let asked = reply(&mut device, &asked, names).await;
    assert!(asked.body.contains("<cwmp:GetParameterValues>"), "{asked:?}");
    let values = "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct>\
        <Name>Device.DeviceInfo.ProvisioningCode</Name><Value xsi:type=\"xsd:string\">x</Value></ParameterValueStruct>\
        </ParameterList></cwmp:GetParameterValuesResponse>";
    assert_eq!(reply(&mut device, &asked, values).await.status, StatusCode::NO_CONTENT);
    let below = "Device.DeviceInfo.".to_owned();
    let known = rig.server.admin().parameters(NAME.to_owned(), below, None, 10).await.unwrap().items;
    let known: Vec<_> = known.iter().map(|it| (it.path.as_str(), it.kind, it.writable)).collect();
    let expected = [
        ("Device.DeviceInfo.ProvisioningCode", "string", Some(true)),
        ("Device.DeviceInfo.SoftwareVersion", "string", Some(false)),
    ];
    assert_eq!(known, expected);
}

#[tokio::test]
async fn what_no_device_could_be_asked_is_refused_when_it_is_ordered_with_its_reason() {
    let rig = Rig::start(Policy::SharedCredential);
    drop(enrolled(&rig).await);
    let window = |start: u32, end: u32, mode: &str| json!({"start_secs": start, "end_secs": end, "mode": mode});
    let download = |windows: Value| json!({"file_type": "1", "url": "http://h/f", "windows": windows});
    let any = "1 At Any Time";
    for (kind, payload, why) in [
        ("set_attributes", json!({"attributes": []}), "names no attributes"),
        ("set_attributes", json!({"attributes": [{"path": "Device.A"}]}), "something that is to be set"),
        (
            "set_attributes",
            json!({"attributes": [{"path": "Device.A", "notification": "loud"}]}),
            "off, passive, active",
        ),
        ("schedule_download", download(json!([])), "one or two `windows`"),
        ("schedule_download", download(json!([window(9, 9, any)])), "ends after it begins"),
        ("schedule_download", download(json!([window(0, 9, "5 Never")])), "mode"),
        ("schedule_download", download(json!([window(0, 9, any), window(8, 20, any)])), "before the first has ended"),
        ("download", download(json!([window(0, 9, any)])), "`schedule_download`"),
        ("change_du_state", json!({"operations": []}), "names no operation"),
        ("change_du_state", json!({"operations": [{"operation": "install", "url": ""}]}), "has a `url`"),
        ("change_du_state", json!({"operations": [{"operation": "uninstall", "uuid": ""}]}), "has a `uuid`"),
        ("change_du_state", json!({"operations": [{"operation": "paint"}]}), "unknown variant"),
        ("set_vouchers", json!({}), "no task of that kind"),
        ("get_options", json!({}), "no task of that kind"),
    ] {
        let refused = rig.server.admin().order(NAME.to_owned(), order(kind, payload)).await;
        let Err(DeviceAdminError::Invalid(said)) = refused else { panic!("{kind}: {refused:?}") };
        assert!(said.contains(why), "{kind}: {said}");
    }
}
