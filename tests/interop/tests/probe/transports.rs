use anyhow::Result;
use sangam_interop::TurnService;
use sangam_testkit::{Server, free_tcp_port};

use crate::support::{Certificate, assert_fine, assert_no, probe, probe_with};

const SECRET: &str = "SANGAM_PROBE_SECRET";

/// Our relay with a certificate, over UDP, TCP and TLS.
fn relay(certificate: &Certificate) -> Result<Server> {
    Server::builder()
        .environment("TURN_AUTH_SECRET", "probe-every-transport-91c4")
        .set("tls.certificate_file", &certificate.cert())
        .set("tls.key_file", &certificate.key())
        .start()
}

#[test]
fn our_relay_echoes_over_udp_tcp_and_tls_as_it_tells_browsers() -> Result<()> {
    let certificate = Certificate::make()?;
    let server = relay(&certificate)?;
    let url = format!("http://{}/ice-servers", server.listener("http")?);
    let probed = probe(&[
        "turn",
        "--ice-servers",
        &url,
        "--transport",
        "all",
        "--ca-file",
        &certificate.cert(),
        "--messages",
        "50",
        "--strict",
    ])?;
    assert_fine(&probed);
    assert_eq!((&probed.report["probe"], &probed.report["verdict"]), (&"turn".into(), &"all is well".into()));
    let measured = probed.report["measured"].as_array().map(Vec::as_slice).unwrap_or_default();
    let echoed = |one: &serde_json::Value| (one["transport"].clone(), one["echo"]["returned"].clone());
    let wanted = ["udp", "tcp", "tls"].map(|transport| (transport.into(), 50.into()));
    assert_eq!(measured.iter().map(echoed).collect::<Vec<_>>(), wanted, "{}", probed.output);
    Ok(())
}

#[test]
fn a_wrong_secret_is_named_on_every_transport() -> Result<()> {
    let certificate = Certificate::make()?;
    let server = relay(&certificate)?;
    let targets = [
        format!("turn:{}", server.listener("relay")?),
        format!("turn:{}?transport=tcp", server.listener("turn")?),
        format!("turns:{}?transport=tcp", server.listener("turns")?),
    ];
    for target in targets {
        let words = ["turn", &target, "--ca-file", &certificate.cert()];
        assert_fine(&probe_with((SECRET, "probe-every-transport-91c4"), &words)?);
        assert_no(&probe_with((SECRET, "quite-another-secret-0123"), &words)?, &["401", "another secret"]);
    }
    Ok(())
}

#[test]
fn a_certificate_that_is_not_trusted_and_a_port_where_nothing_listens_are_named() -> Result<()> {
    let (_server, relay) = TurnService::sangam_over("turns")?;
    let target = format!("turns:{}?transport=tcp", relay.addr);
    assert_no(&probe_with((SECRET, &relay.secret), &["turn", &target])?, &["tls reach", "certificate"]);
    let nothing = free_tcp_port()?;
    for target in
        [format!("turn:127.0.0.1:{nothing}?transport=tcp"), format!("turns:127.0.0.1:{nothing}?transport=tcp")]
    {
        assert_no(&probe_with((SECRET, &relay.secret), &["turn", &target, "--timeout", "1s"])?, &["nothing listens"]);
    }
    let unknown = probe_with((SECRET, &relay.secret), &["turn", "no-such-host.invalid"])?;
    assert_eq!(unknown.code, Some(2), "{}", unknown.output);
    Ok(())
}
