use sangam_device_server::{FileOptions, Options, Policy};
use sangam_net::http::Scheme;
use serde_json::json;

use crate::agent::Agent;
use crate::rig::Rig;
use crate::site::{Site, order};
use crate::wire::{all, entries, map, text};

const EID: &str = "os::00D09E-A1";
const NAME: &str = "00D09E-Box-A1";

async fn at_home() -> (Site, Agent) {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    (site, agent)
}

#[tokio::test]
async fn an_agent_that_is_connected_gets_its_task_at_once_and_what_it_reads_is_known() {
    let (site, mut agent) = at_home().await;
    let task = site.order(NAME, "get_values", json!({ "paths": ["Device.WiFi.", "Device.Nothing."] })).await;
    assert_eq!(task.called, Some("not_needed"));
    let asked = agent.request().await;
    assert_eq!((asked.kind, all(&asked.body, 1).len()), (1, 2));
    assert_eq!(asked.id, format!("t{}-1-1", task.id), "its id is that of the task, its attempt and its request");
    assert_eq!(site.task(task.id).await.state, "sent", "that was durable before");
    let wifi = format!("22(0a('Device.WiFi.SSID.1.') {})", entries("12", &[("SSID", "home"), ("Enable", "true")]));
    // err_code 7026, little-endian in four bytes.
    let nothing = "0a(0a('Device.Nothing.') 15 721b0000 1a('no such path'))";
    agent.answer(&asked.id, 2, &format!("12(0a(0a(0a('Device.WiFi.') {wifi}) {nothing}))")).await;
    let done = site.until_task(task.id, "done").await;
    assert_eq!(done.result["values"][1], json!({ "path": "Device.WiFi.SSID.1.SSID", "value": "home" }));
    assert_eq!(done.result["unread"], json!([{ "path": "Device.Nothing.", "code": 7026 }]));
    let enable = site.value(NAME, "Device.WiFi.SSID.1.Enable").await;
    assert_eq!(enable, Some(("true".to_owned(), "boolean")), "its type is that of the supported data model");
}

#[tokio::test]
async fn values_are_set_all_or_none_and_a_refusal_says_which() {
    let (site, mut agent) = at_home().await;
    let values = json!({ "values": [
        { "path": "Device.WiFi.SSID.1.SSID", "value": "home" },
        { "path": "Device.WiFi.SSID.1.Enable", "value": "x", "type": "boolean" },
    ] });
    let task = site.order(NAME, "set_values", values.clone()).await;
    let asked = agent.request().await;
    assert_eq!(asked.kind, 4);
    assert_eq!(crate::wire::number(&asked.body, &[1]), 0, "allow_partial is false");
    let objects = all(&asked.body, 2);
    assert_eq!((objects.len(), text(&objects[0], &[1])), (1, "Device.WiFi.SSID.1.".to_owned()));
    let settings: Vec<_> =
        all(&objects[0], 2).iter().map(|it| (text(it, &[1]), text(it, &[2]), crate::wire::number(it, &[3]))).collect();
    assert_eq!(settings, [("SSID".to_owned(), "home".to_owned(), 1), ("Enable".to_owned(), "x".to_owned(), 1)]);
    // Error 7004 with a ParamError 7012.
    let said = "1a(0d 5c1b0000 12('invalid') 1a(0a('Device.WiFi.SSID.1.Enable') 15 641b0000 1a('no boolean')))";
    agent.answer(&asked.id, 0, said).await;
    let failed = site.until_task(task.id, "failed").await;
    assert_eq!((failed.code, failed.text.as_str()), (7004, "invalid; Device.WiFi.SSID.1.Enable: 7012 no boolean"));

    let task = site.order(NAME, "set_values", values).await;
    let asked = agent.request().await;
    let instance = format!("0a(0a('Device.WiFi.SSID.1.') {})", entries("1a", &[("SSID", "home")]));
    agent.answer(&asked.id, 5, &format!("12(22(0a(0a('Device.WiFi.SSID.1.') 12(12({instance})))))")).await;
    site.until_task(task.id, "done").await;
    assert_eq!(site.value(NAME, "Device.WiFi.SSID.1.SSID").await, Some(("home".to_owned(), "string")));
}

#[tokio::test]
async fn objects_are_added_and_deleted() {
    let (site, mut agent) = at_home().await;
    let payload = json!({ "path": "Device.WiFi.SSID.", "values": [{ "path": "SSID", "value": "guest" }] });
    let task = site.order(NAME, "add_object", payload).await;
    let asked = agent.request().await;
    assert_eq!((asked.kind, text(&asked.body, &[2, 2, 1])), (5, "SSID".to_owned()));
    agent.answer(&asked.id, 9, "12(2a(0a(0a('Device.WiFi.SSID.') 12(12(0a('Device.WiFi.SSID.7.'))))))").await;
    let done = site.until_task(task.id, "done").await;
    assert_eq!(done.result, json!({ "instance": 7, "path": "Device.WiFi.SSID.7." }));

    let task = site.order(NAME, "delete_object", json!({ "path": "Device.WiFi.SSID.7." })).await;
    let asked = agent.request().await;
    assert_eq!((asked.kind, text(&asked.body, &[2])), (6, "Device.WiFi.SSID.7.".to_owned()));
    agent.answer(&asked.id, 11, "12(32(0a(0a('Device.WiFi.SSID.7.') 12(12(0a('Device.WiFi.SSID.7.'))))))").await;
    assert_eq!(site.until_task(task.id, "done").await.result, json!({ "deleted": ["Device.WiFi.SSID.7."] }));
}

#[tokio::test]
async fn names_are_those_of_the_supported_data_model_with_the_instances_that_are_there() {
    let (site, mut agent) = at_home().await;
    let task = site.order(NAME, "get_names", json!({ "path": "Device.WiFi." })).await;
    let asked = agent.request().await;
    assert_eq!((asked.kind, text(&asked.body, &[1])), (2, "Device.WiFi.".to_owned()));
    let model = "2a(0a('Device.WiFi.') 32(0a('RadioNumberOfEntries') 18 09)) \
                 2a(0a('Device.WiFi.SSID.{i}.') 10 01 18 01 32(0a('SSID') 10 01 18 08) 22(0a('Reset()')))";
    agent.answer(&asked.id, 13, &format!("12(12(0a(0a('Device.WiFi.') {model})))")).await;
    let asked = agent.request().await;
    assert_eq!((asked.kind, text(&asked.body, &[1])), (3, "Device.WiFi.SSID.".to_owned()));
    let found = "1a(0a(0a('Device.WiFi.SSID.') 22(0a('Device.WiFi.SSID.1.')) 22(0a('Device.WiFi.SSID.4.'))))";
    agent.answer(&asked.id, 15, &format!("12({found})")).await;
    let done = site.until_task(task.id, "done").await;
    let names = done.result["names"].as_object().unwrap();
    assert_eq!(names["Device.WiFi.RadioNumberOfEntries"], json!(false));
    for instance in [1, 4] {
        assert_eq!(names[&format!("Device.WiFi.SSID.{instance}.SSID")], json!(true));
        assert!(names.contains_key(&format!("Device.WiFi.SSID.{instance}.Reset()")));
    }
    assert_eq!(names.len(), 8);
}

#[tokio::test]
async fn a_command_that_answers_at_once_is_done_with_its_output() {
    let (site, mut agent) = at_home().await;
    let task = site.order(NAME, "operate", json!({ "command": "Device.X()", "args": { "In": "1" } })).await;
    let asked = agent.request().await;
    assert_eq!(
        (asked.kind, text(&asked.body, &[1]), text(&asked.body, &[2])),
        (7, "Device.X()".to_owned(), format!("task-{}", task.id))
    );
    assert_eq!(
        (crate::wire::number(&asked.body, &[3]), map(&asked.body, 4)),
        (1, vec![("In".to_owned(), "1".to_owned())])
    );
    let output = entries("0a", &[("Out", "2")]);
    agent.answer(&asked.id, 7, &format!("12(3a(0a(0a('Device.X()') 1a({output}))))")).await;
    assert_eq!(site.until_task(task.id, "done").await.result, json!({ "output": { "Out": "2" } }));

    let task = site.order(NAME, "operate", json!({ "command": "Device.X()" })).await;
    let asked = agent.request().await;
    agent.answer(&asked.id, 7, "12(3a(0a(0a('Device.X()') 22(0d 6e1b0000 12('broken')))))").await;
    assert_eq!(site.until_task(task.id, "failed").await.code, 7022);
}

#[tokio::test]
async fn a_command_that_goes_on_is_done_when_the_agent_says_so_also_to_another_process_of_ours() {
    let (site, mut agent) = at_home().await;
    let test =
        json!({ "object": "Device.IP.Diagnostics.IPPing.", "inputs": [{ "path": "Host", "value": "192.0.2.9" }] });
    let task = site.order(NAME, "diagnostics", test).await;
    let asked = agent.request().await;
    assert_eq!(text(&asked.body, &[1]), "Device.IP.Diagnostics.IPPing()");
    agent
        .answer(&asked.id, 7, "12(3a(0a(0a('Device.IP.Diagnostics.IPPing()') 12('Device.LocalAgent.Request.1.'))))")
        .await;
    site.until_task(task.id, "awaiting_diagnostics").await;
    drop(agent);
    let site = site.killed(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    let output = entries("0a", &[("Status", "Complete"), ("SuccessCount", "3")]);
    let complete = format!("3a(0a('Device.IP.Diagnostics.') 12('IPPing()') 1a('task-{}') 22({output}))", task.id);
    agent.notify("n1", "sangam-operations", &complete).await;
    agent.thanked("n1").await;
    let done = site.task(task.id).await;
    assert_eq!((done.state, &done.result["output"]["SuccessCount"]), ("done", &json!("3")));
    assert_eq!(site.events(NAME).await, ["OperationComplete"]);
}

#[tokio::test]
async fn what_was_asked_when_the_way_was_lost_is_asked_again_only_if_that_does_no_harm() {
    let (site, mut agent) = at_home().await;
    let reboot = site.order(NAME, "reboot", json!({})).await;
    let asked = agent.request().await;
    assert_eq!(text(&asked.body, &[1]), "Device.Reboot()");
    drop(agent);
    site.until_task(reboot.id, "unknown").await;

    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    let read = site.order(NAME, "get_values", json!({ "paths": ["Device."] })).await;
    let first = agent.request().await;
    drop(agent);
    site.until_task(read.id, "queued").await;
    site.rig.pass(20_000);
    let mut agent = Agent::connect(&site, EID).await;
    let again = agent.request().await;
    assert_eq!((first.id, again.id.clone()), (format!("t{}-1-1", read.id), format!("t{}-2-1", read.id)));
    agent.answer_get(&again.id, "Device.", &[]).await;
    site.until_task(read.id, "done").await;
    // It says after all that it has booted, and for which command.
    let args = entries("1a", &[("CommandKey", &format!("task-{}", reboot.id))]);
    agent.notify("n1", "sangam-boot", &format!("1a(0a('Device.') 12('Boot!') {args})")).await;
    agent.thanked("n1").await;
    site.until_task(reboot.id, "done").await;
}

#[tokio::test]
async fn what_was_sent_by_a_process_that_died_is_unknown_or_sent_again() {
    let (site, mut agent) = at_home().await;
    let reboot = site.order(NAME, "reboot", json!({})).await;
    agent.request().await;
    let read = site.order(NAME, "get_values", json!({ "paths": ["Device."] })).await;
    let site = site.killed(Policy::Open).await;
    assert_eq!(site.task(reboot.id).await.state, "sent");
    let mut agent = Agent::connect(&site, EID).await;
    let asked = agent.request().await;
    assert_eq!(asked.id, format!("t{}-1-1", read.id), "the reboot is not sent again");
    assert_eq!(site.task(reboot.id).await.state, "unknown");
}

#[tokio::test]
async fn a_task_whose_time_has_not_come_leaves_when_it_has() {
    let (site, mut agent) = at_home().await;
    let mut later = order("reboot", json!({}));
    let at = site.device(NAME).await.created_at.unix_millis() + 400;
    later.not_before = Some(sangam_types::Wall::from_unix_millis(at));
    let task = site.rig.server.admin().order(NAME.to_owned(), later).await.unwrap();
    assert_eq!(task.state, "queued");
    site.rig.pass(1_000);
    let asked = agent.request().await;
    assert_eq!(asked.id, format!("t{}-1-1", task.id));
}

#[tokio::test]
async fn firmware_goes_to_the_image_that_is_not_active_with_a_login_for_this_once() {
    let dir = tempfile::tempdir().unwrap();
    let files = FileOptions { dir: Some(dir.path().to_owned()), ..FileOptions::default() };
    let site = Site::of(Rig::with(Policy::Open, Options { files, ..Options::default() }), Scheme::Https).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"firmware"))]);
    let facts = sangam_control::DeviceFileFacts { kind: String::new(), version: String::new() };
    site.rig.server.admin().files().put("fw.bin".to_owned(), facts, Box::pin(bytes)).await.unwrap();
    let payload = json!({ "file_type": "1 Firmware Upgrade Image", "file": "fw.bin" });
    let task = site.order(NAME, "download", payload).await;
    let asked = agent.request().await;
    assert_eq!((asked.kind, text(&asked.body, &[1])), (1, "Device.DeviceInfo.ActiveFirmwareImage".to_owned()));
    agent
        .answer_get(&asked.id, "Device.DeviceInfo.", &[("ActiveFirmwareImage", "Device.DeviceInfo.FirmwareImage.1")])
        .await;
    let asked = agent.request().await;
    assert_eq!((asked.kind, text(&asked.body, &[1])), (3, "Device.DeviceInfo.FirmwareImage.".to_owned()));
    let images = "22(0a('Device.DeviceInfo.FirmwareImage.1.')) 22(0a('Device.DeviceInfo.FirmwareImage.2.'))";
    agent.answer(&asked.id, 15, &format!("12(1a(0a(0a('Device.DeviceInfo.FirmwareImage.') {images})))")).await;
    let asked = agent.request().await;
    assert_eq!(text(&asked.body, &[1]), "Device.DeviceInfo.FirmwareImage.2.Download()");
    let args = map(&asked.body, 4);
    let of = |name: &str| args.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default();
    assert_eq!(of("URL"), format!("https://{}/files/fw.bin", site.addr));
    assert_eq!(
        (of("FileSize"), of("AutoActivate"), of("CheckSumAlgorithm")),
        ("8".into(), "true".into(), "SHA-256".into())
    );
    assert!(of("CheckSum").len() == 64 && !of("Username").is_empty() && !of("Password").is_empty());
    let going = "12(3a(0a(0a('Device.DeviceInfo.FirmwareImage.2.Download()') 12('Device.LocalAgent.Request.1.'))))";
    agent.answer(&asked.id, 7, going).await;
    site.until_task(task.id, "awaiting_transfer").await;
    let failed = "2a(0d 6e1b0000 12('no route'))";
    let complete =
        format!("3a(0a('Device.DeviceInfo.FirmwareImage.2.') 12('Download()') 1a('task-{}') {failed})", task.id);
    agent.notify("n1", "sangam-operations", &complete).await;
    agent.thanked("n1").await;
    let task = site.until_task(task.id, "failed").await;
    assert_eq!((task.code, task.text.as_str()), (7022, "no route"));
}

#[tokio::test]
async fn a_subscription_of_an_operator_is_made_and_stays_over_contacts() {
    let (site, mut agent) = at_home().await;
    let wish = json!({ "id": "wifi", "notify": "ValueChange", "paths": ["Device.WiFi."] });
    let task = site.order(NAME, "subscribe", wish).await;
    // It looks what there is, and makes what is not.
    while agent.subscriptions.len() < 5 {
        let asked = agent.any_request().await;
        assert!(agent.answers(&asked).await, "{asked:?}");
    }
    // Whether all is as it is wanted is asked once more.
    let asked = agent.any_request().await;
    assert!(agent.answers(&asked).await, "{asked:?}");
    site.until_task(task.id, "done").await;
    let ids: Vec<&str> = agent.subscriptions.iter().map(|(_, values)| values[0].1.as_str()).collect();
    assert_eq!(ids.last(), Some(&"sangam-wifi"));
    let had = agent.subscriptions.clone();
    drop(agent);

    let mut agent = Agent::connect(&site, EID).await;
    agent.subscriptions = had[..4].to_vec();
    // The agent has lost it: it is made again, and the others are left alone.
    let asked = agent.any_request().await;
    assert!(agent.answers(&asked).await);
    let asked = agent.any_request().await;
    assert_eq!((asked.kind, all(&asked.body, 2).len()), (5, 1));
    assert_eq!(text(&asked.body, &[2, 2, 2]), "sangam-wifi");
}

#[tokio::test]
async fn what_an_agent_cannot_do_is_refused_when_it_is_ordered() {
    let (site, _agent) = at_home().await;
    for (kind, payload) in [("schedule_inform", json!({ "delay_secs": 1 })), ("operate", json!({ "command": "X" }))] {
        let refused = site.rig.server.admin().order(NAME.to_owned(), order(kind, payload)).await;
        assert!(matches!(refused, Err(sangam_control::DeviceAdminError::Invalid(_))), "{kind}: {refused:?}");
    }
}
