//! What is left of databases that were reset: their rows have a number that belongs to nobody, and go little by little.

use rusqlite::{Connection, OptionalExtension as _};

use super::rows::{last_row_id, row_id};
use crate::errors::Failure;

const FIRST: &str = "SELECT database FROM discarded LIMIT 1";
const FORGET: &str = "DELETE FROM discarded WHERE database = ?1";
/// Rows that are numbered, by table.
const NUMBERED: [&str; 3] = [
    "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE id >= ?1 AND id <= ?2 LIMIT ?3)",
    "DELETE FROM remembered WHERE id IN (SELECT id FROM remembered WHERE id >= ?1 AND id <= ?2 LIMIT ?3)",
    "DELETE FROM conflict WHERE id IN (SELECT id FROM conflict WHERE id >= ?1 AND id <= ?2 LIMIT ?3)",
];
const REPLICAS: &str = "DELETE FROM replica WHERE database = ?1 AND device IN \
     (SELECT device FROM replica WHERE database = ?1 LIMIT ?2)";
const NAMES: &str = "SELECT id FROM name WHERE database = ?1 LIMIT ?2";
const ENTITIES: &str = "DELETE FROM entity WHERE collection = ?1 AND name IN \
     (SELECT name FROM entity WHERE collection = ?1 LIMIT ?2)";
const NAME: &str = "DELETE FROM name WHERE id = ?1";

/// Whether anything is left.
pub(crate) fn is_any(connection: &Connection) -> Result<bool, Failure> {
    Ok(connection.prepare_cached(FIRST)?.exists(())?)
}

/// Drops about `rows_max` rows, inside a transaction that is open. Whether anything may be left.
pub(crate) fn step(connection: &Connection, rows_max: usize) -> Result<bool, Failure> {
    let first: Option<i64> = connection.prepare_cached(FIRST)?.query_row((), |row| row.get(0)).optional()?;
    let Some(database) = first else { return Ok(false) };
    let mut left = rows_max.max(1);
    for sql in NUMBERED {
        let range = (row_id(database, 0)?, last_row_id(database)?, limit(left));
        left = left.saturating_sub(connection.prepare_cached(sql)?.execute(range)?);
        if left == 0 {
            return Ok(true);
        }
    }
    left = left.saturating_sub(connection.prepare_cached(REPLICAS)?.execute((database, limit(left)))?);
    // Names last: they say which entities there are.
    while left > 0 {
        let mut names = connection.prepare_cached(NAMES)?;
        let names: Vec<i64> = names.query_map((database, limit(left)), |row| row.get(0))?.collect::<Result<_, _>>()?;
        if names.is_empty() {
            connection.prepare_cached(FORGET)?.execute([database])?;
            return is_any(connection);
        }
        for name in names {
            left = left.saturating_sub(connection.prepare_cached(ENTITIES)?.execute((name, limit(left)))?);
            if left == 0 {
                return Ok(true);
            }
            connection.prepare_cached(NAME)?.execute([name])?;
            left -= 1;
            if left == 0 {
                return Ok(true);
            }
        }
    }
    Ok(true)
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
