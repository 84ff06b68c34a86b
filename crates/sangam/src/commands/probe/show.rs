use std::fmt::Write as _;

use sangam_probe::{Finding, Mark, Report};
use serde_json::{Value, json};

use crate::commands::api::text::escaped;

/// One object: the verdict, then everything.
pub(super) fn json(report: &Report, is_fine: bool) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(report)?;
    object["ok"] = json!(is_fine);
    object["verdict"] = json!(report.verdict());
    Ok(object)
}

/// A line for each finding, cause and mend below it, the verdict at the end. Others had a say in these words, servers and whoever
/// announces services on the LAN: they must not steer the terminal.
pub(super) fn table(report: &Report, is_fine: bool) -> String {
    let width =
        report.findings.iter().map(|finding| escaped(&finding.subject).chars().count()).max().unwrap_or_default();
    let mut table = format!("probe {} {}\n\n", report.probe, report.target);
    for finding in &report.findings {
        row(&mut table, finding, width);
    }
    let word = if is_fine { "FINE" } else { "NO" };
    let verdict = report.verdict();
    let verdict = escaped(verdict.strip_prefix("no: ").unwrap_or(&verdict));
    table + &format!("\n{word}: {verdict}")
}

fn row(table: &mut String, finding: &Finding, width: usize) {
    let mark = match finding.mark {
        Mark::Fine => "ok  ",
        Mark::Warning => "warn",
        Mark::Failed => "FAIL",
    };
    let mut line = |text: std::fmt::Arguments<'_>| table.write_fmt(text).expect("a String takes everything");
    line(format_args!("  {mark}  {:width$}  {}\n", escaped(&finding.subject), escaped(&finding.said)));
    for (name, text) in [("cause", &finding.cause), ("mend", &finding.mend)] {
        if let Some(text) = text {
            line(format_args!("        {:width$}  {name}: {}\n", "", escaped(text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use sangam_probe::Measured;

    use super::*;

    fn report() -> Report {
        let findings = vec![
            Finding::fine("reach", "it answers"),
            Finding::failed("allocation", "error 401").because("another secret", "compare them"),
        ];
        Report { probe: "turn", target: "turn:a".to_owned(), findings, measured: Measured::Turn(Vec::new()) }
    }

    #[test]
    fn the_table_ends_with_the_verdict() {
        let expected = "probe turn turn:a\n\n  ok    reach       it answers\n  FAIL  allocation  error 401\n                    \
                        cause: another secret\n                    mend: compare them\n\nNO: allocation: error 401";
        assert_eq!(table(&report(), false), expected);
    }

    #[test]
    fn what_others_say_does_not_steer_the_terminal() {
        let findings = vec![
            Finding::fine("\u{1b}[2Jname._x._tcp", "text=\u{9b}31m\r\nFINE: all is well"),
            Finding::failed("reach", "\u{7}").because("\u{1b}]0;title\u{7}", "\u{8}"),
        ];
        let table = table(&Report { findings, ..report() }, false);
        assert!(table.chars().all(|c| c == '\n' || !c.is_control()), "{table:?}");
        assert_eq!(table.lines().filter(|line| line.starts_with("FINE")).count(), 0, "{table}");
        assert!(table.contains(r"\u{1b}[2Jname._x._tcp"), "{table}");
    }

    #[test]
    fn json_has_verdict_and_findings() {
        let object = json(&report(), false).unwrap();
        assert_eq!(object["ok"], false);
        assert_eq!(object["verdict"], "no: allocation: error 401");
        assert_eq!(object["findings"][1]["mend"], "compare them");
    }
}
