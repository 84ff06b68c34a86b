//! A running server: what it says, what it reads again, how it stops.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use sangam_testkit::{Signal, WAIT_MAX, http, wait_until};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{FREE_PORTS, Serving, sangam};

#[test]
fn without_any_setting_every_part_is_ready_and_on_loopback() {
    let dir = tempdir().unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    let listeners = server.listeners();
    assert_eq!(listeners.keys().collect::<Vec<_>>(), ["devices", "http", "relay", "signal", "socketio", "turn"]);
    assert!(listeners.values().all(|addr| addr.ip().is_loopback() && addr.port() != 0), "{listeners:?}");
    let ready = http::get(server.http(), "/ready").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
    let parts: Value = serde_json::from_str(&ready.body).unwrap();
    for part in ["http", "data_dir", "relay", "signal", "sync", "devices"] {
        assert_eq!(parts["parts"][part]["state"], "ready", "{part} in {parts}");
    }
    server.wait_for_log("Every listener is on loopback");
    let data_dir = server.ready["data_dir"].as_str().unwrap().to_owned();
    assert_eq!(Path::new(&data_dir), dir.path().canonicalize().unwrap().join("sangam-data"));
    assert_eq!(server.ready["check_page"], format!("http://{}/check/", server.http()));
    assert_eq!(server.program.stop().unwrap().status.code(), Some(0));
}

#[test]
fn pages_metrics_and_signaling_are_served_where_the_line_says() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    assert_eq!(http::get(server.http(), "/health").unwrap().status, 200);
    assert_eq!(http::get(server.http(), "/check/").unwrap().status, 200);
    assert_eq!(http::get(server.http(), "/nothing").unwrap().status, 404);
    let ice: Value = serde_json::from_str(&http::get(server.http(), "/ice-servers").unwrap().body).unwrap();
    let relay_port = server.listeners()["relay"].port().to_string();
    assert!(ice.to_string().contains(&relay_port), "{ice}");
    let metrics = http::get(server.http(), "/metrics").unwrap().body;
    for name in [
        "sangam_part_ready{part=\"relay\"} 1",
        "sangam_listener_connections{listener=\"http\"}",
        "sangam_listener_connections{listener=\"signal\"}",
        "sangam_log_lines_dropped_total 0",
        "process_resident_memory_bytes",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    assert_eq!(http::get(server.listeners()["signal"], "/any/path").unwrap().status, 200);
}

#[test]
fn secrets_are_made_once_with_mode_0600_and_used_again() {
    let dir = tempdir().unwrap();
    Serving::start(dir.path(), &[]).program.stop().unwrap();
    let read = || {
        let entries = fs::read_dir(dir.path().join("sangam-data")).unwrap().map(Result::unwrap);
        let is_secret = |entry: &fs::DirEntry| {
            !["lock", "usp-endpoint-id"].iter().any(|name| entry.file_name() == *name) && entry.path().is_file()
        };
        let mut files: Vec<_> = entries.filter(is_secret).map(|entry| entry.path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect::<Vec<_>>()
    };
    let first = read();
    assert_eq!(first.len(), 5, "{first:?}");
    for (path, secret) in &first {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
        assert!(secret.len() > 40);
    }
    let ended = Serving::start(dir.path(), &[]).program.stop().unwrap();
    assert_eq!(read(), first);
    assert!(first.iter().all(|(_, secret)| !ended.output.contains(secret.trim())), "no secret is logged");
}

#[test]
fn a_single_role_runs_alone_and_host_and_port_mean_its_listener() {
    let dir = tempdir().unwrap();
    let mut command = sangam(dir.path(), &["serve", "--roles", "relay", "--set", "http.listen=127.0.0.1:0"]);
    let server = Serving::start_command(command.env("HOST", "::1").env("PORT", "0"));
    let listeners = server.listeners();
    assert_eq!(listeners.keys().collect::<Vec<_>>(), ["http", "relay", "turn"]);
    assert_eq!(listeners["relay"].ip().to_string(), "::1");
    assert_eq!(http::get(server.http(), "/ice-servers").unwrap().status, 404);
}

#[test]
fn equal_addresses_become_one_listener() {
    let dir = tempdir().unwrap();
    let port = sangam_testkit::free_tcp_port().unwrap();
    let (http, signal) = (format!("http.listen=127.0.0.1:{port}"), format!("signal.listen=127.0.0.1:{port}"));
    let server = Serving::start(dir.path(), &["--set", &http, "--set", &signal]);
    let listeners = server.listeners();
    assert_eq!(listeners["http"], listeners["signal"]);
    assert_eq!(http::get(server.http(), "/health").unwrap().status, 200);
    assert_eq!(http::get(server.http(), "/nothing").unwrap().status, 404);
}

#[test]
fn what_the_guides_set_and_we_cannot_honour_yet_is_said() {
    let dir = tempdir().unwrap();
    let mut command = sangam(dir.path(), &["serve"]);
    command.args(FREE_PORTS).env("REDIS_URL", "redis://localhost");
    let mut server = Serving::start_command(&mut command);
    server.wait_for_log("REDIS_URL is set but not honoured");
}

#[test]
fn a_reload_takes_live_keys_and_names_those_that_need_a_restart() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("sangam.toml");
    fs::write(&file, "[server]\nwatch_interval = \"0s\"\n").unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    fs::write(&file, "[server]\nwatch_interval = \"0s\"\n[log]\nlevel = \"debug\"\n[relay]\nrealm = \"other\"\n")
        .unwrap();
    server.program.signal(Signal::HUP).unwrap();
    server.wait_for_log("reloaded: log.level");
    server.wait_for_log("takes effect at the next start: relay.realm");
    assert_eq!(http::get(server.http(), "/health").unwrap().status, 200);
}

#[test]
fn a_reload_with_an_error_changes_nothing_and_says_so() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("sangam.toml");
    fs::write(&file, "[server]\nwatch_interval = \"0s\"\n[ice]\nhost = \"first.example\"\n").unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    fs::write(&file, "[ice]\nhost = \"second.example\"\n[log]\nlevel = \"loud\"\n").unwrap();
    server.program.signal(Signal::HUP).unwrap();
    let line = server.wait_for_log("nothing was reloaded");
    assert!(line.contains("sangam.toml line 4: `log.level`"), "{line}");
    let ice = http::get(server.http(), "/ice-servers").unwrap().body;
    assert!(ice.contains("first.example"), "{ice}");
}

#[test]
fn a_changed_file_is_seen_without_a_signal() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("sangam.toml");
    fs::write(&file, "[server]\nwatch_interval = \"50ms\"\n").unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    fs::write(&file, "[server]\nwatch_interval = \"50ms\"\n[ice]\nhost = \"relay.example\"\n").unwrap();
    server.wait_for_log("reloaded: ice.host");
    let ice = http::get(server.http(), "/ice-servers").unwrap().body;
    assert!(ice.contains("relay.example"), "{ice}");
}

#[test]
fn a_renewed_certificate_is_seen_and_a_broken_one_is_refused() {
    let dir = tempdir().unwrap();
    let write = |pem: &str, key: &str| {
        fs::write(dir.path().join("k.pem"), key).unwrap();
        fs::write(dir.path().join("c.pem"), pem).unwrap();
    };
    let pair = || {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    };
    let (pem, key) = pair();
    write(&pem, &key);
    let settings = ["tls.certificate_file=c.pem", "tls.key_file=k.pem", "server.watch_interval=50ms"];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let mut server = Serving::start(dir.path(), &arguments);
    let ready = http::get(server.http(), "/ready").unwrap().body;
    assert!(ready.contains("the certificate is good until"), "{ready}");
    let (pem, key) = pair();
    write(&pem, &key);
    server.wait_for_log("another certificate is in force");
    write("broken", &key);
    server.wait_for_log("the old one stays in force");
}

#[test]
fn every_signal_to_stop_ends_it_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempdir().unwrap();
        let mut server = Serving::start(dir.path(), &[]);
        let addr = server.http();
        server.program.signal(signal).unwrap();
        let ended = server.program.wait(WAIT_MAX).unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
        assert!(ended.output.contains("\"message\":\"stopped\""), "{}", ended.output);
        assert!(http::get(addr, "/health").is_err());
    }
}

#[test]
fn logs_go_to_a_file_too_in_the_level_asked_for() {
    let dir = tempdir().unwrap();
    let settings = ["log.file=sangam.log", "log.rotation=never"];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let mut command = sangam(dir.path(), &["serve"]);
    let server = Serving::start_command(command.args(FREE_PORTS).args(arguments).env("LOG_LEVEL", "Warning"));
    let stopped = server.program.stop().unwrap();
    assert!(!stopped.output.contains("\"message\":\"stopped\""), "{}", stopped.output);
    assert_eq!(fs::read_to_string(dir.path().join("sangam.log")).unwrap(), "");
    let server = Serving::start(dir.path(), &["--set", "log.file=sangam.log", "--set", "log.rotation=never"]);
    server.program.stop().unwrap();
    let log = fs::read_to_string(dir.path().join("sangam.log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["message"], "stopped", "{log}");
}

#[test]
fn a_data_directory_that_is_taken_away_shows_in_readiness() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    fs::remove_dir_all(dir.path().join("sangam-data")).unwrap();
    let ready = wait_until("/ready to answer 503", WAIT_MAX, || {
        Ok(http::get(server.http(), "/ready").ok().filter(|answer| answer.status == 503))
    });
    assert!(ready.unwrap().body.contains("cannot be written"));
}

#[test]
fn a_file_with_secrets_that_others_may_read_is_said_aloud() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("sangam.toml");
    fs::write(&file, "[relay]\nsecrets = [\"hJ8t2Zl0mQe5mS6r1nD3xw==\"]\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    server.wait_for_log("holds secrets and other users may read it");
    assert!(!server.program.output().contains("hJ8t2Zl0"));
}
