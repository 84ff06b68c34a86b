//! Whatever keeps the server from starting is said in one sentence, with exit code 2.

use std::fs::{self, Permissions};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use tempfile::{TempDir, tempdir};

use crate::run::{FREE_PORTS, Outcome, Serving, outcome, run, sangam};

/// `serve` on free ports, which must fail with one sentence that holds every part.
fn check(dir: &Path, arguments: &[&str], parts: &[&str]) {
    let arguments = [&["serve"], &FREE_PORTS[..], arguments].concat();
    check_outcome(&run(dir, &arguments), parts);
}

fn check_outcome(outcome: &Outcome, parts: &[&str]) {
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "nothing is ready");
    assert!(outcome.stderr.starts_with("sangam: "), "{outcome:?}");
    assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{outcome:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part:?} in {}", outcome.stderr);
    }
}

/// A directory with a `sangam.toml`.
fn with_file(text: &str) -> TempDir {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("sangam.toml"), text).unwrap();
    dir
}

#[test]
fn a_tcp_port_in_use() {
    let dir = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let setting = format!("http.listen={}", taken.local_addr().unwrap());
    let mend = "the port is in use; stop the program that uses it or choose another port";
    check(dir.path(), &["--set", &setting], &["`http.listen`: cannot listen on", mend]);
    let setting = format!("signal.listen={}", taken.local_addr().unwrap());
    check(dir.path(), &["--set", &setting], &["`signal.listen`: cannot listen on", mend]);
}

#[test]
fn a_udp_port_in_use() {
    let dir = tempdir().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let setting = format!("relay.listen={}", taken.local_addr().unwrap());
    check(dir.path(), &["--set", &setting], &["the relay cannot start", "is in use", "choose another port"]);
}

#[test]
fn an_address_that_this_machine_does_not_have() {
    let dir = tempdir().unwrap();
    let tokens_only = ["--set", "signal.open=false"];
    let http = [&["--set", "http.listen=203.0.113.254:0"][..], &tokens_only].concat();
    check(dir.path(), &http, &["`http.listen`", "this host has no such address", "use one that"]);
    let relay = ["--set", "relay.listen=203.0.113.254:0"];
    check(dir.path(), &relay, &["the relay cannot start: `relay.listen`", "no such address", "use one that"]);
    let relayed = ["--set", "relay.relay_ip=203.0.113.254"];
    check(dir.path(), &relayed, &["the relay cannot start", "203.0.113.254", "no such address"]);
}

/// Root may bind every port, so the binary is run as somebody else there.
#[test]
fn a_port_that_this_user_may_not_bind() {
    let first_free: u16 =
        fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap().trim().parse().unwrap();
    if first_free < 2 {
        eprintln!("every user may bind every port here: nothing to see");
        return;
    }
    let dir = tempdir().unwrap();
    // Beside the data directory, where an unprivileged user can run it.
    let binary = dir.path().join("sangam");
    fs::copy(env!("CARGO_BIN_EXE_sangam"), &binary).unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    let mut command = std::process::Command::new(&binary);
    command.env_clear().current_dir(dir.path()).arg("serve").args(FREE_PORTS);
    command.args(["--data-dir", "data", "--set", "http.listen=127.0.0.1:1"]);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&data, Some(65_534), Some(65_534)).unwrap();
        command.uid(65_534).gid(65_534);
    }
    let parts = ["`http.listen`: cannot listen on 127.0.0.1:1: permission denied", "CAP_NET_BIND_SERVICE"];
    check_outcome(&outcome(command.output().unwrap()), &parts);
}

#[test]
fn an_unknown_key_in_the_file() {
    let dir = with_file("[relay]\nrealm = \"x\"\nrelm = \"y\"\n");
    check(dir.path(), &[], &["./sangam.toml line 3: there is no key `relay.relm`; did you mean `relay.realm`?"]);
}

#[test]
fn an_unknown_section_in_the_file() {
    let dir = with_file("\n[singal]\nopen = true\n");
    check(dir.path(), &[], &["./sangam.toml line 3", "no section `singal`", "did you mean `signal`?"]);
}

#[test]
fn a_file_that_is_not_toml() {
    let dir = with_file("[relay]\nrealm = \n");
    check(dir.path(), &[], &["./sangam.toml line 2: this is not TOML", "mend that line"]);
}

#[test]
fn a_named_file_that_is_not_there() {
    let dir = tempdir().unwrap();
    check(dir.path(), &["--config", "other.toml"], &["other.toml cannot be read", "check the path"]);
}

#[test]
fn a_value_that_cannot_be_used() {
    let dir = with_file("[signal]\ndrain_limit = \"soon\"\n");
    check(dir.path(), &[], &["./sangam.toml line 2: `signal.drain_limit`", "not a duration", "such as \"30s\""]);
    let dir = tempdir().unwrap();
    check(dir.path(), &["--set", "http.listen=8080"], &["--set http.listen", "write an IP address and a port"]);
    let mut command = sangam(dir.path(), &["serve"]);
    let outcome = outcome(command.env("PORT", "http").output().unwrap());
    check_outcome(&outcome, &["environment variable PORT", "not a port", "write a number"]);
}

#[test]
fn a_role_that_there_is_not() {
    let dir = tempdir().unwrap();
    let roles = "the roles are relay, signal, sync and devices";
    check(dir.path(), &["--roles", "router"], &["--roles", "`router` is no role", roles]);
}

#[test]
fn a_secret_in_the_arguments() {
    let dir = tempdir().unwrap();
    let arguments = ["serve", "--set", "relay.secrets=hJ8t2Zl0mQe5mS6r1nD3xw"];
    let outcome = run(dir.path(), &arguments);
    check_outcome(&outcome, &["would show a secret", "set `relay.secrets_file`"]);
    assert!(!outcome.stderr.contains("hJ8t2Zl0"), "{outcome:?}");
}

#[test]
fn a_setting_without_a_value() {
    let dir = tempdir().unwrap();
    check(dir.path(), &["--set", "relay.realm"], &["`--set relay.realm` has no value", "section.key=value"]);
}

#[test]
fn a_secret_file_that_cannot_be_read() {
    let dir = tempdir().unwrap();
    let arguments = ["--set", "relay.secrets_file=gone"];
    check(dir.path(), &arguments, &["the secret file gone of `relay.secrets_file` cannot be read", "check the path"]);
}

#[test]
fn a_weak_secret_where_strangers_reach_the_relay() {
    let dir = with_file("[relay]\nlisten = [\"203.0.113.254:3478\"]\nsecrets = [\"changeme123\"]\n");
    let outcome = run(dir.path(), &["serve"]);
    check_outcome(&outcome, &["./sangam.toml line 3: entry 1 of `relay.secrets` is too weak", "openssl rand"]);
    assert!(outcome.stderr.contains("relay.allow_weak_credentials") && !outcome.stderr.contains("changeme123"));
}

#[test]
fn an_open_dialect_where_strangers_reach_it() {
    let dir = tempdir().unwrap();
    let arguments = ["--set", "signal.listen=203.0.113.254:8443"];
    check(
        dir.path(),
        &arguments,
        &["JSON signaling on 203.0.113.254:8443 would serve anybody", "`signal.open = true`"],
    );
    assert!(!dir.path().join("sangam-data").exists(), "nothing was half started");
}

#[test]
fn a_certificate_that_is_not_there_or_not_whole() {
    let dir = tempdir().unwrap();
    let files = ["--set", "tls.certificate_file=c.pem", "--set", "tls.key_file=k.pem"];
    check(dir.path(), &files, &["c.pem"]);
    check(dir.path(), &files[..2], &["`tls.certificate_file`", "set `tls.key_file` too"]);
    let tls_without = ["--set", "http.tls=on"];
    check(dir.path(), &tls_without, &["`http.tls`", "needs a certificate", "set `tls.certificate_file`"]);
    let pair = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.path().join("c.pem"), pair().cert.pem()).unwrap();
    fs::write(dir.path().join("k.pem"), pair().signing_key.serialize_pem()).unwrap();
    check(dir.path(), &files, &["c.pem", "k.pem"]);
}

#[test]
fn a_data_directory_that_another_server_uses() {
    let dir = tempdir().unwrap();
    let first = Serving::start(dir.path(), &[]);
    let holder = format!("in use by another process (pid {})", first.program.pid());
    check(dir.path(), &[], &["the data directory", &holder, "`--data-dir`"]);
    first.program.stop().unwrap();
}

#[test]
fn a_data_directory_that_cannot_be_used() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    check(dir.path(), &["--data-dir", "data"], &["is open to other users (mode 0755)", "chmod 700"]);
    fs::write(dir.path().join("file"), "").unwrap();
    check(dir.path(), &["--data-dir", "file"], &["is not a directory", "`--data-dir`"]);
    check(dir.path(), &["--data-dir", "file/below"], &["cannot be made", "`--data-dir`"]);
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&data, Some(65_534), None).unwrap();
        check(dir.path(), &["--data-dir", "data"], &["belongs to user 65534", "runs as user 0", "chown"]);
    }
}

#[test]
fn a_generated_secret_that_is_damaged_or_open() {
    let dir = tempdir().unwrap();
    Serving::start(dir.path(), &[]).program.stop().unwrap();
    let secret = dir.path().join("sangam-data/relay-secrets");
    let whole = fs::read(&secret).unwrap();
    fs::write(&secret, "half").unwrap();
    check(dir.path(), &[], &["relay-secrets is damaged", "restore it, or delete it"]);
    fs::write(&secret, whole).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    check(dir.path(), &[], &["relay-secrets is open to other users (mode 0644)", "chmod 600"]);
}

#[test]
fn a_log_file_that_cannot_be_written() {
    let dir = tempdir().unwrap();
    check(
        dir.path(),
        &["--set", "log.file=logs/sangam.log"],
        &["logs/sangam.log cannot be written", "no directory logs"],
    );
}

#[test]
fn two_listeners_that_cannot_be_one() {
    let dir = tempdir().unwrap();
    let shared = ["http.listen=127.0.0.1:1", "signal.listen=127.0.0.1:1", "signal.proxy_protocol=true"];
    let arguments: Vec<&str> = shared.iter().flat_map(|setting| ["--set", setting]).collect();
    check(dir.path(), &arguments, &["share 127.0.0.1:1 but differ in `proxy_protocol`", "or choose two addresses"]);
}

#[test]
fn a_flag_that_there_is_not() {
    let dir = tempdir().unwrap();
    let outcome = run(dir.path(), &["serve", "--rolls", "relay"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("--rolls") && outcome.stderr.contains("--roles"), "{outcome:?}");
}
