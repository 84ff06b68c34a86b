use std::fmt::Write as _;

use sangam_fleet::SyncReport;
use serde_json::{Value, json};

use crate::commands::simulate::percentiles::percentiles;

/// One object: the verdict, its reasons, then everything.
pub(super) fn json(report: &SyncReport, seed: u64) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(report)?;
    object["ok"] = json!(report.is_fine());
    object["verdict"] = json!(report.verdict());
    object["reasons"] = json!(report.reasons());
    object["seed"] = json!(seed);
    Ok(object)
}

/// What was done, how long things took, what went otherwise, the verdict at the end.
pub(super) fn table(report: &SyncReport, seed: u64) -> String {
    let databases = report.databases.len();
    let mut table =
        format!("{} devices in {databases} databases, {:.1} s, seed {seed}\n\n", report.devices, report.took_secs);
    let mut line = |text: std::fmt::Arguments<'_>| table.write_fmt(text).expect("a String takes everything");
    line(format_args!("  {:50} p50 / p90 / p99 / max, ms\n", ""));
    for (name, spread) in [
        ("lag, from accepted to seen by another device", &report.lag),
        ("catch-up, from being back to having it", &report.catch_up),
        ("a sync", &report.cycle),
    ] {
        line(format_args!("  {name:50} {}\n", percentiles(spread.as_ref())));
    }
    line(format_args!("\n"));
    for (name, count) in counts(report) {
        if count > 0 {
            line(format_args!("  {count:>10}  {name}\n"));
        }
    }
    for (why, count) in &report.refused {
        line(format_args!("  {count:>10}  refused: {why}\n"));
    }
    if report.is_fine() {
        return table + &format!("\nFINE: {}", report.verdict());
    }
    let reasons: String = report.reasons().iter().map(|reason| format!("\n  {reason}")).collect();
    let verdict = report.verdict();
    table + &format!("{reasons}\n\nNO: {}", verdict.strip_prefix("no: ").unwrap_or(&verdict))
}

fn counts(report: &SyncReport) -> [(&'static str, u64); 17] {
    [
        ("edits", report.edits),
        ("changes accepted", report.accepted),
        ("changes refused for a newer state", report.conflicts),
        ("of these decided for the server", report.kept_server),
        ("of these put on top by the device", report.kept_local),
        ("pushes of a change", report.pushed),
        ("changes pushed again and accepted once", report.sent_again),
        ("operations pulled", report.pulled),
        ("times that a device was cut off", report.cut),
        ("of these amid a push", report.answers_lost),
        ("syncs tried again", report.retries),
        ("syncs that gave up among conflicts", report.contended),
        ("times that a device began anew", report.resets),
        ("requests that nobody answered", report.unreached),
        ("requests", report.requests),
        ("bytes sent", report.sent_bytes),
        ("bytes received", report.received_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use sangam_fleet::{Percentiles, SyncFaults};

    use super::*;

    fn report() -> SyncReport {
        SyncReport {
            databases: vec!["a".to_owned(), "b".to_owned()],
            devices: 6,
            took_secs: 1.5,
            accepted: 40,
            conflicts: 3,
            lag: Some(Percentiles { p50_ms: 1.0, p90_ms: 2.0, p99_ms: 3.0, max_ms: 4.0 }),
            ..SyncReport::default()
        }
    }

    #[test]
    fn the_table_has_what_happened_and_ends_with_the_verdict() {
        let fine = table(&report(), 7);
        assert!(fine.starts_with("6 devices in 2 databases, 1.5 s, seed 7\n"), "{fine}");
        assert!(fine.contains("1.0 / 2.0 / 3.0 / 4.0") && fine.contains("3  changes refused"), "{fine}");
        assert!(!fine.contains("amid a push") && fine.contains("\nFINE: every acknowledged change"), "{fine}");
        let faults = SyncFaults { lost: 2, diverged: 1, ..SyncFaults::default() };
        let refused = table(&SyncReport { faults, ..report() }, 7);
        let reasons = "2 of 40 acknowledged changes were lost; 1 of 6 devices have another state than the server";
        assert!(refused.ends_with(&format!("NO: {reasons}")), "{refused}");
    }

    #[test]
    fn json_has_verdict_reasons_and_figures() {
        let object = json(&report(), 7).unwrap();
        assert_eq!((&object["ok"], &object["seed"], &object["faults"]["lost"]), (&json!(true), &json!(7), &json!(0)));
        assert_eq!(object["lag"]["p99_ms"], 3.0);
        let faults = SyncFaults { foreign: 2, ..SyncFaults::default() };
        let object = json(&SyncReport { faults, ..report() }, 7).unwrap();
        assert_eq!(object["ok"], false);
        assert!(object["reasons"][0].as_str().unwrap().starts_with("2 operations were seen"), "{object}");
    }
}
