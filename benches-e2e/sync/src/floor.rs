use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rusqlite::{Connection, params};
use sangam_bench_common::process::{Meter, resident_bytes};
use serde::Serialize;

use crate::operation::body;

#[derive(Args)]
pub(crate) struct Floor {
    /// Operations of each commit
    #[arg(long)]
    operations: u64,
    /// How long it writes
    #[arg(long)]
    millis: u64,
    /// Where; a directory on the disk that is measured
    #[arg(long)]
    dir: std::path::PathBuf,
}

#[derive(Serialize)]
pub(crate) struct Floored {
    operations: u64,
    seconds: f64,
    /// Of this process while it wrote; what makes the bodies is counted in.
    cpu_nanos: u64,
    resident_bytes: u64,
    /// Of the file, once all is in it.
    disk_bytes: u64,
    /// Rows a second, read in pages of 1,000.
    read_per_second: f64,
}

/// A row of the log and one of the entity, an index that finds repetitions: what any server has to write at least.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE log (cursor INTEGER PRIMARY KEY, device INTEGER, op_id INTEGER, collection INTEGER, entity TEXT,
                      version INTEGER, at INTEGER, body BLOB);
    CREATE UNIQUE INDEX known ON log (device, op_id, collection, entity);
    CREATE TABLE entity (collection INTEGER, name TEXT, version INTEGER, cursor INTEGER,
                         PRIMARY KEY (collection, name)) WITHOUT ROWID;";

impl Floor {
    pub(crate) fn run(&self) -> Result<Floored> {
        let dir = tempfile::tempdir_in(&self.dir).with_context(|| format!("no place in {}", self.dir.display()))?;
        let file = dir.path().join("floor.sqlite3");
        let db = Connection::open(&file)?;
        db.execute_batch(SCHEMA)?;
        let meter = Meter::start(std::process::id())?;
        let (began, ends) = (Instant::now(), Duration::from_millis(self.millis));
        let mut cursor = 0_i64;
        while began.elapsed() < ends {
            db.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..self.operations {
                cursor += 1;
                write(&db, cursor)?;
            }
            db.execute_batch("COMMIT")?;
        }
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), meter.read()?.cpu);
        let operations = u64::try_from(cursor)?;
        let (rows, read_seconds) = read(&db)?;
        ensure!(rows == operations, "{rows} rows of {operations} were read again");
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(Floored {
            operations,
            seconds,
            cpu_nanos: u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX),
            resident_bytes: resident_bytes(std::process::id())?,
            disk_bytes: std::fs::metadata(&file)?.len(),
            read_per_second: rows as f64 / read_seconds,
        })
    }
}

fn write(db: &Connection, cursor: i64) -> Result<()> {
    let (collection, entity, body) = (cursor % 10, format!("e-floor-{cursor}"), body(cursor.unsigned_abs()));
    db.prepare_cached("INSERT INTO log VALUES (?1, 1, ?1, ?2, ?3, 1, 1702569600000, ?4)")?.execute(params![
        cursor,
        collection,
        entity,
        &body[..]
    ])?;
    db.prepare_cached(
        "INSERT INTO entity VALUES (?1, ?2, 1, ?3)
         ON CONFLICT DO UPDATE SET version = excluded.version, cursor = excluded.cursor",
    )?
    .execute(params![collection, entity, cursor])?;
    Ok(())
}

/// Reads all of it page by page: rows, and how many seconds it took.
fn read(db: &Connection) -> Result<(u64, f64)> {
    let mut page = db.prepare("SELECT * FROM log WHERE cursor > ?1 ORDER BY cursor LIMIT 1000")?;
    let (began, mut since, mut rows, mut bytes) = (Instant::now(), 0_i64, 0_u64, 0);
    loop {
        let mut found = page.query([since])?;
        let before = rows;
        while let Some(row) = found.next()? {
            since = row.get(0)?;
            let entity: String = row.get(4)?;
            let body: Vec<u8> = row.get(7)?;
            bytes += entity.len() + body.len();
            rows += 1;
        }
        if rows == before {
            std::hint::black_box(bytes);
            return Ok((rows, began.elapsed().as_secs_f64()));
        }
    }
}
