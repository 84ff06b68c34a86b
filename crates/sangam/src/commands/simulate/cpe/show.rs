use std::fmt::Write as _;

use sangam_fleet::{CpeReport, TaskReport};
use serde_json::{Value, json};

use crate::commands::simulate::percentiles::percentiles;

/// One object: the verdict, its reasons, then everything.
pub(super) fn json(report: &CpeReport, seed: u64) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(report)?;
    object["ok"] = json!(report.is_fine());
    object["verdict"] = json!(report.verdict());
    object["reasons"] = json!(report.reasons());
    object["seed"] = json!(seed);
    Ok(object)
}

/// How long things took, what became of events, what was done, the verdict at the end.
pub(super) fn table(report: &CpeReport, seed: u64) -> String {
    let mut table = format!(
        "{} devices, {:.1} s, seed {seed}, {:.1} sessions/s\n\n",
        report.devices, report.took_secs, report.sessions_per_sec
    );
    let mut line = |text: std::fmt::Arguments<'_>| table.write_fmt(text).expect("a String takes everything");
    match report.boot_storm_secs {
        Some(secs) => line(format_args!("  all {} devices were heard within {secs:.1} s\n\n", report.booted)),
        None => line(format_args!("  {} of {} devices were heard\n\n", report.booted, report.devices)),
    }
    line(format_args!("  {:40} p50 / p90 / p99 / max, ms\n", ""));
    for (name, spread) in [
        ("an Inform, to its answer", &report.inform),
        ("a session", &report.session),
        ("how late sessions began", &report.late),
    ] {
        line(format_args!("  {name:40} {}\n", percentiles(spread.as_ref())));
    }
    line(format_args!("\n  {:40} raised / told / acknowledged\n", ""));
    for (code, count) in &report.events {
        line(format_args!("  {code:40} {} / {} / {}\n", count.raised, count.told, count.acknowledged));
    }
    line(format_args!("\n"));
    for (name, count) in counts(report) {
        if count > 0 {
            line(format_args!("  {count:>10}  {name}\n"));
        }
    }
    for (what, count) in groups(report) {
        line(format_args!("  {count:>10}  {what}\n"));
    }
    if let Some(tasks) = &report.tasks {
        line(format_args!("{}", tasks_table(tasks)));
    }
    if report.is_fine() {
        return table + &format!("\nFINE: {}", report.verdict());
    }
    let reasons: String = report.reasons().iter().map(|reason| format!("\n  {reason}")).collect();
    let verdict = report.verdict();
    table + &format!("{reasons}\n\nNO: {}", verdict.strip_prefix("no: ").unwrap_or(&verdict))
}

/// What became of orders, by kind, and what devices say of it.
fn tasks_table(tasks: &TaskReport) -> String {
    let mut table = format!(
        "\n  tasks for {} devices in {:.1} s\n  {:20} ordered / done / failed / unknown / open   p50 / p90 / p99 / max, ms\n",
        tasks.devices, tasks.took_secs, ""
    );
    for (name, kind) in &tasks.kinds {
        let counts =
            [kind.ordered, kind.done, kind.failed, kind.unknown, kind.open].map(|it| it.to_string()).join(" / ");
        table += &format!("  {name:20} {counts:40} {}\n", percentiles(kind.took.as_ref()));
        for (why, count) in &kind.reasons {
            table += &format!("  {:20} {count} {why}\n", "");
        }
    }
    let audit = &tasks.audit;
    table += &format!(
        "  devices did {} once, {} again as they may, {} that are unknown; twice {}, never {}, denied {}\n",
        audit.once, audit.repeated, audit.unknown_done, audit.twice, audit.never, audit.denied
    );
    if let Some(reads) = &tasks.live_reads {
        let others: String = reads.others.iter().map(|(why, count)| format!("; {count} {why}")).collect();
        table += &format!(
            "  live reads: {} of {}, {} left out, {}{others}\n",
            reads.answered,
            reads.asked,
            reads.left_out,
            percentiles(reads.took.as_ref())
        );
    }
    table
}

fn counts(report: &CpeReport) -> [(&'static str, u64); 17] {
    [
        ("sessions that were complete", report.sessions_complete),
        ("sessions that were tried again", report.retries),
        ("Informs sent", report.informs_sent),
        ("Informs acknowledged", report.informs_acknowledged),
        ("answers with 401", report.unauthorized),
        ("answers with 503", report.busy),
        ("boots", report.boots),
        ("factory resets", report.resets),
        ("values that changed by themselves", report.changes),
        ("logins that the ACS gave", report.logins_taken),
        ("files that came or went", report.transfers_ended),
        ("of these taken up again where they broke off", report.transfers_resumed),
        ("of these failed", report.transfers_failed.values().sum()),
        ("of these acknowledged", report.transfers_acknowledged),
        ("requests", report.requests),
        ("bytes sent", report.sent_bytes),
        ("bytes received", report.received_bytes),
    ]
}

fn groups(report: &CpeReport) -> Vec<(String, u64)> {
    let failed = report.sessions_failed.iter().map(|(why, count)| (format!("session failed: {why}"), *count));
    let served = report.served.iter().map(|(method, count)| (format!("served {method}"), *count));
    let asked = report.asked.iter().map(|(method, count)| (format!("asked {method}"), *count));
    let faults = report.faults.iter().map(|(code, count)| (format!("fault {code}"), *count));
    let requests =
        report.connection_requests.iter().map(|(what, count)| (format!("connection request {what}"), *count));
    let quirks = report.quirks.iter().map(|(name, count)| (format!("devices with the quirk {name}"), *count));
    let mishaps = report.mishaps.iter().map(|(name, count)| (format!("made to go wrong: {name}"), *count));
    failed.chain(mishaps).chain(served).chain(asked).chain(faults).chain(requests).chain(quirks).collect()
}

#[cfg(test)]
mod tests {
    use sangam_fleet::{CpeFaults, EventCount, LiveReadReport, Percentiles, TaskAudit, TaskKindReport};

    use super::*;

    fn report() -> CpeReport {
        CpeReport {
            devices: 6,
            booted: 6,
            took_secs: 1.5,
            boot_storm_secs: Some(0.7),
            events: [("1 BOOT".to_owned(), EventCount { raised: 6, told: 7, acknowledged: 6, discarded: 0 })].into(),
            served: [("SetParameterValues", 6)].into(),
            inform: Some(Percentiles { p50_ms: 1.0, p90_ms: 2.0, p99_ms: 3.0, max_ms: 4.0 }),
            ..CpeReport::default()
        }
    }

    #[test]
    fn the_table_has_what_happened_and_ends_with_the_verdict() {
        let fine = table(&report(), 7);
        assert!(fine.starts_with("6 devices, 1.5 s, seed 7"), "{fine}");
        for part in ["1.0 / 2.0 / 3.0 / 4.0", "6 / 7 / 6", "6  served SetParameterValues", "within 0.7 s", "\nFINE: "] {
            assert!(fine.contains(part), "{part}: {fine}");
        }
        let faulty = CpeFaults { undelivered: 2, ..CpeFaults::default() };
        let refused = table(&CpeReport { faulty, ..report() }, 7);
        assert!(refused.ends_with("NO: 2 events were not acknowledged in the end"), "{refused}");
    }

    #[test]
    fn tasks_stand_in_the_table_with_what_devices_say_of_them() {
        let kind = TaskKindReport {
            ordered: 3,
            done: 2,
            failed: 1,
            reasons: [("9001 no".to_owned(), 1)].into(),
            ..TaskKindReport::default()
        };
        let reads = LiveReadReport { asked: 9, answered: 8, ..LiveReadReport::default() };
        let audit = TaskAudit { once: 2, twice: 0, ..TaskAudit::default() };
        let tasks =
            TaskReport { kinds: [("reboot", kind)].into(), audit, live_reads: Some(reads), ..TaskReport::default() };
        let table = table(&CpeReport { tasks: Some(tasks), ..report() }, 7);
        for part in ["reboot", "3 / 2 / 1 / 0 / 0", "1 9001 no", "did 2 once", "live reads: 8 of 9"] {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert!(table.ends_with("NO: 1 tasks failed"), "{table}");
    }

    #[test]
    fn json_has_verdict_reasons_and_figures() {
        let object = json(&report(), 7).unwrap();
        assert_eq!((&object["ok"], &object["seed"]), (&json!(true), &json!(7)));
        assert_eq!((&object["faulty"]["broken"], &object["events"]["1 BOOT"]["told"]), (&json!(0), &json!(7)));
        let faulty = CpeFaults { unheard: 2, ..CpeFaults::default() };
        let object = json(&CpeReport { faulty, ..report() }, 7).unwrap();
        assert_eq!(object["reasons"][0], "2 of 6 devices were never heard");
    }
}
