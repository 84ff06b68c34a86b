use rusqlite::{Connection, OptionalExtension as _, Row};
use sangam_storage::sync::{Database, Epoch, Fingerprint, Name, Totals};

use super::schema::NUMBER_BITS;
use crate::errors::Failure;
use crate::schema::TENANT;

/// The columns of a database in the order of [`database_of`].
macro_rules! database_columns {
    () => {
        "id, name, epoch, head, tombstones_to, log_len, superseded, live, tombstones, bytes, created_ms"
    };
}

pub(crate) use database_columns;

const BY_NAME: &str = concat!("SELECT ", database_columns!(), " FROM database WHERE tenant = ?1 AND name = ?2");

/// A database and the number that its rows have at present.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) id: i64,
    pub(crate) state: Database,
}

/// Looks a database up.
pub(crate) fn database(connection: &Connection, name: &str) -> Result<Option<Numbered>, Failure> {
    Ok(connection.prepare_cached(BY_NAME)?.query_row((TENANT, name), database_of).optional()?)
}

/// A row with [`database_columns`].
pub(crate) fn database_of(row: &Row<'_>) -> rusqlite::Result<Numbered> {
    let totals = Totals {
        log_len: row.get(5)?,
        superseded: row.get(6)?,
        live: row.get(7)?,
        tombstones: row.get(8)?,
        bytes: row.get(9)?,
    };
    let state = Database {
        name: Name::from(row.get_ref(1)?.as_str()?),
        epoch: Epoch(u128::from_be_bytes(row.get(2)?)),
        head: row.get(3)?,
        tombstones_to: row.get(4)?,
        totals,
        created_ms: row.get(10)?,
    };
    Ok(Numbered { id: row.get(0)?, state })
}

/// A digest in a column.
pub(crate) fn fingerprint_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Fingerprint> {
    Ok(Fingerprint(row.get(column)?))
}

/// Where a numbered row of a database lies.
///
/// # Errors
///
/// There is no room for the number: a database has had 2^40 operations, or databases were reset 2^23 times.
pub(crate) fn row_id(database: i64, number: u64) -> Result<i64, Failure> {
    let number = i64::try_from(number).ok().filter(|number| number >> NUMBER_BITS == 0);
    let base = database.checked_mul(1 << NUMBER_BITS).filter(|base| *base >= 0);
    match (base, number) {
        (Some(base), Some(number)) => Ok(base | number),
        _ => Err(Failure::Contradiction(format!("there is no place for row {number:?} of database {database}"))),
    }
}

/// The place of the last row that a database may have.
pub(crate) fn last_row_id(database: i64) -> Result<i64, Failure> {
    row_id(database, NUMBER_MAX)
}

/// As [`row_id`], for a number that only says where to begin or end: one that is too high is as good as the highest.
pub(crate) fn row_id_clamped(database: i64, number: u64) -> Result<i64, Failure> {
    row_id(database, number.min(NUMBER_MAX))
}

/// The number of a row of some database.
pub(crate) fn number_of(row_id: i64) -> u64 {
    (row_id & ((1 << NUMBER_BITS) - 1)).unsigned_abs()
}

const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_lies_below_its_database_and_has_its_number_again() {
        let id = row_id(3, 77).unwrap();
        assert_eq!((id >> NUMBER_BITS, number_of(id)), (3, 77));
        assert!(row_id(3, NUMBER_MAX).unwrap() < row_id(4, 0).unwrap());
    }

    #[test]
    fn numbers_without_a_place_are_refused() {
        assert!(row_id(1, NUMBER_MAX + 1).is_err());
        assert!(row_id(1 << 23, 1).is_err());
        assert!(row_id((1 << 23) - 1, NUMBER_MAX).is_ok());
        assert_eq!(row_id_clamped(1, u64::MAX).unwrap(), last_row_id(1).unwrap());
    }
}
