//! What is left of devices that went: it goes little by little.

use rusqlite::Connection;
use sangam_storage::devices::DeviceId;

use super::columns::one;
use super::rows::value;
use crate::errors::Failure;

const FIRST: &str = "SELECT device FROM discarded LIMIT 1";
const FORGET: &str = "DELETE FROM discarded WHERE device = ?1";
const PAGES: &str = "DELETE FROM value_page WHERE id IN \
     (SELECT id FROM value_page WHERE id >= ?1 AND id <= ?2 LIMIT ?3)";
const HISTORY: &str = "DELETE FROM history WHERE device = ?1 AND (at_ms, schema, number) IN \
     (SELECT at_ms, schema, number FROM history WHERE device = ?1 LIMIT ?2)";
/// Rows with a number of their own, by table.
const NUMBERED: [&str; 4] = [
    "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE device = ?1 LIMIT ?2)",
    "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE device = ?1 LIMIT ?2)",
    "DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE device = ?1 LIMIT ?2)",
    "DELETE FROM diagnostic WHERE id IN (SELECT id FROM diagnostic WHERE device = ?1 LIMIT ?2)",
];

/// Whether anything is left.
pub(super) fn is_any(connection: &Connection) -> Result<bool, Failure> {
    Ok(connection.prepare_cached(FIRST)?.exists(())?)
}

/// Drops about `rows_max` rows, inside a transaction that is open. Whether anything may be left.
pub(super) fn step(connection: &Connection, rows_max: usize) -> Result<bool, Failure> {
    let mut left = rows_max.max(1);
    while let Some(device) = one(connection, FIRST, (), |row| Ok(row.get::<_, i64>(0)?))? {
        let (first, last) = value::places(DeviceId(device.unsigned_abs()))?;
        left = left.saturating_sub(connection.prepare_cached(PAGES)?.execute((first, last, limit(left)))?);
        for sql in std::iter::once(HISTORY).chain(NUMBERED) {
            if left > 0 {
                left = left.saturating_sub(connection.prepare_cached(sql)?.execute((device, limit(left)))?);
            }
        }
        if left == 0 {
            return Ok(true);
        }
        connection.prepare_cached(FORGET)?.execute([device])?;
        left -= 1;
        if left == 0 {
            break;
        }
    }
    is_any(connection)
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
