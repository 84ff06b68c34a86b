use rusqlite::{Connection, Row};
use sangam_storage::devices::{DevicePage, DeviceQuery, HistoryPage, HistoryQuery, SchemaId};

use super::columns::{int, limited};
use super::rows::device::{self, device_columns};
use super::rows::value;
use super::schema::TENANT_ID;
use crate::errors::Failure;

pub(super) const ALL: &str = concat!(
    "SELECT ",
    device_columns!(),
    " FROM device JOIN seen ON seen.device = device.id WHERE +tenant = ?1 AND device.id > ?2 AND ?3 = ?3 ORDER BY device.id"
);
pub(super) const BY_STATE: &str = concat!(
    "SELECT ",
    device_columns!(),
    " FROM device JOIN seen ON seen.device = device.id WHERE tenant = ?1 AND device.id > ?2 AND state = ?3 ORDER BY device.id"
);
pub(super) const BY_TAG: &str = concat!(
    "SELECT ",
    device_columns!(),
    " FROM device_tag CROSS JOIN device ON device.id = device_tag.device JOIN seen ON seen.device = device.id \
     WHERE device_tag.tenant = ?1 AND device_tag.device > ?2 AND tag = ?3 ORDER BY device_tag.device"
);
pub(super) const HISTORY: &str = "SELECT device, at_ms, schema, number, kind, value FROM history \
     WHERE device = ?1 AND (at_ms, schema, number) < (?2, ?3, ?4) ORDER BY at_ms DESC, schema DESC, number DESC";

/// A page of devices: by tag or by state where that is asked for, the rest is let through row by row.
pub(super) fn devices(connection: &Connection, query: &DeviceQuery) -> Result<DevicePage, Failure> {
    let after = int(query.after.map_or(0, |after| after.0));
    match (&query.tag, query.state) {
        (Some(tag), _) => {
            let mut statement = connection.prepare_cached(BY_TAG)?;
            let_through(statement.query((TENANT_ID, after, &**tag))?, query)
        }
        (None, Some(state)) => {
            let mut statement = connection.prepare_cached(BY_STATE)?;
            let_through(statement.query((TENANT_ID, after, state.code()))?, query)
        }
        (None, None) => {
            let mut statement = connection.prepare_cached(ALL)?;
            let_through(statement.query((TENANT_ID, after, 0))?, query)
        }
    }
}

fn let_through(mut rows: rusqlite::Rows<'_>, query: &DeviceQuery) -> Result<DevicePage, Failure> {
    let limit = limited(query.limit.max(1));
    let mut page = DevicePage::default();
    let (mut looked_at, mut last) = (0, query.after);
    while let Some(row) = rows.next()? {
        // One more than asked for, or than may be looked at, says that there is more.
        if looked_at >= query.scan_max.max(1) || page.devices.len() >= limit {
            page.next = last;
            return Ok(page);
        }
        looked_at += 1;
        let device = device::read(row)?;
        last = Some(device.id);
        if query.lets_through(&device) {
            page.devices.push(device);
        }
    }
    Ok(page)
}

/// A page of a device's history.
pub(super) fn history(connection: &Connection, query: &HistoryQuery) -> Result<HistoryPage, Failure> {
    let (at_ms, schema, index) = query.before.unwrap_or((u64::MAX, SchemaId(u64::MAX), u32::MAX));
    let limit = limited(query.limit.max(1));
    let mut statement = connection.prepare_cached(HISTORY)?;
    let mut rows = statement.query((int(query.device.0), int(at_ms), int(schema.0), index))?;
    let mut page = HistoryPage::default();
    let (mut looked_at, mut last) = (0, query.before);
    while let Some(row) = rows.next()? {
        if looked_at >= query.scan_max.max(1) || page.rows.len() >= limit {
            page.next = last;
            return Ok(page);
        }
        looked_at += 1;
        last = Some(place(row)?);
        if query.parameter.is_none_or(|parameter| last.is_some_and(|(_, schema, index)| parameter == (schema, index))) {
            page.rows.push(value::read_history(row)?);
        }
    }
    Ok(page)
}

fn place(row: &Row<'_>) -> Result<(u64, SchemaId, u32), Failure> {
    Ok((row.get(1)?, SchemaId(row.get(2)?), row.get(3)?))
}
