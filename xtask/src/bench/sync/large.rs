use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::contender::Contender;
use super::goal::Goal;
use super::plan::Measure;
use super::postgres::Load;
use super::server::Server;
use super::step::{Bench, Outcome, Readings, announce};
use super::table::{Figures, Row, Table};

/// Our server with the large database, through all that is done to it.
pub(super) struct Large {
    server: Server,
    /// Put in before anything was measured.
    entities: u64,
    /// Of replicas whose every acknowledgement is known, the number of the last operation.
    acknowledged: BTreeMap<String, u64>,
    fill_per_second: f64,
    /// Operations in its log, if they were counted since the last push.
    held: Option<u64>,
}

#[derive(Deserialize)]
struct TornOff {
    acknowledged: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Audited {
    operations: u64,
    acknowledged: u64,
    missing: u64,
}

/// What one SIGKILL did.
struct Cut {
    ready_millis: f64,
    audited: Audited,
}

impl Large {
    pub(super) fn fill(bench: &Bench<'_>) -> Result<Self> {
        eprintln!("filling {} with {} entities", Contender::Ours, bench.plan.entities);
        let (server, filled) = bench.filled(Contender::Ours, bench.plan.entities)?;
        let fill_per_second = filled.operations as f64 / filled.seconds;
        Ok(Self { server, entities: filled.operations, acknowledged: filled.acknowledged, fill_per_second, held: None })
    }

    /// Push into it, against push into a small one.
    pub(super) fn push(&self, bench: &Bench<'_>) -> Result<Table> {
        let mut readings = Readings::default();
        for round in 1..=bench.plan.rounds_of(Measure::Large) {
            announce(bench.plan, Measure::Large, round, Contender::OursSmall);
            let (small, _) = bench.filled(Contender::OursSmall, bench.plan.entities_few)?;
            readings.add(Contender::OursSmall, bench.push(&small, 8, 100, "r"))?;
            drop(small);
            announce(bench.plan, Measure::Large, round, Contender::Ours);
            readings.add(Contender::Ours, bench.push(&self.server, 8, 100, &format!("r{round}-")))?;
        }
        let goal = [Goal::TimesAtLeast(0.8, Contender::OursSmall)];
        let rows = vec![
            readings.row("operations/s", 0, &goal, Outcome::per_second),
            readings.row("time to the answer, 99th percentile, ms", 2, &[], |o| o.p99_ms),
            readings.row("CPU for each operation, µs", 1, &[], Outcome::cpu_micros),
            readings.row("resident memory afterwards, MB", 1, &[], Outcome::resident_megabytes),
        ];
        let title = format!("W9: push, 8 devices, 100 operations a request, into {} entities", self.entities);
        let notes = vec![
            format!("On the right the database has {} entities at first.", bench.plan.entities_few),
            format!(
                "The large one was filled with {:.0} operations/s, 500 a request, 4 devices.",
                self.fill_per_second
            ),
        ];
        Ok(Table { title, rows, notes })
    }

    /// Kills it while devices push, starts it again, and looks for everything that was acknowledged.
    pub(super) fn restart(self, bench: &Bench<'_>) -> Result<(Self, Table)> {
        let (mut large, mut cuts) = (self, Vec::new());
        for round in 1..=bench.plan.rounds_of(Measure::Restart) {
            announce(bench.plan, Measure::Restart, round, Contender::Ours);
            let (again, cut) = large.cut(bench, round)?;
            large = again;
            cuts.push(cut);
        }
        let row = |what: &str, goals: &[Goal], figure: fn(&Cut) -> f64| Row {
            what: what.to_owned(),
            figures: Figures::new([(Contender::Ours, cuts.iter().map(figure).collect())]),
            digits: 0,
            goals: goals.to_vec(),
        };
        let rows = vec![
            row("from exec to `/ready` 200, ms", &[Goal::AtMost(2_000.0)], |cut| cut.ready_millis),
            row("operations that it holds", &[], |cut| cut.audited.operations as f64),
            row("operations whose acknowledgement was noted", &[], |cut| cut.audited.acknowledged as f64),
            row("of these missing", &[Goal::AtMost(0.0)], |cut| cut.audited.missing as f64),
        ];
        let title = format!("W10: restart after SIGKILL amidst pushes, {} entities and more", large.entities);
        let notes = vec!["The files were still in the system's memory.".to_owned()];
        Ok((large, Table { title, rows, notes }))
    }

    fn cut(self, bench: &Bench<'_>, round: u16) -> Result<(Self, Cut)> {
        let Self { server, entities, mut acknowledged, fill_per_second, .. } = self;
        let arguments = ["--replicas=8".to_owned(), "--operations=100".to_owned(), format!("--name=torn{round}-")];
        let after = Duration::from_millis(bench.plan.warm_up_millis.max(500));
        let torn = |target: &[String]| bench.load_at::<TornOff>(target, "torn", &arguments);
        let (server, torn) = server.cut(bench, after, torn)?;
        ensure!(torn.acknowledged.values().sum::<u64>() > 0, "nothing was acknowledged before the server was killed");
        acknowledged.extend(torn.acknowledged);
        let ready_millis = server.ready_after.as_secs_f64() * 1e3;
        let expected: Vec<_> =
            acknowledged.iter().map(|(device, last)| format!("--acknowledged={device}={last}")).collect();
        let audited: Audited = bench.load(&server, "audit", &expected)?;
        let held = Some(audited.operations);
        Ok((Self { server, entities, acknowledged, fill_per_second, held }, Cut { ready_millis, audited }))
    }

    /// Stops it, and weighs what is left.
    pub(super) fn weigh(self, bench: &Bench<'_>) -> Result<Table> {
        announce(bench.plan, Measure::Disk, 1, Contender::Ours);
        let held = self.held.map_or_else(|| bench.held(&self.server), Ok)?;
        let bytes = self.server.stop_and_weigh()?;
        let mut figures = vec![(Contender::Ours, vec![bytes as f64 / held as f64])];
        if let Some(postgres) = &bench.postgres {
            announce(bench.plan, Measure::Disk, 1, Contender::Postgres);
            let [warm_up, lasting] = [bench.plan.warm_up_millis, bench.plan.millis].map(Duration::from_millis);
            let load = Load { clients: 4, operations: 100, warm_up, lasting };
            let pushed = postgres.push(bench.repository, bench.priority, &load)?;
            figures.push((Contender::Postgres, pushed.disk_bytes_each.into_iter().collect()));
        }
        announce(bench.plan, Measure::Disk, 1, Contender::Sqlite);
        let floor = bench.floor(1_000)?.disk_bytes_each.context("SQLite has no file")?;
        figures.push((Contender::Sqlite, vec![floor]));
        let rows = vec![Row {
            what: "bytes of the file for each operation".to_owned(),
            figures: Figures::new(figures),
            digits: 0,
            // 1.3 times the body, and 60.
            goals: vec![Goal::AtMost(1.3 * 256.0 + 60.0)],
        }];
        let notes = vec![format!("{held} operations in our file, which was weighed once the server had stopped.")];
        Ok(Table { title: "W11: disk, bodies of 256 bytes".to_owned(), rows, notes })
    }
}
