//! The relay's sessions in a running server: seen, ended, revoked and followed by its operator.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use sangam_auth::turn::RestCredential;
use sangam_testkit::{WAIT_MAX, http, wait_until};
use sangam_types::Wall;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::run::{Serving, run};
use crate::turn_client::{Client, Data, EchoPeer};

/// A server in a directory, whose operator has a token.
struct Operated {
    server: Serving,
    http: SocketAddr,
    token: String,
}

impl Operated {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let server = Serving::start(dir, arguments);
        let minted = run(dir, &["token", "mint", "--scope", "admin:write"]);
        Self { http: server.http(), server, token: minted.stdout.trim().to_owned() }
    }

    /// An order with the token, its status and its body.
    fn order(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let authorization = format!("Bearer {}", self.token);
        let path = format!("/api/v1/relay/{path}");
        let answer = http::send(self.http, method, &path, &[("Authorization", &authorization)], body).unwrap();
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// The sessions that the API shows without a token on this machine.
    fn users(&self) -> Vec<String> {
        let answer = http::get(self.http, "/api/v1/relay/sessions").unwrap();
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        let user = |session: &Value| session["user"].as_str().unwrap().to_owned();
        list["data"].as_array().unwrap().iter().map(user).collect()
    }

    fn client(&self, username: &str, password: &str) -> Client {
        let (username, password) = (username.to_owned(), password.to_owned());
        let credential = RestCredential { username, password, expires: Wall::from_unix_secs(0) };
        Client::new(self.server.listeners()["relay"], credential)
    }

    /// A client with a time-limited credential, as the operator's command prints it.
    fn named(&self, dir: &Path, name: &str) -> Client {
        let relay = self.server.listeners()["relay"];
        let listen = format!("relay.listen={relay}");
        let printed = run(dir, &["credentials", "turn", "--set", &listen, "--name", name, "--json"]);
        let credential: Value = serde_json::from_str(&printed.stdout).unwrap();
        self.client(credential["username"].as_str().unwrap(), credential["password"].as_str().unwrap())
    }
}

fn flowing(mut client: Client, peer: &EchoPeer) -> Client {
    client.allocate();
    client.bind_channel(0x4000, peer.addr());
    assert!(flows(&client));
    client
}

fn flows(client: &Client) -> bool {
    client.send_on_channel(0x4000, b"ping");
    client.data() == Data::Channel(0x4000, b"ping".to_vec())
}

fn peer() -> EchoPeer {
    EchoPeer::start(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[test]
fn a_user_taken_out_of_the_users_file_loses_its_allocation_and_all_others_flow_on() {
    let dir = tempdir().unwrap();
    let users = dir.path().join("users");
    fs::write(&users, "alice:bW9yZSB0aGFuIDE2\nbob:YW5vdGhlciBzZWNyZXQ\n").unwrap();
    let arguments = ["--set", "relay.users_file=users", "--set", "server.watch_interval=50ms"];
    let mut server = Operated::start(dir.path(), &arguments);
    let (peer, limited) = (peer(), server.named(dir.path(), "carol/1"));
    let limited = flowing(limited, &peer);
    let mut alice = flowing(server.client("alice", "bW9yZSB0aGFuIDE2"), &peer);
    let bob = flowing(server.client("bob", "YW5vdGhlciBzZWNyZXQ"), &peer);
    assert_eq!(server.users().len(), 3);
    fs::write(&users, "bob:YW5vdGhlciBzZWNyZXQ\n").unwrap();
    server.server.wait_for_log("reloaded");
    let begin = Instant::now();
    wait_until("alice's allocation to end", WAIT_MAX, || Ok((server.users().len() == 2).then_some(()))).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(!server.users().contains(&"alice".to_owned()));
    assert!(flows(&bob) && flows(&limited));
    assert_eq!(alice.try_allocate().error, Some(401));
    let line = server.server.wait_for_log("allocation ended");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["username"], &line["cause"], &line["sent_bytes"]),
        (&json!("alice"), &json!("revoked"), &json!(4))
    );
}

#[test]
fn an_operator_sees_kicks_and_drains_with_a_token_and_nobody_without() {
    let dir = tempdir().unwrap();
    let server = Operated::start(dir.path(), &[]);
    let peer = peer();
    let mut alice = flowing(server.named(dir.path(), "alice/1"), &peer);
    let bob = flowing(server.named(dir.path(), "bob"), &peer);
    let (status, list) = server.order("GET", "sessions?label=alice", "");
    assert_eq!((status, &list["data"][0]["user"], &list["meta"]["allocations"]), (200, &json!("alice/1"), &json!(2)));
    let id = list["data"][0]["id"].as_str().unwrap();
    let refused = http::send(server.http, "DELETE", &format!("/api/v1/relay/sessions/{id}"), &[], "").unwrap();
    assert_eq!(refused.status, 401, "{}", refused.body);
    assert_eq!(
        server.order("DELETE", &format!("sessions/{id}"), ""),
        (200, json!({ "ended": 1, "silent_threads": [] }))
    );
    assert_eq!(server.order("GET", &format!("sessions/{id}"), "").0, 404);
    assert!(flows(&bob));
    alice.allocate();
    assert_eq!(server.order("DELETE", "sessions?label=alice", "").1["ended"], 1);
    assert_eq!(server.order("PUT", "drain", r#"{"draining":true}"#), (200, json!({ "draining": true })));
    wait_until("newcomers to be refused", WAIT_MAX, || Ok((alice.try_allocate().error == Some(508)).then_some(())))
        .unwrap();
    assert_eq!(http::get(server.http, "/ready").unwrap().status, 503);
    assert!(flows(&bob));
    server.order("PUT", "drain", r#"{"draining":false}"#);
    wait_until("newcomers to be welcome", WAIT_MAX, || Ok(alice.try_allocate().error.is_none().then_some(()))).unwrap();
    let metrics = http::get(server.http, "/metrics").unwrap().body;
    assert!(metrics.contains("sangam_relay_allocations_ended_total{cause=\"kicked\"} 2"), "{metrics}");
}

#[test]
fn a_revocation_ends_sessions_at_once_and_lasts_over_a_restart_until_it_is_taken_back() {
    let dir = tempdir().unwrap();
    let mut server = Operated::start(dir.path(), &[]);
    let peer = peer();
    let _alice = flowing(server.named(dir.path(), "alice/1"), &peer);
    let bob = flowing(server.named(dir.path(), "bob"), &peer);
    let (status, revoked) = server.order("POST", "revocations", r#"{"label":"alice"}"#);
    assert_eq!((status, &revoked["label"], &revoked["ended"]), (201, &json!("alice"), &json!(1)), "{revoked}");
    assert!(flows(&bob));
    assert_eq!(server.named(dir.path(), "alice/2").try_allocate().error, Some(401));
    let line: Value = serde_json::from_str(&server.server.wait_for_log("request refused")).unwrap();
    let expected = (&json!("INFO"), &json!(401), &json!("the credential is revoked"));
    assert_eq!((&line["level"], &line["code"], &line["reason"]), expected, "and no challenge before it was refused");
    // Not asked to stop: what was answered is on the disk.
    drop(server);
    let server = Operated::start(dir.path(), &[]);
    assert_eq!(server.named(dir.path(), "alice/1").try_allocate().error, Some(401));
    let metrics = http::get(server.http, "/metrics").unwrap().body;
    assert!(metrics.contains("sangam_relay_credential_refusals_total{reason=\"revoked\"} 1"), "{metrics}");
    server.named(dir.path(), "bob").allocate();
    assert_eq!(server.order("GET", "revocations", "").1["meta"]["count"], 1);
    assert_eq!(server.order("DELETE", "revocations?label=alice", "").0, 204);
    server.named(dir.path(), "alice/1").allocate();
    server.server.program.stop().unwrap();
    fs::write(dir.path().join("sangam-data/relay-revocations.json"), "[{").unwrap();
    let start = run(dir.path(), &[&["serve"], &crate::run::FREE_PORTS[..]].concat());
    assert_eq!(start.code, Some(2));
    assert!(start.stderr.contains("are damaged"), "{start:?}");
}

#[test]
fn who_follows_the_events_hears_of_each_session_and_of_the_end() {
    let dir = tempdir().unwrap();
    let server = Operated::start(dir.path(), &[]);
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    write!(stream, "GET /api/v1/relay/events HTTP/1.1\r\nHost: {}\r\n\r\n", server.http).unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")));
    assert!(lines.any(|line| line.is_empty()));
    let mut client = server.named(dir.path(), "alice/1");
    let relayed = client.allocate();
    client.free();
    let mut event = || -> Option<Value> {
        let line = lines.find(|line| line.starts_with("data: "))?;
        Some(serde_json::from_str(&line["data: ".len()..]).unwrap())
    };
    let begun = event().unwrap();
    assert_eq!((&begun["status"], &begun["label"]), (&json!("new"), &json!("alice")), "{begun}");
    assert_eq!(begun["relayed"], relayed.to_string());
    let ended = event().unwrap();
    assert_eq!((&ended["status"], &ended["cause"]), (&json!("deleted"), &json!("client")), "{ended}");
    assert_eq!(ended["to_peer"], json!({ "packets": 0, "bytes": 0 }));
    let begin = Instant::now();
    let stopped = server.server.program.stop().unwrap();
    assert_eq!((event(), stopped.status.code()), (None, Some(0)), "{}", stopped.output);
    assert!(begin.elapsed() < Duration::from_secs(4), "a follower keeps nobody waiting");
}

#[test]
fn the_command_line_shows_revokes_and_lets_in_again() {
    let dir = tempdir().unwrap();
    let server = Operated::start(dir.path(), &[]);
    server.named(dir.path(), "alice/1").allocate();
    let (url, token_file) = (format!("http://{}", server.http), dir.path().join("token"));
    fs::write(&token_file, &server.token).unwrap();
    let relay = |arguments: &[&str]| {
        let outcome = run(dir.path(), &[&["relay", "--url", &url], arguments].concat());
        (outcome.code, outcome.stdout)
    };
    let (code, shown) = relay(&["sessions", "--label", "alice"]);
    assert!(code == Some(0) && shown.contains(" alice/1 ") && shown.ends_with("1 of 1 sessions\n"), "{shown}");
    let (code, shown) = relay(&["revoke", "--label", "alice"]);
    assert!(code == Some(1) && shown.starts_with("401: This changes something"), "{shown}");
    let (code, shown) = relay(&["revoke", "--label", "alice", "--token-file", token_file.to_str().unwrap()]);
    assert!(code == Some(0) && shown.contains("ended 1"), "{shown}");
    assert!(relay(&["revoke"]).1.starts_with("label alice, since "));
    assert_eq!(relay(&["restore", "--label", "alice", "--token-file", "token"]), (Some(0), String::new()));
    assert_eq!(relay(&["drain", "--json"]), (Some(0), "{\"draining\":false}\n".to_owned()));
    server.server.program.stop().unwrap();
    let gone = run(dir.path(), &["relay", "--url", &url, "top"]);
    assert!(gone.code == Some(2) && gone.stderr.contains("name the server with `--url`"), "{gone:?}");
}
