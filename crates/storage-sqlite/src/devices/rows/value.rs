use rusqlite::{Connection, Row};
use sangam_storage::devices::{DeviceId, HistoryRow, Page, SchemaId, ValueKind};

use crate::devices::columns::{code, int, many, text};
use crate::devices::schema::PAGE_BITS;
use crate::errors::Failure;

const SET_PAGE: &str = "INSERT INTO value_page (id, cells) VALUES (?1, ?2) \
     ON CONFLICT (id) DO UPDATE SET cells = excluded.cells";
const DROP_PAGE: &str = "DELETE FROM value_page WHERE id = ?1";
const DROP_PAGES: &str = "DELETE FROM value_page WHERE id >= ?1 AND id <= ?2";
const PAGES: &str = "SELECT id, cells FROM value_page WHERE id >= ?1 AND id <= ?2 ORDER BY id";
const SET_HISTORY: &str =
    "INSERT OR REPLACE INTO history (device, at_ms, schema, number, kind, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Pages of one device.
const PAGES_MAX: u32 = 1 << PAGE_BITS;

/// Where a page lies.
fn page_id(device: DeviceId, number: u32) -> Result<i64, Failure> {
    let device = i64::try_from(device.0).ok().filter(|device| device >> 40 == 0 && number < PAGES_MAX);
    let place = device.map(|device| device << PAGE_BITS | i64::from(number));
    place.ok_or_else(|| {
        Failure::refused(format!("there is no place for page {number} of a device with so high a number"))
    })
}

/// The places of the first and the last page that a device may have.
pub(in crate::devices) fn places(device: DeviceId) -> Result<(i64, i64), Failure> {
    Ok((page_id(device, 0)?, page_id(device, PAGES_MAX - 1)?))
}

/// Writes a page of values, or drops it.
pub(in crate::devices) fn write_page(
    connection: &Connection,
    device: DeviceId,
    number: u32,
    bytes: &[u8],
) -> Result<(), Failure> {
    let id = page_id(device, number)?;
    if bytes.is_empty() {
        connection.prepare_cached(DROP_PAGE)?.execute([id])?;
    } else {
        connection.prepare_cached(SET_PAGE)?.execute((id, bytes))?;
    }
    Ok(())
}

/// Drops all pages of a device.
pub(in crate::devices) fn forget(connection: &Connection, device: DeviceId) -> Result<(), Failure> {
    connection.prepare_cached(DROP_PAGES)?.execute(places(device)?)?;
    Ok(())
}

/// Pages of a device.
pub(in crate::devices) fn pages(
    connection: &Connection,
    device: DeviceId,
    (first, last): (u32, u32),
) -> Result<Vec<(u32, Page)>, Failure> {
    if first > last || first >= PAGES_MAX || device.0 >> 40 != 0 {
        return Ok(Vec::new());
    }
    let places = (page_id(device, first)?, page_id(device, last.min(PAGES_MAX - 1))?);
    many(connection, PAGES, places, |row| {
        let id: i64 = row.get(0)?;
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let page = Page::decode(bytes).map_err(|error| Failure::Contradiction(error.to_string()))?;
        Ok(((id & i64::from(PAGES_MAX - 1)) as u32, page))
    })
}

/// Writes a row of history.
pub(in crate::devices) fn write_history(connection: &Connection, row: &HistoryRow) -> Result<(), Failure> {
    connection.prepare_cached(SET_HISTORY)?.execute((
        int(row.device.0),
        int(row.at_ms),
        int(row.schema.0),
        row.index,
        row.kind.code(),
        &*row.value,
    ))?;
    Ok(())
}

/// A row of `device, at_ms, schema, number, kind, value`.
pub(in crate::devices) fn read_history(row: &Row<'_>) -> Result<HistoryRow, Failure> {
    Ok(HistoryRow {
        device: DeviceId(row.get(0)?),
        at_ms: row.get(1)?,
        schema: SchemaId(row.get(2)?),
        index: row.get(3)?,
        kind: code(row, 4, ValueKind::of_code, "the kind of a value")?,
        value: text(row, 5)?,
    })
}
