use anyhow::{Result, ensure};
use serde::Deserialize;

use super::contender::Contender;
use super::goal::Goal;
use super::plan::Measure;
use super::server::Server;
use super::step::{Bench, Outcome, Readings, announce};
use super::table::{Figures, Row, Table};

/// Listeners that hear of writes.
pub(super) fn fanout(bench: &Bench<'_>) -> Result<Table> {
    let plan = bench.plan;
    let (mut many, mut few) = (Readings::default(), Readings::default());
    for round in 1..=plan.rounds_of(Measure::Fanout) {
        announce(plan, Measure::Fanout, round, format!("{}, {} listeners", Contender::Ours, plan.listeners));
        many.add(Contender::Ours, hear(bench, Contender::Ours, plan.listeners))?;
        for contender in bench.servers() {
            announce(plan, Measure::Fanout, round, format!("{contender}, {} listeners", plan.listeners_few));
            few.add(contender, hear(bench, contender, plan.listeners_few))?;
        }
    }
    let mut rows = rows(&many, plan.listeners, &[Goal::AtMost(10.0)], &[Goal::AtMost(50.0)]);
    rows.extend(self::rows(&few, plan.listeners_few, &[], &[]));
    let mut notes = few.notes();
    notes.push(
        "Late is from before the request of a write until its event is read; what is not there 20 s after the last write is \
         lost. pouchdb-server tells its listeners each second that it is there, as it begins to answer only then."
            .to_owned(),
    );
    Ok(Table { title: format!("W6: {} writes a second", plan.writes_per_second), rows, notes })
}

fn hear(bench: &Bench<'_>, contender: Contender, listeners: u64) -> Result<Outcome> {
    let server = Server::start(bench, contender)?;
    let plan = bench.plan;
    let arguments = [
        format!("--listeners={listeners}"),
        format!("--writes-per-second={}", plan.writes_per_second),
        format!("--millis={}", plan.millis),
    ];
    bench.load(&server, "fanout", &arguments)
}

fn rows(readings: &Readings, listeners: u64, p50: &[Goal], p99: &[Goal]) -> Vec<Row> {
    let what = |what: &str| format!("{listeners} listeners: {what}");
    let none = [Goal::AtMost(0.0)];
    let lost = |o: &Outcome| Some(o.expected? as f64 - o.operations as f64);
    vec![
        readings.row(what("late, median, ms"), 2, p50, |o| o.p50_ms),
        readings.row(what("late, 99th percentile, ms"), 2, p99, |o| o.p99_ms),
        readings.row(what("events lost"), 0, &none, lost),
        readings.row(what("CPU for each event, µs"), 1, &[], Outcome::cpu_micros),
        readings.row(what("resident memory, MB"), 1, &[], Outcome::resident_megabytes),
    ]
}

#[derive(Debug, Deserialize)]
struct Idled {
    resident_bytes_before: u64,
    resident_bytes_after: u64,
    resident_bytes_per_listener: f64,
    anonymous_bytes_per_listener: f64,
    cpu_part: f64,
}

/// Listeners to which nothing is said.
pub(super) fn idle(bench: &Bench<'_>) -> Result<Table> {
    let plan = bench.plan;
    let mut outcomes = Vec::new();
    for round in 1..=plan.rounds_of(Measure::Idle) {
        announce(plan, Measure::Idle, round, Contender::Ours);
        let server = Server::start(bench, Contender::Ours)?;
        let arguments = [format!("--listeners={}", plan.idle_listeners), format!("--millis={}", plan.idle_millis)];
        let idled: Idled = bench.load(&server, "idle", &arguments)?;
        ensure!(idled.resident_bytes_after >= idled.resident_bytes_before, "{idled:?} cannot be");
        outcomes.push(idled);
    }
    let row = |what: &str, digits, goals: &[Goal], figure: fn(&Idled) -> f64| Row {
        what: what.to_owned(),
        figures: Figures::new([(Contender::Ours, outcomes.iter().map(figure).collect())]),
        digits,
        goals: goals.to_vec(),
    };
    let rows = vec![
        row("resident memory of each, bytes", 0, &[Goal::AtMost(12_000.0)], |o| o.resident_bytes_per_listener),
        row("heap and stacks of each, bytes", 0, &[], |o| o.anonymous_bytes_per_listener),
        row("CPU of telling them that the server is there, % of a core", 2, &[Goal::AtMost(5.0)], |o| {
            100.0 * o.cpu_part
        }),
        row("resident memory without them, MB", 1, &[], |o| o.resident_bytes_before as f64 / 1e6),
        row("with them, MB", 1, &[], |o| o.resident_bytes_after as f64 / 1e6),
    ];
    Ok(Table { title: format!("W7: {} idle listeners", plan.idle_listeners), rows, notes: Vec::new() })
}

/// Handshakes and empty pulls.
pub(super) fn cycle(bench: &Bench<'_>) -> Result<Table> {
    let plan = bench.plan;
    let mut readings = Readings::default();
    for round in 1..=plan.rounds_of(Measure::Cycle) {
        announce(plan, Measure::Cycle, round, Contender::Ours);
        let (server, _) = bench.filled(Contender::Ours, plan.entities_few)?;
        let arguments = [format!("--replicas={}", plan.cycle_replicas), format!("--millis={}", plan.millis)];
        readings.add(Contender::Ours, bench.load(&server, "cycle", &arguments))?;
    }
    let rows = vec![
        readings.row("cycles/s", 0, &[Goal::AtLeast(7_500.0)], Outcome::per_second),
        readings.row("time of each, median, ms", 2, &[], |o| o.p50_ms),
        readings.row("time of each, 99th percentile, ms", 2, &[Goal::AtMost(5.0)], |o| o.p99_ms),
        readings.row("CPU for each cycle, µs", 1, &[], Outcome::cpu_micros),
        readings.row("resident memory, MB", 1, &[], Outcome::resident_megabytes),
    ];
    let title = format!("W8: handshake and empty pull, {} devices, 32 at once", plan.cycle_replicas);
    Ok(Table { title, rows, notes: Vec::new() })
}
