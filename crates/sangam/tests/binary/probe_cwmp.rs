//! `sangam probe cwmp` against the server itself, and against what is no ACS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread;

use sangam_testkit::free_tcp_port;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::run::{Serving, run};

fn serving(enroll: &str) -> (TempDir, Serving) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("credentials"), "factory:a password of the factory\n").unwrap();
    fs::write(dir.path().join("password"), "a password of the factory\n").unwrap();
    fs::write(dir.path().join("wrong"), "another password\n").unwrap();
    let config = format!("[devices]\nenroll = \"{enroll}\"\nshared_credentials_file = \"credentials\"\n");
    fs::write(dir.path().join("sangam.toml"), config).unwrap();
    let server = Serving::start(dir.path(), &["--roles", "devices", "--config", "sangam.toml"]);
    (dir, server)
}

fn probed(dir: &Path, url: &str, words: &[&str]) -> (Option<i32>, Value) {
    let outcome = run(dir, &[&["probe", "cwmp", url, "--json"], words].concat());
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    (outcome.code, report)
}

/// What was found of a subject.
fn found<'a>(report: &'a Value, subject: &str) -> &'a Value {
    let mut findings = report["findings"].as_array().unwrap().iter();
    findings.find(|it| it["subject"] == subject).unwrap_or_else(|| panic!("no {subject}: {report:#}"))
}

/// A server that answers whatever is posted with these words.
fn canned(answer: &'static str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut text = Vec::new();
            let mut buffer = [0; 4_096];
            // To a handshake of TLS (its first byte is 0x16) it says the same.
            while !text.ends_with(b"Envelope>") && !text.starts_with(b"\x16") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => text.extend_from_slice(&buffer[..length]),
                }
            }
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    url
}

#[test]
fn our_server_takes_a_device_with_its_login_through_a_session() {
    let (dir, server) = serving("shared-credential");
    let url = format!("http://{}/any/path", server.listeners()["devices"]);
    let login = ["--user", "factory", "--password-file", "password"];
    let (code, report) = probed(dir.path(), &url, &login);
    assert_eq!((code, &report["verdict"]), (Some(0), &Value::from("all is well")), "{report:#}");
    assert_eq!((&report["probe"], &report["measured"]["login"]), (&Value::from("cwmp"), &Value::from("digest")));
    assert_eq!(found(&report, "session")["mark"], "fine", "{report:#}");
    // It was to be told a login of its own, and did not take it.
    assert_eq!(report["measured"]["asked"][0], "SetParameterValues", "{report:#}");
    assert!(report["measured"]["cookie"].is_string(), "{report:#}");

    let (code, report) = probed(dir.path(), &url, &["--user", "factory", "--password-file", "wrong"]);
    assert_eq!((code, &found(&report, "login")["said"]), (Some(1), &Value::from("Digest is asked for")), "{report:#}");
    assert_eq!(report["verdict"], "no: login: refused", "{report:#}");

    let (code, report) = probed(dir.path(), &url, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert!(report["verdict"].as_str().unwrap().starts_with("works, but inform: not tried"), "{report:#}");
    assert_eq!(probed(dir.path(), &url, &["--strict"]).0, Some(1));
    let (code, report) = probed(dir.path(), &url, &[&login[..], &["--oui", "none"]].concat());
    assert_eq!(code, Some(1), "{report:#}");
    server.program.stop().unwrap();
}

#[test]
fn an_acs_that_asks_for_no_login_is_warned_of() {
    let (dir, server) = serving("closed");
    let url = format!("http://{}/", server.listeners()["devices"]);
    let (code, report) = probed(dir.path(), &url, &[]);
    assert_eq!((code, &found(&report, "login")["mark"]), (Some(0), &Value::from("warning")), "{report:#}");
    assert_eq!(found(&report, "session")["mark"], "fine", "{report:#}");
    server.program.stop().unwrap();
}

#[test]
fn what_is_no_acs_is_told_with_what_is_wrong() {
    let dir = tempdir().unwrap();
    for (answer, words) in [
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "401 without a challenge"),
        (
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "no Digest challenge: Basic alone",
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: 42\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "HTTP 503, Retry-After 42",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://acs.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "a redirect to https://acs.example/",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\nConnection: close\r\n\r\n<html></html>\r\n",
            "HTML instead of SOAP",
        ),
        ("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "no InformResponse"),
    ] {
        let (code, report) = probed(dir.path(), &canned(answer), &[]);
        assert_eq!(code, Some(1), "{report:#}");
        assert!(report["verdict"].as_str().unwrap().contains(words), "{words}: {report:#}");
        let mut findings = report["findings"].as_array().unwrap().iter();
        let failed = findings.find(|it| it["mark"] == "failed").unwrap();
        assert!(failed["cause"].is_string() && failed["mend"].is_string(), "{failed:#}");
    }
    let down = format!("http://127.0.0.1:{}/", free_tcp_port().unwrap());
    assert!(probed(dir.path(), &down, &[]).1["verdict"].as_str().unwrap().contains("nothing listens"));
    let tls =
        canned("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").replace("http", "https");
    assert!(probed(dir.path(), &tls, &["--timeout", "2s"]).1["verdict"].as_str().unwrap().contains("TLS handshake"));
    for words in [&["ftp://a"][..], &["http://a", "--password-file", "password"], &[]] {
        let outcome = run(dir.path(), &[&["probe", "cwmp"], words].concat());
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
    }
}
