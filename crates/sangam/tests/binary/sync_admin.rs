//! What sync of a running server holds: seen and mended by its operator.

use std::fs;
use std::path::Path;

use sangam_testkit::http;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::run::{Serving, run};
use crate::sync_device::{DB, DEVICE, Device};

fn mint(dir: &Path, arguments: &[&str]) -> String {
    let minted = run(dir, &[&["token", "mint"], arguments].concat());
    assert_eq!(minted.code, Some(0), "{minted:?}");
    minted.stdout.trim().to_owned()
}

fn device_token(dir: &Path) -> String {
    mint(dir, &["--use", "sync", "--db", DB, "--device", DEVICE])
}

/// `sangam sync`, of one server.
struct Operator<'a> {
    dir: &'a Path,
    url: String,
}

impl<'a> Operator<'a> {
    fn of(dir: &'a Path, server: &Serving) -> Self {
        Self { dir, url: format!("http://{}", server.http()) }
    }

    fn sync(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let outcome = run(self.dir, &[&["sync", "--url", &self.url], arguments].concat());
        (outcome.code, outcome.stdout)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, shown) = self.sync(&[arguments, &["--json"]].concat());
        assert_eq!(code, Some(0), "{shown}");
        serde_json::from_str(&shown).unwrap()
    }

    /// With a token of that scope, which olga has.
    fn order(&self, scope: &str, arguments: &[&str]) -> (Option<i32>, String) {
        fs::write(self.dir.join("token"), mint(self.dir, &["--scope", scope, "--sub", "olga"])).unwrap();
        self.sync(&[arguments, &["--token-file", "token"]].concat())
    }
}

#[test]
fn an_operator_sees_databases_replicas_conflicts_and_what_an_entity_went_through() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "sync"]);
    let token = device_token(dir.path());
    let device = Device { server: server.http(), token: &token };
    let operator = Operator::of(dir.path(), &server);
    let (code, shown) = operator.sync(&["databases"]);
    assert!(code == Some(0) && shown.ends_with("\n0 databases\n"), "{shown}");
    let (code, shown) = operator.sync(&["show", DB]);
    assert!(code == Some(1) && shown.starts_with("404: Nothing was ever pushed"), "{shown}");

    assert_eq!((device.handshake(), device.push(1, 1), device.push(2, 2), device.pull(1)), (0, 200, 200, 200));
    let database = &operator.json(&["databases"])["data"][0];
    assert_eq!(*database, operator.json(&["show", DB]));
    let figures = ["db", "head", "entities", "log_len", "superseded"].map(|key| database[key].clone());
    assert_eq!(figures, [json!(DB), json!(2), json!(1), json!(2), json!(1)], "{database}");
    let replica = &operator.json(&["replicas", DB])["data"][0];
    let figures = ["device", "resume", "lag", "streams"].map(|key| replica[key].clone());
    assert_eq!(figures, [json!(DEVICE), json!(1), json!(1), json!(0)], "{replica}");
    let (code, shown) = operator.sync(&["replicas", DB]);
    assert!(
        code == Some(0) && shown.contains("\nandroid-a92f1  1    1 ") && shown.ends_with("\n1 replica\n"),
        "{shown}"
    );

    assert_eq!(operator.json(&["conflicts", DB])["data"], json!([]));
    // Of an older version than what is there; the second time it is acknowledged all the same.
    assert_eq!((device.push(3, 1), device.push(3, 1)), (200, 200));
    let conflicts = operator.json(&["conflicts", DB]);
    let conflict = |at: usize| {
        let conflict = &conflicts["data"][at];
        ["number", "op_id", "entity", "client_version", "server_version", "again"].map(|key| conflict[key].clone())
    };
    let entity = json!("note-99");
    assert_eq!(conflict(0), [json!(2), json!(5_003), entity.clone(), json!(1), json!(2), json!(true)], "{conflicts}");
    assert_eq!(conflict(1), [json!(1), json!(5_003), entity, json!(1), json!(2), json!(false)], "{conflicts}");
    let page = operator.json(&["conflicts", DB, "--limit", "1"]);
    assert_eq!(page["links"]["next"], format!("/api/v1/sync/databases/{DB}/conflicts?limit=1&after=2"));
    assert_eq!(operator.json(&["conflicts", DB, "--after", "2"])["data"], json!([conflicts["data"][1]]));

    let history = operator.json(&["history", DB, "notes", "note-99"]);
    let versions: Vec<Value> = history["data"].as_array().unwrap().iter().map(|it| it["version"].clone()).collect();
    assert_eq!(versions, [json!(2), json!(1)], "{history}");
    assert_eq!(history["data"][0]["bytes"], 15);
    let (code, shown) = operator.sync(&["history", DB, "notes", "note-1"]);
    assert!(code == Some(1) && shown.starts_with("404: There is no such entity"), "{shown}");

    server.program.stop().unwrap();
    let gone = run(dir.path(), &["sync", "--url", &operator.url, "databases"]);
    assert!(gone.code == Some(2) && gone.stderr.contains("name the server with `--url`"), "{gone:?}");
}

#[test]
fn a_replica_begins_anew_and_a_database_is_emptied_when_an_operator_says_so() {
    let dir = tempdir().unwrap();
    let mut server = Serving::start(dir.path(), &["--roles", "sync"]);
    let token = device_token(dir.path());
    let device = Device { server: server.http(), token: &token };
    let operator = Operator::of(dir.path(), &server);
    assert_eq!((device.handshake(), device.push(1, 1), device.push(2, 2), device.pull(2)), (0, 200, 200, 200));
    assert_eq!(device.handshake(), 2);

    let reset = ["reset-replica", DB, DEVICE];
    let (code, shown) = operator.sync(&reset);
    assert!(code == Some(1) && shown.starts_with("401: This changes something"), "{shown}");
    for order in [&reset[..], &["reset", DB, "--yes"]] {
        let (code, shown) = operator.order("admin:read", order);
        assert!(code == Some(1) && shown.starts_with("403: "), "{order:?}: {shown}");
    }
    assert_eq!(device.handshake(), 2, "nothing was reset");
    let (code, shown) = operator.order("admin:write", &["reset-replica", DB, "nobody"]);
    assert!(code == Some(1) && shown.starts_with("404: No device of that name"), "{shown}");
    let done = format!("db {DB}, device {DEVICE}, resume 0\n");
    assert_eq!(operator.order("admin:write", &reset), (Some(0), done));
    assert_eq!(device.handshake(), 0);
    let line: Value = serde_json::from_str(&server.wait_for_log(r#""done":true"#)).unwrap();
    assert_eq!((&line["by"], &line["db"], &line["device"]), (&json!("olga"), &json!(DB), &json!(DEVICE)), "{line}");

    assert_eq!(operator.order("admin:write", &["reset", DB]).0, Some(2), "it is not said that it is meant");
    let before = operator.json(&["show", DB]);
    assert_eq!(before["head"], 2);
    let (code, shown) = operator.order("admin:write", &["reset", DB, "--yes"]);
    assert!(code == Some(0) && shown.starts_with("DATABASE"), "{shown}");
    let after = operator.json(&["show", DB]);
    assert_eq!(["head", "entities", "log_len", "bytes"].map(|key| after[key].clone()), [(); 4].map(|()| json!(0)));
    assert_ne!(after["epoch"], before["epoch"]);
    assert_eq!(operator.json(&["replicas", DB])["data"], json!([]));
    assert_eq!((device.handshake(), device.push(1, 1), device.pull(0)), (0, 200, 200));
    assert_eq!(operator.json(&["show", DB])["head"], 1);
    server.program.stop().unwrap();
}

#[test]
fn a_token_of_sync_opens_none_of_it() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "sync"]);
    let token = device_token(dir.path());
    assert_eq!(Device { server: server.http(), token: &token }.push(1, 1), 200);
    // An origin of its own: what comes from a page is nobody on this machine.
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Origin", "http://x")];
    let (of, again) = (format!("/{DB}"), format!(r#"{{"db":"{DB}"}}"#));
    for (method, path, body) in [
        ("GET", String::new(), ""),
        ("GET", of.clone(), ""),
        ("GET", format!("{of}/replicas"), ""),
        ("GET", format!("{of}/conflicts"), ""),
        ("GET", format!("{of}/history?collection=notes&entity=note-99"), ""),
        ("POST", format!("{of}/replicas/{DEVICE}/reset"), ""),
        ("POST", format!("{of}/reset"), &*again),
    ] {
        let path = format!("/api/v1/sync/databases{path}");
        assert_eq!(http::send(server.http(), method, &path, &headers, body).unwrap().status, 401, "{method} {path}");
    }
    let database = Operator::of(dir.path(), &server).json(&["show", DB]);
    assert_eq!(database["head"], 1, "nothing was reset");
    server.program.stop().unwrap();
}

#[test]
fn a_server_without_sync_says_so() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "relay"]);
    let (code, shown) = Operator::of(dir.path(), &server).sync(&["databases"]);
    assert_eq!((code, &*shown), (Some(1), "404: No sync runs in this server.\n"));
    server.program.stop().unwrap();
}
