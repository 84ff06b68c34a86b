//! `sangam simulate usp` and `sangam probe usp` against the server itself, and against what is none.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use sangam_testkit::http;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::run::{Serving, run};

/// A server that takes everybody.
fn serving(more: &[&str]) -> (TempDir, Serving) {
    let dir = tempdir().unwrap();
    let open = ["--roles", "devices", "--set", "devices.enroll=open"];
    let server = Serving::start(dir.path(), &[&open[..], more].concat());
    (dir, server)
}

fn url(server: &Serving) -> String {
    format!("ws://{}/usp", server.listeners()["devices"])
}

/// The exit and the object that is printed.
fn simulated(dir: &Path, url: &str, words: &[&str]) -> (Option<i32>, Value) {
    let outcome = run(dir, &[&["simulate", "usp", url, "--json"], words].concat());
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
fn a_fleet_that_lives_by_itself_is_heard_in_everything_and_ends_well() {
    let (dir, server) = serving(&[]);
    let words = [
        "--devices",
        "40",
        "--boot-within",
        "1s",
        "--seconds",
        "4",
        "--interval",
        "1s",
        "--change-every",
        "1s",
        "--quirks",
        "0.3",
        "--sessions",
        "0.3",
        "--seed",
        "5",
    ];
    let (code, report) = simulated(dir.path(), &url(&server), &words);
    assert_eq!((code, &report["ok"]), (Some(0), &json!(true)), "{report:#}");
    assert_eq!((&report["heard"], &report["boots"]), (&json!(40), &json!(40)), "{report:#}");
    assert!(report["quirks"].as_object().unwrap().len() >= 5, "{report:#}");
    assert!(report["changes"].as_u64() > Some(10), "{report:#}");
    assert_eq!(metric(server.http(), "sangam_devices_enrolled_total"), 40);
    server.program.stop().unwrap();
}

#[test]
fn agents_with_whom_things_go_wrong_lose_nothing_that_they_had_to_tell() {
    let (dir, server) = serving(&[]);
    let words = [
        "--devices",
        "20",
        "--boot-within",
        "1s",
        "--seconds",
        "6",
        "--interval",
        "1s",
        "--change-every",
        "1s",
        "--faults",
        "0.1",
        "--seed",
        "5",
    ];
    let (code, report) = simulated(dir.path(), &url(&server), &words);
    assert_eq!((code, &report["ok"]), (Some(0), &json!(true)), "{report:#}");
    for name in ["dropped", "duplicated", "late"] {
        assert!(report["faults"][name].as_u64() > Some(0), "{name}: {report:#}");
    }
    server.program.stop().unwrap();
}

#[test]
fn a_login_that_is_asked_for_and_wrong_is_told_by_the_fleet_and_by_the_probe() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("credentials"), "factory:a password of the factory\n").unwrap();
    fs::write(dir.path().join("right"), "a password of the factory\n").unwrap();
    fs::write(dir.path().join("wrong"), "another password\n").unwrap();
    let config = "[devices]\nenroll = \"shared-credential\"\nbasic_without_tls = true\n\
                  shared_credentials_file = \"credentials\"\n";
    fs::write(dir.path().join("sangam.toml"), config).unwrap();
    let server = Serving::start(dir.path(), &["--roles", "devices", "--config", "sangam.toml"]);
    let url = url(&server);
    let words = ["--devices", "3", "--boot-within", "0s", "--seconds", "0", "--settle", "2s", "--user", "factory"];
    let (code, report) = simulated(dir.path(), &url, &[&words[..], &["--password-file", "wrong"]].concat());
    assert_eq!((code, &report["connections_refused"]["HTTP 401"]), (Some(1), &json!(3)), "{report:#}");
    let (code, report) = simulated(dir.path(), &url, &[&words[..], &["--password-file", "right"]].concat());
    assert_eq!((code, &report["heard"]), (Some(0), &json!(3)), "{report:#}");
    let probed = |words: &[&str]| {
        let outcome = run(dir.path(), &[&["probe", "usp", &url, "--json"], words].concat());
        (
            outcome.code,
            serde_json::from_str::<Value>(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}")),
        )
    };
    let (code, report) = probed(&[]);
    assert_eq!(code, Some(1), "{report:#}");
    assert!(report["verdict"].as_str().unwrap().starts_with("no: open: HTTP 401"), "{report:#}");
    let (code, report) = probed(&["--user", "factory", "--password-file", "right"]);
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("all is well")), "{report:#}");
    let (code, report) = probed(&["--user", "factory", "--password-file", "right", "--controller", "self::other"]);
    assert_eq!(code, Some(1), "{report:#}");
    assert!(report["verdict"].as_str().unwrap().contains("the server says that it is"), "{report:#}");
    assert_eq!(metric(server.http(), "sangam_devices_enrolled_total"), 3, "a probe leaves nothing behind");
    server.program.stop().unwrap();
}

#[test]
fn a_probe_says_what_is_in_the_way() {
    let (dir, server) = serving(&[]);
    let probed = |url: &str| {
        let outcome = run(dir.path(), &["probe", "usp", url, "--timeout", "2s"]);
        (outcome.code, outcome.stdout)
    };
    let (code, said) = probed(&url(&server));
    assert_eq!(code, Some(0), "{said}");
    for part in ["a WebSocket with the subprotocol v1.usp", "the controller asks: ", "closes the session with 1003"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let address = server.listeners()["devices"].to_string().trim_matches('"').to_owned();
    for (url, part) in [
        (format!("wss://{address}/usp"), "TLS"),
        (format!("ws://{address}/elsewhere"), "HTTP "),
        (format!("ws://{}/ws", server.http()), "HTTP "),
    ] {
        let (code, said) = probed(&url);
        assert!(code == Some(1) && said.contains(part), "{url}: {said}");
    }
    server.program.stop().unwrap();
    let (code, said) = probed(&format!("ws://{address}/usp"));
    assert!(code == Some(1) && said.contains("nothing listens there"), "{said}");
}

#[test]
fn fleets_of_agents_that_make_no_sense_do_not_start() {
    let dir = tempdir().unwrap();
    for (words, said) in [
        (&["http://a"][..], "ws://acs.example.org:7547/usp"),
        (&["stomp://a", "--mtp", "mqtt5"], "mqtt://broker.example.org:1883"),
        (&["ws://a", "--quirks", "2"], "`--quirks`"),
        (&["ws://a", "--interval", "1ms"], "`--interval`"),
        (&["ws://a", "--controller", "nobody"], "no endpoint id of USP"),
        (&["mqtt://127.0.0.1:1", "--devices", "1"], "`--controller`"),
        (&["ws://a", "--password-file", "absent"], "absent cannot be read"),
        (&[], "<URL>"),
    ] {
        let outcome = run(dir.path(), &[&["simulate", "usp"], words].concat());
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:?}");
    }
}
