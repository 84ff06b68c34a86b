use std::process::{Command, Stdio};

use anyhow::Result;
use sangam_interop::{Coturn, Probe, TurnService};
use sangam_testkit::{Server, WAIT_MAX, free_tcp_port, free_udp_port, sangam_binary, wait_until};
use serde_json::Value;

use crate::support::{Certificate, assert_fine, assert_no, probe, probe_with};

const SECRET: &str = "SANGAM_PROBE_SECRET";
const PASSWORD: &str = "SANGAM_PROBE_PASSWORD";

#[test]
fn our_relay_passes_without_a_warning() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let target = relay.addr.to_string();
    let words = ["turn", &target, "--messages", "60", "--size", "1200", "--strict"];
    let probed = probe_with((SECRET, &relay.secret), &words)?;
    assert_fine(&probed);
    let measured = &probed.report["measured"][0];
    assert_eq!(measured["echo"]["sent"], 60);
    assert_eq!(measured["echo"]["returned"], 60, "{measured}");
    assert_eq!(measured["lifetime_secs"], 600);
    assert!(measured["relayed"].as_str().is_some_and(|relayed| relayed.starts_with("127.0.0.1:")));
    assert!(probed.output.contains("169.254.169.254 is refused with 403"), "{}", probed.output);
    assert!(probed.output.contains("a wrong password is refused"), "{}", probed.output);
    Ok(())
}

#[test]
fn ipv6_is_probed_like_ipv4() -> Result<()> {
    let server = Server::builder().set("relay.listen", "[::1]:0").start()?;
    let target = server.listener("relay")?.to_string();
    assert_fine(&probe(&["stun", &target])?);
    let secret_file = server.data_dir().join("relay-secrets");
    let target = format!("turn:{target}");
    let probed = probe(&["turn", &target, "--strict", "--secret-file", &secret_file.to_string_lossy()])?;
    assert_fine(&probed);
    assert!(probed.output.contains("fd00:ec2::254 is refused with 403"), "{}", probed.output);
    Ok(())
}

#[test]
fn a_probe_leaves_no_allocation_behind() -> Result<()> {
    let (server, relay) = TurnService::sangam()?;
    assert_fine(&probe_with((SECRET, &relay.secret), &["turn", &relay.addr.to_string()])?);
    // Left behind it would live for ten minutes; a thread tells its figures only once it has done what it was woken for.
    wait_until("no allocation", WAIT_MAX, || {
        let metrics = server.get("/metrics")?.body;
        Ok(metrics.lines().any(|line| line == "sangam_relay_allocations 0").then_some(()))
    })
}

#[test]
fn credentials_come_from_where_clients_get_them() -> Result<()> {
    let server = Server::start()?;
    for path in ["ice-servers", "turn?service=turn&username=a"] {
        let url = format!("http://{}/{path}", server.listener("http")?);
        let probed = probe(&["turn", "--ice-servers", &url, "--transport", "udp"])?;
        assert_fine(&probed);
        assert_eq!(probed.report["measured"][0]["echo"]["returned"], 100);
    }
    Ok(())
}

#[test]
fn a_wrong_secret_and_an_expired_credential_are_told_apart() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let coturn = Coturn::start()?;
    for addr in [relay.addr, coturn.service().addr] {
        let target = addr.to_string();
        let wrong = probe_with((SECRET, "quite-another-secret-0123"), &["turn", &target])?;
        assert_no(&wrong, &["401", "another secret", "static-auth-secret"]);
        let expired = probe_with((PASSWORD, "whatever"), &["turn", &target, "--user", "1000000000:alice"])?;
        assert_no(&expired, &["401", "expired", "s ago"]);
        let plain = probe_with((PASSWORD, "whatever"), &["turn", &target, "--user", "alice"])?;
        assert_no(&plain, &["401", "no such user"]);
    }
    Ok(())
}

#[test]
fn a_quota_is_named_as_one() -> Result<()> {
    let server = Server::builder().set("relay.allocations_per_user_max", "1").set("relay.threads", "1").start()?;
    let url = format!("http://{}/ice-servers", server.listener("http")?);
    assert_no(&probe(&["turn", "--ice-servers", &url])?, &["second allocation", "486", "allocations_per_user_max"]);
    Ok(())
}

#[test]
fn coturn_relays_over_udp_and_tcp_and_its_open_policy_is_warned_of() -> Result<()> {
    let secret = "both-transports-secret-7";
    let option = format!("--static-auth-secret={secret}");
    let coturn = Coturn::start_with(&["--no-tls", "--no-dtls", "--use-auth-secret", &option])?;
    let addr = coturn.service().addr.to_string();
    for transport in ["udp", "tcp"] {
        let target = format!("turn:{addr}?transport={transport}");
        let probed = probe_with((SECRET, secret), &["turn", &target])?;
        assert_fine(&probed);
        let measured = &probed.report["measured"][0];
        assert_eq!(measured["transport"], transport);
        assert_eq!(measured["realm"], "interop.test");
        assert_eq!(measured["echo"]["returned"], 100, "{measured}");
        // Debian's coturn lets clients reach the metadata address unless it is denied.
        assert!(probed.finding("warning").contains("169.254.169.254"), "{}", probed.output);
        assert_eq!(probe_with((SECRET, secret), &["turn", &target, "--strict"])?.code, Some(1));
    }
    Ok(())
}

#[test]
fn a_denied_metadata_address_satisfies_the_strict() -> Result<()> {
    let secret = "denied-peer-secret-42";
    let option = format!("--static-auth-secret={secret}");
    let denied = "--denied-peer-ip=169.254.0.0-169.254.255.255";
    let coturn = Coturn::start_with(&["--no-tls", "--no-dtls", "--use-auth-secret", &option, denied])?;
    let target = coturn.service().addr.to_string();
    assert_fine(&probe_with((SECRET, secret), &["turn", &target, "--strict"])?);
    Ok(())
}

#[test]
fn coturn_relays_over_tls_to_a_long_term_user() -> Result<()> {
    let certificate = Certificate::make()?;
    let (cert, key) = (certificate.cert(), certificate.key());
    let port = free_tcp_port()?;
    let _coturn = Coturn::start_with(&[
        "--no-dtls",
        "--lt-cred-mech",
        "--user=alice:correct-horse",
        &format!("--tls-listening-port={port}"),
        &format!("--cert={cert}"),
        &format!("--pkey={key}"),
    ])?;
    let target = format!("turns:localhost:{port}?transport=tcp");
    let words = ["turn", &target, "--user", "alice", "--ca-file", &cert];
    let probed = probe_with((PASSWORD, "correct-horse"), &words)?;
    assert_fine(&probed);
    assert_eq!(probed.report["measured"][0]["transport"], "tls");
    assert_eq!(probed.report["measured"][0]["echo"]["returned"], 100);
    assert_no(&probe_with((PASSWORD, "wrong"), &words)?, &["401", "the password is wrong"]);
    Ok(())
}

#[test]
fn an_open_relay_is_no_good_relay() -> Result<()> {
    let coturn = Coturn::start_with(&["--no-tls", "--no-dtls", "--no-auth"])?;
    let target = coturn.service().addr.to_string();
    assert_no(&probe_with((SECRET, "any-secret-at-all"), &["turn", &target])?, &["relays for anybody"]);
    Ok(())
}

#[test]
fn each_transport_has_findings_of_its_own() -> Result<()> {
    let (server, relay) = TurnService::sangam()?;
    let down = format!("127.0.0.1:{}", free_udp_port()?);
    let probed = probe_with((SECRET, &relay.secret), &["turn", &down, "--transport", "all", "--timeout", "1s"])?;
    assert_no(&probed, &["udp reach", "nothing listens"]);
    let subjects: Vec<_> = subjects(&probed.report);
    assert!(subjects.contains(&"tcp reach") && subjects.contains(&"tls reach"), "{subjects:?}");
    let http = server.listener("http")?.to_string();
    let other = probe_with((SECRET, &relay.secret), &["turn", &http, "--transport", "tcp"])?;
    assert_no(&other, &["no STUN server"]);
    Ok(())
}

#[test]
fn a_stun_server_that_does_not_relay_is_told() -> Result<()> {
    let coturn = Coturn::start_with(&["--no-tls", "--no-dtls", "--stun-only"])?;
    let target = coturn.service().addr.to_string();
    let probed = probe_with((SECRET, "any-secret-at-all"), &["turn", &target, "--timeout", "1s"])?;
    assert_no(&probed, &["udp reach"]);
    Ok(())
}

#[test]
fn secrets_come_by_file_and_standard_input_and_must_come() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let target = relay.addr.to_string();
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("secret");
    std::fs::write(&file, format!("{}\n", relay.secret))?;
    assert_fine(&probe(&["turn", &target, "--secret-file", &file.to_string_lossy(), "--messages", "5"])?);
    std::fs::write(&file, &relay.secret)?;
    let by_input = Command::new(sangam_binary()?)
        .args(["probe", "turn", &target, "--secret-file", "-", "--messages", "5"])
        .stdin(Stdio::from(std::fs::File::open(&file)?))
        .output()?;
    assert!(by_input.status.success(), "{by_input:?}");
    let table = String::from_utf8(by_input.stdout)?;
    assert!(table.ends_with("FINE: all is well\n"), "{table}");
    assert!(!table.contains(&relay.secret));

    let without = probe(&["turn", &target])?;
    assert_eq!(without.code, Some(2));
    assert!(without.output.contains("--secret-file"), "{}", without.output);
    let both = Probe::new(&["turn", &target, "--user", "a", "--secret-file", "x"])?.run()?;
    assert_eq!(both.code, Some(2), "{}", both.output);
    assert_eq!(probe(&["turn"])?.code, Some(2));
    Ok(())
}

fn subjects(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    findings.iter().filter_map(|finding| finding["subject"].as_str()).collect()
}
