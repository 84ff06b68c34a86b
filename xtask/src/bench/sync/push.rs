use std::time::Duration;

use anyhow::{Result, ensure};

use super::contender::Contender;
use super::goal::Goal;
use super::plan::Measure;
use super::postgres::Load;
use super::server::Server;
use super::step::{Bench, Outcome, Readings, announce};
use super::table::Table;

/// How much is pushed at once, and by whom.
struct Shape {
    measure: Measure,
    replicas: u64,
    /// Of each request, or of each commit where there are no requests.
    operations: u64,
    /// Clients of PostgreSQL; each waits for its commit.
    clients: &'static [(Contender, u64)],
}

/// One operation a request.
pub(super) fn one(bench: &Bench<'_>) -> Result<Table> {
    let shape = Shape {
        measure: Measure::PushOne,
        replicas: 64,
        operations: 1,
        clients: &[(Contender::Postgres, 16), (Contender::PostgresAlone, 1)],
    };
    let goals = [
        Goal::AtLeast(10_000.0),
        Goal::TimesAtLeast(2.0, Contender::Postgres),
        Goal::TimesAtLeast(50.0, Contender::Pouch),
    ];
    let mut table = table(bench, &shape, &goals, &[Goal::AtMost(25.0)])?;
    table.title = "W1: push, 64 devices, 1 operation a request".to_owned();
    table.notes.push("PostgreSQL has 16 clients that make one row each; SQLite makes one row a commit.".to_owned());
    Ok(table)
}

/// 100 operations a request.
pub(super) fn many(bench: &Bench<'_>) -> Result<Table> {
    let shape =
        Shape { measure: Measure::PushMany, replicas: 8, operations: 100, clients: &[(Contender::Postgres, 4)] };
    let goals = [
        Goal::AtLeast(60_000.0),
        Goal::TimesAtLeast(1.0, Contender::Postgres),
        Goal::TimesAtLeast(3.0, Contender::Sqlite),
        Goal::TimesAtLeast(20.0, Contender::Pouch),
    ];
    let mut table = table(bench, &shape, &goals, &[])?;
    table.title = "W2: push, 8 devices, 100 operations a request".to_owned();
    let note = "PostgreSQL has 4 clients that make 100 rows with one statement; SQLite makes 100 rows a commit.";
    table.notes.push(note.to_owned());
    let thousand = bench.floor(1_000)?.per_second().unwrap_or(0.0);
    table.notes.push(format!("SQLite with 1,000 rows a commit, read once: {thousand:.0} operations/s."));
    Ok(table)
}

fn table(bench: &Bench<'_>, shape: &Shape, rate: &[Goal], p99: &[Goal]) -> Result<Table> {
    let mut readings = Readings::default();
    for round in 1..=bench.plan.rounds_of(shape.measure) {
        for contender in bench.servers() {
            announce(bench.plan, shape.measure, round, contender);
            readings.add(contender, on_fresh_server(bench, contender, shape))?;
        }
        for (contender, clients) in shape.clients {
            let Some(postgres) = &bench.postgres else { continue };
            announce(bench.plan, shape.measure, round, contender);
            let [warm_up, lasting] = [bench.plan.warm_up_millis, bench.plan.millis].map(Duration::from_millis);
            let load = Load { clients: *clients, operations: shape.operations, warm_up, lasting };
            readings.add(*contender, postgres.push(bench.repository, bench.priority, &load))?;
        }
        announce(bench.plan, shape.measure, round, Contender::Sqlite);
        readings.add(Contender::Sqlite, bench.floor(shape.operations))?;
    }
    let rows = vec![
        readings.row("operations/s", 0, rate, Outcome::per_second),
        readings.row("time to the answer, median, ms", 2, &[], |o| o.p50_ms),
        readings.row("time to the answer, 99th percentile, ms", 2, p99, |o| o.p99_ms),
        readings.row("CPU for each operation, µs", 1, &[], Outcome::cpu_micros),
        readings.row("resident memory afterwards, MB", 1, &[], Outcome::resident_megabytes),
    ];
    Ok(Table { title: String::new(), rows, notes: readings.notes() })
}

/// What one step leaves behind would weigh on the next.
fn on_fresh_server(bench: &Bench<'_>, contender: Contender, shape: &Shape) -> Result<Outcome> {
    let server = Server::start(bench, contender)?;
    let outcome = bench.push(&server, shape.replicas, shape.operations, "r")?;
    let held = bench.held(&server)?;
    ensure!(held >= outcome.operations, "{contender} holds {held} operations of {}", outcome.operations);
    Ok(outcome)
}
