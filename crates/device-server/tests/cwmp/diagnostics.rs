//! Tests that a device runs for us (TR-143, TR-098, TR-181), from the order to what they showed.

use http::StatusCode;
use sangam_control::{DeviceAdminError, DeviceDiagnostic};
use sangam_device_server::Policy;
use serde_json::{Value, json};

use crate::rig::{Answer, Device, Rig};
use crate::served::{NAME, VERSION, asked_at, enrolled, order, reply, task};

const SET: &str = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";

async fn ordered(rig: &Rig, test: &str, inputs: Value) -> u64 {
    let payload = json!({"test": test, "inputs": inputs});
    rig.server.admin().order(NAME.to_owned(), order("diagnostics", payload)).await.unwrap().id
}

async fn shown(rig: &Rig, id: u64) -> DeviceDiagnostic {
    rig.server.admin().diagnostic(id).await.unwrap()
}

/// Parameters and values of a request, in their order.
fn set_of(asked: &Answer) -> Vec<(String, String)> {
    let between = |text: &str, from: &str, to: &str| {
        let begin = text.find(from)? + from.len();
        Some(text[begin..begin + text[begin..].find(to)?].to_owned())
    };
    let structs = asked.body.split("<ParameterValueStruct>").skip(1);
    structs
        .map(|it| {
            let value = it.find("<Value").map(|at| &it[at..]).unwrap();
            (between(it, "<Name>", "</Name>").unwrap(), between(value, ">", "</Value>").unwrap())
        })
        .collect()
}

/// What a device answers that is asked for an object.
fn values_of(object: &str, values: &[(&str, &str)]) -> String {
    let list: Vec<_> = values
        .iter()
        .map(|(name, value)| {
            format!(
                "<ParameterValueStruct><Name>{object}{name}</Name><Value xsi:type=\"xsd:string\">{value}</Value>\
                 </ParameterValueStruct>"
            )
        })
        .collect();
    format!(
        "<cwmp:GetParameterValuesResponse><ParameterList>{}</ParameterList></cwmp:GetParameterValuesResponse>",
        list.concat()
    )
}

/// The device is asked for a test, agrees, and ends the session to run it.
async fn begins(device: &mut Device) -> Answer {
    let asked = asked_at(device, &["6 CONNECTION REQUEST"]).await;
    assert!(asked.body.contains("<cwmp:SetParameterValues>"), "{asked:?}");
    assert_eq!(reply(device, &asked, SET).await.status, StatusCode::NO_CONTENT);
    asked
}

/// It has ended, and its results are asked for; answers what was asked.
async fn ends(device: &mut Device, object: &str, values: &[(&str, &str)]) {
    let asked = asked_at(device, &["8 DIAGNOSTICS COMPLETE"]).await;
    assert!(asked.body.contains("<cwmp:GetParameterValues>"), "{asked:?}");
    assert!(asked.body.contains(&format!("<string>{object}</string>")), "{asked:?}");
    reply(device, &asked, &values_of(object, values)).await;
}

#[tokio::test]
async fn a_download_test_of_tr_143_shows_its_rate_from_its_times_and_bytes() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let inputs = json!({"url": "http://u:hunter2@192.0.2.1/10MB?token=x", "dscp": 10, "connections": 2});
    let id = ordered(&rig, "download", inputs).await;
    let object = "Device.IP.Diagnostics.DownloadDiagnostics.";
    let asked = begins(&mut device).await;
    let pair = |name: &str, value: &str| (format!("{object}{name}"), value.to_owned());
    let expected = [
        pair("DownloadURL", "http://u:hunter2@192.0.2.1/10MB?token=x"),
        pair("DSCP", "10"),
        pair("NumberOfConnections", "2"),
        pair("DiagnosticsState", "Requested"),
    ];
    assert_eq!(set_of(&asked), expected);
    let requested = shown(&rig, id).await;
    assert_eq!((requested.kind, requested.state, requested.task), ("download", "requested", id));
    assert_eq!(requested.inputs["url"], "http://192.0.2.1/10MB", "no credentials are shown");
    let values = [
        ("DiagnosticsState", "Completed"),
        ("ROMTime", "2026-01-01T00:00:00.000000Z"),
        ("BOMTime", "2026-01-01T00:00:01.000000Z"),
        ("EOMTime", "2026-01-01T00:00:03.500000Z"),
        ("TestBytesReceived", "10000000"),
        ("TotalBytesReceived", "10000500"),
        ("TCPOpenRequestTime", "2026-01-01T00:00:00.000000Z"),
        ("TCPOpenResponseTime", "2026-01-01T00:00:00.020000Z"),
    ];
    ends(&mut device, object, &values).await;
    let complete = shown(&rig, id).await;
    assert_eq!((complete.state, complete.device.as_str(), complete.error.as_str()), ("complete", NAME, ""));
    let expected = json!({
        "requested": "2026-01-01T00:00:00.000000Z", "began": "2026-01-01T00:00:01.000000Z",
        "ended": "2026-01-01T00:00:03.500000Z", "test_bytes": 10_000_000, "total_bytes": 10_000_500,
        "connect_micros": 20_000, "transfer_micros": 2_500_000, "bits_per_second": 32_000_000, "address_used": null,
    });
    assert_eq!(complete.results, expected);
    assert_eq!((task(&rig, id).await.state, task(&rig, id).await.result), ("done", expected));
    assert!(complete.ended_at.is_some());
}

#[tokio::test]
async fn a_device_of_tr_098_is_pinged_through_its_own_object() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    device.inform(&["1 BOOT"], &[("InternetGatewayDevice.DeviceInfo.SoftwareVersion", "2")]).await;
    assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
    let id = ordered(&rig, "ping", json!({"host": "192.0.2.9", "repetitions": 4, "timeout_ms": 1_000})).await;
    let object = "InternetGatewayDevice.IPPingDiagnostics.";
    device.inform(&["2 PERIODIC"], &[("InternetGatewayDevice.DeviceInfo.SoftwareVersion", "2")]).await;
    let asked = device.post("").await;
    let pair = |name: &str, value: &str| (format!("{object}{name}"), value.to_owned());
    let expected = [
        pair("Host", "192.0.2.9"),
        pair("NumberOfRepetitions", "4"),
        pair("Timeout", "1000"),
        pair("DiagnosticsState", "Requested"),
    ];
    assert_eq!(set_of(&asked), expected);
    reply(&mut device, &asked, SET).await;
    device.inform(&["8 DIAGNOSTICS COMPLETE"], &[("InternetGatewayDevice.DeviceInfo.SoftwareVersion", "2")]).await;
    let asked = device.post("").await;
    let values = [
        ("DiagnosticsState", "Complete"),
        ("SuccessCount", "3"),
        ("FailureCount", "1"),
        ("AverageResponseTime", "12"),
        ("MinimumResponseTime", "9"),
        ("MaximumResponseTime", "20"),
    ];
    reply(&mut device, &asked, &values_of(object, &values)).await;
    let expected = json!({
        "successes": 3, "failures": 1, "average_micros": 12_000, "minimum_micros": 9_000, "maximum_micros": 20_000,
        "address_used": null,
    });
    assert_eq!(shown(&rig, id).await.results, expected);
}

#[tokio::test]
async fn a_test_that_could_not_be_run_has_failed_in_the_words_of_the_device() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let id = ordered(&rig, "traceroute", json!({"host": "nowhere.example", "hops_max": 8})).await;
    begins(&mut device).await;
    let object = "Device.IP.Diagnostics.TraceRoute.";
    ends(&mut device, object, &[("DiagnosticsState", "Error_CannotResolveHostName")]).await;
    let failed = shown(&rig, id).await;
    assert_eq!((failed.state, failed.error.as_str()), ("failed", "Error_CannotResolveHostName"));
    assert_eq!((task(&rig, id).await.state, failed.results), ("failed", Value::Null));
}

#[tokio::test]
async fn a_test_whose_inputs_the_device_refuses_has_failed() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let id = ordered(&rig, "upload", json!({"url": "http://192.0.2.1/up", "file_bytes": 1_000})).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    let fault = "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail>\
        <cwmp:Fault><FaultCode>9005</FaultCode><FaultString>Invalid parameter name</FaultString></cwmp:Fault></detail>\
        </soap-env:Fault>";
    reply(&mut device, &asked, fault).await;
    let failed = shown(&rig, id).await;
    assert_eq!((failed.state, failed.error.as_str()), ("failed", "Invalid parameter name"));
}

#[tokio::test]
async fn of_two_tests_each_is_read_when_it_has_ended_and_one_of_the_same_object_waits() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let first = ordered(&rig, "ping", json!({"host": "192.0.2.1"})).await;
    let echo = ordered(&rig, "udpecho", json!({"host": "192.0.2.2", "port": 7})).await;
    let second = ordered(&rig, "ping", json!({"host": "192.0.2.3"})).await;
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    assert!(asked.body.contains("192.0.2.1"), "{asked:?}");
    let asked = reply(&mut device, &asked, SET).await;
    assert!(asked.body.contains("UDPEchoDiagnostics.Host"), "{asked:?}");
    assert_eq!(reply(&mut device, &asked, SET).await.status, StatusCode::NO_CONTENT, "the second ping waits");
    assert_eq!(task(&rig, second).await.state, "queued");
    // One has ended, the other has not: the event does not say which.
    let asked = asked_at(&mut device, &["8 DIAGNOSTICS COMPLETE"]).await;
    let ping = values_of("Device.IP.Diagnostics.IPPing.", &[("DiagnosticsState", "Requested")]);
    let asked = reply(&mut device, &asked, &ping).await;
    let done = [("DiagnosticsState", "Complete"), ("SuccessCount", "1")];
    let told = values_of("Device.IP.Diagnostics.UDPEchoDiagnostics.", &done);
    assert_eq!(reply(&mut device, &asked, &told).await.status, StatusCode::NO_CONTENT);
    assert_eq!((shown(&rig, first).await.state, shown(&rig, echo).await.state), ("requested", "complete"));
    let asked = asked_at(&mut device, &["8 DIAGNOSTICS COMPLETE"]).await;
    let asked = reply(&mut device, &asked, &values_of("Device.IP.Diagnostics.IPPing.", &done)).await;
    assert_eq!(shown(&rig, first).await.results["successes"], 1);
    assert!(asked.body.contains("192.0.2.3"), "now the second one is asked for: {asked:?}");
}

#[tokio::test]
async fn a_device_that_never_says_that_its_test_has_ended_is_asked() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let hosts = json!({"hosts": ["a.example", "b.example"]});
    let id = ordered(&rig, "serverselection", hosts).await;
    begins(&mut device).await;
    assert_eq!(asked_at(&mut device, &["2 PERIODIC"]).await.status, StatusCode::NO_CONTENT);
    rig.pass(400_000);
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    let values = [("DiagnosticsState", "Complete"), ("FastestHost", "b.example"), ("AverageResponseTime", "7")];
    let object = "Device.IP.Diagnostics.ServerSelectionDiagnostics.";
    reply(&mut device, &asked, &values_of(object, &values)).await;
    let found = shown(&rig, id).await;
    assert_eq!((found.state, &found.results["fastest_host"]), ("complete", &json!("b.example")), "{found:?}");
}

#[tokio::test]
async fn a_test_that_never_ends_or_is_taken_back_has_failed() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let silent = ordered(&rig, "ping", json!({"host": "192.0.2.1"})).await;
    begins(&mut device).await;
    let back = ordered(&rig, "traceroute", json!({"host": "192.0.2.1"})).await;
    rig.server.admin().cancel(back).await.unwrap();
    assert_eq!((shown(&rig, back).await.state, shown(&rig, back).await.error.as_str()), ("failed", "cancelled"));
    rig.pass(601_000);
    rig.until(async || shown(&rig, silent).await.state == "failed").await;
    assert_eq!(task(&rig, silent).await.state, "unknown");
}

#[tokio::test]
async fn tests_are_listed_newest_first_of_one_device_or_all_and_of_one_kind() {
    let rig = Rig::start(Policy::SharedCredential);
    drop(enrolled(&rig).await);
    let admin = rig.server.admin();
    let ping = ordered(&rig, "ping", json!({"host": "192.0.2.1"})).await;
    let trace = ordered(&rig, "traceroute", json!({"host": "192.0.2.1"})).await;
    let object = json!({"object": "Device.X_Maker_Test.", "inputs": [{"path": "Secret", "value": "hunter2"}]});
    let other = admin.order(NAME.to_owned(), order("diagnostics", object)).await.unwrap().id;
    let first = admin.diagnostics(None, None, None, 2).await.unwrap();
    assert_eq!(first.items.iter().map(|it| it.id).collect::<Vec<_>>(), [other, trace]);
    assert_eq!(first.items[0].inputs, json!({"object": "Device.X_Maker_Test."}), "what may be secret is not shown");
    let next = first.next.map(|next| next.parse().unwrap());
    let second = admin.diagnostics(Some(NAME.to_owned()), None, next, 2).await.unwrap();
    assert_eq!((second.items.iter().map(|it| it.id).collect::<Vec<_>>(), second.next), (vec![ping], None));
    let pings = admin.diagnostics(None, Some("ping".to_owned()), None, 9).await.unwrap().items;
    assert_eq!(pings.iter().map(|it| it.id).collect::<Vec<_>>(), [ping]);
    assert!(admin.diagnostics(None, Some("nothing".to_owned()), None, 9).await.is_err());
    assert_eq!(admin.diagnostic(99).await, Err(DeviceAdminError::NoDiagnostic));
}

#[tokio::test]
async fn inputs_that_no_device_could_take_are_refused_when_they_are_ordered() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let admin = rig.server.admin();
    let refused = async |test: &str, inputs: Value| {
        let payload = json!({"test": test, "inputs": inputs});
        let Err(DeviceAdminError::Invalid(why)) = admin.order(NAME.to_owned(), order("diagnostics", payload)).await
        else {
            panic!("{test} is taken")
        };
        why
    };
    assert!(refused("ping", json!({"host": ""})).await.contains("Host"));
    assert!(refused("ping", json!({"host": "h", "dscp": 64})).await.contains("DSCP"));
    assert!(refused("ping", json!({"hosts": ["h"]})).await.contains("hosts"));
    assert!(refused("nslookup", json!({"host": "h"})).await.contains("nslookup"));
    assert!(refused("serverselection", json!({"hosts": []})).await.contains("HostList"));
    device.inform(&["1 BOOT"], &[("InternetGatewayDevice.DeviceInfo.SoftwareVersion", "2"), VERSION]).await;
    device.inform(&["1 BOOT"], &[("InternetGatewayDevice.DeviceInfo.SoftwareVersion", "2")]).await;
    let why = refused("udpecho", json!({"host": "h", "port": 7})).await;
    assert!(why.contains("data model"), "TR-098 has no UDP echo: {why}");
}
