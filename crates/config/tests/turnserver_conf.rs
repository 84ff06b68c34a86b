//! What is said about files that people really have, line by line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sangam_config::{Catalogue, Loaded, Origin, Problems, Setting, Sources, load};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/turnserver_conf").join(name)
}

/// Loads a fixture as `relay.turnserver_conf`.
fn load_conf(path: &Path) -> Result<Loaded, Problems> {
    load(&Sources {
        file: None,
        default_file: PathBuf::from("/nonexistent/sangam.toml"),
        environment: &BTreeMap::new(),
        settings: vec![Setting::of_flag("--turnserver-conf", "relay.turnserver_conf", path.display().to_string())],
    })
}

/// Everything that an operator is shown: what is said, and each key that the file sets with its value and lines.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    match load_conf(path) {
        Ok(loaded) => {
            for notice in loaded.notices.iter().map(ToString::to_string) {
                writeln!(text, "{notice}").unwrap();
            }
            let values = serde_json::to_value(&loaded.config).unwrap();
            for key in Catalogue::get().keys() {
                let origin = loaded.origin(&key.name);
                if matches!(origin, Origin::Turnserver { .. }) {
                    writeln!(text, "{} = {}  # {origin}", key.name, values[&key.section][&key.key]).unwrap();
                }
            }
        }
        Err(problems) => {
            let problems_shown = problems.iter().map(|problem| format!("problem: {problem}\n"));
            text.extend(problems.notices().map(|notice| format!("{notice}\n")).chain(problems_shown));
        }
    }
    // Whether others may read the file is a matter of the checkout.
    let lines = text.lines().filter(|line| !line.contains("chmod")).map(|line| format!("{line}\n"));
    lines.collect::<String>().replace(&path.display().to_string(), "turnserver.conf")
}

#[test]
fn every_fixture_is_reported_as_written_beside_it() {
    let mut seen = 0;
    for entry in fixture("").read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        let (found, report) = (shown(&entry), entry.with_extension("report"));
        if std::env::var_os("WRITE_REPORTS").is_some() {
            std::fs::write(&report, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&report).unwrap_or_default();
        let name = report.display();
        assert!(found == expected, "{name} is not what is said; set WRITE_REPORTS to write it:\n{found}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn no_secret_of_a_fixture_is_shown() {
    for name in ["synapse-ng", "synapse-ng-tuned", "ifswarm-generated", "vrinda", "large-site"] {
        let shown = shown(&fixture(name).with_extension("conf"));
        let secrets = ["changeme123", "YOUR_STRONG", "Zt0m8q4y", "turnpass", "9f86d081", "bc807ee2", "of-the-database"];
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}

#[test]
fn every_other_source_stands_over_a_turnserver_conf_and_that_is_said() {
    let path = fixture("vrinda.conf");
    let environment = BTreeMap::from([
        ("SANGAM_RELAY__TURNSERVER_CONF".to_owned(), path.display().to_string()),
        ("SANGAM_RELAY__REALM".to_owned(), "ours".to_owned()),
    ]);
    let default_file = PathBuf::from("/nonexistent/sangam.toml");
    let settings = vec![Setting::of_flag("--set relay.min_port", "relay.min_port", "50000")];
    let settings = [settings, vec![Setting::of_flag("--set relay.max_port", "relay.max_port", "50100")]].concat();
    let loaded = load(&Sources { file: None, default_file, environment: &environment, settings }).unwrap();
    let relay = &loaded.config.relay;
    assert_eq!((relay.realm.as_str(), relay.min_port, relay.users.len()), ("ours", 50_000, 2));
    let said: Vec<String> = loaded.notices.iter().map(ToString::to_string).collect();
    let expected = "vrinda.conf line 7: `relay.realm` has another value from environment variable SANGAM_RELAY__REALM";
    assert!(said.iter().any(|notice| notice.ends_with(expected)), "{said:#?}");
}

#[test]
fn a_turnserver_conf_that_cannot_be_read_is_a_problem() {
    let error = load_conf(Path::new("/nonexistent/turnserver.conf")).unwrap_err().to_string();
    assert!(error.starts_with("--turnserver-conf: `relay.turnserver_conf` cannot be used:"), "{error}");
    assert!(error.contains("/nonexistent/turnserver.conf cannot be read"), "{error}");
}
