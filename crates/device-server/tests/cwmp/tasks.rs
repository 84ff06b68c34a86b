use http::StatusCode;
use sangam_control::{DeviceAdminError, DeviceOrder};
use sangam_device_server::Policy;
use serde_json::{Value, json};

use crate::rig::{Device, Rig, envelope, text_of};
use crate::served::{NAME, VERSION, enrolled, order, reply, task};

#[tokio::test]
async fn a_value_that_is_ordered_is_set_in_the_next_session_and_the_task_is_done() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let values = json!({"values": [{"path": "Device.WiFi.SSID.1.SSID", "value": "a<b&c"}]});
    let ordered = rig.server.admin().order(NAME.to_owned(), order("set_values", values)).await.unwrap();
    assert_eq!((ordered.state, ordered.attempts), ("queued", 0));
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    let asked = device.post("").await;
    assert!(asked.body.contains("<Name>Device.WiFi.SSID.1.SSID</Name>"), "{asked:?}");
    assert!(asked.body.contains("a&lt;b&amp;c"), "{asked:?}");
    assert_eq!(task(&rig, ordered.id).await.state, "sent");
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    assert_eq!(reply(&mut device, &asked, done).await.status, StatusCode::NO_CONTENT);
    assert_eq!(task(&rig, ordered.id).await.state, "done");
}

#[tokio::test]
async fn what_an_operator_changes_counts_at_once_however_often_the_device_came_before() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    for _ in 0..3 {
        assert_eq!(device.inform(&["2 PERIODIC"], &[VERSION]).await.status, StatusCode::OK);
        assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
    }
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    let ordered = rig.server.admin().order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    let asked = device.post("").await;
    assert!(asked.body.contains("<cwmp:Reboot>"), "{asked:?}");
    let ended = reply(&mut device, &asked, "<cwmp:RebootResponse></cwmp:RebootResponse>").await;
    assert_eq!((ended.status, task(&rig, ordered.id).await.state), (StatusCode::NO_CONTENT, "done"));
    for (state, status) in [("blocked", StatusCode::FORBIDDEN), ("enrolled", StatusCode::OK)] {
        rig.server.admin().set_state(NAME.to_owned(), state.to_owned()).await.unwrap();
        assert_eq!(device.inform(&["2 PERIODIC"], &[VERSION]).await.status, status);
    }
    rig.server.admin().remove(NAME.to_owned()).await.unwrap();
    assert_eq!(device.inform(&["2 PERIODIC"], &[VERSION]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_read_becomes_what_is_known_of_the_device() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let paths = json!({"paths": ["Device.WiFi."]});
    let ordered = rig.server.admin().order(NAME.to_owned(), order("get_values", paths)).await.unwrap();
    device.inform(&["6 CONNECTION REQUEST"], &[VERSION]).await;
    let asked = device.post("").await;
    assert!(asked.body.contains("<cwmp:GetParameterValues>"), "{asked:?}");
    let values = "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct>\
        <Name>Device.WiFi.SSID.1.SSID</Name><Value xsi:type=\"xsd:string\">home</Value></ParameterValueStruct>\
        </ParameterList></cwmp:GetParameterValuesResponse>";
    assert_eq!(reply(&mut device, &asked, values).await.status, StatusCode::NO_CONTENT);
    let done = task(&rig, ordered.id).await;
    assert_eq!((done.state, &done.result["values"][0]["value"]), ("done", &json!("home")), "{done:?}");
    let known = rig.server.admin().parameters(NAME.to_owned(), "Device.WiFi.".to_owned(), None, 10).await.unwrap();
    assert_eq!((known.items[0].path.as_str(), known.items[0].value.as_str()), ("Device.WiFi.SSID.1.SSID", "home"));
}

#[tokio::test]
async fn a_reboot_whose_answer_never_came_is_told_as_unknown_and_not_sent_again() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let ordered = rig.server.admin().order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert!(device.post("").await.body.contains("<cwmp:Reboot>"));
    // It comes again, and says nothing of the reboot.
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
    assert_eq!(task(&rig, ordered.id).await.state, "unknown");
}

#[tokio::test]
async fn a_set_whose_answer_never_came_is_sent_again_later() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let values = json!({"values": [{"path": "Device.A", "value": "1"}]});
    let ordered = rig.server.admin().order(NAME.to_owned(), order("set_values", values)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert_eq!(device.post("").await.status, StatusCode::OK);
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT, "it waits before it tries again");
    assert_eq!(task(&rig, ordered.id).await.state, "queued");
    rig.pass(11_000);
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert!(device.post("").await.body.contains("<Name>Device.A</Name>"));
    assert_eq!(task(&rig, ordered.id).await.attempts, 2);
}

#[tokio::test]
async fn a_task_that_was_sent_before_a_restart_is_unknown_after_it() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let ordered = rig.server.admin().order(NAME.to_owned(), order("factory_reset", Value::Null)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert!(device.post("").await.body.contains("<cwmp:FactoryReset"));
    drop(device);
    let rig = rig.killed(Policy::SharedCredential).await;
    rig.until(async || task(&rig, ordered.id).await.state == "unknown").await;
}

#[tokio::test]
async fn a_download_is_done_when_the_device_says_so_also_after_a_restart_and_also_twice() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let file = json!({"file_type": "1 Firmware Upgrade Image", "url": "http://192.0.2.1/files/a", "file_size": 7});
    let ordered = rig.server.admin().order(NAME.to_owned(), order("download", file)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    let asked = device.post("").await;
    let key = text_of(&asked.body, "CommandKey").unwrap().to_owned();
    let later = "<cwmp:DownloadResponse><Status>1</Status><StartTime>0001-01-01T00:00:00Z</StartTime>\
        <CompleteTime>0001-01-01T00:00:00Z</CompleteTime></cwmp:DownloadResponse>";
    assert_eq!(reply(&mut device, &asked, later).await.status, StatusCode::NO_CONTENT);
    assert_eq!(task(&rig, ordered.id).await.state, "awaiting_transfer");
    let login = device.into_login();
    let rig = rig.restarted(Policy::SharedCredential).await;
    let mut device = Device::new(&rig, "A1").logged_in(login);
    let complete = envelope(
        "5",
        &format!(
            "<cwmp:TransferComplete><CommandKey>{key}</CommandKey><FaultStruct><FaultCode>0</FaultCode>\
             <FaultString></FaultString></FaultStruct><StartTime>2026-01-01T00:00:00Z</StartTime>\
             <CompleteTime>2026-01-01T00:01:00Z</CompleteTime></cwmp:TransferComplete>"
        ),
    );
    for _ in 0..2 {
        device.inform(&["7 TRANSFER COMPLETE", "M Download"], &[VERSION]).await;
        let answer = device.post(&complete).await;
        assert!(answer.body.contains("<cwmp:TransferCompleteResponse"), "{answer:?}");
        assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
        assert_eq!(task(&rig, ordered.id).await.state, "done");
    }
}

#[tokio::test]
async fn the_results_of_a_test_are_read_once_the_device_says_that_it_has_ended() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let test = json!({"object": "Device.IP.Diagnostics.IPPing.", "inputs": [{"path": "Host", "value": "192.0.2.9"}]});
    let ordered = rig.server.admin().order(NAME.to_owned(), order("diagnostics", test)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    let asked = device.post("").await;
    assert!(asked.body.contains("<Name>Device.IP.Diagnostics.IPPing.DiagnosticsState</Name>"), "{asked:?}");
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    assert_eq!(reply(&mut device, &asked, done).await.status, StatusCode::NO_CONTENT);
    assert_eq!(task(&rig, ordered.id).await.state, "awaiting_diagnostics");
    device.inform(&["8 DIAGNOSTICS COMPLETE"], &[VERSION]).await;
    let asked = device.post("").await;
    assert!(asked.body.contains("<cwmp:GetParameterValues>"), "{asked:?}");
    let values = "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct>\
        <Name>Device.IP.Diagnostics.IPPing.SuccessCount</Name><Value xsi:type=\"xsd:unsignedInt\">3</Value>\
        </ParameterValueStruct></ParameterList></cwmp:GetParameterValuesResponse>";
    reply(&mut device, &asked, values).await;
    let done = task(&rig, ordered.id).await;
    assert_eq!((done.state, &done.result["values"][0]["value"]), ("done", &json!("3")), "{done:?}");
}

#[tokio::test]
async fn a_fault_of_the_device_stands_in_the_task_with_the_parameter_that_it_is_about() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let values = json!({"values": [{"path": "Device.A", "value": "1", "type": "boolean"}]});
    let ordered = rig.server.admin().order(NAME.to_owned(), order("set_values", values)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    let asked = device.post("").await;
    let fault = "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail>\
        <cwmp:Fault><FaultCode>9003</FaultCode><FaultString>Invalid arguments</FaultString><SetParameterValuesFault>\
        <ParameterName>Device.A</ParameterName><FaultCode>9008</FaultCode><FaultString>Not writable</FaultString>\
        </SetParameterValuesFault></cwmp:Fault></detail></soap-env:Fault>";
    assert_eq!(reply(&mut device, &asked, fault).await.status, StatusCode::NO_CONTENT);
    let failed = task(&rig, ordered.id).await;
    assert_eq!((failed.state, failed.code), ("failed", 9003), "{failed:?}");
    assert!(failed.text.contains("Device.A: 9008 Not writable"), "{failed:?}");
}

#[tokio::test]
async fn the_same_order_with_the_same_key_is_one_task() {
    let rig = Rig::start(Policy::SharedCredential);
    drop(enrolled(&rig).await);
    let admin = rig.server.admin();
    let keyed = |kind: &str| DeviceOrder { idempotency_key: Some("k1".to_owned()), ..order(kind, Value::Null) };
    let first = admin.order(NAME.to_owned(), keyed("reboot")).await.unwrap();
    let again = admin.order(NAME.to_owned(), keyed("reboot")).await.unwrap();
    assert_eq!(first.id, again.id);
    let other = admin.order(NAME.to_owned(), keyed("factory_reset")).await;
    assert_eq!(other, Err(DeviceAdminError::KeyUsed));
    assert_eq!(admin.tasks(None, None, None, 10).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_task_is_taken_back_until_it_is_sent() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let admin = rig.server.admin();
    let first = admin.order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    assert_eq!(admin.cancel(first.id).await.unwrap().state, "cancelled");
    let second = admin.order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert!(device.post("").await.body.contains(&format!("task-{}", second.id)));
    assert_eq!(admin.cancel(second.id).await, Err(DeviceAdminError::TooLate));
}

#[tokio::test]
async fn a_pending_device_is_served_once_an_operator_says_so() {
    let rig = Rig::start(Policy::Closed);
    let mut device = Device::new(&rig, "A1");
    device.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
    let admin = rig.server.admin();
    assert_eq!(admin.device(NAME.to_owned()).await.unwrap().state, "pending");
    assert_eq!(admin.set_state(NAME.to_owned(), "enrolled".to_owned()).await.unwrap().state, "enrolled");
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert!(device.post("").await.body.contains("ManagementServer.Password"), "it gets a login of its own");
    admin.set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
    assert_eq!(device.inform(&["2 PERIODIC"], &[VERSION]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_middle_leaves_nothing_half_done() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let ordered = rig.server.admin().order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    device.post_and_hang_up("").await;
    // Whoever has gone is answered all the same: the request has left as far as anybody knows.
    rig.until(async || task(&rig, ordered.id).await.state == "sent").await;
    rig.until(async || rig.counts("sangam_devices_requests_total{method=\"Reboot\"} 1")).await;
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
    assert_eq!(task(&rig, ordered.id).await.state, "unknown");
}
