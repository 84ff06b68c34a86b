//! The rooms of a running server: seen and moderated by its operator.

use std::fs;
use std::net::SocketAddr;

use sangam_testkit::http;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::run::{Serving, run};

/// A node enters a room by sending a signal there, and is answered with a status.
fn enter(server: SocketAddr, room: &str, node: &str) -> u16 {
    let body = json!({ "from_peer": node, "to_peer": "x", "type": "candidate", "payload": {} }).to_string();
    let headers = [("Content-Type", "application/json")];
    http::send(server, "POST", &format!("/r/{room}/signal/send"), &headers, &body).unwrap().status
}

#[test]
fn the_command_line_shows_and_moderates_rooms_with_a_token() {
    let dir = tempdir().unwrap();
    let mut server = Serving::start(dir.path(), &["--set", "signal.socketio.listen=127.0.0.1:0"]);
    let minted = run(dir.path(), &["token", "mint", "--scope", "admin:write", "--sub", "olga"]);
    fs::write(dir.path().join("token"), minted.stdout.trim()).unwrap();
    let (http, url) = (server.http(), format!("http://{}", server.http()));
    let rooms = |arguments: &[&str]| {
        let outcome = run(dir.path(), &[&["rooms", "--url", &url], arguments].concat());
        (outcome.code, outcome.stdout)
    };
    let order = |arguments: &[&str]| rooms(&[arguments, &["--token-file", "token"]].concat());
    for (room, node) in [("a%2Fb", "one"), ("a%2Fb", "two"), ("c", "three")] {
        assert_eq!(enter(http, room, node), 200);
    }

    let (code, shown) = rooms(&["list"]);
    assert!(
        code == Some(0) && shown.contains("\na/b") && shown.ends_with("\n2 of 2 rooms, 3 participants\n"),
        "{shown}"
    );
    let (code, shown) = rooms(&["list", "--limit", "1", "--json"]);
    let list: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &list["data"][0]["room"]), (Some(0), &json!("a/b")), "{list}");
    assert_eq!(list["links"]["next"], "/api/v1/signal/rooms?limit=1&after=a%2Fb");
    let (code, shown) = rooms(&["show", "a/b"]);
    assert!(code == Some(0) && shown.contains("rendezvous") && shown.ends_with("\n2 of 2 participants\n"), "{shown}");

    let (code, shown) = rooms(&["kick", "a/b", "one"]);
    assert!(code == Some(1) && shown.starts_with("401: This changes something"), "{shown}");
    assert_eq!(order(&["kick", "a/b", "one", "--reason", "noise"]), (Some(0), "kicked one, room a/b\n".to_owned()));
    let line: Value = serde_json::from_str(&server.wait_for_log("kick from a room")).unwrap();
    assert_eq!((&line["by"], &line["participant"], &line["reason"]), (&json!("olga"), &json!("one"), &json!("noise")));
    let (code, shown) = order(&["kick", "a/b", "one"]);
    assert!(code == Some(1) && shown.starts_with("404: Nobody of that id"), "{shown}");

    assert_eq!(order(&["lock", "a/b"]), (Some(0), "locked true, room a/b\n".to_owned()));
    assert_eq!(enter(http, "a%2Fb", "late"), 403);
    assert_eq!(order(&["unlock", "a/b"]).0, Some(0));
    assert_eq!(enter(http, "a%2Fb", "late"), 200);
    assert_eq!(order(&["end", "a/b", "--json"]), (Some(0), "{\"ended\":2,\"room\":\"a/b\"}\n".to_owned()));
    let (code, shown) = rooms(&["show", "a/b"]);
    assert!(code == Some(1) && shown.starts_with("404: There is no such room"), "{shown}");

    server.program.stop().unwrap();
    let gone = run(dir.path(), &["rooms", "--url", &url, "list"]);
    assert!(gone.code == Some(2) && gone.stderr.contains("name the server with `--url`"), "{gone:?}");
}

#[test]
fn a_server_without_signaling_has_no_rooms() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--roles", "relay"]);
    let url = format!("http://{}", server.http());
    let outcome = run(dir.path(), &["rooms", "--url", &url, "list"]);
    assert!(outcome.code == Some(1) && outcome.stdout.starts_with("404: "), "{outcome:?}");
    server.program.stop().unwrap();
}
