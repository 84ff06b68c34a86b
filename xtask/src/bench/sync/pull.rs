use anyhow::{Result, ensure};

use super::contender::Contender;
use super::goal::Goal;
use super::plan::Measure;
use super::server::Server;
use super::step::{Bench, Outcome, Readings, announce};
use super::table::Table;

/// A server with what is to be read from it.
struct Source {
    server: Server,
    operations: u64,
}

impl Source {
    fn of(bench: &Bench<'_>, contender: Contender, ours: u64) -> Result<Self> {
        let operations = if contender == Contender::Pouch { bench.plan.pouch_operations } else { ours };
        eprintln!("filling {contender} with {operations} operations");
        let (server, filled) = bench.filled(contender, operations)?;
        Ok(Self { server, operations: filled.operations })
    }

    fn read(&self, bench: &Bench<'_>, limit: u64, device: &str) -> Result<Outcome> {
        let outcome = bench.pull(&self.server, limit, device)?;
        let (read, all) = (outcome.operations, self.operations);
        ensure!(read == all, "{read} operations of {all} were read from {}", self.server.contender());
        Ok(outcome)
    }
}

/// One device reads a large database.
pub(super) fn large(bench: &Bench<'_>) -> Result<Table> {
    let sources = sources(bench, bench.plan.pull_operations)?;
    let mut readings = Readings::default();
    for round in 1..=bench.plan.rounds_of(Measure::Pull) {
        for source in &sources {
            announce(bench.plan, Measure::Pull, round, source.server.contender());
            readings.add(source.server.contender(), source.read(bench, 1_000, &format!("large{round}")))?;
        }
        announce(bench.plan, Measure::Pull, round, Contender::Sqlite);
        let floor = bench.floor(1_000)?;
        let rate = floor.read_per_second.unwrap_or(0.0);
        let read =
            Outcome { operations: floor.operations, seconds: floor.operations as f64 / rate, ..Outcome::default() };
        readings.add(Contender::Sqlite, Ok(read))?;
    }
    let goals = [
        Goal::AtLeast(300_000.0),
        Goal::TimesAtLeast(0.7, Contender::Sqlite),
        Goal::TimesAtLeast(45.0, Contender::Pouch),
    ];
    let rows = vec![
        readings.row("operations/s", 0, &goals, Outcome::per_second),
        readings.row("CPU for each operation, µs", 2, &[], Outcome::cpu_micros),
        readings.row("resident memory afterwards, MB", 1, &[], Outcome::resident_megabytes),
    ];
    let written = "SQLite reads, in its own process, what it has just written.".to_owned();
    let title = format!("W3: one device reads {} operations, 1,000 a page", sources[0].operations);
    Ok(Table { title, rows, notes: [notes(bench), readings.notes(), vec![written]].concat() })
}

/// A first sync as clients do it.
pub(super) fn first(bench: &Bench<'_>) -> Result<Table> {
    let sources = sources(bench, bench.plan.first_operations)?;
    let mut readings = Readings::default();
    for round in 1..=bench.plan.rounds_of(Measure::First) {
        for source in &sources {
            announce(bench.plan, Measure::First, round, source.server.contender());
            readings.add(source.server.contender(), source.read(bench, 100, &format!("first{round}")))?;
        }
    }
    let operations = sources[0].operations;
    // Of the others the time is stretched to as many operations.
    let seconds = |o: &Outcome| Some(o.seconds * operations as f64 / o.operations as f64);
    let rows = vec![
        readings.row(format!("until {operations} operations are there, s"), 2, &[Goal::AtMost(1.5)], seconds),
        readings.row("operations/s", 0, &[], Outcome::per_second),
        readings.row("CPU for each operation, µs", 2, &[], Outcome::cpu_micros),
    ];
    let title = format!("W4: first sync of {operations} operations, 100 a page");
    Ok(Table { title, rows, notes: [notes(bench), readings.notes()].concat() })
}

/// New devices all at once.
pub(super) fn crowd(bench: &Bench<'_>) -> Result<Table> {
    let plan = bench.plan;
    let mut readings = Readings::default();
    let mut operations = 0;
    for round in 1..=plan.rounds_of(Measure::Crowd) {
        announce(plan, Measure::Crowd, round, Contender::Ours);
        // Pages that were encoded for one crowd would serve the next.
        let source = Source::of(bench, Contender::Ours, plan.crowd_operations)?;
        operations = source.operations;
        let arguments = [
            format!("--replicas={}", plan.crowd_replicas),
            "--limit=100".to_owned(),
            format!("--operations={operations}"),
        ];
        let outcome: Outcome = bench.load(&source.server, "crowd", &arguments)?;
        ensure!(outcome.operations == operations * plan.crowd_replicas, "{outcome:?} is not what all should have read");
        readings.add(Contender::Ours, Ok(outcome))?;
    }
    let grown = |o: &Outcome| Some((o.resident_bytes_peak? as f64 - o.resident_bytes_before? as f64) / 1e6);
    let rows = vec![
        readings.row("until all have everything, s", 2, &[Goal::AtMost(8.0)], |o| Some(o.seconds)),
        readings.row("operations/s", 0, &[], Outcome::per_second),
        readings.row("CPU for each operation, µs", 2, &[], Outcome::cpu_micros),
        readings.row("resident memory before, MB", 1, &[], |o| Some(o.resident_bytes_before? as f64 / 1e6)),
        readings.row("that it grew by at its peak, MB", 1, &[], grown),
    ];
    let title =
        format!("W5: {} new devices read {operations} operations each at once, 100 a page", plan.crowd_replicas);
    Ok(Table { title, rows, notes: Vec::new() })
}

/// Ours first. Somebody else who cannot be filled is left out.
fn sources(bench: &Bench<'_>, ours: u64) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for contender in bench.servers() {
        match Source::of(bench, contender, ours) {
            Ok(source) => sources.push(source),
            Err(error) if contender == Contender::Ours => return Err(error),
            Err(error) => eprintln!("{contender} is not measured: {error:#}"),
        }
    }
    Ok(sources)
}

fn notes(bench: &Bench<'_>) -> Vec<String> {
    let note =
        || format!("pouchdb-server holds {} documents only: it takes minutes for more.", bench.plan.pouch_operations);
    bench.has_pouch.then(note).into_iter().collect()
}
