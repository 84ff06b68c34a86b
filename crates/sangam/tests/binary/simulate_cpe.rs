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
    "3",
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

/// A server of devices that takes new ones by a credential that all have, beside a file with its password.
fn serving() -> (TempDir, Serving) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("credentials"), "factory:a password of the factory\n").unwrap();
    fs::write(dir.path().join("password"), "a password of the factory\n").unwrap();
    let config = "[devices]\nenroll = \"shared-credential\"\n\
                  shared_credentials_file = \"credentials\"\nperiodic_interval = \"0s\"\n";
    fs::write(dir.path().join("sangam.toml"), config).unwrap();
    let server = Serving::start(dir.path(), &["--roles", "devices", "--config", "sangam.toml"]);
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
        (&["http://a", "--password-file", "absent"], "absent cannot be read"),
        (&["http://localhost:1", "--connection-requests", "192.0.2.1"], "192.0.2.1"),
        (&[], "<URL>"),
    ] {
        let outcome = run(dir.path(), &[&["simulate", "cpe"], words].concat());
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:?}");
    }
}
