use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use sangam_probe::{Bounds, Mark, MdnsMeasured, Measured, Report, Trust, mdns};
use sangam_testkit::network::Lan;

use crate::heard::{node_id, run};
use crate::lan::{address, beside_node};

const KIND: &str = "_synapse-ng._tcp.local.";

fn probe() -> Result<Report> {
    let trust = Trust::load(None)?;
    // A probe listens until its time is over.
    let bounds = Bounds { timeout: Duration::from_secs(4), trust: &trust, progress: &|_| {} };
    run(async { Ok(mdns(KIND, bounds).await) })
}

fn measured(report: &Report) -> &MdnsMeasured {
    match &report.measured {
        Measured::Mdns(measured) => measured,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_probe_lists_the_nodes_of_the_lan_with_what_they_say() -> Result<()> {
    let lan = Lan::new()?;
    let id = node_id("first-node");
    let report = beside_node(&lan, &id, |leave| {
        let report = probe()?;
        leave.send(())?;
        Ok(report)
    })?;
    assert_eq!(report.mark(), Mark::Fine, "{report:?}");
    let measured = measured(&report);
    let node = &measured.services["synapse-ng-first-no._synapse-ng._tcp.local."];
    assert_eq!((node.port, &node.text["node_id"]), (8000, &id.to_string()));
    assert!(measured.kinds.contains(KIND), "{measured:?}");
    Ok(())
}

#[test]
fn a_probe_says_that_no_interface_takes_part_where_all_are_down() -> Result<()> {
    let lan = Lan::new()?;
    for (number, network) in [(1, address(1)), (2, "fd77::1".parse()?)] {
        let host = lan.host(&format!("h{number}"), network, 24)?;
        let report = host.inside(probe)?;
        assert!(measured(&report).addresses.contains(&network), "{report:?}");
        host.ip("link set eth0 down")?;
        let report = host.inside(probe)?;
        assert_eq!((report.mark(), measured(&report).addresses.len()), (Mark::Failed, 0), "{report:?}");
        assert!(report.verdict().contains("interfaces"), "{}", report.verdict());
    }
    Ok(())
}

#[test]
fn a_probe_tells_a_firewall_from_an_empty_lan() -> Result<()> {
    let lan = Lan::new()?;
    let alone = lan.host("alone", address(1), 24)?;
    let report = alone.inside(probe)?;
    assert_eq!((report.mark(), measured(&report).heard_ourselves), (Mark::Warning, Some(true)), "{report:?}");
    let report = alone.inside(|| {
        let rules = ["add table inet t", "add chain inet t c { type filter hook input priority 0; }"];
        for rule in rules.into_iter().chain(["add rule inet t c udp dport 5353 drop"]) {
            ensure!(Command::new("nft").arg(rule).status()?.success(), "nft {rule}");
        }
        probe()
    })?;
    assert_eq!(report.mark(), Mark::Failed);
    assert!(report.verdict().contains("our own announcement"), "{}", report.verdict());
    Ok(())
}
