//! `sangam simulate sync` against the server itself, and against what is none.

use std::fs;
use std::path::Path;

use sangam_testkit::{Program, Signal, WAIT_MAX, free_tcp_port, http, wait_until};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::run::{Serving, outcome, run, sangam};

const SECRET: &str = "hJ8t2Zl0mQe5mS6r1nD3xw-Kp4vT7yBu9cA";

/// A small fleet in which conflicts and lost answers happen.
const SMALL: [&str; 14] = [
    "--devices",
    "6",
    "--databases",
    "2",
    "--seconds",
    "2",
    "--edits-per-second",
    "60",
    "--entities",
    "4",
    "--disconnects-per-minute",
    "60",
    "--seed",
    "7",
];

/// A server of sync, and the secret of its tokens in a file beside it.
fn serving() -> (TempDir, Serving, String) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let server = serve(dir.path(), "0");
    let url = format!("http://{}", server.http());
    (dir, server, url)
}

fn serve(dir: &Path, port: &str) -> Serving {
    let mut command = sangam(dir, &["serve", "--roles", "sync"]);
    Serving::start_command(command.envs([
        ("HOST", "localhost"),
        ("PORT", port),
        ("JWT_SECRET", SECRET),
        ("DB_PATH", "synced"),
    ]))
}

/// The exit and the object that is printed.
fn simulated(dir: &Path, url: &str, words: &[&str]) -> (Option<i32>, Value) {
    let outcome = run(dir, &[&["simulate", "sync", url, "--json"], words].concat());
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    (outcome.code, report)
}

#[test]
fn devices_that_edit_the_same_and_are_cut_off_lose_nothing_and_have_the_same_in_the_end() {
    let (dir, server, url) = serving();
    let (code, report) = simulated(dir.path(), &url, &[&SMALL[..], &["--secret-file", "secret"]].concat());
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert!(report["faults"].as_object().unwrap().values().all(|count| count == 0), "{report:#}");
    for figure in ["edits", "accepted", "conflicts", "pushed", "pulled", "cut", "requests", "sent_bytes"] {
        assert!(report[figure].as_u64() > Some(0), "{figure}: {report:#}");
    }
    let decided = report["kept_server"].as_u64().unwrap() + report["kept_local"].as_u64().unwrap();
    assert_eq!(report["conflicts"].as_u64(), Some(decided), "{report:#}");
    let sum = |one: &str, other: &str| report[one].as_u64().unwrap() + report[other].as_u64().unwrap();
    assert_eq!(sum("edits", "kept_local"), sum("accepted", "conflicts"), "{report:#}");
    assert!(report["lag"]["p99_ms"].as_f64() > Some(0.0), "{report:#}");
    assert_eq!(report["databases"].as_array().unwrap().len(), 2);
    server.program.stop().unwrap();
}

#[test]
fn one_token_opens_the_one_database_that_is_named_also_if_something_is_there() {
    let (dir, server, url) = serving();
    let mut mint = sangam(dir.path(), &["token", "mint", "--use", "sync", "--db", "shared"]);
    let minted = outcome(mint.env("JWT_SECRET", SECRET).output().unwrap());
    fs::write(dir.path().join("token"), &minted.stdout).unwrap();
    let words = ["--db", "shared", "--token-file", "token", "--devices", "3", "--seconds", "1"];
    let more = ["--edits-per-second", "30", "--entities", "3", "--disconnects-per-minute", "60"];
    for _ in 0..2 {
        let (code, report) = simulated(dir.path(), &url, &[&words[..], &more].concat());
        assert_eq!((code, &report["databases"][0]), (Some(0), &Value::from("shared")), "{report:#}");
    }
    server.program.stop().unwrap();
}

/// What a fleet says of a server that is killed amid it, and started again once `meanwhile` was done to its directory.
fn simulated_over_a_kill(meanwhile: impl FnOnce(&Path)) -> (Option<i32>, Value) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let port = free_tcp_port().unwrap().to_string();
    let mut server = serve(dir.path(), &port);
    let words = ["--json", "--secret-file", "secret", "--devices", "6", "--seconds", "4", "--edits-per-second", "60"];
    let url = format!("http://{}", server.http());
    let fleet = Program::start(sangam(dir.path(), &["simulate", "sync", &url]).args(words)).unwrap();
    let pushes = r#"sangam_sync_requests_total{endpoint="push",method="POST",status="200"} "#;
    wait_until("pushes", WAIT_MAX, || {
        let text = http::send(server.http(), "GET", "/metrics", &[], "")?.body;
        let count = text.lines().find_map(|line| line.strip_prefix(pushes)?.parse::<u64>().ok());
        Ok(count.filter(|count| *count >= 20))
    })
    .unwrap();
    server.program.signal(Signal::KILL).unwrap();
    server.program.wait(WAIT_MAX).unwrap();
    meanwhile(dir.path());
    let server = serve(dir.path(), &port);
    let ended = fleet.wait(WAIT_MAX * 2).unwrap();
    server.program.stop().unwrap();
    let report = ended.output.lines().find(|line| line.starts_with('{')).map(serde_json::from_str);
    (ended.status.code(), report.unwrap_or_else(|| panic!("{}", ended.output)).unwrap())
}

#[test]
fn a_server_that_is_killed_amid_a_fleet_loses_nothing_of_it() {
    let (code, report) = simulated_over_a_kill(|_| {});
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report:#}");
}

#[test]
fn a_server_that_forgets_what_it_acknowledged_is_found_out() {
    let (code, report) = simulated_over_a_kill(|dir| fs::remove_dir_all(dir.join("synced")).unwrap());
    assert_eq!((code, &report["ok"]), (Some(1), &Value::Bool(false)), "{report:#}");
    let faults = &report["faults"];
    assert!(faults["lost"].as_u64().max(faults["miscounted"].as_u64()) > Some(0), "{report:#}");
}

#[test]
fn devices_whose_clocks_the_server_refuses_are_a_no_with_its_words() {
    let (dir, server, url) = serving();
    let words = ["--clock-skew", "300d", "--settle", "1s", "--secret-file", "secret"];
    let (code, report) = simulated(dir.path(), &url, &[&SMALL[..], &words].concat());
    assert_eq!((code, &report["ok"]), (Some(1), &Value::Bool(false)), "{report:#}");
    assert!(report["faults"]["unfinished"].as_u64() > Some(0), "{report:#}");
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdict.contains("could not push and pull everything") && verdict.contains("400"), "{verdict}");
    server.program.stop().unwrap();
}

#[test]
fn a_server_that_wants_a_token_or_is_not_there_is_a_no() {
    let (dir, server, url) = serving();
    let words = ["--devices", "2", "--seconds", "1", "--settle", "100ms"];
    let (code, report) = simulated(dir.path(), &url, &words);
    assert_eq!(code, Some(1), "{report:#}");
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdict.contains("nothing was accepted") && verdict.contains("401"), "{verdict}");
    server.program.stop().unwrap();
    let (code, report) = simulated(dir.path(), &url, &words);
    assert_eq!(code, Some(1), "{report:#}");
    assert!(report["unreached"].as_u64() > Some(0), "{report:#}");
}

#[test]
fn fleets_of_devices_that_make_no_sense_do_not_start() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("token"), "t\n").unwrap();
    fs::write(dir.path().join("short"), "short\n").unwrap();
    for (words, said) in [
        (&["ftp://a"][..], "is no address"),
        (&["http://a", "--devices", "1"], "a device for each database"),
        (&["http://a", "--offline-share", "1"], "0.95"),
        (&["http://a", "--token-file", "token"], "`--db`"),
        (&["http://a", "--secret-file", "short"], "32"),
        (&["http://a", "--secret-file", "absent"], "absent cannot be read"),
        (&["http://a", "--db", "x", "--databases", "2"], "--databases"),
        (&[], "<URL>"),
    ] {
        let outcome = run(dir.path(), &[&["simulate", "sync"], words].concat());
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
        assert!(outcome.stderr.contains(said), "{words:?}: {outcome:?}");
    }
}
