use rusqlite::{Connection, Row};
use sangam_storage::devices::Answered;

use crate::devices::columns::{blob, int, text, wrote};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

const ADD: &str = "INSERT INTO answered (tenant, key, request, status, body, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Writes what a request was answered; whether it was taken.
pub(in crate::devices) fn write(connection: &Connection, answered: &Answered) -> Result<bool, Failure> {
    wrote(connection.prepare_cached(ADD)?.execute((
        TENANT_ID,
        &*answered.key,
        &answered.request[..],
        answered.status,
        &*answered.body,
        int(answered.at_ms),
    )))
}

/// A row of `key, request, status, body, at_ms`.
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Answered, Failure> {
    Ok(Answered {
        key: text(row, 0)?,
        request: row.get(1)?,
        status: row.get(2)?,
        body: blob(row, 3)?,
        at_ms: row.get(4)?,
    })
}
