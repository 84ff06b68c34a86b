use std::fmt::Write as _;

use sangam_fleet::{KindReport, RoomsReport};
use serde_json::{Value, json};

use crate::commands::simulate::percentiles::percentiles;

/// One object: the verdict, then everything.
pub(super) fn json(report: &RoomsReport) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(report)?;
    object["ok"] = json!(report.is_fine());
    object["verdict"] = json!(report.verdict());
    Ok(object)
}

/// What was sent, how long things took, what went otherwise, the verdict at the end.
pub(super) fn table(report: &RoomsReport) -> String {
    let mut table =
        format!("{} participants in {} rooms, {:.1} s\n\n", report.participants, report.rooms, report.took_secs);
    let mut line = |text: std::fmt::Arguments<'_>| table.write_fmt(text).expect("a String takes everything");
    line(format_args!(
        "  {:10} {:>8} {:>10} {:>9} {:>8} {:>6} {:>6} {:>9}   p50 / p90 / p99 / max, ms\n",
        "message", "sent", "delivered", "replayed", "missing", "away", "twice", "reordered"
    ));
    for message in &report.messages {
        let KindReport {
            kind, sent, delivered, replayed, missing, missed_away, duplicated, reordered, latency, ..
        } = message;
        let (kind, latency) = (kind.name(), percentiles(latency.as_ref()));
        line(format_args!(
            "  {kind:10} {sent:>8} {delivered:>10} {replayed:>9} {missing:>8} {missed_away:>6} {duplicated:>6} {reordered:>9}   {latency}\n"
        ));
    }
    line(format_args!("\n"));
    for (name, spread) in [("connect", &report.connect), ("join", &report.join), ("back", &report.back)] {
        line(format_args!("  {name:10} {:>70}{}\n", "", percentiles(spread.as_ref())));
    }
    for (name, count) in counts(report) {
        if count > 0 {
            line(format_args!("  {count:>10}  {name}\n"));
        }
    }
    for (why, count) in &report.refused {
        line(format_args!("  {count:>10}  refused: {why}\n"));
    }
    let word = if report.is_fine() { "FINE" } else { "NO" };
    let verdict = report.verdict();
    table + &format!("\n{word}: {}", verdict.strip_prefix("no: ").unwrap_or(&verdict))
}

fn counts(report: &RoomsReport) -> [(&'static str, u64); 12] {
    [
        ("never joined", report.never_joined),
        ("not in their room at the end", report.absent_at_end),
        ("cut off by the fleet", report.cut),
        ("cut off by the server or the network", report.disconnected),
        ("came back and were recovered", report.recovered),
        ("came back and had to join anew", report.rejoined),
        ("attempts to connect that nobody answered", report.unreached),
        ("messages that were on their way from a client that was cut off", report.withdrawn),
        ("signals that were on their way to an agent that was cut off", report.in_flight),
        ("that a room was told while an agent was away, which learns its state", report.left_to_state),
        ("candidates that were held for the description they belong to", report.held),
        ("messages that this machine was too busy to say", report.not_said),
    ]
}

#[cfg(test)]
mod tests {
    use sangam_fleet::{Kind, Percentiles};

    use super::*;

    fn report() -> RoomsReport {
        let latency = Some(Percentiles { p50_ms: 1.0, p90_ms: 2.0, p99_ms: 3.0, max_ms: 4.0 });
        let offer = KindReport {
            kind: Kind::Offer,
            sent: 6,
            expected: 6,
            delivered: 5,
            replayed: 0,
            missing: 1,
            missed_away: 0,
            duplicated: 0,
            reordered: 0,
            latency,
        };
        RoomsReport {
            rooms: 2,
            participants: 6,
            took_secs: 1.5,
            messages: vec![offer],
            connect: latency,
            join: latency,
            back: None,
            never_joined: 0,
            absent_at_end: 0,
            cut: 3,
            disconnected: 0,
            recovered: 3,
            rejoined: 0,
            unreached: 0,
            withdrawn: 0,
            held: 0,
            in_flight: 0,
            left_to_state: 0,
            not_said: 0,
            refused: [("HTTP 503".to_owned(), 2)].into(),
        }
    }

    #[test]
    fn the_table_has_what_happened_and_ends_with_the_verdict() {
        let table = table(&report());
        assert!(table.starts_with("6 participants in 2 rooms, 1.5 s\n"), "{table}");
        assert!(table.contains("1.0 / 2.0 / 3.0 / 4.0"), "{table}");
        assert!(table.contains("3  cut off by the fleet") && !table.contains("join anew"), "{table}");
        assert!(table.ends_with("NO: 1 of 6 deliveries were lost (refused 2 times: HTTP 503)"), "{table}");
    }

    #[test]
    fn json_has_verdict_and_figures() {
        let object = json(&report()).unwrap();
        assert_eq!(object["ok"], false);
        assert_eq!(object["messages"][0]["kind"], "offer");
        assert_eq!(object["messages"][0]["latency"]["p99_ms"], 3.0);
    }
}
