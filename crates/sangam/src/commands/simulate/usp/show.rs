use std::fmt::Write as _;

use sangam_fleet::UspReport;
use serde_json::{Value, json};

use crate::commands::simulate::percentiles::percentiles;

/// One object: the verdict, its reasons, then everything.
pub(super) fn json(report: &UspReport, seed: u64) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(report)?;
    object["ok"] = json!(report.is_fine());
    object["verdict"] = json!(report.verdict());
    object["reasons"] = json!(report.reasons());
    object["seed"] = json!(seed);
    Ok(object)
}

/// How long things took, what was told and asked, the verdict at the end.
pub(super) fn table(report: &UspReport, seed: u64) -> String {
    let mut table = format!("{} agents, {:.1} s, seed {seed}\n\n", report.devices, report.took_secs);
    let mut line = |text: std::fmt::Arguments<'_>| table.write_fmt(text).expect("a String takes everything");
    if report.was_stopped {
        line(format_args!("  ended before its time\n"));
    }
    match report.boot_storm_secs {
        Some(secs) => {
            line(format_args!("  all {} agents heard from the controller within {secs:.1} s\n", report.heard));
        }
        None => line(format_args!("  {} of {} agents heard from the controller\n", report.heard, report.devices)),
    }
    for outage in &report.outages {
        line(format_args!("  {} agents were cut off; all were back after {:.1} s\n", outage.agents, outage.secs));
    }
    line(format_args!("\n  {:40} p50 / p90 / p99 / max, ms\n", ""));
    for (name, spread) in
        [("a connection, to open", &report.open), ("an open connection, to the first word", &report.first_word)]
    {
        line(format_args!("  {name:40} {}\n", percentiles(spread.as_ref())));
    }
    line(format_args!("\n  {:40} begun / done / failed\n", ""));
    for (name, count) in &report.commands {
        line(format_args!("  {name:40} {} / {} / {}\n", count.begun, count.done, count.failed));
    }
    line(format_args!("\n"));
    for (name, count) in counts(report).into_iter().map(|(name, count)| (name.to_owned(), count)).chain(groups(report))
    {
        if count > 0 {
            line(format_args!("  {count:>10}  {name}\n"));
        }
    }
    if report.is_fine() {
        return table + &format!("\nFINE: {}", report.verdict());
    }
    let reasons: String = report.reasons().iter().map(|reason| format!("\n  {reason}")).collect();
    let verdict = report.verdict();
    table + &format!("{reasons}\n\nNO: {}", verdict.strip_prefix("no: ").unwrap_or(&verdict))
}

fn counts(report: &UspReport) -> [(&'static str, u64); 17] {
    let faults = &report.faults;
    [
        ("connections opened", report.connections),
        ("agents connected when the fleet began to settle", report.connected),
        ("boots", report.boots),
        ("factory resets", report.resets),
        ("values that changed by themselves", report.changes),
        ("files that came or went", report.transfers_ended),
        ("of these failed", report.transfers_failed.values().sum()),
        ("notifications taken by the controller", report.delivered.values().sum()),
        ("notifications given up", report.given_up),
        ("connections dropped on purpose", faults.dropped),
        ("records sent twice on purpose", faults.duplicated),
        ("records sent late on purpose", faults.late),
        ("requests refused on purpose", faults.refused),
        ("records sent", report.records_sent),
        ("records received", report.records_received),
        ("bytes sent", report.sent_bytes),
        ("bytes received", report.received_bytes),
    ]
}

fn groups(report: &UspReport) -> Vec<(String, u64)> {
    fn named<'a, K: std::fmt::Display + 'a>(
        what: &'a str,
        counts: impl IntoIterator<Item = (&'a K, &'a u64)> + 'a,
    ) -> impl Iterator<Item = (String, u64)> + 'a {
        counts.into_iter().map(move |(name, count)| (format!("{what} {name}"), *count))
    }
    named("connection refused:", &report.connections_refused)
        .chain(named("connection lost:", &report.connections_lost))
        .chain(named("served", &report.served))
        .chain(named("error", &report.errors))
        .chain(named("happened:", &report.happened))
        .chain(named("delivered:", &report.delivered))
        .chain(named("not taken:", &report.not_taken))
        .chain(named("goodbye of the controller", &report.goodbyes))
        .chain(named("transfer failed:", &report.transfers_failed))
        .chain(named("agents with the quirk", &report.quirks))
        .collect()
}

#[cfg(test)]
mod tests {
    use sangam_fleet::{CommandCount, Outage, Percentiles, UspFaults};

    use super::*;

    fn report() -> UspReport {
        UspReport {
            devices: 6,
            heard: 6,
            took_secs: 1.5,
            boot_storm_secs: Some(0.7),
            outages: vec![Outage { agents: 6, secs: 12.3 }],
            commands: [("IPPing()", CommandCount { begun: 3, done: 2, failed: 1 })].into(),
            served: [("Set", 6)].into(),
            open: Some(Percentiles { p50_ms: 1.0, p90_ms: 2.0, p99_ms: 3.0, max_ms: 4.0 }),
            ..UspReport::default()
        }
    }

    #[test]
    fn the_table_has_what_happened_and_ends_with_the_verdict() {
        let fine = table(&report(), 7);
        assert!(fine.starts_with("6 agents, 1.5 s, seed 7"), "{fine}");
        let parts = ["1.0 / 2.0 / 3.0 / 4.0", "3 / 2 / 1", "6  served Set", "within 0.7 s", "after 12.3 s", "\nFINE: "];
        for part in parts {
            assert!(fine.contains(part), "{part}: {fine}");
        }
        let faulty = UspFaults { undelivered: 2, ..UspFaults::default() };
        let refused = table(&UspReport { faulty, ..report() }, 7);
        assert!(refused.ends_with("NO: 2 notifications were not taken in the end"), "{refused}");
    }

    #[test]
    fn json_has_verdict_reasons_and_figures() {
        let object = json(&report(), 7).unwrap();
        assert_eq!((&object["ok"], &object["seed"]), (&json!(true), &json!(7)));
        assert_eq!((&object["faulty"]["broken"], &object["commands"]["IPPing()"]["done"]), (&json!(0), &json!(2)));
        let faulty = UspFaults { unheard: 2, ..UspFaults::default() };
        let object = json(&UspReport { faulty, ..report() }, 7).unwrap();
        assert_eq!(object["reasons"][0], "2 of 6 agents never heard from the controller");
    }
}
