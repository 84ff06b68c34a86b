//! A device that a running server manages: seen, enrolled and told what to do by its operator.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use sangam_testkit::http::{self, Answer};
use sangam_testkit::{WAIT_MAX, wait_until};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::run::{Serving, run, run_with_input};

const ID: &str = "00D09E-Box%20X-A1";

/// A device that speaks TR-069, as the bytes of its sessions.
struct Cpe {
    server: SocketAddr,
    cookie: Option<String>,
}

impl Cpe {
    fn post(&mut self, body: &str) -> Answer {
        let cookie = self.cookie.clone().unwrap_or_default();
        let mut headers = vec![("Content-Type", "text/xml; charset=utf-8")];
        if !cookie.is_empty() {
            headers.push(("Cookie", &cookie));
        }
        let answer = http::send(self.server, "POST", "/acs", &headers, body).unwrap();
        let set = answer
            .head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")));
        if let Some((_, cookie)) = set {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        answer
    }

    /// Begins a session.
    fn inform(&mut self, event: &str) {
        let answer = self.ask_in(event);
        assert!(answer.status == 200 && answer.body.contains("InformResponse"), "{answer:?}");
    }

    fn ask_in(&mut self, event: &str) -> Answer {
        self.cookie = None;
        self.post(&envelope(
            "1",
            &format!(
                "<cwmp:Inform><DeviceId><Manufacturer>Maker</Manufacturer><OUI>00D09E</OUI>\
                 <ProductClass>Box X</ProductClass><SerialNumber>A1</SerialNumber></DeviceId>\
                 <Event soap-enc:arrayType=\"cwmp:EventStruct[1]\"><EventStruct><EventCode>{event}</EventCode>\
                 <CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>\
                 <CurrentTime>2026-01-31T12:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
                 <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[1]\"><ParameterValueStruct>\
                 <Name>Device.DeviceInfo.SoftwareVersion</Name><Value xsi:type=\"xsd:string\">1.0</Value>\
                 </ParameterValueStruct></ParameterList></cwmp:Inform>"
            ),
        ))
    }

    /// Says that it did what it was asked.
    fn reply(&mut self, asked: &Answer, response: &str) -> Answer {
        let (_, after) = asked.body.split_once("<cwmp:ID").unwrap();
        let id = after.split_once('>').unwrap().1.split_once('<').unwrap().0;
        self.post(&envelope(id, response))
    }
}

fn envelope(id: &str, body: &str) -> String {
    format!(
        "<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
         <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">{id}</cwmp:ID></soap-env:Header>\
         <soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    )
}

/// `sangam devices`, of one server.
struct Operator<'a> {
    dir: &'a Path,
    url: String,
}

impl<'a> Operator<'a> {
    fn of(dir: &'a Path, server: &Serving) -> Self {
        let minted = run(dir, &["token", "mint", "--scope", "admin:write", "--sub", "olga"]);
        assert_eq!(minted.code, Some(0), "{minted:?}");
        fs::write(dir.join("token"), minted.stdout.trim()).unwrap();
        Self { dir, url: format!("http://{}", server.http()) }
    }

    /// Without a token.
    fn see(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let outcome = run(self.dir, &[&["devices", "--url", &self.url], arguments].concat());
        (outcome.code, outcome.stdout + &outcome.stderr)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, shown) = self.see(&[arguments, &["--json"]].concat());
        assert_eq!(code, Some(0), "{shown}");
        serde_json::from_str(&shown).unwrap()
    }

    fn order(&self, arguments: &[&str]) -> (Option<i32>, String) {
        self.see(&[arguments, &["--token-file", "token"]].concat())
    }

    fn task(&self, arguments: &[&str]) -> Value {
        let (code, shown) = self.order(&[arguments, &["--json"]].concat());
        assert_eq!(code, Some(0), "{shown}");
        serde_json::from_str(&shown).unwrap()
    }
}

#[test]
fn a_device_that_came_is_listed_enrolled_rebooted_and_its_task_is_done() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "devices"]);
    let operator = Operator::of(dir.path(), &server);
    let (code, shown) = operator.see(&["list"]);
    assert!(code == Some(0) && shown.ends_with("\n0 devices\n"), "{shown}");
    let (code, shown) = operator.see(&["show", ID]);
    assert!(code == Some(1) && shown.starts_with("404: "), "{shown}");

    let mut cpe = Cpe { server: server.listeners()["devices"], cookie: None };
    cpe.inform("0 BOOTSTRAP");
    assert_eq!(cpe.post("").status, 204, "nothing is sent to a device that is not enrolled");
    let (code, shown) = operator.see(&["list", "--state", "pending"]);
    assert!(
        code == Some(0) && shown.contains("00D09E-Box%20X-A1  pending  Maker") && shown.ends_with("\n1 device\n"),
        "{shown}"
    );

    let (code, shown) = operator.see(&["enroll", ID]);
    assert!(code == Some(1) && shown.starts_with("401: This changes something"), "{shown}");
    let (code, shown) = operator.order(&["enroll", ID]);
    assert!(code == Some(0) && shown.contains("enrolled"), "{shown}");
    let task = operator.task(&["order", ID, "reboot", "--key", "once"]);
    assert_eq!([&task["state"], &task["ordered_by"]], [&json!("queued"), &json!("olga")], "{task}");
    assert_eq!(operator.task(&["order", ID, "reboot", "--key", "once"])["id"], task["id"], "it is one task");

    cpe.inform("2 PERIODIC");
    let mut asked = cpe.post("");
    assert!(asked.body.contains("ManagementServer.Password"), "it gets a login of its own: {asked:?}");
    asked = cpe.reply(&asked, "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>");
    assert!(asked.body.contains("<cwmp:Reboot>"), "{asked:?}");
    let number = task["id"].to_string();
    assert_eq!(operator.json(&["task", &number])["state"], "sent");
    assert_eq!(cpe.reply(&asked, "<cwmp:RebootResponse></cwmp:RebootResponse>").status, 204);
    let done = operator.json(&["task", &number]);
    assert_eq!((&done["state"], &done["attempts"]), (&json!("done"), &json!(1)), "{done}");
    let (code, shown) = operator.see(&["tasks", ID, "--state", "done"]);
    assert!(code == Some(0) && shown.contains("reboot") && shown.ends_with("\n1 task\n"), "{shown}");
    let (code, shown) = operator.order(&["cancel", &number]);
    assert!(code == Some(1) && shown.starts_with("409: "), "{shown}");
    let parameters = operator.json(&["parameters", ID, "--below", "Device.DeviceInfo."]);
    assert_eq!(parameters["data"][0]["value"], "1.0", "{parameters}");

    let (code, shown) = operator.order(&["order", ID, "dance"]);
    assert!(code == Some(1) && shown.starts_with("400: There is no task of that kind"), "{shown}");
    let (code, shown) = operator.order(&["order", ID, "get_values", "--payload", "{"]);
    assert!(code == Some(2) && shown.contains("the payload is not JSON"), "{shown}");
    assert_eq!(operator.order(&["remove", ID]).0, Some(2), "it is not said that it is meant");
    assert_eq!(operator.order(&["remove", ID, "--yes"]), (Some(0), "it is forgotten\n".to_owned()));
    assert_eq!(operator.json(&["list"])["data"], json!([]));
    server.program.stop().unwrap();
    let (code, shown) = operator.see(&["list"]);
    assert!(code == Some(2) && shown.contains("name the server with `--url`"), "{shown}");
}

#[test]
fn devices_are_imported_once_however_often_they_are_and_blocked_ones_are_turned_away() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "devices"]);
    let operator = Operator::of(dir.path(), &server);
    let good: String = (0..1_500)
        .map(|n| format!("{{\"oui\":\"00D09E\",\"serial_number\":\"S{n}\",\"tags\":[\"hall\"],\"username\":\"u{n}\",\"password\":\"hush\"}}\n"))
        .collect();
    fs::write(dir.path().join("good"), &good).unwrap();
    let import = |file: &str| operator.order(&["import", file]);
    assert_eq!(import("good"), (Some(0), "1500 created, 0 changed, 0 unchanged, 0 refused\n".to_owned()));
    assert_eq!(import("good"), (Some(0), "0 created, 0 changed, 1500 unchanged, 0 refused\n".to_owned()));
    fs::write(
        dir.path().join("bad"),
        "{\"oui\":\"x\",\"serial_number\":\"1\"}\n{\"oui\":\"00D09E\",\"serial_number\":\"S1\",\"tags\":[\"b\"]}\n",
    )
    .unwrap();
    let (code, shown) = import("bad");
    assert!(code == Some(1) && shown.contains("six hexadecimal digits"), "{shown}");
    assert!(shown.ends_with("0 created, 1 changed, 0 unchanged, 1 refused\n"), "{shown}");
    let (code, shown) = import("none");
    assert!(code == Some(2) && shown.contains("none cannot be read"), "{shown}");
    let device = operator.json(&["show", "00D09E--S1"]);
    assert_eq!(
        [&device["state"], &device["tags"], &device["has_own_login"]],
        [&json!("enrolled"), &json!(["b", "hall"]), &json!(true)]
    );
    let table = http::get(server.http(), "/api/v1/devices.csv").unwrap();
    assert_eq!((table.status, table.body.matches("00D09E--S").count()), (200, 1_500));

    let line = "{\"oui\":\"00D09E\",\"product_class\":\"Box X\",\"serial_number\":\"A1\"}\n";
    let piped =
        run_with_input(dir.path(), &["devices", "--url", &operator.url, "--token-file", "token", "import", "-"], line);
    assert_eq!((piped.code, &*piped.stdout), (Some(0), "1 created, 0 changed, 0 unchanged, 0 refused\n"), "{piped:?}");
    assert_eq!(operator.order(&["tag", ID, "a/b"]).0, Some(0));
    assert_eq!(operator.json(&["list", "--tag", "a/b"])["data"][0]["id"], ID);
    assert_eq!(operator.order(&["tag", ID, "a/b", "--remove"]).0, Some(0));
    assert_eq!(operator.json(&["list", "--tag", "a/b"])["data"], json!([]));
    let mut cpe = Cpe { server: server.listeners()["devices"], cookie: None };
    cpe.inform("1 BOOT");
    let events = operator.json(&["events", ID]);
    assert_eq!(events["data"][0]["kind"], "1 BOOT", "{events}");
    assert_eq!(operator.json(&["history", ID, "--path", "Device.DeviceInfo."])["links"]["next"], Value::Null);
    assert_eq!(operator.order(&["block", ID]).0, Some(0));
    assert_eq!(cpe.ask_in("2 PERIODIC").status, 403);
    server.program.stop().unwrap();
}

#[test]
fn a_server_that_manages_no_devices_says_so() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "sync"]);
    let (code, shown) = Operator::of(dir.path(), &server).see(&["list"]);
    assert_eq!((code, &*shown), (Some(1), "404: This server manages no devices.\n"));
    server.program.stop().unwrap();
}

#[test]
fn a_device_is_set_to_what_its_profile_wants_and_the_figures_know_it() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "devices"]);
    let operator = Operator::of(dir.path(), &server);
    let value = json!({ "path": "Device.WiFi.Radio.1.Channel", "value": "6", "type": "unsignedInt" });
    let profile = json!({ "name": "hall", "applies": { "manufacturer": "Mak*" }, "values": [value] });
    fs::write(dir.path().join("hall.json"), profile.to_string()).unwrap();
    let made = operator.task(&["profiles", "create", "hall.json", "--key", "hall"]);
    assert_eq!(operator.task(&["profiles", "create", "hall.json", "--key", "hall"])["id"], made["id"], "it is one");
    let (code, shown) = operator.see(&["profiles", "list"]);
    assert!(code == Some(0) && shown.ends_with("\n1 profile\n"), "{shown}");

    let mut cpe = Cpe { server: server.listeners()["devices"], cookie: None };
    cpe.inform("0 BOOTSTRAP");
    assert_eq!(cpe.post("").status, 204);
    let (code, shown) = operator.see(&["profiles", "of", ID]);
    assert!(code == Some(0) && shown.contains("nothing is sent to it: it is pending"), "{shown}");
    assert_eq!(operator.order(&["enroll", ID]).0, Some(0));
    cpe.inform("0 BOOTSTRAP");
    let (code, shown) = operator.see(&["profiles", "of", ID]);
    assert!(code == Some(0) && shown.contains("under_way") && shown.contains("unknown"), "{shown}");
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    let mut asked = cpe.post("");
    assert!(asked.body.contains("ManagementServer.Password"), "it gets a login of its own: {asked:?}");
    asked = cpe.reply(&asked, done);
    let channel = "<Name>Device.WiFi.Radio.1.Channel</Name><Value xsi:type=\"xsd:unsignedInt\">6</Value>";
    assert!(asked.body.contains("<cwmp:SetParameterValues>") && asked.body.contains(channel), "{asked:?}");
    asked = cpe.reply(&asked, done);
    assert!(asked.body.contains("<cwmp:GetParameterValues>"), "{asked:?}");
    let values = format!(
        "<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[1]\">\
         <ParameterValueStruct>{channel}</ParameterValueStruct></ParameterList></cwmp:GetParameterValuesResponse>"
    );
    assert_eq!(cpe.reply(&asked, &values).status, 204);
    assert_eq!(operator.json(&["profiles", "of", ID])["state"], "held");

    let id = made["id"].to_string();
    let (code, shown) = operator.order(&["profiles", "replace", &id, "hall.json", "--revision", "9"]);
    assert!(code == Some(1) && shown.starts_with("412: It has revision 1 now."), "{shown}");
    assert_eq!(operator.task(&["profiles", "replace", &id, "hall.json", "--revision", "1"])["revision"], 2);
    assert_eq!(operator.order(&["profiles", "remove", &id, "--yes"]).0, Some(0));
    let (code, shown) = operator.see(&["alarms", "list"]);
    assert!(code == Some(0) && shown.ends_with("0 alarms\n"), "{shown}");
    let (code, shown) = operator.order(&["subscriptions", "put", ID, "s", "ValueChange", "Device.A"]);
    assert!(code == Some(0) && shown.contains("Device.A"), "{shown}");
    let (code, shown) = operator.see(&["subscriptions", "list", ID]);
    assert!(code == Some(0) && shown.ends_with("\n1 subscription\n"), "{shown}");

    // Figures are told anew each second.
    let health = wait_until("the figures to know the device", WAIT_MAX, || {
        let health: Value = serde_json::from_str(&http::get(server.http(), "/api/v1/system/health")?.body)?;
        Ok((health["metrics"]["devices_total"] == json!(1.0)).then_some(health))
    })
    .unwrap();
    assert_eq!(health["health_checks"]["devices"]["status"], "healthy", "{health}");
    assert_eq!(health["metrics"]["queue_pending_jobs"], json!(0.0), "{health}");
    assert!(health["metrics"]["db_size_mb"].as_f64().is_some_and(|mib| mib > 0.0), "{health}");
    let current = http::get(server.http(), "/api/v1/telemetry/current?metrics[]=cpu_load_1min").unwrap();
    let current: Value = serde_json::from_str(&current.body).unwrap();
    assert!(current["metrics"]["cpu_load_1min"]["value"].is_number(), "{current}");
    server.program.stop().unwrap();
}
