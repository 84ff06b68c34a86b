//! Commands that answer and end.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Serving, outcome, run, run_with_input, sangam};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn init_writes_a_private_file_that_can_be_used_and_leaves_it_alone_afterwards() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("sangam.toml");
    assert_eq!(run(dir.path(), &["init"]).code, Some(0));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let written = fs::read_to_string(&file).unwrap();
    let again = run(dir.path(), &["init"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("is there already and is left as it is"), "{again:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    let other = run(dir.path(), &["init", "--config", "other.toml"]);
    assert_eq!(other.code, Some(0));
    assert_ne!(fs::read_to_string(dir.path().join("other.toml")).unwrap(), written, "secrets differ");
    let check = run(dir.path(), &["config", "check"]);
    assert_eq!((check.code, check.stdout.as_str()), (Some(0), "The configuration can be used.\n"));
    Serving::start(dir.path(), &[]).program.stop().unwrap();
}

#[test]
fn init_says_why_it_cannot_write() {
    let dir = tempdir().unwrap();
    let outcome = run(dir.path(), &["init", "--config", "gone/sangam.toml"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("gone/sangam.toml cannot be written"), "{outcome:?}");
}

#[test]
fn config_check_lists_every_problem_and_answers_no() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("sangam.toml"), "[relay]\nrelm = \"x\"\nmin_port = \"low\"\n").unwrap();
    let check = run(dir.path(), &["config", "check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("line 2: there is no key `relay.relm`"), "{check:?}");
    assert!(check.stdout.contains("line 3: `relay.min_port`"), "{check:?}");
    let check = json(&run(dir.path(), &["config", "check", "--json"]).stdout);
    assert_eq!(check["ok"], false);
    assert_eq!(check["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn config_check_sees_what_serve_would_refuse() {
    let dir = tempdir().unwrap();
    let open = run(dir.path(), &["config", "check", "--set", "signal.listen=203.0.113.254:8443"]);
    assert_eq!(open.code, Some(1));
    assert!(open.stdout.contains("would serve anybody"), "{open:?}");
    let files = ["--set", "tls.certificate_file=gone.pem", "--set", "tls.key_file=gone.key"];
    let certificate = run(dir.path(), &[&["config", "check"][..], &files].concat());
    assert_eq!(certificate.code, Some(1));
    assert!(certificate.stdout.contains("gone.pem"), "{certificate:?}");
    let missing = run(dir.path(), &["config", "check", "--config", "gone.toml"]);
    assert_eq!(missing.code, Some(2), "a file that cannot be read was not checked");
}

#[test]
fn config_check_reports_what_cannot_be_honoured_yet() {
    let dir = tempdir().unwrap();
    let check = outcome(sangam(dir.path(), &["config", "check"]).env("DATABASE_URL", "postgres://x").output().unwrap());
    assert_eq!(check.code, Some(0));
    assert!(check.stdout.contains("notice: DATABASE_URL is set but not honoured"), "{check:?}");
}

#[test]
fn config_print_shows_each_value_with_its_origin_and_no_secret() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("sangam.toml"), "[relay]\nsecrets = [\"hJ8t2Zl0mQe5mS6r1nD3xw==\"]\n").unwrap();
    let mut command = sangam(dir.path(), &["config", "print", "--set", "relay.realm=example.org"]);
    let print = outcome(command.env("LOG_LEVEL", "DEBUG").output().unwrap());
    for line in [
        "realm = \"example.org\"  # --set relay.realm",
        "secrets = [\"(secret)\"]  # ./sangam.toml line 2",
        "level = \"debug\"  # environment variable LOG_LEVEL",
        "min_port = 49152  # default",
        "# servers_file is not set",
    ] {
        assert!(print.stdout.lines().any(|printed| printed == line), "{line} in\n{}", print.stdout);
    }
    let print = json(&run(dir.path(), &["config", "print", "--json"]).stdout);
    assert_eq!(print["relay.secrets"]["value"][0], "(secret)");
    assert_eq!(print["relay.secrets"]["origin"], "./sangam.toml line 2");
    assert_eq!(print["signal.open"]["value"], Value::Null);
}

#[test]
fn a_printed_configuration_can_be_read_back() {
    let dir = tempdir().unwrap();
    let printed = run(dir.path(), &["config", "print"]).stdout;
    fs::write(dir.path().join("printed.toml"), printed).unwrap();
    let check = run(dir.path(), &["config", "check", "--config", "printed.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn config_schema_is_a_json_schema_that_marks_each_key() {
    let dir = tempdir().unwrap();
    let schema = json(&run(dir.path(), &["config", "schema"]).stdout);
    let relay = &schema["properties"]["relay"]["properties"];
    assert_eq!(relay["realm"]["x-reload"], "restart");
    assert_eq!(relay["secrets"]["x-reload"], "live");
    assert_eq!(relay["secrets"]["items"]["x-secret"], true);
    assert!(run(dir.path(), &["config", "schema", "--reference"]).stdout.starts_with("# Configuration reference"));
}

#[test]
fn a_minted_token_is_good_and_a_changed_one_is_not() {
    let dir = tempdir().unwrap();
    let before = run(dir.path(), &["token", "mint", "--scope", "metrics:read"]);
    assert_eq!(before.code, Some(2));
    assert!(before.stderr.contains("start `sangam serve` once"), "{before:?}");
    Serving::start(dir.path(), &[]).program.stop().unwrap();
    let minted = run(dir.path(), &["token", "mint", "--scope", "metrics:read", "--sub", "prometheus", "--ttl", "1h"]);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let verified = run_with_input(dir.path(), &["token", "verify", "--json"], &minted.stdout);
    assert_eq!(verified.code, Some(0));
    let verified = json(&verified.stdout);
    assert_eq!(
        (&verified["claims"]["sub"], &verified["claims"]["scope"]),
        (&"prometheus".into(), &"metrics:read".into())
    );
    let wrong_use = run_with_input(dir.path(), &["token", "verify", "--use", "signal"], &minted.stdout);
    assert_eq!(wrong_use.code, Some(1));
    let changed = run_with_input(dir.path(), &["token", "verify", "--json"], &minted.stdout.replace("e", "f"));
    assert_eq!((changed.code, &json(&changed.stdout)["ok"]), (Some(1), &Value::Bool(false)));
}

#[test]
fn a_token_needs_a_scope_that_there_is() {
    let dir = tempdir().unwrap();
    Serving::start(dir.path(), &[]).program.stop().unwrap();
    let without = run(dir.path(), &["token", "mint"]);
    assert!(without.code == Some(2) && without.stderr.contains("needs a scope"), "{without:?}");
    let unknown = run(dir.path(), &["token", "mint", "--scope", "admin:everything"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("is no scope"), "{unknown:?}");
    let signal = run(dir.path(), &["token", "mint", "--use", "signal", "--json"]);
    assert_eq!(json(&signal.stdout)["use"], "signal");
}

#[test]
fn the_version_is_told() {
    let dir = tempdir().unwrap();
    let version = run(dir.path(), &["--version"]);
    assert_eq!((version.code, version.stdout), (Some(0), format!("sangam {}\n", env!("CARGO_PKG_VERSION"))));
}
