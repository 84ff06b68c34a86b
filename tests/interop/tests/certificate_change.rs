//! A new certificate while fifty clients over TLS are busy.

use anyhow::{Context, Result, ensure};
use sangam_interop::{Certificate, EchoPeer, Probe, Report, TurnService, Way, parse_report, start_uclient};
use sangam_testkit::{Server, Signal, WAIT_MAX, wait_until};

const CLIENTS: u64 = 50;
const MESSAGES: u64 = 750;

/// Each of the clients sends a message every 20 ms, so that all run for 15 seconds beside each other. coturn's client
/// needs about three handshakes each, as it begins with old versions of TLS: fifty come near the 200 that one address
/// may make at once, which is why [`TurnService::sangam_watching`] raises that limit.
const FLAGS: [&str; 4] = ["-t", "-S", "-z", "20"];

#[test]
fn a_renewed_certificate_that_is_found_by_watching_drops_none_of_fifty_busy_clients() -> Result<()> {
    certificate_changes_under_load("50ms", "the old one stays in force", |_| Ok(()))
}

#[test]
fn a_renewed_certificate_that_is_told_by_sighup_drops_none_of_fifty_busy_clients() -> Result<()> {
    certificate_changes_under_load("0s", "everything stays as it was", |server| server.signal(Signal::HUP))
}

/// `refusal` is what the log says of a pair that is none.
fn certificate_changes_under_load(
    watching: &str,
    refusal: &str,
    tell: impl Fn(&mut Server) -> Result<()>,
) -> Result<()> {
    let certificate = Certificate::make()?;
    let (mut server, relay) = TurnService::sangam_watching(&certificate, watching, "turns")?;
    changes_under_load(&certificate, &mut server, &relay, refusal, tell)
        .with_context(|| format!("the server said:\n{}", server.log()))
}

fn changes_under_load(
    certificate: &Certificate,
    server: &mut Server,
    relay: &TurnService,
    refusal: &str,
    tell: impl Fn(&mut Server) -> Result<()>,
) -> Result<()> {
    let peer = EchoPeer::start()?;
    let clients = start_uclient(relay, &Way::Echo(&peer), &FLAGS, CLIENTS, MESSAGES)?;
    wait_until("fifty clients", WAIT_MAX, || Ok((allocations(server)? >= CLIENTS).then_some(())))?;

    let old = std::fs::read_to_string(certificate.chain())?;
    newcomer_trusts(relay, &certificate.chain())?;
    certificate.renew()?;
    tell(server)?;
    wait_for_log(server, "another certificate is in force")?;
    newcomer_trusts(relay, &certificate.chain())?;
    let before = tempfile::NamedTempFile::new()?;
    std::fs::write(before.path(), old)?;
    let stale = newcomer_trusts(relay, &before.path().display().to_string());
    ensure!(stale.is_err(), "the old certificate is still shown");

    let good = tempfile::NamedTempFile::new()?;
    std::fs::copy(certificate.chain(), good.path())?;
    std::fs::write(certificate.chain(), "broken")?;
    tell(server)?;
    wait_for_log(server, refusal)?;
    newcomer_trusts(relay, &good.path().display().to_string())?;

    ensure!(allocations(server)? >= CLIENTS, "the clients were still there");
    let ended = clients.wait(WAIT_MAX * 2)?;
    let all = CLIENTS * MESSAGES;
    let report = parse_report(&ended.output).with_context(|| ended.output.clone())?;
    assert_eq!(report, Report { sent: all, received: all, lost: 0 });
    Ok(())
}

/// A client that comes now and believes this certificate alone gets its data through.
fn newcomer_trusts(relay: &TurnService, certificate: &str) -> Result<()> {
    let target = format!("turns:{}?transport=tcp", relay.addr);
    let words = ["turn", &target, "--ca-file", certificate, "--messages", "5"];
    let probed = Probe::new(&words)?.environment("SANGAM_PROBE_SECRET", &relay.secret).run()?;
    ensure!(probed.code == Some(0), "{}", probed.output);
    Ok(())
}

fn wait_for_log(server: &Server, part: &str) -> Result<()> {
    wait_until(part, WAIT_MAX, || Ok(server.log().contains(part).then_some(())))
}

fn allocations(server: &Server) -> Result<u64> {
    let metrics = server.get("/metrics")?.body;
    let value = metrics.lines().find_map(|line| line.strip_prefix("sangam_relay_allocations "));
    Ok(value.context("no such metric")?.parse()?)
}
