//! A coturn operator's file, taken as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sangam_testkit::{Signal, http};
use tempfile::{TempDir, tempdir};

use crate::run::{FREE_PORTS, Serving, run, sangam};

/// A directory with a private `turnserver.conf`.
fn with_conf(text: &str) -> TempDir {
    let dir = tempdir().unwrap();
    write_conf(&dir, text);
    dir
}

fn write_conf(dir: &TempDir, text: &str) {
    let path = dir.path().join("turnserver.conf");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

const CONF: [&str; 2] = ["--turnserver-conf", "turnserver.conf"];
const LOOPBACK: &str = "listening-ip=127.0.0.1\nrealm=north.gov\nlt-cred-mech\nuser=logen:3NgxZx0q8Yj4wUu2tWc5\ncheck-origin-consistency\n";

#[test]
fn config_check_prints_the_report_of_a_turnserver_conf() {
    let dir = with_conf(LOOPBACK);
    let outcome = run(dir.path(), &[&["config", "check"][..], &CONF].concat());
    assert_eq!(
        outcome.stdout,
        "notice: turnserver.conf: 5 options read: 3 honoured, 1 so anyway, 1 not honoured, 0 unknown\n\
         notice: turnserver.conf line 5: `check-origin-consistency` is not honoured: there is one realm, whatever \
         the origin\nThe configuration can be used.\n"
    );
    assert_eq!(outcome.code, Some(0));
}

#[test]
fn config_print_names_the_lines_of_a_turnserver_conf() {
    let dir = with_conf(LOOPBACK);
    let outcome = run(dir.path(), &[&["config", "print"][..], &CONF].concat());
    for line in [
        "turnserver_conf = \"turnserver.conf\"  # --turnserver-conf\n",
        "realm = \"north.gov\"  # turnserver.conf line 2\n",
        "users = [\"(secret)\"]  # turnserver.conf line 4\n",
        "min_port = 49152  # default\n",
    ] {
        assert!(outcome.stdout.contains(line), "no {line} in {}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains("3NgxZx0q8Yj4wUu2tWc5"));
}

#[test]
fn serve_says_the_report_and_takes_other_users_while_it_runs() {
    let dir = with_conf(LOOPBACK);
    let mut command = sangam(dir.path(), &["serve", "--set", "server.watch_interval=0s"]);
    let mut server = Serving::start_command(command.args(FREE_PORTS).args(CONF));
    server.wait_for_log("5 options read: 3 honoured");
    server.wait_for_log("turnserver.conf line 5: `check-origin-consistency` is not honoured");
    write_conf(&dir, &LOOPBACK.replace("3NgxZx0q8Yj4wUu2tWc5", "another-3NgxZx0q8Yj4wUu2"));
    server.program.signal(Signal::HUP).unwrap();
    server.wait_for_log("reloaded: relay.users");
}

#[test]
fn a_changed_turnserver_conf_is_seen_without_a_signal() {
    let dir = with_conf(LOOPBACK);
    let mut command = sangam(dir.path(), &["serve", "--set", "server.watch_interval=50ms"]);
    let mut server = Serving::start_command(command.args(FREE_PORTS).args(CONF));
    write_conf(&dir, &format!("{LOOPBACK}static-auth-secret=9f86d081884c7d659a2feaa0c55ad015\n"));
    server.wait_for_log("reloaded: relay.secrets");
}

#[test]
fn prometheus_has_its_own_port_with_metrics_and_nothing_else() {
    let dir = with_conf(&format!("{LOOPBACK}prometheus\nprometheus-address=127.0.0.1\n"));
    // The file's own port could be in use where the test runs.
    let mut command = sangam(dir.path(), &["serve", "--set", "admin.metrics_listen=127.0.0.1:0"]);
    let server = Serving::start_command(command.args(FREE_PORTS).args(CONF));
    let addr = server.listeners()["metrics"];
    let answer = http::get(addr, "/metrics").unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("sangam_relay_allocations"), "{}", answer.body);
    for path in ["/", "/health", "/ws", "/api/v1/system/health"] {
        assert_eq!(http::get(addr, path).unwrap().status, 404, "{path}");
    }
}

#[test]
fn the_public_users_of_the_guides_are_refused_with_file_and_line() {
    let dir = with_conf("# of a guide\nlt-cred-mech\nuser=synapse:changeme123\nuser=admin:admin456\n");
    let outcome = run(dir.path(), &[&["serve"][..], &CONF].concat());
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains(
            "turnserver.conf line 3: the password of `synapse` in `relay.users` is too weak for 0.0.0.0:3478"
        ),
        "{outcome:?}"
    );
    let checked = run(dir.path(), &[&["config", "check"][..], &CONF].concat());
    assert!(checked.stdout.contains("turnserver.conf line 4: the password of `admin`"), "{checked:?}");
    for shown in [&outcome.stderr, &checked.stdout] {
        assert!(!shown.contains("changeme123") && !shown.contains("admin456"), "{shown}");
    }
    let first_day = ["config", "check", "--set", "relay.allow_weak_credentials=true"];
    let outcome = run(dir.path(), &[&first_day[..], &CONF].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("`synapse` in `relay.users` is weak"), "{outcome:?}");
}

#[test]
fn credentials_are_printed_for_a_user_of_the_file_and_minted_with_its_secret() {
    let conf = "listening-ip=192.0.2.7\nuser=logen:3NgxZx0q8Yj4wUu2tWc5\nuser=bob:0xbc807ee29df3c9ffa736523fb2c4e8ee\n\
                static-auth-secret=9f86d081884c7d659a2feaa0c55ad015\n";
    let dir = with_conf(conf);
    let turn = |arguments: &[&str]| run(dir.path(), &[&["credentials", "turn"][..], &CONF, arguments].concat());
    let outcome = turn(&["--user", "logen", "--for", "coturn"]);
    let expected = "turnutils_uclient -y -c -u 'logen' -w '3NgxZx0q8Yj4wUu2tWc5' -p 3478 '192.0.2.7'\n";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), expected), "{outcome:?}");
    let minted = turn(&["--name", "agent-1", "--json"]);
    let minted: serde_json::Value = serde_json::from_str(&minted.stdout).unwrap();
    assert!(minted["username"].as_str().unwrap().ends_with(":agent-1"), "{minted}");
    assert_eq!(
        (minted["ttl"].as_u64(), &minted["uris"][0]),
        (Some(86_400), &"turn:192.0.2.7:3478?transport=udp".into())
    );
    for (arguments, part) in [
        (&["--user", "bob"][..], "only its key"),
        (&["--user", "nobody"], "there is no user `nobody` in `relay.users`"),
        (&["--ttl", "90d"], "31 days at most"),
    ] {
        let outcome = turn(arguments);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(part), "{outcome:?}");
    }
}
