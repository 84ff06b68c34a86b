//! Tokens as an operator mints, checks, lists, revokes and renews them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sangam_testkit::{Signal, http};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::run::{Outcome, Serving, run, run_with_input};

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error} in {outcome:?}"))
}

/// A directory in which a server ran once.
fn served(dir: &Path) {
    Serving::start(dir, &[]).program.stop().unwrap();
}

/// The token and its jti.
fn mint(dir: &Path, arguments: &[&str]) -> (String, String) {
    let minted = run(dir, &[&["token", "mint", "--json"], arguments].concat());
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let minted = json(&minted);
    (minted["token"].as_str().unwrap().to_owned(), minted["claims"]["jti"].as_str().unwrap().to_owned())
}

#[test]
fn a_token_for_a_room_says_what_it_allows_and_verify_says_it_back() {
    let dir = tempdir().unwrap();
    served(dir.path());
    let (token, jti) = mint(
        dir.path(),
        &[
            "--use", "signal", "--sub", "alice", "--room", "hall", "--grant", "join", "--grant", "timer", "--name",
            "Alice",
        ],
    );
    fs::write(dir.path().join("token"), format!("{token}\n")).unwrap();
    let ways: [&[&str]; 4] = [&[token.as_str()], &["-"], &["--file", "token"], &["--use", "signal"]];
    for way in ways {
        let verified = run_with_input(dir.path(), &[&["token", "verify", "--json"], way].concat(), &token);
        assert_eq!(verified.code, Some(0), "{way:?}: {verified:?}");
        let verified = json(&verified);
        let claims = &verified["claims"];
        assert_eq!(
            (&verified["use"], &claims["jti"], &claims["name"]),
            (&json!("signal"), &json!(jti), &json!("Alice"))
        );
        assert_eq!((&claims["room"], &claims["grants"]), (&json!("hall"), &json!(["join", "timer"])));
        assert!(verified["kid"].is_string() && verified["expires"].as_str().unwrap().ends_with('Z'), "{verified}");
    }
    let text = run(dir.path(), &["token", "verify", &token]);
    assert!(text.stdout.starts_with("The token is good.\n") && text.stdout.contains("signed by the key"), "{text:?}");
    assert_eq!(run(dir.path(), &["token", "verify", "--use", "admin", &token]).code, Some(1));
    assert_eq!(run(dir.path(), &["token", "verify", "--file", "absent"]).code, Some(2));
}

#[test]
fn an_expired_token_is_refused_with_its_code_and_still_shown() {
    let dir = tempdir().unwrap();
    served(dir.path());
    let (token, _) = mint(dir.path(), &["--use", "signal", "--ttl", "0s", "--set", "auth.leeway=0s"]);
    let verified = run(dir.path(), &["token", "verify", "--json", "--set", "auth.leeway=0s", &token]);
    assert_eq!(verified.code, Some(1));
    let verified = json(&verified);
    assert_eq!((&verified["code"], &verified["claims"]["sub"]), (&json!("token_expired"), &json!("operator")));
}

#[test]
fn a_grant_that_there_is_not_and_a_room_for_operators_are_refused() {
    let dir = tempdir().unwrap();
    served(dir.path());
    for (arguments, part) in [
        (&["--use", "signal", "--grant", "fly"][..], "no grant; there are join, signal, timer, moderate"),
        (&["--scope", "admin:read", "--room", "hall"], "add `--use signal`"),
        (&["--use", "signal", "--jti", ""], "jti is empty"),
    ] {
        let refused = run(dir.path(), &[&["token", "mint"], arguments].concat());
        assert!(refused.code == Some(2) && refused.stderr.contains(part), "{refused:?}");
    }
}

#[test]
fn what_was_minted_is_listed_without_the_token_and_until_it_has_expired() {
    let dir = tempdir().unwrap();
    served(dir.path());
    let (token, jti) = mint(dir.path(), &["--use", "signal", "--sub", "alice", "--note", "for the hall"]);
    mint(dir.path(), &["--use", "signal", "--sub", "gone", "--ttl", "0s"]);
    mint(dir.path(), &["--scope", "metrics:read", "--jti", "scraper"]);
    let list = json(&run(dir.path(), &["token", "list", "--json"]));
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    assert_eq!(
        (&list[0]["jti"], &list[0]["note"], &list[0]["revoked"]),
        (&json!(jti), &json!("for the hall"), &json!(false))
    );
    assert_eq!((&list[1]["jti"], &list[1]["scope"]), (&json!("scraper"), &json!("metrics:read")));
    let text = run(dir.path(), &["token", "list"]).stdout;
    assert!(text.starts_with("JTI") && text.contains("alice") && text.contains("good"), "{text}");
    let path = dir.path().join("sangam-data/minted-tokens");
    assert!(!fs::read_to_string(&path).unwrap().contains(token.rsplit('.').next().unwrap()));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_token_is_revoked_while_no_server_runs_and_the_next_one_refuses_it() {
    let dir = tempdir().unwrap();
    served(dir.path());
    let (token, jti) = mint(dir.path(), &["--scope", "admin:read"]);
    let revoked = run(dir.path(), &["token", "revoke", &jti]);
    assert!(
        revoked.code == Some(0) && revoked.stdout.contains(&jti) && !revoked.stdout.contains("for ever"),
        "{revoked:?}"
    );
    assert_eq!(json(&run(dir.path(), &["token", "verify", "--json", &token]))["code"], "token_revoked");
    assert_eq!(json(&run(dir.path(), &["token", "list", "--json"]))[0]["revoked"], true);
    let server = Serving::start(dir.path(), &[]);
    let authorization = format!("Bearer {token}");
    let answer = http::send(
        server.http(),
        "GET",
        "/api/v1/tokens/revocations",
        &[("Authorization", &authorization), ("Origin", "http://x")],
        "",
    );
    assert_eq!(serde_json::from_str::<Value>(&answer.unwrap().body).unwrap()["code"], "token_revoked");
    server.program.stop().unwrap();
    assert_eq!(run(dir.path(), &["token", "restore", &jti]).code, Some(0));
    assert_eq!(run(dir.path(), &["token", "restore", &jti]).code, Some(1));
    assert_eq!(run(dir.path(), &["token", "verify", &token]).code, Some(0));
    assert!(run(dir.path(), &["token", "revoke", "--sub", "operator"]).stdout.contains("for ever"));
    assert_eq!(run(dir.path(), &["token", "verify", &token]).code, Some(1));
}

#[test]
fn a_running_server_refuses_a_revoked_token_and_what_was_renewed_from_it() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    let (token, jti) = mint(dir.path(), &["--use", "signal", "--sub", "alice", "--ttl", "1h"]);
    let renew = |token: &str| {
        let authorization = format!("Bearer {token}");
        let answer =
            http::send(server.http(), "POST", "/api/v1/tokens/renew", &[("Authorization", &authorization)], "")
                .unwrap();
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let renewed = renew(&token)["token"].as_str().unwrap().to_owned();
    let without_port = run(dir.path(), &["token", "revoke", &jti, "--set", "http.listen=127.0.0.1:0"]);
    assert!(without_port.code == Some(2) && without_port.stderr.contains("`--url`"), "{without_port:?}");
    // The server that uses this data directory is found by its configuration.
    let listen = format!("http.listen={}", server.http());
    let revoked = run(dir.path(), &["token", "revoke", &jti, "--set", &listen, "--json"]);
    assert_eq!((revoked.code, &json(&revoked)["jti"]), (Some(0), &json!(jti)), "{revoked:?}");
    for token in [&token, &renewed] {
        assert_eq!(renew(token)["code"], "token_revoked");
        let ice = http::get(server.http(), &format!("/ice-servers?token={token}")).unwrap();
        assert_eq!(ice.status, 401, "{}", ice.body);
    }
    let url = format!("http://{}", server.http());
    let listed = run(dir.path(), &["token", "revoke", "--url", &url]);
    assert!(listed.stdout.contains(&jti), "{listed:?}");
    assert_eq!(run(dir.path(), &["token", "restore", &jti, "--url", &url]).code, Some(0));
    assert!(renew(&token)["token"].is_string());
    server.program.stop().unwrap();
}

#[test]
fn what_is_revoked_stays_so_over_a_reload_and_a_restart() {
    let dir = tempdir().unwrap();
    let mut server = Serving::start(dir.path(), &[]);
    let (token, jti) = mint(dir.path(), &["--scope", "admin:write"]);
    let authorization = format!("Bearer {token}");
    let code = |server: &Serving| {
        let headers = [("Authorization", authorization.as_str())];
        let path = "/api/v1/tokens/revocations?jti=nothing";
        let answer = http::send(server.http(), "DELETE", path, &headers, "").unwrap();
        serde_json::from_str::<Value>(&answer.body).unwrap()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(&server), "revocation_not_found");
    let url = format!("http://{}", server.http());
    assert_eq!(run(dir.path(), &["token", "revoke", &jti, "--url", &url]).code, Some(0));
    assert_eq!(code(&server), "token_revoked");
    server.program.signal(Signal::HUP).unwrap();
    server.wait_for_log("reloaded; no live key has another value");
    assert_eq!(code(&server), "token_revoked");
    server.program.stop().unwrap();
    let server = Serving::start(dir.path(), &[]);
    assert_eq!(code(&server), "token_revoked");
    server.program.stop().unwrap();
}
