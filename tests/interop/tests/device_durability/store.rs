use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;

/// Rows that contradict each other, as questions that must find none.
const CONTRADICTIONS: [(&str, &str); 9] = [
    ("a device that was never seen", "SELECT id FROM device WHERE id NOT IN (SELECT device FROM seen)"),
    ("when a device was seen that is not there", "SELECT device FROM seen WHERE device NOT IN (SELECT id FROM device)"),
    ("an event of no device", "SELECT id FROM event WHERE device NOT IN (SELECT id FROM device)"),
    ("a value of no device", "SELECT id FROM value_page WHERE id >> 10 NOT IN (SELECT id FROM device)"),
    ("what a value of no device was", "SELECT device FROM history WHERE device NOT IN (SELECT id FROM device)"),
    ("a task of no device", "SELECT id FROM task WHERE device NOT IN (SELECT id FROM device)"),
    ("a task whose end and state contradict", "SELECT id FROM task WHERE (state < 5) <> (ended_ms IS NULL)"),
    ("a task that was sent and never tried", "SELECT id FROM task WHERE state BETWEEN 1 AND 4 AND attempts = 0"),
    (
        "names of a schema with gaps, or of none",
        "SELECT schema FROM schema_name GROUP BY schema \
         HAVING max(number) + 1 <> count(*) OR schema NOT IN (SELECT id FROM schema)",
    ),
];

/// Looks at the store as a crash left it, on a copy: the server is to find it untouched.
pub(crate) fn check(data_dir: &Path) -> Result<()> {
    const FILE: &str = "devices.sqlite3";
    let copy = tempfile::tempdir()?;
    for name in [FILE, "devices.sqlite3-wal"] {
        let from = data_dir.join("devices").join(name);
        if from.exists() {
            std::fs::copy(&from, copy.path().join(name)).with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    let connection = Connection::open(copy.path().join(FILE))?;
    let verdict: String = connection.query_row("PRAGMA integrity_check", (), |row| row.get(0))?;
    ensure!(verdict == "ok", "the file is damaged: {verdict}");
    let devices: i64 = connection.query_row("SELECT count(*) FROM device", (), |row| row.get(0))?;
    ensure!(devices > 0, "no device is there: there is nothing to look at");
    for (what, question) in CONTRADICTIONS {
        let found: Option<i64> = connection.prepare(question)?.query_map((), |row| row.get(0))?.next().transpose()?;
        ensure!(found.is_none(), "{what}: {found:?}");
    }
    Ok(())
}
