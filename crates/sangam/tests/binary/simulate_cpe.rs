//! `sangam simulate cpe` against the server itself, and against what is none.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use sangam_testkit::http;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::run::{Serving, run};

/// A fleet with everything that a test has the time for.
const SMALL: [&str; 16] = [
    "--devices",
    "50",
    "--boot-within",
    "1s",
    "--seconds",
    "6",
    "--interval",
    "1s",
    "--change-every",
    "2s",
    "--quirks",
    "0.5",
    "--seed",
    "7",
    "--user",
    "factory",
];

/// A server of devices that takes new ones by a credential that all have, beside files with its password and an operator's token.
fn serving() -> (TempDir, Serving) {
    serving_as("devices")
}

fn serving_as(roles: &str) -> (TempDir, Serving) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("credentials"), "factory:a password of the factory\n").unwrap();
    fs::write(dir.path().join("password"), "a password of the factory\n").unwrap();
    let config = "[devices]\nenroll = \"shared-credential\"\n\
                  shared_credentials_file = \"credentials\"\nperiodic_interval = \"0s\"\n\
                  [devices.calls]\ninterval = \"100ms\"\n";
    fs::write(dir.path().join("sangam.toml"), config).unwrap();
    let server = Serving::start(dir.path(), &["--roles", roles, "--config", "sangam.toml"]);
    let minted = run(dir.path(), &["token", "mint", "--scope", "admin:write", "--sub", "olga"]);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    fs::write(dir.path().join("token"), minted.stdout.trim()).unwrap();
    (dir, server)
}

/// The exit and the object that is printed.
fn simulated(dir: &Path, url: &str, words: &[&str]) -> (Option<i32>, Value) {
    let outcome = run(dir, &[&["simulate", "cpe", url, "--json"], words].concat());
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    (outcome.code, report)
}

/// The sum of all lines of a metric.
fn metric(server: SocketAddr, name: &str) -> u64 {
    let text = http::send(server, "GET", "/metrics", &[], "").unwrap().body;
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    let counts = text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.sum()
}

#[test]
fn a_fleet_with_quirks_boots_changes_and_informs_and_the_server_counts_the_same() {
    let (dir, server) = serving();
    let url = format!("http://{}/", server.listeners()["devices"]);
    let (code, report) = simulated(dir.path(), &url, &[&SMALL[..], &["--password-file", "password"]].concat());
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert!(report["faulty"].as_object().unwrap().values().all(|count| count == 0), "{report:#}");
    assert_eq!(report["booted"], 50, "{report:#}");
    for code in ["0 BOOTSTRAP", "1 BOOT", "2 PERIODIC", "4 VALUE CHANGE"] {
        let event = &report["events"][code];
        assert!(event["raised"].as_u64() > Some(0) && event["raised"] == event["acknowledged"], "{code}: {report:#}");
    }
    assert!(report["served"]["SetParameterValues"].as_u64() >= Some(50), "{report:#}");
    assert_eq!(report["logins_taken"], 50, "{report:#}");
    assert!(report["quirks"].as_object().unwrap().len() >= 5, "{report:#}");
    let figure = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(metric(server.http(), "sangam_devices_informs_total"), figure("informs_acknowledged"), "{report:#}");
    assert_eq!(metric(server.http(), "sangam_devices_enrolled_total"), 50);
    assert_eq!(metric(server.http(), "sangam_devices_sessions"), 0);
    let ended = metric(server.http(), "sangam_devices_sessions_ended_total");
    assert_eq!(ended, figure("sessions_complete"), "{report:#}");
    server.program.stop().unwrap();
}

/// Devices of which an operator orders something, over the API of a server.
fn ordered(dir: &Path, server: &Serving, words: &[&str]) -> (Option<i32>, Value) {
    let url = format!("http://{}/", server.listeners()["devices"]);
    let api = format!("http://{}", server.http());
    let login = ["--user", "factory", "--password-file", "password", "--api", &api, "--token-file", "token"];
    let life = ["--boot-within", "0s", "--seconds", "0", "--change-every", "0s", "--retry-wait", "1s", "--seed", "7"];
    simulated(dir, &url, &[&login[..], &life, words].concat())
}

/// What stands at a place of a report.
fn at(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {report:#}"))
}

#[test]
fn devices_of_every_namespace_and_quirk_do_once_whatever_is_ordered() {
    let (dir, server) = serving();
    let devices = ["--devices", "25", "--quirks", "each", "--connection-requests"];
    let tasks = ["--tasks", "all", "--task-devices", "25", "--tasks-at-once", "25", "--live-reads", "2"];
    let (code, report) = ordered(dir.path(), &server, &[&devices[..], &tasks].concat());
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert_eq!(report["quirks"].as_object().unwrap().len(), 24, "{report:#}");
    let kinds = report["tasks"]["kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), 23, "{report:#}");
    for (kind, became) in kinds {
        assert_eq!((&became["ordered"], &became["done"]), (&Value::from(25), &Value::from(25)), "{kind}: {report:#}");
    }
    // Fifteen kinds leave a trace with the device.
    let audit = |what: &str| at(&report, &format!("/tasks/audit/{what}"));
    assert_eq!((audit("once"), audit("twice"), audit("never"), audit("denied")), (15 * 25, 0, 0, 0), "{report:#}");
    for event in [
        "0 BOOTSTRAP",
        "1 BOOT",
        "3 SCHEDULED",
        "4 VALUE CHANGE",
        "5 KICKED",
        "6 CONNECTION REQUEST",
        "7 TRANSFER COMPLETE",
        "8 DIAGNOSTICS COMPLETE",
        "9 REQUEST DOWNLOAD",
        "10 AUTONOMOUS TRANSFER COMPLETE",
        "11 DU STATE CHANGE COMPLETE",
        "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
        "M Download",
        "M Reboot",
        "M ScheduleDownload",
        "M ScheduleInform",
        "M Upload",
    ] {
        let count = &report["events"][event];
        assert!(count["raised"].as_u64() > Some(0) && count["raised"] == count["acknowledged"], "{event}: {report:#}");
    }
    assert_eq!(at(&report, "/resets"), 25, "{report:#}");
    // A file and firmware, of each fourth device.
    assert_eq!(at(&report, "/transfers_resumed"), 2 * 6, "{report:#}");
    assert_eq!(report["tasks"]["live_reads"]["answered"], report["tasks"]["live_reads"]["asked"], "{report:#}");
    server.program.stop().unwrap();
}

#[test]
fn devices_behind_nat_keep_a_binding_and_come_for_datagrams() {
    let (dir, server) = serving_as("devices,relay");
    let stun = server.listeners()["relay"].to_string();
    let words = ["--devices", "4", "--stun", &stun, "--tasks", "reboot,get_values", "--task-devices", "4"];
    let (code, report) = ordered(dir.path(), &server, &words);
    assert_eq!(code, Some(0), "{report:#}");
    assert!(at(&report, "/connection_requests/udp_accepted") >= 4, "{report:#}");
    assert_eq!(report["connection_requests"].get("udp_bad_signature"), None, "{report:#}");
    assert_eq!(report["events"]["4 VALUE CHANGE"]["acknowledged"], 4, "{report:#}");
    assert!(metric(server.http(), "sangam_devices_bindings_total") >= 4);
    server.program.stop().unwrap();
}

#[test]
fn whatever_goes_wrong_nothing_runs_twice_and_no_event_is_lost() {
    let (dir, server) = serving();
    let devices = ["--devices", "12", "--connection-requests", "--faults", "0.04", "--settle", "60s"];
    let tasks = ["--tasks", "set_values,add_object,download,reboot,schedule_inform", "--task-devices", "12"];
    let (_, report) = ordered(dir.path(), &server, &[&devices[..], &tasks].concat());
    assert!(report["mishaps"].as_object().unwrap().len() >= 3, "{report:#}");
    for fault in ["unheard", "undelivered", "untold_transfers", "broken"] {
        assert_eq!(at(&report, &format!("/faulty/{fault}")), 0, "{fault}: {report:#}");
    }
    for what in ["twice", "never", "denied"] {
        assert_eq!(at(&report, &format!("/tasks/audit/{what}")), 0, "{what}: {report:#}");
    }
    assert!(at(&report, "/tasks/audit/once") > 0, "{report:#}");
    server.program.stop().unwrap();
}

#[test]
fn a_fleet_whose_login_is_refused_is_a_no_that_says_so() {
    let (dir, server) = serving();
    let url = format!("http://{}/", server.listeners()["devices"]);
    fs::write(dir.path().join("wrong"), "another password\n").unwrap();
    let words = ["--devices", "3", "--boot-within", "0s", "--seconds", "0", "--settle", "1s", "--user", "factory"];
    let (code, report) = simulated(dir.path(), &url, &[&words[..], &["--password-file", "wrong"]].concat());
    assert_eq!((code, &report["faulty"]["unheard"]), (Some(1), &Value::from(3)), "{report:#}");
    assert_eq!(report["sessions_failed"]["the login was refused"], 3, "{report:#}");
    server.program.stop().unwrap();
    let (code, report) = simulated(dir.path(), &url, &words);
    assert_eq!((code, &report["sessions_failed"]["no connection"]), (Some(1), &Value::from(3)), "{report:#}");
}

#[test]
fn fleets_of_cpes_that_make_no_sense_do_not_start() {
    let dir = tempdir().unwrap();
    for (words, said) in [
        (&["ftp://a"][..], "http://acs.example.org:7547/"),
        (&["http://a", "--quirks", "2"], "`--quirks`"),
        (&["http://a", "--interval", "0s"], "`--interval`"),
        (&["http://a", "--faults", "1"], "`--faults`"),
        (&["http://a", "--retry-wait", "0s"], "`--retry-wait`"),
        (&["http://a", "--tasks", "what", "--api", "http://b"], "factory_reset"),
        (&["http://a", "--tasks", "reboot"], "--api"),
        (&["http://a", "--api", "http://b"], "SANGAM_API_TOKEN"),
        (&["http://a", "--password-file", "absent"], "absent cannot be read"),
        (&["http://localhost:1", "--connection-requests", "192.0.2.1"], "192.0.2.1"),
        (&[], "<URL>"),
    ] {
        let outcome = run(dir.path(), &[&["simulate", "cpe"], words].concat());
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:?}");
    }
}
