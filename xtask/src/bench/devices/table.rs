use super::step::{Kind, Outcome, Readings};
use crate::bench::spread::{Spread, cell};

/// Sessions a second and core, that one in which nothing changed has to come to.
const PER_SECOND_GOAL: f64 = 5_000.0;
/// Which kind of sessions that is held to: as a device comes by itself, every time with a new connection.
const HELD_TO_GOAL: Kind = Kind::Nonce;

/// As Markdown, with how it was measured above it.
pub(super) fn text(heading: &str, readings: &Readings) -> String {
    let mut lines = vec![
        heading.to_owned(),
        String::new(),
        "| session | sessions/s | CPU of each, µs | requests of each | half within, ms | 99 % within, ms | resident, MB | goal | met |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(Kind::ALL.map(|kind| row(kind, readings)));
    lines.join("\n") + "\n"
}

fn row(kind: Kind, readings: &Readings) -> String {
    let spread = |digits, figure: fn(&Outcome) -> f64| cell(Spread::of(readings.figures(kind, figure)), digits);
    let (goal, met) = match is_met(kind, readings) {
        None => ("-".to_owned(), "-"),
        Some(is_met) => (format!("{PER_SECOND_GOAL:.0}/s"), if is_met { "yes" } else { "no" }),
    };
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {goal} | {met} |",
        kind.about(),
        spread(0, Outcome::per_second),
        spread(1, Outcome::cpu_micros),
        spread(1, Outcome::requests_each),
        spread(1, |it| it.p50_ms),
        spread(1, |it| it.p99_ms),
        spread(0, |it| it.resident_bytes as f64 / 1e6),
    )
}

/// Every goal that the middle readings miss, as a sentence.
pub(super) fn missed(readings: &Readings) -> Vec<String> {
    let missed = Kind::ALL.into_iter().filter(|kind| is_met(*kind, readings) == Some(false));
    missed.map(|kind| format!("{}: not {PER_SECOND_GOAL:.0} sessions/s", kind.about())).collect()
}

/// `None`: this kind has no goal.
fn is_met(kind: Kind, readings: &Readings) -> Option<bool> {
    let rate = Spread::of(readings.figures(kind, Outcome::per_second))?.median();
    (kind == HELD_TO_GOAL).then_some(rate >= PER_SECOND_GOAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(sessions: u64) -> Readings {
        let mut readings = Readings::default();
        let outcome =
            Outcome { sessions, requests: 2 * sessions, seconds: 2.0, cpu_nanos: 2_000_000_000, ..Outcome::default() };
        Kind::ALL.into_iter().for_each(|kind| readings.add(kind, &outcome));
        readings
    }

    #[test]
    fn the_rate_of_a_session_in_which_nothing_changed_is_held_to_the_goal() {
        assert_eq!(missed(&readings(9_998)).len(), 1);
        assert!(missed(&readings(10_000)).is_empty());
        let text = text("how:", &readings(10_000));
        assert!(
            text.contains("| 5000 / **5000** / 5000 | 200.0 / **200.0** / 200.0 | 2.0 / **2.0** / 2.0 |"),
            "{text}"
        );
        assert_eq!(text.matches("| yes |").count(), 1, "{text}");
    }
}
