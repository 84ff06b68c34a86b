//! The kind of NAT that a probe names, at sites of each kind.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sangam_interop::natlab::start_sangam;
use sangam_interop::{Coturn, Probe, Probed};
use sangam_probe::{Bounds, Mark, Measured, NatKind, NatMeasured, Report, ServerUri, Service, Transport, Trust, nat};
use sangam_testkit::network::{Network, Place, SiteKind};

use crate::support::{assert_fine, assert_no};

const PRIMARY: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const ALTERNATE: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 2);

fn probe_at(place: &Place, targets: &[&str]) -> Result<Report> {
    let named = |target: &&str| Ok(((*target).to_owned(), ServerUri::parse(target, Service::Stun)?));
    let targets = targets.iter().map(named).collect::<Result<Vec<_>>>()?;
    place.host().inside(|| {
        let trust = Trust::load(None)?;
        // Silence is waited for in full, and nothing takes this long here.
        let bounds = Bounds { timeout: Duration::from_secs(2), trust: &trust, progress: &|_| {} };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(nat(&targets, bounds))?)
    })
}

fn measured(report: &Report) -> Result<&NatMeasured> {
    match &report.measured {
        Measured::Nat(measured) => Ok(measured),
        other => anyhow::bail!("{other:?}"),
    }
}

fn as_named(kind: SiteKind) -> NatKind {
    match kind {
        SiteKind::Public | SiteKind::Ipv6Only => NatKind::Open,
        SiteKind::FullCone => NatKind::FullCone,
        SiteKind::AddressRestricted => NatKind::AddressRestricted,
        // That there are two NATs, none of them tells.
        SiteKind::PortRestricted | SiteKind::Cgnat => NatKind::PortRestricted,
        SiteKind::Symmetric | SiteKind::CgnatSymmetric => NatKind::Symmetric,
        SiteKind::UdpBlocked | SiteKind::WebOnly => NatKind::UdpBlocked,
    }
}

#[test]
fn each_kind_of_site_is_named_and_its_peers_are_told_by_a_server_with_two_addresses() -> Result<()> {
    let network = Network::new()?;
    let server = network.host("server", &[PRIMARY.into(), ALTERNATE.into()])?;
    let _coturn = server.inside(|| Coturn::start_at_two([PRIMARY, ALTERNATE]))?;
    for (number, kind) in (1..).zip(SiteKind::ALL.into_iter().filter(|kind| *kind != SiteKind::Ipv6Only)) {
        let place = network.place(kind.name(), kind, number, None)?;
        let report = probe_at(&place, &["20.0.0.1"]).with_context(|| kind.to_string())?;
        let measured = measured(&report)?;
        assert_eq!(measured.kind, as_named(kind), "{kind}: {report:#?}");
        for other in SiteKind::ALL.into_iter().filter(|other| *other != SiteKind::Ipv6Only) {
            let is_direct = measured.direct_with.contains(&as_named(other));
            assert_eq!(is_direct, kind.is_direct_possible(other), "{kind} with {other}");
            assert_ne!(is_direct, measured.relayed_with.contains(&as_named(other)), "{kind} with {other}");
        }
        let by_tcp = measured.ways.iter().any(|way| way.transport == Transport::Tcp && way.reached);
        assert_eq!(by_tcp, kind != SiteKind::WebOnly, "{kind}");
        let expected = match kind {
            SiteKind::Symmetric | SiteKind::CgnatSymmetric | SiteKind::UdpBlocked => Mark::Warning,
            SiteKind::WebOnly => Mark::Failed,
            _ => Mark::Fine,
        };
        assert_eq!(report.mark(), expected, "{kind}: {}", report.verdict());
    }
    Ok(())
}

#[test]
fn servers_that_cannot_answer_from_elsewhere_tell_the_mapping_and_the_filter_is_not_guessed() -> Result<()> {
    let network = Network::new()?;
    let host = network.host("server", &[PRIMARY.into(), ALTERNATE.into()])?;
    let both = "relay.listen=20.0.0.1:3478,20.0.0.2:3478";
    let (_server, _) = start_sangam(&host, PRIMARY, &[both])?;
    let kinds = [
        (SiteKind::Public, NatKind::Open),
        (SiteKind::PortRestricted, NatKind::Cone),
        (SiteKind::Symmetric, NatKind::Symmetric),
    ];
    for (number, (kind, expected)) in (1..).zip(kinds) {
        let place = network.place(kind.name(), kind, number, None)?;
        let report = probe_at(&place, &["20.0.0.1", "stun:20.0.0.2:3478"])?;
        let measured = measured(&report)?;
        assert_eq!(measured.kind, expected, "{report:#?}");
        let ipv4 = measured.ipv4.as_ref().context("IPv4 was asked")?;
        assert_eq!((ipv4.filtering, ipv4.rfc5780, ipv4.seen.len()), (None, false, 2));
        assert!(report.findings.iter().any(|finding| finding.said.starts_with("not tested: no server")));
        assert_eq!(ipv4.hairpin.is_some(), kind != SiteKind::Public, "{kind}");
    }
    let place = network.place("alone", SiteKind::PortRestricted, 9, None)?;
    let report = probe_at(&place, &["20.0.0.1"])?;
    assert_eq!((measured(&report)?.kind, report.mark()), (NatKind::Unknown, Mark::Warning));
    Ok(())
}

#[test]
fn the_command_says_what_the_library_finds_and_ends_with_its_verdict() -> Result<()> {
    let probe = |place: &Place, words: &[&str]| -> Result<Probed> {
        place.host().inside(|| Probe::new(&[&["nat", "--timeout", "1s"], words].concat())?.run())
    };
    let network = Network::new()?;
    let host = network.host("server", &[PRIMARY.into(), ALTERNATE.into()])?;
    let both = "relay.listen=20.0.0.1:3478,20.0.0.2:3478";
    let (_server, _) = start_sangam(&host, PRIMARY, &[both])?;
    let servers = ["20.0.0.1", "20.0.0.2"];
    let open = network.place("open", SiteKind::Public, 1, None)?;
    let probed = probe(&open, &servers)?;
    assert_fine(&probed);
    assert_eq!(probed.report["measured"]["kind"], "open");
    let symmetric = network.place("sym", SiteKind::Symmetric, 2, None)?;
    let probed = probe(&symmetric, &servers)?;
    assert_fine(&probed);
    assert!(probed.finding("warning").contains("symmetric NAT"), "{}", probed.output);
    let strict = probe(&symmetric, &[&servers[..], &["--strict"]].concat())?;
    assert_eq!(strict.code, Some(1), "{}", strict.output);
    let web = network.place("web", SiteKind::WebOnly, 3, None)?;
    assert_no(&probe(&web, &servers)?, &["no server answers by any transport", "stuns:HOST:443"]);
    assert_eq!(probe(&open, &["turn:20.0.0.1"])?.code, Some(2));
    assert_eq!(probe(&open, &[])?.code, Some(2));
    Ok(())
}
