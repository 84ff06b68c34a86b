//! Sync as an operator meets it: the variables of the original's guide, its store, its tokens.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use sangam_testkit::{Signal, http};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::run::{FREE_PORTS, Outcome, Serving, outcome, run, sangam};
use crate::sync_device::Device;

const SECRET: &str = "hJ8t2Zl0mQe5mS6r1nD3xw-Kp4vT7yBu9cA";

/// `serve` with nothing but the variables of the guide, on a free port.
fn guided(dir: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = sangam(dir, &["serve", "--roles", "sync"]);
    let port = [("HOST", "localhost"), ("PORT", "0"), ("JWT_SECRET", SECRET), ("DB_PATH", "synced")];
    command.envs(port).envs(variables.iter().copied());
    command
}

/// The token that a command prints.
fn mint(dir: &Path, arguments: &[&str]) -> String {
    let minted = minted(dir, arguments);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    minted.stdout.trim().to_owned()
}

fn minted(dir: &Path, arguments: &[&str]) -> Outcome {
    let arguments = [&["token", "mint", "--use", "sync"], arguments].concat();
    outcome(sangam(dir, &arguments).env("JWT_SECRET", SECRET).output().unwrap())
}

fn refused(outcome: &Outcome, parts: &[&str]) {
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "nothing is ready");
    assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part:?} in {}", outcome.stderr);
    }
}

fn get(server: &Serving, path: &str, headers: &[(&str, &str)]) -> http::Answer {
    http::send(server.http(), "GET", path, headers, "").unwrap()
}

fn header<'a>(answer: &'a http::Answer, name: &str) -> Option<&'a str> {
    let fields = answer.head.lines().filter_map(|line| line.split_once(": "));
    fields.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The status of a request for the figures of a database, with a token.
fn stats(server: &Serving, token: &str) -> u16 {
    get(server, "/v1/stats", &[("Authorization", &format!("Bearer {token}"))]).status
}

#[test]
fn the_environment_of_the_guide_starts_it_and_a_token_of_the_same_secret_opens_it() {
    let dir = tempdir().unwrap();
    let server = Serving::start_command(&mut guided(dir.path(), &[]));
    let version = get(&server, "/v1/version", &[]);
    assert_eq!((version.status, version.body.as_str()), (200, r#"{"version":1,"minSupported":1}"#));
    assert_eq!(server.listeners().len(), 1, "the main listener is all there is: {}", server.ready);
    assert!(server.ready["listeners"][0]["serves"].as_str().unwrap().contains("sync at /v1"));
    let store = dir.path().join("synced");
    assert_eq!(fs::metadata(&store).unwrap().mode() & 0o777, 0o700);
    assert!(fs::read_dir(&store).unwrap().count() > 0, "the store is there");
    let token = mint(dir.path(), &["--db", "production-db", "--device", "android-a92f1"]);
    assert_eq!(stats(&server, &token), 200);
    assert_eq!(stats(&server, &format!("{token}x")), 401);
    let ready: Value = serde_json::from_str(&get(&server, "/ready", &[]).body).unwrap();
    assert_eq!(ready["parts"]["sync"]["state"], "ready", "{ready}");
    let ended = server.program.stop().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(!ended.output.contains(SECRET) && !ended.output.contains(&token), "{}", ended.output);
}

/// Pushes one entity in its `version`, 1 or 2, and gives the status.
fn push(server: &Serving, token: &str, version: u64) -> u16 {
    Device { server: server.http(), token }.push(version, version)
}

/// How far the database of a token has got.
fn cursor(server: &Serving, token: &str) -> u64 {
    let answer = get(server, "/v1/stats", &[("Authorization", &format!("Bearer {token}"))]);
    let stats: Value = serde_json::from_str(&answer.body).unwrap();
    stats["cursor"].as_u64().unwrap()
}

#[test]
fn what_was_acknowledged_is_there_after_a_stop_and_a_kill() {
    let dir = tempdir().unwrap();
    let token = mint(dir.path(), &["--db", "production-db", "--device", "android-a92f1"]);
    let server = Serving::start_command(&mut guided(dir.path(), &[]));
    assert_eq!(push(&server, &token, 1), 200);
    server.program.stop().unwrap();
    let mut server = Serving::start_command(&mut guided(dir.path(), &[]));
    assert_eq!(cursor(&server, &token), 1);
    assert_eq!(push(&server, &token, 2), 200);
    server.program.signal(Signal::KILL).unwrap();
    let server = Serving::start_command(&mut guided(dir.path(), &[("SANGAM_DATA_DIR", "other")]));
    assert_eq!(cursor(&server, &token), 2);
    server.program.stop().unwrap();
}

#[test]
fn a_weak_jwt_secret_stops_the_start_by_its_name() {
    let dir = tempdir().unwrap();
    for (secret, part) in [("change-me-in-production", "well-known"), ("0123456789abcdef", "at least 32")] {
        let outcome = outcome(guided(dir.path(), &[("JWT_SECRET", secret)]).output().unwrap());
        refused(&outcome, &["environment variable JWT_SECRET", part, "openssl rand"]);
        assert!(!outcome.stderr.contains(secret), "{outcome:?}");
    }
    assert!(!dir.path().join("synced").exists(), "nothing was half started");
}

#[test]
fn a_db_path_that_is_a_file_is_refused_with_what_it_is_for() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("sync_server.db"), "of the original").unwrap();
    let outcome = outcome(guided(dir.path(), &[("DB_PATH", "sync_server.db")]).output().unwrap());
    refused(&outcome, &["sync_server.db is a file", "`sync.path` (DB_PATH)"]);
    assert_eq!(fs::read_to_string(dir.path().join("sync_server.db")).unwrap(), "of the original");
}

#[test]
fn a_store_has_one_server_at_a_time() {
    let dir = tempdir().unwrap();
    let server = Serving::start_command(&mut guided(dir.path(), &[]));
    let second = outcome(guided(dir.path(), &[("SANGAM_DATA_DIR", "other")]).output().unwrap());
    refused(&second, &["the store of sync cannot be opened", "synced", "in use by another process"]);
    server.program.stop().unwrap();
    let next = Serving::start_command(&mut guided(dir.path(), &[("SANGAM_DATA_DIR", "other")]));
    next.program.stop().unwrap();
}

#[test]
fn the_variables_of_the_guide_have_an_effect_on_what_runs() {
    let dir = tempdir().unwrap();
    let variables = [
        ("CORS_ORIGINS", "https://app.example.org"),
        ("RATE_LIMIT_RPS", "1"),
        ("RATE_LIMIT_BURST", "3"),
        ("SSE_ENABLED", "false"),
        ("LOG_LEVEL", "WARNING"),
    ];
    let server = Serving::start_command(&mut guided(dir.path(), &variables));
    let allowed = |origin: &str| {
        let answer = get(&server, "/v1/version", &[("Origin", origin)]);
        header(&answer, "access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed("https://app.example.org").as_deref(), Some("https://app.example.org"));
    assert_eq!(allowed("https://elsewhere.example.org"), None);
    let token = mint(dir.path(), &["--db", "d", "--device", "a"]);
    let authorization = format!("Bearer {token}");
    let events = get(&server, "/v1/events?deviceId=a", &[("Authorization", &authorization)]);
    assert_eq!(events.status, 404, "{}", events.body);
    let limit = get(&server, "/v1/stats", &[("Authorization", &authorization)]);
    assert_eq!((limit.status, header(&limit, "x-ratelimit-limit")), (200, Some("3")));
    let statuses: Vec<u16> = (0..20).map(|_| stats(&server, &token)).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let ended = server.program.stop().unwrap();
    assert!(!ended.output.contains("\"level\":\"INFO\",\"message\":\"stop"), "{}", ended.output);
}

#[test]
fn cors_can_be_switched_off_and_is_open_to_all_pages_by_default() {
    let dir = tempdir().unwrap();
    for (variables, expected) in [(&[][..], Some("*")), (&[("ENABLE_CORS", "FALSE")], None)] {
        let server = Serving::start_command(&mut guided(dir.path(), variables));
        let answer = get(&server, "/v1/version", &[("Origin", "https://app.example.org")]);
        assert_eq!(header(&answer, "access-control-allow-origin"), expected, "{variables:?}");
        server.program.stop().unwrap();
    }
}

#[test]
fn its_figures_have_the_originals_names_too_unless_they_are_left_out() {
    let dir = tempdir().unwrap();
    let server = Serving::start_command(&mut guided(dir.path(), &[]));
    assert_eq!(get(&server, "/v1/version", &[]).status, 200);
    let text = get(&server, "/metrics", &[]).body;
    for line in [
        r#"sangam_sync_requests_total{endpoint="version",method="GET",status="200"} 1"#,
        r#"entidb_sync_requests_total{endpoint="version",method="GET",status="200"} 1"#,
        "entidb_sync_conflicts_total 0",
        "entidb_sync_sse_connections 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    server.program.stop().unwrap();
    let server = Serving::start_command(guided(dir.path(), &[]).args(["--set", "telemetry.compat=false"]));
    let text = get(&server, "/metrics", &[]).body;
    assert!(text.contains("sangam_sync_databases") && !text.contains("entidb"), "{text}");
    server.program.stop().unwrap();
}

#[test]
fn a_token_is_minted_for_one_database_and_device_and_shown_in_the_list() {
    let dir = tempdir().unwrap();
    Serving::start(dir.path(), &[]).program.stop().unwrap();
    let arguments = ["token", "mint", "--use", "sync", "--db", "d1", "--device", "phone", "--sub", "alice", "--json"];
    let minted: Value = serde_json::from_str(&run(dir.path(), &arguments).stdout).unwrap();
    let claims = &minted["claims"];
    assert_eq!((&claims["dbId"], &claims["deviceId"]), (&json!("d1"), &json!("phone")), "{minted}");
    let token = minted["token"].as_str().unwrap();
    let verified: Value = serde_json::from_str(&run(dir.path(), &["token", "verify", "--json", token]).stdout).unwrap();
    assert_eq!((&verified["ok"], &verified["use"]), (&json!(true), &json!("sync")), "{verified}");
    assert_eq!(run(dir.path(), &["token", "verify", "--use", "signal", token]).code, Some(1));
    let list = run(dir.path(), &["token", "list"]).stdout;
    assert!(list.contains("d1/phone") && list.contains("sync"), "{list}");
}

#[test]
fn what_a_token_of_sync_cannot_have_and_others_cannot_have_of_it_is_refused() {
    let dir = tempdir().unwrap();
    Serving::start(dir.path(), &[]).program.stop().unwrap();
    for (arguments, part) in [
        (&["--use", "sync"][..], "add `--db NAME`"),
        (&["--use", "sync", "--db", ""], "1 to 512 bytes"),
        (&["--use", "sync", "--db", "d", "--scope", "admin:read"], "leave `--scope` out"),
        (&["--use", "sync", "--db", "d", "--room", "hall"], "add `--use signal`"),
        (&["--use", "signal", "--db", "d"], "add `--use sync`"),
        (&["--scope", "admin:read", "--device", "d"], "add `--use sync`"),
    ] {
        let outcome = run(dir.path(), &[&["token", "mint"], arguments].concat());
        refused(&outcome, &[part]);
    }
    let arguments = ["token", "mint", "--use", "sync", "--set", "sync.default_db=main"];
    assert_eq!(run(dir.path(), &arguments).code, Some(0));
}

#[test]
fn a_revoked_token_is_refused_at_once_and_one_of_sync_opens_nothing_else() {
    let dir = tempdir().unwrap();
    let server = Serving::start_command(&mut guided(dir.path(), &[]));
    let token = mint(dir.path(), &["--db", "d", "--jti", "phone-1"]);
    assert_eq!(stats(&server, &token), 200);
    let authorization = format!("Bearer {token}");
    let admin = [("Authorization", authorization.as_str()), ("Origin", "http://x")];
    for path in ["/metrics", "/api/v1/system/health", "/api/v1/tokens/revocations"] {
        assert_eq!(get(&server, path, &admin).status, 401, "{path}");
    }
    let url = format!("http://{}", server.http());
    assert_eq!(run(dir.path(), &["token", "revoke", "phone-1", "--url", &url]).code, Some(0));
    assert_eq!(stats(&server, &token), 401);
    server.program.stop().unwrap();
}

#[test]
fn keys_of_an_issuer_are_rotated_by_a_reload_and_a_wrong_set_changes_nothing() {
    let dir = tempdir().unwrap();
    let set = |kid: &str| {
        let jwk = json!({ "kty": "oct", "kid": kid, "k": "aEo4dDJabDBtUWU1bVM2cjFuRDN4dy1LcDR2VDd5QnU5Y0E" });
        fs::write(dir.path().join("jwks.json"), json!({ "keys": [jwk] }).to_string()).unwrap();
    };
    let minted = |kid: &str| {
        let key = format!("{kid}:{SECRET}\n");
        fs::write(dir.path().join("issuer-key"), key).unwrap();
        let arguments = ["token", "mint", "--use", "sync", "--db", "d", "--set", "auth.sync_keys_file=issuer-key"];
        run(dir.path(), &arguments).stdout.trim().to_owned()
    };
    set("old");
    let arguments = ["--set", "auth.sync_jwks_file=jwks.json", "--set", "server.watch_interval=0s"];
    let mut server = Serving::start(dir.path(), &arguments);
    let (old, new) = (minted("old"), minted("new"));
    assert_eq!((stats(&server, &old), stats(&server, &new)), (200, 401));
    set("new");
    server.program.signal(Signal::HUP).unwrap();
    server.wait_for_log("reloaded");
    assert_eq!((stats(&server, &old), stats(&server, &new)), (401, 200));
    fs::write(dir.path().join("jwks.json"), "{}").unwrap();
    server.program.signal(Signal::HUP).unwrap();
    let said = server.wait_for_log("nothing was reloaded");
    assert!(said.contains("`auth.sync_jwks_file`") && said.contains("no JWK set"), "{said}");
    assert_eq!(stats(&server, &new), 200);
    server.program.stop().unwrap();
}

#[test]
fn a_set_of_keys_that_cannot_be_used_stops_the_start() {
    let dir = tempdir().unwrap();
    let start = [&["serve", "--set", "auth.sync_jwks_file=jwks.json"], &FREE_PORTS[..]].concat();
    refused(&run(dir.path(), &start), &["`auth.sync_jwks_file`: jwks.json", "cannot be read"]);
    fs::write(dir.path().join("jwks.json"), r#"{"keys":[{"kty":"oct","kid":"k","k":"c2hvcnQ"}]}"#).unwrap();
    refused(&run(dir.path(), &start), &["`auth.sync_jwks_file`: jwks.json", "the key \"k\"", "`k` is missing"]);
}

#[test]
fn rates_and_origins_take_new_values_while_it_runs() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("sangam.toml"), "[server]\nwatch_interval = \"0s\"\n").unwrap();
    let mut server = Serving::start_command(&mut guided(dir.path(), &[]));
    let allowed = |server: &Serving| {
        let answer = get(server, "/v1/version", &[("Origin", "https://app.example.org")]);
        header(&answer, "access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed(&server).as_deref(), Some("*"));
    let text = "[server]\nwatch_interval = \"0s\"\n[sync.cors]\nenabled = false\n[sync.rate]\nburst = 7\n";
    fs::write(dir.path().join("sangam.toml"), text).unwrap();
    server.program.signal(Signal::HUP).unwrap();
    server.wait_for_log("reloaded: sync.cors.enabled, sync.rate.burst");
    assert_eq!(allowed(&server), None);
    let token = mint(dir.path(), &["--db", "d"]);
    let answer = get(&server, "/v1/stats", &[("Authorization", &format!("Bearer {token}"))]);
    assert_eq!(header(&answer, "x-ratelimit-limit"), Some("7"));
    server.program.stop().unwrap();
}
