use serde_json::{Value, json};

use super::report::{Degrees, Report};
use crate::commands::simulate::percentiles::percentiles;

/// One object: the verdict, its reasons, then everything.
pub(super) fn json(report: &Report) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(report)?;
    let reasons = report.reasons();
    object["ok"] = json!(reasons.is_empty());
    object["verdict"] = json!(verdict(&reasons));
    object["reasons"] = json!(reasons);
    Ok(object)
}

/// The mesh, what was said in it, what it cost, the verdict at the end.
pub(super) fn table(report: &Report) -> String {
    let formed = report.formed_secs.map_or("-".to_owned(), |secs| format!("{secs:.1} s"));
    let latency = percentiles(report.latency.as_ref());
    let lines = [
        ("one mesh after", formed),
        ("links of a node, min / median / max", degrees(&report.degrees)),
        ("the same at the end", degrees(&report.degrees_at_end)),
        ("nodes that died", report.died.to_string()),
        ("messages published", report.published.to_string()),
        ("deliveries owed", report.owed.to_string()),
        ("deliveries missing", report.missing.to_string()),
        ("deliveries that came again", report.duplicates.to_string()),
        ("messages that died with their node", report.gone.to_string()),
        ("said to heard, p50 / p90 / p99 / max, ms", latency),
        ("memory of a node, kB", kilobytes(report.bytes_per_peer)),
        ("the same by ends of links, kB", kilobytes(report.bytes_per_link_end)),
        ("cores while forming", format!("{:.2}", report.cores_forming)),
        ("cores while idle", format!("{:.2}", report.cores_idle)),
        ("cores while publishing", format!("{:.2}", report.cores_publishing)),
        ("bytes a second of a node while idle", format!("{:.0}", report.idle_bytes_per_sec_per_peer)),
        ("bytes sent for each byte delivered", format!("{:.1}", report.sent_bytes_per_delivered_byte)),
    ];
    let rows: String = lines.iter().map(|(name, value)| format!("  {name:44} {value}\n")).collect();
    let head = format!("{} nodes, {:.1} s, seed {}", report.peers, report.took_secs, report.seed);
    let reasons = report.reasons();
    let word = if reasons.is_empty() { "FINE" } else { "NO" };
    format!("{head}\n\n{rows}\n{word}: {}", verdict(&reasons))
}

fn verdict(reasons: &[String]) -> String {
    if reasons.is_empty() {
        return "one bounded mesh, and each message came to each node once".to_owned();
    }
    reasons.join("; ")
}

fn degrees(degrees: &Degrees) -> String {
    format!("{} / {} / {}", degrees.min, degrees.median, degrees.max)
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_json_have_the_verdict_and_its_reasons() {
        let mut report = Report { peers: 3, together: 3, formed_secs: Some(2.0), links_max: 2, ..Report::default() };
        (report.owed, report.delivered) = (6, 6);
        assert!(table(&report).ends_with("FINE: one bounded mesh, and each message came to each node once"));
        assert_eq!(json(&report).unwrap()["ok"], true);
        report.missing = 1;
        assert!(table(&report).ends_with("NO: 1 of 6 deliveries are missing"), "{}", table(&report));
        let object = json(&report).unwrap();
        assert_eq!((&object["ok"], &object["reasons"][0]), (&json!(false), &json!("1 of 6 deliveries are missing")));
    }
}
